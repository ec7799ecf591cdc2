"""The command line's strategies and their knobs, and how one becomes the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple, TypeAlias

from decodelib.decoding.search import Strategy
from decodelib.models.base import LanguageModel
from decodelib.processors.base import LogitsProcessor, Processor
from decodelib.processors.knobs import PROCESSOR_KNOBS, Knob
from decodelib.processors.truncation import TopK
from decodelib.strategies.arithmetic import ArithmeticSampling
from decodelib.strategies.beam import BeamSearch
from decodelib.strategies.choosing import (
    BestOfN,
    MinimumBayesRisk,
    SelfConsistency,
    mean_logprob,
)
from decodelib.strategies.contrastive_decoding import ContrastiveDecoding
from decodelib.strategies.contrastive_search import ContrastiveSearch
from decodelib.strategies.diverse import DiverseBeamSearch
from decodelib.strategies.entropix import EntropySampling
from decodelib.strategies.power import PowerSampling
from decodelib.strategies.prompt_lookup import PromptLookup
from decodelib.strategies.sampling import Greedy, Sampling
from decodelib.strategies.speculative import SpeculativeSampling
from decodelib.strategies.stochastic import StochasticBeamSearch

Given: TypeAlias = Mapping[str, Any]
"""The knobs that were given, by name, each with its value or with the processor itself."""


KNOBS: dict[str, Knob] = PROCESSOR_KNOBS | {
    "num_beams": Knob(
        "Beams",
        "keep N unfinished texts (default: 5, in diverse-beam 6)",
        ("N",),
        kind=int,
        slider=(1, 12, 1),
    ),
    "length_penalty": Knob(
        "Length penalty",
        "rank texts by log-probability / length^A: higher favours longer ones (default: 1)",
        ("A",),
        slider=(-2.0, 3.0, 0.1),
    ),
    "do_sample": Knob("Sampled beams", "draw the candidates of beam search", (), neutral=False),
    "num_beam_groups": Knob(
        "Beam groups",
        "beams in N groups that avoid each other's tokens (default: 3)",
        ("N",),
        kind=int,
        slider=(1, 6, 1),
    ),
    "diversity_penalty": Knob(
        "Diversity penalty",
        "what a token costs for each earlier group that took it (default: 0.5)",
        ("X",),
        slider=(0.0, 3.0, 0.1),
    ),
    "penalty_alpha": Knob(
        "Penalty for likeness",
        "how much unlikeness to the text so far counts, 0 to 1 (default: 0.6)",
        ("A",),
        slider=(0.0, 1.0, 0.05),
    ),
    "alpha": Knob(
        "Plausible from",
        "only tokens A times as probable as the best are compared (default: 0.1)",
        ("A",),
        neutral=ContrastiveDecoding.alpha,
        slider=(0.0, 1.0, 0.01),
    ),
    "amateur": Knob("Amateur", "the weaker model to contrast with", ("MODEL",), kind=str),
    "draft": Knob("Draft", "the faster model that proposes tokens", ("MODEL",), kind=str),
    "max_matching_ngram_size": Knob(
        "Tokens looked up",
        "how many of the last tokens are looked for in the text so far (default: 2)",
        ("N",),
        kind=int,
        neutral=2,
        slider=(1, 8, 1),
    ),
    "num_draft_tokens": Knob(
        "Tokens in a draft",
        "how many tokens it proposes at once (default: 4)",
        ("N",),
        kind=int,
        neutral=4,
        slider=(1, 12, 1),
    ),
    "power": Knob(
        "Power",
        "draw whole texts in proportion to their probability to the power of A (default: 4)",
        ("A",),
        neutral=PowerSampling.alpha,
        slider=(0.5, 8.0, 0.5),
    ),
    "num_moves": Knob(
        "Moves",
        "draw an end of the text anew N times (default: 10)",
        ("N",),
        kind=int,
        slider=(1, 40, 1),
    ),
    "num_return_sequences": Knob(
        "Texts to draw",
        "draw N texts, to show one of them (default: 16)",
        ("N",),
        kind=int,
        neutral=16,
        slider=(2, 64, 1),
    ),
    "answer": Knob(
        "Answer", "a regular expression: its last match is a text's answer", ("REGEX",), kind=str
    ),
}
"""Every setting of the command line and the playground, by name, in the order of their help."""


class Choice(NamedTuple):
    """A strategy of the command line: what it does, its knobs, and how it is made from them."""

    help: str
    knobs: tuple[str, ...]
    make: Callable[[Given, Callable[[str], LanguageModel]], Strategy]


def processors(given: Given) -> list[LogitsProcessor]:
    """Return the processors that were asked for, in the order of the table."""
    asked = {name: knob for name, knob in PROCESSOR_KNOBS.items() if name in given}
    return [
        given[name] if isinstance(given[name], Processor) else knob.make(given[name])
        for name, knob in asked.items()
    ]


def _draws(given: Given) -> list[LogitsProcessor]:
    """Return the processors of something that draws; temperature 0 draws the best token alone."""
    if given.get("temperature") != 0:
        return processors(given)
    kept = {name: given[name] for name in given if name in _RERANKING}
    return [*processors(kept), TopK(1)]


def _greedy(given: Given) -> Strategy:
    """Return greedy decoding on what those processors leave that may change the best token."""
    chosen = _draws({**given, "temperature": 0})
    return Sampling(*chosen) if len(chosen) > 1 else Greedy()


def _sampling(given: Given, load: Callable[[str], LanguageModel]) -> Strategy:
    return _greedy(given) if given.get("temperature") == 0 else Sampling(*processors(given))


def _entropy(given: Given, load: Callable[[str], LanguageModel]) -> Strategy:
    if given.get("temperature") == 0:
        return _greedy(given)
    return _with_processors(EntropySampling(), given)


def _with_processors(strategy: Any, given: Given) -> Strategy:
    """Return a strategy with other settings: its own fields, and processors for the other knobs."""
    own = {field.name for field in fields(strategy)}
    settings = {name: value for name, value in given.items() if name in own}
    others = processors({name: value for name, value in given.items() if name not in own})
    changed: Strategy = replace(strategy, **settings, processors=others)
    return changed


def _contrast(given: Given, load: Callable[[str], LanguageModel]) -> Strategy:
    amateur = load(_required(given, "amateur"))
    return _with_processors(ContrastiveDecoding(amateur), {**given, "amateur": amateur})


def _speculative(given: Given, load: Callable[[str], LanguageModel]) -> Strategy:
    draft = load(_required(given, "draft"))
    number = {name: given[name] for name in ("num_draft_tokens",) if name in given}
    return SpeculativeSampling(draft, *_draws(given), **number)


def _power(given: Given, load: Callable[[str], LanguageModel]) -> Strategy:
    fields_of = {"power": "alpha", "num_moves": "num_moves"}
    own = {fields_of[name]: value for name, value in given.items() if name in fields_of}
    return PowerSampling(**own, processors=_draws(given))


def _several(given: Given, how: type[Sampling] | type[ArithmeticSampling] = Sampling) -> Strategy:
    return how(*_draws(given), num_return_sequences=int(given.get("num_return_sequences", 16)))


def _votes(given: Given, load: Callable[[str], LanguageModel]) -> Strategy:
    return SelfConsistency(_required(given, "answer", "be a regular expression"), _several(given))


def _copying(given: Given, load: Callable[[str], LanguageModel]) -> Strategy:
    size, number = given.get("max_matching_ngram_size", 2), given.get("num_draft_tokens", 4)
    return SpeculativeSampling(PromptLookup(size), *_draws(given), num_draft_tokens=number)


def _required(given: Given, name: str, what: str = "name a model") -> str:
    if name not in given:
        raise ValueError(f"--{name} must {what} for this strategy, got none")
    return str(given[name])


_RERANKING = (
    "repetition_penalty",
    "no_repeat_ngram_size",
    "presence_penalty",
    "frequency_penalty",
    "dry",
    "typical_p",
    "xtc",
)
"""The processors that may make another token the best, so that they change greedy decoding."""
_STATELESS = tuple(name for name in PROCESSOR_KNOBS if name != "mirostat")
"""The processors of the strategies that take tokens back, which a sequence's own cannot follow."""


