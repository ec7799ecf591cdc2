"""The command line: continue a prompt with any strategy, streamed to the terminal or as JSON."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NoReturn

import torch

from decodelib.decoding.generation import Generation
from decodelib.decoding.loop import generate, stream
from decodelib.decoding.search import Strategy
from decodelib.models.base import LanguageModel
from decodelib.models.loading import load
from decodelib.strategies.knobs import KNOBS, STRATEGIES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 after a continuation, 2 after an error (one sentence on stderr), 130 after Ctrl-C (what was
    written stays), 141 if the reader of the output has gone.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["claims"] and len(given) > 1:
        return _claims(given[1:])
    parser = _parser()
    options = parser.parse_args(given)
    try:
        _run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        _finish_line()
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Python flushes stdout once more as it exits; let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13  # SIGPIPE, which Windows has no name for
    except torch.OutOfMemoryError:
        parser.error("the GPU has too little free memory: try --device cpu or a smaller --model")
    except (ValueError, TypeError, OSError, ImportError) as error:
        parser.error(str(error))
    return 0


def _claims(arguments: Sequence[str]) -> int:
    """Run the book's chapters on a model and report its claims: `decodelib claims MODEL`."""
    places = (Path.cwd(), Path(__file__).resolve().parents[1])
    roots = [place for place in places if (place / "tools" / "claims_on.py").is_file()]
    if not roots:
        print(
            "decodelib claims runs the book's notebooks, which are not part of the package: call "
            "it in a clone of the repository",
            file=sys.stderr,
        )
        return 2
    path = os.pathsep.join(filter(None, [str(roots[0]), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "tools.claims_on", *arguments]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=False).returncode


def _run(options: argparse.Namespace) -> None:
    strategy = _strategy(options)
    prompt = _prompt(options.prompt)
    # What a terminal cannot show should not end a continuation.
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    lm = load(options.model, options.device, options.dtype)
    settings: dict[str, Any] = {
        "max_new_tokens": options.max_new_tokens,
        "min_new_tokens": options.min_new_tokens,
        "stop": options.stop,
        "seed": options.seed,
    }
    if options.json:
        g = generate(lm, prompt, strategy, trace=True, **settings)
        print(json.dumps(_record(lm, strategy, settings, g), ensure_ascii=False, allow_nan=False))
        return
    for step in stream(lm, prompt, strategy, **settings):
        print(step.text, end="", flush=True)
    print()


def _prompt(given: str | None) -> str:
    """Return the prompt as given, else all of stdin without the newline that ends it."""
    if given is not None:
        return given
    if sys.stdin.isatty():
        print("Write a prompt; end it with Ctrl-D on a line of its own.", file=sys.stderr)
    return sys.stdin.read().removesuffix("\n")


def _strategy(options: argparse.Namespace) -> Strategy:
    """Return the strategy with its knobs, refusing those that it does not have."""
    name = options.strategy
    values = {knob: getattr(options, knob) for knob in KNOBS}
    # Not given is None, or False for a switch. Zero was given, and may mean something.
    given = {
        knob: value for knob, value in values.items() if value is not None and value is not False
    }
    for knob in given:
        if knob not in STRATEGIES[name].knobs:
            owners = " or ".join(owner for owner, it in STRATEGIES.items() if knob in it.knobs)
            raise ValueError(f"{_flag(knob)} belongs to --strategy {owners}, got --strategy {name}")
    return STRATEGIES[name].make(given, lambda model: load(model, options.device, options.dtype))


def _flag(knob: str) -> str:
    return "--" + knob.replace("_", "-")


def _record(
    lm: LanguageModel, strategy: Strategy, settings: dict[str, Any], g: Generation
) -> dict[str, Any]:
    """Return a generation and how it was made as plain data; g's steps included."""
    made_by = {
        "model": lm.name,
        "device": str(lm.device),
        "dtype": str(lm.dtype).removeprefix("torch."),
        "strategy": repr(strategy),
    }
    return made_by | settings | _plain(g)


def _plain(g: Generation) -> dict[str, Any]:
    record = asdict(replace(g, steps=[], alternatives=[], tree=None))
    del record["tree"]
    record["steps"] = [
        asdict(step) | {"candidates": [candidate._asdict() for candidate in step.candidates]}
        for step in g.steps
    ]
    record["alternatives"] = [_plain(other) for other in g.alternatives]
    return record


def _finish_line() -> None:
    """End the line that Ctrl-C broke off, if anyone still reads it."""
    try:
        print(flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # One sentence, without the usage that argparse would print before it.
        self.exit(2, f"decodelib: {message}\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog="decodelib",
        description="Continue a prompt with a language model.",
        epilog='Example: python -m decodelib "Once upon a time" --temperature 0.8 --top-p 0.9',
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("prompt", nargs="?", help="the text to continue; read from stdin if not given")
    add(
        "--strategy",
        choices=list(STRATEGIES),
        default="sampling",
        metavar="NAME",
        help="; ".join(f"{name} {choice.help}" for name, choice in STRATEGIES.items())
        + " (default: sampling)",
    )
    knobs = parser.add_argument_group(
        "knobs",
        "Those of sampling are applied in this order; nothing is changed that is not given.",
    )
    for name, knob in KNOBS.items():
        if knob.is_switch:
            knobs.add_argument(_flag(name), action="store_true", help=knob.help)
        else:
            several: dict[str, Any] = {"nargs": 2} if len(knob.metavar) == 2 else {}
            metavar = knob.metavar if several else knob.metavar[0]
            knobs.add_argument(
                _flag(name), type=knob.kind, metavar=metavar, help=knob.help, **several
            )
    ends = parser.add_argument_group("length and chance")
    add = ends.add_argument
    add(
        "--max-new-tokens",
        type=int,
        default=50,
        metavar="N",
        help="stop after N tokens (default: 50)",
    )
    add(
        "--min-new-tokens",
        type=int,
        default=0,
        metavar="N",
        help="do not let the model end the text before N tokens (default: 0)",
    )
    add(
        "--stop",
        action="append",
        default=[],
        metavar="TEXT",
        help="end before this text where it appears; may be given several times",
    )
    add(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="where chance comes from: the same seed gives the same text (default: 0)",
    )
    models = parser.add_argument_group("model and output")
    add = models.add_argument
    add(
        "--model",
        default="auto",
        metavar="NAME",
        help='"auto", "storybook", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2", '
        "a folder, or the id of a model on the Hugging Face hub (default: auto)",
    )
    add(
        "--device",
        default="auto",
        metavar="NAME",
        help='where to compute: "auto", "cpu", "cuda", "cuda:1" or "mps" (default: auto)',
    )
    add(
        "--dtype",
        default="auto",
        metavar="NAME",
        help='with what precision: "auto", "float32", "bfloat16", "float16" or "float64" '
        "(default: auto)",
    )
    add(
        "--json",
        action="store_true",
        help="write one JSON object with every step's candidates, instead of streaming the text",
    )
    return parser
