"""The command line's strategies and their knobs, and how one becomes the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

from decodelib.decoding.search import Strategy
from decodelib.models.base import LanguageModel
from decodelib.processors.base import LogitsProcessor
from decodelib.processors.mirostat import Mirostat
from decodelib.processors.penalties import DRY, RepetitionPenalty
from decodelib.processors.temperatures import DynamicTemperature, EntropyTemperature, Temperature
from decodelib.processors.truncation import Epsilon, Eta, MinP, TopK, TopNSigma, TopP, Typical
from decodelib.processors.xtc import XTC
from decodelib.strategies.beam import BeamSearch
from decodelib.strategies.contrastive_decoding import ContrastiveDecoding
from decodelib.strategies.contrastive_search import ContrastiveSearch
from decodelib.strategies.diverse import DiverseBeamSearch
from decodelib.strategies.entropix import EntropySampling
from decodelib.strategies.sampling import Greedy, Sampling
from decodelib.strategies.speculative import SpeculativeSampling
from decodelib.strategies.stochastic import StochasticBeamSearch

Given: TypeAlias = Mapping[str, Any]
"""The knobs that were given, by name, each with its value."""


@dataclass(frozen=True)
class Knob:
    """An option of the command line: its type, what to call its values, and what it does."""

    type: Callable[[str], Any]
    metavar: str | tuple[str, ...]
    help: str
    nargs: int | None = None

    @property
    def is_switch(self) -> bool:
        return self.nargs == 0


def _switch(what: str) -> Knob:
    return Knob(str, "", what, nargs=0)


# Sampling applies these in the order written here, which is transformers' for those it has.
_PROCESSORS: dict[str, tuple[Knob, Callable[[Any], LogitsProcessor]]] = {
    "repetition_penalty": (
        Knob(float, "R", "divide or multiply the logits of tokens that have occurred by R"),
        RepetitionPenalty,
    ),
    "dry": (
        Knob(float, "M", "penalise what would extend a repetition (DRY), M times as strongly"),
        DRY,
    ),
    "temperature": (
        Knob(float, "T", "below 1 favours probable tokens, above 1 flattens, 0 is greedy"),
        Temperature,
    ),
    "dynamic_temperature": (
        Knob(float, ("MIN", "MAX"), "a temperature between two, by the entropy", nargs=2),
        lambda bounds: DynamicTemperature(*bounds),
    ),
    "entropy_temperature": (
        _switch("sharpen by a factor that depends on the entropy"),
        lambda _: EntropyTemperature(),
    ),
    "top_n_sigma": (
        Knob(float, "N", "keep logits within N standard deviations of the largest"),
        TopNSigma,
    ),
    "top_k": (Knob(int, "K", "keep only the K most probable tokens"), TopK),
    "top_p": (Knob(float, "P", "keep the fewest tokens of total probability P"), TopP),
    "min_p": (
        Knob(float, "P", "keep tokens at least P times as probable as the most probable one"),
        MinP,
    ),
    "typical_p": (
        Knob(float, "P", "keep tokens whose surprisal is nearest to the entropy, of mass P"),
        Typical,
    ),
    "epsilon": (Knob(float, "P", "keep tokens of probability P or more"), Epsilon),
    "eta": (Knob(float, "P", "like --epsilon, with a bound that falls as entropy rises"), Eta),
    "xtc": (
        Knob(float, ("P", "T"), "with probability P, drop the top tokens above T but one", nargs=2),
        lambda values: XTC(*values),
    ),
    "mirostat": (Knob(float, "BITS", "keep the surprisal near BITS a token"), Mirostat),
}
_OTHERS = {
    "num_beams": Knob(int, "N", "keep N unfinished texts (default: 5, in diverse-beam 6)"),
    "length_penalty": Knob(
        float,
        "A",
        "rank texts by log-probability / length^A: higher favours longer ones (default: 1)",
    ),
    "num_beam_groups": Knob(
        int, "N", "beams in N groups that avoid each other's tokens (default: 3)"
    ),
    "diversity_penalty": Knob(
        float, "X", "what a token costs for each earlier group that took it (default: 0.5)"
    ),
    "penalty_alpha": Knob(
        float, "A", "how much unlikeness to the text so far counts, 0 to 1 (default: 0.6)"
    ),
    "alpha": Knob(
        float, "A", "only tokens A times as probable as the best are compared (default: 0.1)"
    ),
    "amateur": Knob(str, "MODEL", "the weaker model to contrast with"),
    "draft": Knob(str, "MODEL", "the faster model that proposes tokens"),
    "num_draft_tokens": Knob(int, "N", "how many tokens it proposes at once (default: 4)"),
}
KNOBS = {name: knob for name, (knob, _) in _PROCESSORS.items()} | _OTHERS


class Choice(NamedTuple):
    """A strategy of the command line: what it does, its knobs, and how it is made from them."""

    help: str
    knobs: tuple[str, ...]
    make: Callable[[Given, Callable[[str], LanguageModel]], Strategy]


def processors(given: Given) -> list[LogitsProcessor]:
    """Return the processors that were asked for, in the order of the command line's help."""
    return [make(given[name]) for name, (_, make) in _PROCESSORS.items() if name in given]


