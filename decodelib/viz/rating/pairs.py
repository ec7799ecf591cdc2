"""The pairs of a blind rating: their texts, the measures of each, and the order they come in."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple, TypeAlias

from decodelib.decoding.generation import Generation
from decodelib.decoding.loop import generate_batch
from decodelib.decoding.search import Strategy
from decodelib.experiments.metrics import distinct_n, ends_in_repetition
from decodelib.models.base import LanguageModel

Record: TypeAlias = dict[str, Any]
"""JSON for the page."""

MODULUS = 2**31 - 1
MULTIPLIER = 48_271
SKIPPED = 3
"""Draws that are thrown away: the first ones of neighbouring seeds are alike."""


class Measure(NamedTuple):
    """A number of a text: its name, which end is the better one, and how many digits are shown."""

    name: str
    better: str
    digits: int


PERPLEXITY = Measure("perplexity", "low", 1)
DISTINCT = Measure("distinct-2", "high", 2)
LOOP = Measure("ends in a loop", "low", 0)


class Place(NamedTuple):
    """Which pair comes at a place of the order, and whether its second text is called A."""

    pair: int
    is_swapped: bool


def order(seed: int, count: int) -> list[Place]:
    """Return the order and the sides of `count` pairs: the same on a page for the same seed.

    A Fisher-Yates shuffle on the multiplicative congruential generator of Park and Miller
    (multiplier 48271, modulus 2^31 - 1), whose products are exact in JavaScript's numbers.

    Args:
        seed: In [0, 2^31 - 3].
        count: At least 1.
    """
    state = seed + 1

    def below(bound: int) -> int:
        nonlocal state
        state = state * MULTIPLIER % MODULUS
        return state * bound // MODULUS

    for _ in range(SKIPPED):
        below(1)
    pairs = list(range(count))
    for last in range(count - 1, 0, -1):
        other = below(last + 1)
        pairs[last], pairs[other] = pairs[other], pairs[last]
    return [Place(pair, below(2) == 1) for pair in pairs]


def pair_up(count: int) -> list[tuple[int, int]]:
    """Return every two of `count` strategies once, by their places."""
    return list(combinations(range(count), 2))


def record_pairs(
    lm: LanguageModel,
    openings: Sequence[str],
    strategies: Sequence[Strategy],
    num_tokens: int,
    judges: Sequence[Sequence[Sequence[float]]],
) -> list[Record]:
    """Return the pairs: pair k continues opening k with seed k, by two strategies.

    Args:
        judges: `judges[j][s][k]` is what judge j says of strategy s's text for opening k.
    """
    pairs = pair_up(len(strategies))
    wanted = [(place, strategy) for place, pair in enumerate(pairs) for strategy in pair]
    texts = generate_batch(
        lm,
        [openings[place] for place, _ in wanted],
        [strategies[strategy] for _, strategy in wanted],
        max_new_tokens=num_tokens,
        min_new_tokens=num_tokens,
        seeds=[place for place, _ in wanted],
    )
    written = iter(zip(wanted, texts, strict=True))
    return [
        {
            "opening": openings[place],
            "seed": place,
            "texts": [_text(*next(written), judges) for _ in pair],
        }
        for place, pair in enumerate(pairs)
    ]


def _text(
    wanted: tuple[int, int], text: Generation, judges: Sequence[Sequence[Sequence[float]]]
) -> Record:
    place, strategy = wanted
    numbers = [
        math.exp(-sum(text.logprobs) / len(text.logprobs)),
        distinct_n([text.token_ids], 2),
        float(ends_in_repetition(text.token_ids)),
        *(judge[strategy][place] for judge in judges),
    ]
    rounded = [float(f"{number:.6g}") for number in numbers]
    return {"strategy": strategy, "text": text.text, "numbers": rounded}


def fingerprint(pairs: Sequence[Record], names: Sequence[str]) -> str:
    """Return six characters that differ, nearly always, between other texts or other strategies."""
    texts = [[pair["opening"], *(text["text"] for text in pair["texts"])] for pair in pairs]
    written = json.dumps([list(names), texts], ensure_ascii=True)
    return hashlib.sha256(written.encode()).hexdigest()[:6]


def checked_judges(
    judges: Mapping[str, Mapping[str, Sequence[float]]], names: Sequence[str], count: int
) -> list[list[list[float]]]:
    """Return the judges' numbers by strategy and opening; raise ValueError where one is missing."""
    for label, rows in judges.items():
        for name in names:
            if len(rows.get(name, ())) < count:
                raise ValueError(
                    f"judges must have {count} numbers of each strategy, got "
                    f"{len(rows.get(name, ()))} of {name!r} by {label!r}"
                )
    return [[[float(x) for x in rows[name]] for name in names] for rows in judges.values()]
