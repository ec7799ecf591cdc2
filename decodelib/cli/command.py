"""Continue a prompt with any strategy, streamed to the terminal or as JSON."""

from __future__ import annotations

import argparse
import io
import json
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stderr
from dataclasses import asdict, replace
from functools import cache
from typing import Any

import torch

from decodelib.arguments import check_integer
from decodelib.cli import options, terminal
from decodelib.cli.claims import claims
from decodelib.cli.grade import grade
from decodelib.decoding.generation import Generation
from decodelib.decoding.loop import generate, stream
from decodelib.decoding.search import Strategy
from decodelib.models.base import LanguageModel, Prompt
from decodelib.models.loading import load
from decodelib.strategies.choosing import Choosing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 after a continuation, 2 after an error (one sentence on stderr), 130 after Ctrl-C (what was
    written stays), 141 if the reader of the output has gone.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    before = signal.getsignal(signal.SIGINT)
    if before == signal.SIG_DFL:  # as `decodelib.starting` has set it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = options.parser()
    try:
        if given[:1] == ["claims"] and len(given) > 1:
            return claims(given[1:])
        if given[:1] == ["grade"] and len(given) > 1:
            return grade(given[1:])
        _run(parser.parse_all(given))
        if sys.stdout is not None:
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
    finally:
        if before == signal.SIG_DFL:
            signal.signal(signal.SIGINT, before)
    return 0


def _run(chosen: argparse.Namespace) -> None:
    if sys.stdout is None:
        raise ValueError("stdout is closed: there is nowhere to write the text")

    @cache  # a draft may be the model itself, and DRY's breakers are looked up in it
    def load_model(name: str) -> LanguageModel:
        with redirect_stderr(io.StringIO()) if chosen.quiet else nullcontext():
            return load(name, chosen.device, chosen.dtype)

    check_integer("samples", chosen.samples, 1)
    strategy = options.strategy_of(chosen, load_model)
    if chosen.samples > 1 and strategy.is_deterministic:
        raise ValueError(
            f"--samples must be 1 for a strategy that draws nothing, got {chosen.samples} for "
            f"{strategy!r}"
        )
    if chosen.ranking and not isinstance(strategy, Choosing):
        raise ValueError(
            f"--ranking belongs to --strategy best-of-n, mbr or self-consistency, got {strategy!r}"
        )
    text = terminal.read_prompt() if chosen.prompt is None else chosen.prompt
    # What a terminal cannot show should not end a continuation.
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    seed = _seed(chosen, strategy)
    lm = load_model(chosen.model)
    prompt: Prompt = lm.chat(text) if chosen.chat else text
    settings = {
        "max_new_tokens": chosen.max_new_tokens,
        "min_new_tokens": chosen.min_new_tokens,
        "stop": chosen.stop,
        "include_stop": chosen.include_stop,
    }
    for sample in range(chosen.samples):
        if chosen.json:
            _write_json(lm, prompt, strategy, settings | {"seed": seed + sample})
            continue
        if chosen.samples > 1:
            print(f"--- {sample + 1} of {chosen.samples}, seed {seed + sample} ---")
        write = _write_ranking if chosen.ranking else _write_text
        write(lm, prompt, strategy, settings | {"seed": seed + sample}, chosen.show)


def _seed(chosen: argparse.Namespace, strategy: Strategy) -> int:
    """Return the seed as given, else another one each time, which is written to stderr."""
    if chosen.seed is not None:
        return int(chosen.seed)
    if strategy.is_deterministic:
        return 0
    seed = secrets.randbelow(10**6)  # few digits, to be typed again
    if not chosen.quiet and sys.stderr is not None:
        print(f"decodelib: drawing with --seed {seed}", file=sys.stderr)
    return seed


def _write_text(
    lm: LanguageModel, prompt: Prompt, strategy: Strategy, settings: dict[str, Any], show: bool
) -> None:
    in_colour = show and terminal.has_colours()
    for step in stream(lm, prompt, strategy, **settings):
        text = terminal.shown(step, in_colour) if show else step.text
        print(text, end="", flush=True)
    print()


def _write_ranking(
    lm: LanguageModel, prompt: Prompt, strategy: Strategy, settings: dict[str, Any], show: bool
) -> None:
    """Write every text that was drawn, best first, under its place and score."""
    in_colour = show and terminal.has_colours()
    best = generate(lm, prompt, strategy, trace=show, **settings)
    texts = [best, *best.alternatives]
    for place, g in enumerate(texts, 1):
        print(f"--- {place} of {len(texts)}, score {g.score:.4f} ---")
        print("".join(terminal.shown(s, in_colour) for s in g.steps) if show else g.text)


def _write_json(
    lm: LanguageModel, prompt: Prompt, strategy: Strategy, settings: dict[str, Any]
) -> None:
    """Write a generation and how it was made, its steps included, as one line of JSON."""
    made_by = {
        "model": lm.name,
        "device": str(lm.device),
        "dtype": str(lm.dtype).removeprefix("torch."),
        "strategy": repr(strategy),
    }
    g = generate(lm, prompt, strategy, trace=True, **settings)
    record = made_by | settings | _plain(g)
    # Where the terminal's characters are few, JSON has escapes for the others.
    escaped = not terminal.is_unicode()
    print(json.dumps(record, ensure_ascii=escaped, allow_nan=False))


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
