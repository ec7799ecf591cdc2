"""Random requests for the engine: every strategy that the pages offer, every knob it has.

Neighbouring requests, BLOCK of them, share the rules that end a text, so that decodelib can answer
them in one batch; prompts, knobs and seeds are each request's own.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from decodelib.strategies.knobs import STRATEGIES
from tests.helpers.engine import request

BLOCK = 20

PROMPTS = (
    "",
    "The old lighthouse keeper",
    "Once upon a time",
    '"Why," asked the king,',
    "It was a dark and stormy night; the rain fell in torrents",
    "the the the the the the",
    "Chapter 1\n\n",
    "1, 2, 3, 4,",
    "café 日本 🙂",
    "He said, she said, he said, she",
)

KNOBS = {
    "repetition_penalty": lambda r: r.choice((0.8, 1.1, 1.3, 2.0)),
    "no_repeat_ngram_size": lambda r: r.choice((1, 2, 3)),
    "presence_penalty": lambda r: round(r.uniform(-1, 2), 2),
    "frequency_penalty": lambda r: round(r.uniform(-1, 2), 2),
    "dry": lambda r: r.choice((0.4, 0.8, 3.0)),
    "temperature": lambda r: round(r.uniform(0.2, 2.0), 3),
    "dynamic_temperature": lambda r: sorted((round(r.uniform(0.2, 1), 2), 1.0 + r.random())),
    "entropy_temperature": lambda r: True,
    "top_n_sigma": lambda r: round(r.uniform(0.5, 3.0), 3),
    "top_h": lambda r: round(r.uniform(0.1, 1.0), 2),
    "p_less": lambda r: True,
    "top_k": lambda r: r.choice((1, 2, 5, 20, 40, 100, 1000, 8192, 9000)),
    "top_p": lambda r: round(r.uniform(0.05, 1.0), 3),
    "min_p": lambda r: r.choice((0.0, 0.01, 0.05, 0.2, 0.5, 1.0)),
    "typical_p": lambda r: round(r.uniform(0.1, 1.0), 3),
    "epsilon": lambda r: r.choice((0.0, 3e-4, 1e-3, 0.02)),
    "eta": lambda r: r.choice((0.0, 3e-4, 4e-3, 0.1)),
    "xtc": lambda r: [r.choice((0.0, 0.5, 1.0)), r.choice((0.01, 0.05, 0.1, 0.6))],
    "mirostat": lambda r: round(r.uniform(0.5, 6.0), 2),
}


def sampling_with(knob: str, count: int, seed: int, block: int = BLOCK) -> list[dict[str, Any]]:
    """Requests to sample with one knob, half of them with some of the others besides."""

    def given(r: random.Random, number: int) -> dict[str, Any]:
        names = {knob}
        if number % 2:
            names |= {name for name in KNOBS if r.random() < 0.25}
        return {name: KNOBS[name](r) for name in KNOBS if name in names}

    return _requests("sampling", given, count, seed, block)


def plain_sampling(count: int, seed: int, block: int = BLOCK) -> list[dict[str, Any]]:
    return _requests("sampling", lambda r, number: {}, count, seed, block)


def marked_sampling(count: int, seed: int, block: int = BLOCK) -> list[dict[str, Any]]:
    """Requests to sample with a green-list watermark, which is no knob of the command line."""

    def given(r: random.Random, number: int) -> dict[str, Any]:
        key = r.choice((15_485_863, 0, 1, r.randrange(2**53)))
        return {"green_list": {"key": key, "gamma": r.choice((0.25, 0.5)), "delta": r.random() * 4}}

    return _requests("sampling", given, count, seed, block)


def greedy(count: int, seed: int, block: int = BLOCK) -> list[dict[str, Any]]:
    names = STRATEGIES["greedy"].knobs

    def given(r: random.Random, number: int) -> dict[str, Any]:
        return {name: KNOBS[name](r) for name in names if r.random() < 0.1}

    return _requests("greedy", given, count, seed, block)


def beam_search(count: int, seed: int, block: int = BLOCK) -> list[dict[str, Any]]:
    def given(r: random.Random, number: int) -> dict[str, Any]:
        chosen: dict[str, Any] = {"num_beams": r.choice((1, 2, 3, 5))}
        if r.random() < 0.6:
            chosen["length_penalty"] = r.choice((-1.0, 0.0, 0.5, 1.0, 2.0))
        if r.random() < 0.6:
            chosen["early_stopping"] = r.choice((False, True, "never"))
        return chosen | _some_processors(r)

    return _requests("beam", given, count, seed, block, longest=10)


def entropy_sampling(count: int, seed: int, block: int = BLOCK) -> list[dict[str, Any]]:
    knobs = ("temperature", "top_k", "top_p", "min_p")

    def given(r: random.Random, number: int) -> dict[str, Any]:
        own = {name: KNOBS[name](r) for name in knobs if r.random() < 0.4}
        return own | _some_processors(r)

    return _requests("entropy", given, count, seed, block)


def _requests(
    strategy: str,
    given: Callable[[random.Random, int], dict[str, Any]],
    count: int,
    seed: int,
    block: int,
    longest: int = 12,
) -> list[dict[str, Any]]:
    """Requests of one strategy, in blocks; in each, equal prompts stand side by side."""
    r = random.Random(seed)
    requests: list[dict[str, Any]] = []
    for start in range(0, count, block):
        rules = _rules(r, longest)
        requests += sorted(
            (
                request(_some_text(r), strategy, given(r, number), seed=_seed(r), **rules)
                for number in range(start, min(start + block, count))
            ),
            key=lambda one: one["prompt"],
        )
    return requests


def _some_processors(r: random.Random) -> dict[str, Any]:
    """Processors of a strategy that is not sampling, for half of the requests."""
    names = [name for name in STRATEGIES["stochastic-beam"].knobs if name in KNOBS]
    chosen = r.sample(names, r.choice((0, 0, 1, 3)))
    return {name: KNOBS[name](r) for name in names if name in chosen}


def _some_text(r: random.Random) -> str:
    words = ("the", "old", "king", "said", "and", "a", "house", "of", "rain", "\n", '"', ",", ".")
    return r.choice((*PROMPTS, " ".join(r.choices(words, k=5))))


def _seed(r: random.Random) -> int:
    return r.choice((r.randrange(100), r.randrange(2**32)))


def _rules(r: random.Random, longest: int) -> dict[str, Any]:
    new = r.randint(1, longest)
    stops = r.choice(([], [], ["."], ["\n", " the"], ["e", "ing "], ["é", "."], ["and", "n"]))
    return {
        "max_new_tokens": new,
        "min_new_tokens": r.choice((0, 0, r.randint(0, new))),
        "stop": stops,
    }