def _sampling(given: Given, load: Callable[[str], LanguageModel]) -> Strategy:
    return Greedy() if given.get("temperature") == 0 else Sampling(*processors(given))


def _entropy(given: Given, load: Callable[[str], LanguageModel]) -> Strategy:
    return Greedy() if given.get("temperature") == 0 else replace(EntropySampling(), **given)


def _contrast(given: Given, load: Callable[[str], LanguageModel]) -> Strategy:
    alpha = {"alpha": given["alpha"]} if "alpha" in given else {}
    return ContrastiveDecoding(load(_required(given, "amateur")), **alpha)


def _speculative(given: Given, load: Callable[[str], LanguageModel]) -> Strategy:
    draft = load(_required(given, "draft"))
    number = {name: given[name] for name in ("num_draft_tokens",) if name in given}
    # Temperature 0 is greedy here too, and greedy is sampling from the most probable token alone.
    chosen = [TopK(1)] if given.get("temperature") == 0 else processors(given)
    return SpeculativeSampling(draft, *chosen, **number)


def _required(given: Given, name: str) -> str:
    if name not in given:
        raise ValueError(f"--{name} must name a model for this strategy, got none")
    return str(given[name])


STRATEGIES: dict[str, Choice] = {
    "sampling": Choice("draws tokens", tuple(_PROCESSORS), _sampling),
    "greedy": Choice("takes the most probable token", (), lambda given, load: Greedy()),
    "beam": Choice(
        "searches for the most probable text",
        ("num_beams", "length_penalty"),
        lambda given, load: replace(BeamSearch(), **given),
    ),
    "entropy": Choice(
        "decides by the model's uncertainty", ("temperature", "top_k", "top_p", "min_p"), _entropy
    ),
    "diverse-beam": Choice(
        "searches in groups that differ",
        ("num_beams", "length_penalty", "num_beam_groups", "diversity_penalty"),
        lambda given, load: replace(DiverseBeamSearch(), **given),
    ),
    "stochastic-beam": Choice(
        "draws several texts without replacement and shows the first",
        ("num_beams",),
        lambda given, load: replace(StochasticBeamSearch(), **given),
    ),
    "contrastive-search": Choice(
        "avoids what repeats the text",
        ("top_k", "penalty_alpha"),
        lambda given, load: replace(ContrastiveSearch(), **given),
    ),
    "contrastive-decoding": Choice(
        "prefers what a weaker model would not say", ("amateur", "alpha"), _contrast
    ),
    "speculative": Choice(
        "draws as sampling does, helped by a faster model",
        (
            "draft",
            "num_draft_tokens",
            *(name for name in _PROCESSORS if name not in ("xtc", "mirostat")),
        ),
        _speculative,
    ),
}