def _and_others(own: tuple[str, ...], others: tuple[str, ...] = _STATELESS) -> tuple[str, ...]:
    return (*own, *(name for name in others if name not in own))


STRATEGIES: dict[str, Choice] = {
    "sampling": Choice("draws tokens", tuple(PROCESSOR_KNOBS), _sampling),
    "greedy": Choice(
        "takes the most probable token", _RERANKING, lambda given, load: _greedy(given)
    ),
    "beam": Choice(
        "searches for the most probable text",
        _and_others(("num_beams", "length_penalty", "do_sample")),
        lambda given, load: _with_processors(BeamSearch(), given),
    ),
    "entropy": Choice(
        "decides by the model's uncertainty",
        _and_others(("temperature", "top_k", "top_p", "min_p")),
        _entropy,
    ),
    "diverse-beam": Choice(
        "searches in groups that differ",
        _and_others(("num_beams", "length_penalty", "num_beam_groups", "diversity_penalty")),
        lambda given, load: _with_processors(DiverseBeamSearch(), given),
    ),
    "stochastic-beam": Choice(
        "draws several texts without replacement and shows the first",
        _and_others(("num_beams",)),
        lambda given, load: _with_processors(StochasticBeamSearch(), given),
    ),
    "contrastive-search": Choice(
        "avoids what repeats the text",
        _and_others(("top_k", "penalty_alpha"), tuple(PROCESSOR_KNOBS)),
        lambda given, load: _with_processors(ContrastiveSearch(), given),
    ),
    "contrastive-decoding": Choice(
        "prefers what a weaker model would not say",
        _and_others(("amateur", "alpha"), tuple(PROCESSOR_KNOBS)),
        _contrast,
    ),
    "speculative": Choice(
        "draws as sampling does, helped by a faster model",
        _and_others(("draft", "num_draft_tokens")),
        _speculative,
    ),
    "prompt-lookup": Choice(
        "draws as sampling does, helped by copies from the text so far",
        _and_others(("max_matching_ngram_size", "num_draft_tokens")),
        _copying,
    ),
    "power": Choice(
        "draws whole texts, the more probable the more often",
        _and_others(("power", "num_moves")),
        _power,
    ),
    "arithmetic": Choice(
        "draws texts that cover what the model might say and shows the first",
        ("num_return_sequences", *PROCESSOR_KNOBS),
        lambda given, load: _several(given, ArithmeticSampling),
    ),
    "best-of-n": Choice(
        "draws texts and shows the one with the highest mean log-probability of a token",
        ("num_return_sequences", *PROCESSOR_KNOBS),
        lambda given, load: BestOfN(mean_logprob, _several(given)),
    ),
    "mbr": Choice(
        "draws texts and shows the one that is most like the others",
        ("num_return_sequences", *PROCESSOR_KNOBS),
        lambda given, load: MinimumBayesRisk(candidates=_several(given)),
    ),
    "self-consistency": Choice(
        "draws texts and shows one with the answer that most of them give",
        ("answer", "num_return_sequences", *PROCESSOR_KNOBS),
        _votes,
    ),
}
