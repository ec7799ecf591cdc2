"""Exercises of chapter 1: softmax and the chain rule."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TypeAlias

from decodelib.checks.given import OVERFLOW, tell_overflow
from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Table: TypeAlias = dict[str, dict[str, float]]
"""From a word to the probabilities of the words that may follow it."""

BOS = "<bos>"


def softmax(attempt: Attempt) -> Verdict:
    """Check `softmax(scores)`: the probabilities of a list of scores, however large they are."""
    return _SOFTMAX.check(attempt)


def sequence_logprob(attempt: Attempt) -> Verdict:
    """Check `sequence_logprob(table, words)`: ln of the product of table[previous][word]."""
    return _SEQUENCE_LOGPROB.check(attempt)


# Softmax


def _softmax(scores: Sequence[float], base: float = math.e) -> list[float]:
    powers = [base ** (score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]


def _exponentials(scores: Sequence[float]) -> list[float]:
    return [math.exp(score) for score in scores]


def _moderate_scores(seed: int = 1) -> list[tuple[list[float]]]:
    rng = random.Random(seed)
    hand_made = [[0.0, 1.0], [2.0, 1.0, 0.5], [1.0, 1.0, 1.0, 1.0], [-1.0, 3.0, -2.5], [4.0]]
    drawn = [[round(rng.gauss(1, 3), 2) for _ in range(rng.randint(2, 9))] for _ in range(20)]
    return [(scores,) for scores in hand_made + drawn if abs(sum(scores)) > 0.1]


def _far_scores(seed: int) -> list[tuple[list[float]]]:
    rng = random.Random(seed)
    centres = [rng.uniform(900, 2000), -rng.uniform(900, 2000)]
    drawn = [[centre - rng.uniform(0, 4) for _ in range(4)] for centre in centres * 2]
    return [(scores,) for scores in [*drawn, [2000.0, 0.0, -2000.0]]]


_STABLE_SOFTMAX = Exercise(
    solution=_softmax,
    probes=[
        ([1000.0, 999.0],),
        ([-1000.0, -1001.0, -1003.0],),
        ([2000.0, 0.0, -2000.0],),
        ([800.0] * 4,),
    ],
    hidden=_far_scores,
    adapt=tell_overflow,
    misconceptions=[
        Misconception(
            lambda scores: OVERFLOW,
            "right for small scores, but the exponential of 1000 is too large for a float, and "
            "that of -1000 is 0. Subtract the largest score from all of them first; the "
            "probabilities stay the same.",
        ),
        Misconception(  # subtracts the smallest
            lambda scores: OVERFLOW if max(scores) - min(scores) > 700 else _softmax(scores),
            "right until the scores lie far apart. Subtract the largest score, so that no exponent "
            "is above 0.",
        ),
        Misconception(  # subtracts the largest absolute value
            lambda scores: OVERFLOW if max(scores) < -350 else _softmax(scores),
            "right unless all scores are far below 0: then every exponential is 0. Subtract the "
            "largest score, not the largest magnitude, so that one exponent is exactly 0.",
        ),
    ],
    praise="Right for small scores and for huge ones: only differences matter.",
)

_SOFTMAX = Exercise(
    solution=_softmax,
    probes=_moderate_scores(),
    hidden=_moderate_scores,
    misconceptions=[
        Misconception(
            _exponentials,
            "the exponentials do not sum to 1. Divide each by their sum.",
        ),
        Misconception(
            lambda scores: [e / max(_exponentials(scores)) for e in _exponentials(scores)],
            "the largest result is 1, and the sum is more. Divide by the sum of the exponentials, "
            "not by the largest of them.",
        ),
        Misconception(
            lambda scores: [score / sum(scores) for score in scores],
            "you divide the scores by their sum, which leaves negative ones negative. Take the "
            "exponential of each score first.",
        ),
        Misconception(
            lambda scores: _softmax(scores, base=2),
            "you raise 2 to the scores. Softmax is defined with e: use math.exp.",
        ),
        Misconception(
            lambda scores: _softmax([-score for score in scores]),
            "the smallest score gets the largest probability. Check the sign in the exponent.",
        ),
        Misconception(
            lambda scores: [math.log(q) for q in _softmax(scores)],
            "those are the logarithms of the probabilities. Leave the last logarithm out.",
        ),
    ],
    praise="Exponentials, divided by their sum.",
    then=_STABLE_SOFTMAX,
)


# The chain rule


def _factors(table: Table, words: Sequence[str]) -> list[float]:
    return [table[before][word] for before, word in zip([BOS, *words], words, strict=False)]


def _random_table(rng: random.Random, words: Sequence[str]) -> Table:
    table = {}
    for before in [BOS, *words]:
        weights = [rng.randint(1, 9) for _ in words]
        table[before] = {w: n / sum(weights) for w, n in zip(words, weights, strict=True)}
    return table


def _sentences(seed: int = 1) -> list[tuple[Table, list[str]]]:
    rng = random.Random(seed)
    small = {
        BOS: {"a": 0.5, "b": 0.5},
        "a": {"a": 0.2, "b": 0.8},
        "b": {"a": 0.9, "b": 0.1},
    }
    probes = [(small, list(text)) for text in ("ab", "ba", "bb", "a", "abba")]
    for size in (3, 4, 5):
        table = _random_table(rng, "abcde"[:size])
        probes += [(table, rng.choices("abcde"[:size], k=rng.randint(2, 8))) for _ in range(6)]
    return probes


_SEQUENCE_LOGPROB = Exercise(
    solution=lambda table, words: math.fsum(map(math.log, _factors(table, words))),
    probes=_sentences(),
    hidden=_sentences,
    misconceptions=[
        Misconception(
            lambda table, words: math.prod(_factors(table, words)),
            "that is the probability of the sentence. Return its logarithm.",
        ),
        Misconception(
            lambda table, words: math.log(sum(_factors(table, words))),
            "you add up the probabilities and take the logarithm of the sum. Probabilities are "
            "multiplied, so it is their logarithms that are added.",
        ),
        Misconception(
            lambda table, words: sum(_factors(table, words)),
            "you add up the probabilities. They are multiplied; it is their logarithms that add.",
        ),
        Misconception(
            lambda table, words: sum(map(math.log, _factors(table, words)[1:])),
            'the first word is missing. Its probability is table["<bos>"][words[0]].',
        ),
        Misconception(
            lambda table, words: sum(map(math.log, _factors(table, words)[:-1])),
            "the last word is missing. A sentence of n words has n factors.",
        ),
        Misconception(
            lambda table, words: sum(map(math.log, _factors(table, words))) / len(words),
            "you take the mean over the words. The log-probability of a sentence is the sum.",
        ),
        Misconception(
            lambda table, words: sum(map(math.log2, _factors(table, words))),
            "that is in bits. Take natural logarithms, math.log.",
        ),
        Misconception(
            lambda table, words: sum(map(math.log10, _factors(table, words))),
            "those are logarithms to base 10. Take natural logarithms, math.log.",
        ),
        Misconception(
            lambda table, words: -sum(map(math.log, _factors(table, words))),
            "the sign is wrong. The logarithm of a probability is at most 0; minus that is the "
            "surprisal.",
        ),
        Misconception(
            lambda table, words: sum(math.log(table[BOS][word]) for word in words),
            'you look every word up after "<bos>". From the second word on, look it up after the '
            "word before it.",
        ),
    ],
    praise="One factor for each word, given what came before, and logarithms that add.",
)
