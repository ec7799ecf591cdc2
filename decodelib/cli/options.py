"""The command line's options, and the strategy that they describe."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from decodelib import __version__
from decodelib.cli.terminal import unescaped
from decodelib.decoding.search import Strategy
from decodelib.models.base import LanguageModel
from decodelib.processors.dry import DRY
from decodelib.strategies.knobs import KNOBS, STRATEGIES
from decodelib.strategies.presets import PRESETS

# What people call things elsewhere, and where they are here.
_ALSO_CALLED = {
    "nucleus": "--top-p",
    "top-p": "--top-p",
    "top-k": "--top-k",
    "min-p": "--min-p",
    "beams": "beam",
    "beam-search": "beam",
    "random": "sampling",
    "ancestral": "sampling",
    "multinomial": "sampling",
    "entropix": "entropy",
    "contrastive": "contrastive-search",
    "minimum-bayes-risk": "mbr",
    "best": "best-of-n",
    "best-of": "best-of-n",
    "rerank": "best-of-n",
    "--best": "--strategy best-of-n",
    "--best-of": "--strategy best-of-n",
    "majority": "self-consistency",
    "votes": "self-consistency",
    "power-sampling": "power",
    "--temp": "--temperature",
    "--length": "--max-new-tokens",
    "--max-tokens": "--max-new-tokens",
    "--n": "--samples",
}


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence that says what may have been meant."""

    def error(self, message: str) -> NoReturn:
        # One sentence, without the usage that argparse would print before it.
        self.exit(2, f"decodelib: {message}\n")

    def parse_all(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        """Return the options; end the program for one that is not known."""
        options, unknown = self.parse_known_args(arguments)
        if unknown:
            name = unknown[0].split("=")[0]
            known = [flag for action in self._actions for flag in action.option_strings]
            self.error(f"unrecognized arguments: {' '.join(unknown)}{meant(name, known)}")
        return options


def meant(given: str, known: Iterable[str]) -> str:
    """Return a question after what was meant, or nothing if nothing known is like it."""
    close = difflib.get_close_matches(given, list(known), 1)
    guess = _ALSO_CALLED.get(given) or (close[0] if close else None)
    return f" (did you mean {guess}?)" if guess else ""


def _one_of(known: Iterable[str]) -> Callable[[str], str]:
    def check(given: str) -> str:
        if given not in known:
            raise argparse.ArgumentTypeError(
                f"must be one of {', '.join(known)}, got {given!r}{meant(given, known)}"
            )
        return given

    return check


def _flag(knob: str) -> str:
    return "--" + knob.replace("_", "-")


def strategy_of(options: argparse.Namespace, load: Callable[[str], LanguageModel]) -> Strategy:
    """Return the strategy with its knobs, refusing those that it does not have.

    A preset's knobs are where those that are not given begin.
    """
    if options.preset and options.strategy:
        raise ValueError(
            f"--preset {options.preset} names a strategy already, got --strategy {options.strategy}"
        )
    chosen = PRESETS.get(options.preset)
    name = chosen.strategy if chosen else options.strategy or "sampling"
    values = {knob: getattr(options, knob) for knob in KNOBS}
    # Not given is None, or False for a switch. Zero was given, and may mean something.
    given = {
        knob: value for knob, value in values.items() if value is not None and value is not False
    }
    for knob in given:
        if knob not in STRATEGIES[name].knobs:
            owners = " or ".join(owner for owner, it in STRATEGIES.items() if knob in it.knobs)
            raise ValueError(f"{_flag(knob)} belongs to --strategy {owners}, got --strategy {name}")
    if options.dry_breaker:
        if "dry" not in given:
            raise ValueError("--dry-breaker needs --dry, whose matches it ends, got no --dry")
        lm, strings = load(options.model), options.dry_breaker
        given["dry"] = DRY.with_breakers(lm, strings, multiplier=given["dry"])
    if given.get("temperature", 0) < 0:
        raise ValueError(f"temperature must be 0 (greedy) or more, got {given['temperature']:g}")
    return STRATEGIES[name].make({**(chosen.knobs if chosen else {}), **given}, load)


def parser() -> Parser:
    """Return the parser of the command line."""
    made = Parser(
        prog="decodelib",
        description="Continue a prompt with a language model.",
        epilog='Example: decodelib "Once upon a time" --temperature 0.8 --top-p 0.9. '
        "In a clone of the book, `decodelib claims MODEL` reports what of it holds on a model; "
        "`decodelib grade DIR` marks a folder of submissions.",
        allow_abbrev=False,
    )
    add = made.add_argument
    add("prompt", nargs="?", help="the text to continue; read from stdin if not given")
    add("--version", action="version", version=f"decodelib {__version__}")
    add(
        "--strategy",
        type=_one_of(STRATEGIES),
        metavar="NAME",
        help="; ".join(f"{name} {choice.help}" for name, choice in STRATEGIES.items())
        + " (default: sampling)",
    )
    add(
        "--preset",
        type=_one_of(PRESETS),
        metavar="NAME",
        help="a strategy and its knobs, which may be changed: "
        + "; ".join(f"{name} for {preset.purpose}" for name, preset in PRESETS.items()),
    )
    _add_knobs(made)
    _add_length_and_chance(made)
    _add_model_and_output(made)
    return made


def _add_knobs(made: Parser) -> None:
    knobs = made.add_argument_group(
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
    knobs.add_argument(
        "--dry-breaker",
        type=_text("--dry-breaker"),
        action="append",
        default=[],
        metavar="TEXT",
        help="what --dry finds does not reach across this text; as --stop (default: none)",
    )


def _add_length_and_chance(made: Parser) -> None:
    add = made.add_argument_group("length and chance").add_argument
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
        type=_text("--stop"),
        action="append",
        default=[],
        metavar="TEXT",
        help=r"end before this text where it appears; may be given several times; \n, \t, \r, \\, "
        r"\xHH, \uHHHH and \UHHHHHHHH stand for what they do in Python",
    )
    add("--include-stop", action="store_true", help="end after that text instead of before it")
    add(
        "--seed",
        type=int,
        metavar="N",
        help="where chance comes from: the same seed gives the same text (default: another one "
        "each time, written to stderr)",
    )
    add(
        "--samples",
        type=int,
        default=1,
        metavar="N",
        help="how many texts, from the seeds N, N+1, ... (default: 1)",
    )
    add(
        "--ranking",
        action="store_true",
        help="of a strategy that chooses among the texts it draws, such as best-of-n: show all of "
        "them, best first, each with its score",
    )


def _text(flag: str) -> Callable[[str], str]:
    def read(given: str) -> str:
        try:
            return unescaped(given, flag)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error).removeprefix(f"{flag} ")) from None

    return read


def _add_model_and_output(made: Parser) -> None:
    add = made.add_argument_group("model and output").add_argument
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
        "--chat",
        action="store_true",
        help="give the prompt as a message, in the form that a chat model was trained on",
    )
    add(
        "--show",
        action="store_true",
        help="shade every token by its probability; without colours, write it behind the token",
    )
    add(
        "--json",
        action="store_true",
        help="write one JSON object for each text, with every step's candidates, on a line",
    )
    add("--quiet", action="store_true", help="write no notices to stderr")
