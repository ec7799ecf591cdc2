"""Exercises of chapter 15: attempts, and strategies from settings."""

from __future__ import annotations

import math
import random

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict
from decodelib.decoding.search import Strategy
from decodelib.processors.base import LogitsProcessor
from decodelib.processors.temperatures import Temperature
from decodelib.processors.truncation import MinP, TopK, TopP
from decodelib.strategies.sampling import Greedy, Sampling

Probs = list[float]


def at_least_once(attempt: Attempt) -> Verdict:
    """Check `at_least_once(p, q, attempts)`: the chance that some draw from q is the word wanted.

    The word wanted is drawn once from p; the draws from q are independent.
    """
    return _AT_LEAST_ONCE.check(attempt)


def pass_at(attempt: Attempt) -> Verdict:
    """Check `pass_at(tried, right, attempts)`: the chance that some of `attempts` is right.

    They are picked without replacement from `tried` answers, of which `right` are right.
    """
    return _PASS_AT.check(attempt)


def from_settings(attempt: Attempt) -> Verdict:
    """Check `from_settings(temperature, top_k, top_p, min_p)`, which returns a strategy.

    A temperature of 0 is greedy; 1, 0, 1 and 0 are off and left out; applied in that order.
    """
    return _FROM_SETTINGS.check(attempt)


def _at_least_once(p: Probs, q: Probs, attempts: int) -> float:
    return sum(a * (1 - (1 - b) ** attempts) for a, b in zip(p, q, strict=True))


def _meeting(p: Probs, q: Probs) -> float:
    return sum(a * b for a, b in zip(p, q, strict=True))


def _probs(rng: random.Random, size: int) -> Probs:
    weights = [rng.expovariate(1) ** 2 for _ in range(size)]
    return [weight / sum(weights) for weight in weights]


def _pairs(seed: int = 15) -> list[tuple[Probs, Probs, int]]:
    rng = random.Random(seed)
    drawn = []
    for _ in range(20):
        size = rng.randint(2, 9)
        drawn.append((_probs(rng, size), _probs(rng, size), rng.randint(2, 30)))
    return [
        ([0.5, 0.3, 0.2], [1.0, 0.0, 0.0], 4),  # greedy
        ([0.5, 0.5], [0.5, 0.5], 1),
        ([0.4, 0.6], [0.9, 0.1], 2),
        *drawn,
    ]


_AT_LEAST_ONCE = Exercise(
    solution=_at_least_once,
    probes=_pairs(),
    hidden=_pairs,
    misconceptions=[
        Misconception(
            lambda p, q, attempts: 1 - (1 - _meeting(p, q)) ** attempts,
            "you draw the word wanted anew for every attempt. It is the same in all of them, so "
            "take the attempts to the power word by word, and average afterwards.",
        ),
        Misconception(
            lambda p, q, attempts: sum(a * b**attempts for a, b in zip(p, q, strict=True)),
            "that is the chance that all attempts are right. One is enough: take 1 minus the "
            "chance that all are wrong.",
        ),
        Misconception(
            lambda p, q, attempts: attempts * _meeting(p, q),
            "that is how many attempts are right on average, which can be more than 1.",
        ),
        Misconception(
            lambda p, q, attempts: _meeting(p, q),
            "that is the chance of a single attempt. The number of attempts changes nothing yet.",
        ),
    ],
    praise="More attempts help only where q has something to find.",
)


def _pass_at(tried: int, right: int, attempts: int) -> float:
    return 1 - math.comb(tried - right, attempts) / math.comb(tried, attempts)


def _counts(seed: int) -> list[tuple[int, int, int]]:
    rng = random.Random(seed)
    drawn = []
    for _ in range(25):
        tried = rng.randint(6, 200)
        drawn.append((tried, rng.randint(0, 6), rng.randint(1, 6)))
    return [(10, 3, 2), (5, 3, 4), *drawn]


_PASS_AT = Exercise(
    solution=_pass_at,
    probes=[
        (10, 3, 2),
        (10, 0, 5),
        (10, 10, 1),
        (5, 3, 4),  # more attempts than wrong answers
        *((n, c, k) for n in (6, 20, 200) for c in (1, 2, 5) for k in (1, 3, 6)),
    ],
    hidden=_counts,
    misconceptions=[
        Misconception(
            lambda tried, right, attempts: 1 - (1 - right / tried) ** attempts,
            "that picks with replacement, the same answer perhaps twice, and comes out too low. "
            "Count the ways to pick only wrong answers, without replacement.",
        ),
        Misconception(
            lambda tried, right, attempts: right / tried,
            "that is one attempt's chance; the number of attempts changes nothing yet.",
        ),
        Misconception(
            lambda tried, right, attempts: min(1.0, attempts * right / tried),
            "chances of attempts do not add up: two of them may be right at once.",
        ),
        Misconception(
            lambda tried, right, attempts: math.comb(right, attempts) / math.comb(tried, attempts),
            "that is the chance that all picked answers are right; one is enough.",
        ),
    ],
    praise="This is the estimator that papers call pass@k.",
)


def _steps(temperature: float, top_k: int, top_p: float, min_p: float) -> list[LogitsProcessor]:
    cuts: list[LogitsProcessor] = []
    if top_k != 0:
        cuts.append(TopK(top_k))
    if top_p != 1:
        cuts.append(TopP(top_p))
    if min_p != 0:
        cuts.append(MinP(min_p))
    return [*([Temperature(temperature)] if temperature != 1 else []), *cuts]


def _from_settings(temperature: float, top_k: int, top_p: float, min_p: float) -> Strategy:
    if temperature == 0:
        return Greedy()
    return Sampling(*_steps(temperature, top_k, top_p, min_p))


def _heat_last(temperature: float, top_k: int, top_p: float, min_p: float) -> Strategy:
    if temperature == 0:
        return Greedy()
    cuts = _steps(1, top_k, top_p, min_p)
    return Sampling(*cuts, *([Temperature(temperature)] if temperature != 1 else []))


def _top_1(temperature: float, top_k: int, top_p: float, min_p: float) -> Strategy:
    if temperature == 0:
        return Sampling(TopK(1))
    return Sampling(*_steps(temperature, top_k, top_p, min_p))


def _nothing_left_out(temperature: float, top_k: int, top_p: float, min_p: float) -> Strategy:
    if temperature == 0:
        return Greedy()
    k = [TopK(top_k)] if top_k != 0 else []
    return Sampling(Temperature(temperature), *k, TopP(top_p), MinP(min_p))


def _zero_is_off(temperature: float, top_k: int, top_p: float, min_p: float) -> Strategy:
    return Sampling(*_steps(temperature or 1, top_k, top_p, min_p))


def _settings(seed: int) -> list[tuple[float, int, float, float]]:
    rng = random.Random(seed)

    def drawn(heat: float) -> tuple[float, int, float, float]:
        k, p = rng.choice([0, rng.randint(5, 90)]), rng.choice([1.0, rng.uniform(0.5, 0.99)])
        return heat, k, p, rng.choice([0.0, rng.uniform(0.01, 0.3)])

    heats = [0, 1.0, 0.7, *(rng.choice([0.0, 1.0, rng.uniform(0.3, 2)]) for _ in range(12))]
    return [(0.7, 40, 0.95, 0.05), (1.0, 0, 1.0, 0.0), *map(drawn, heats)]


_FROM_SETTINGS = Exercise(
    solution=_from_settings,
    probes=[
        (1.0, 0, 1.0, 0.0),
        (0.7, 0, 1.0, 0.0),
        (0.7, 40, 0.95, 0.05),
        (1.0, 50, 1.0, 0.0),
        (1.5, 0, 1.0, 0.1),
        (0.6, 20, 0.95, 0.0),
        (0, 0, 1.0, 0.0),
        (0.0, 40, 0.9, 0.1),  # greedy, whatever the others say
    ],
    hidden=_settings,
    misconceptions=[
        Misconception(
            _heat_last,
            "you apply the temperature after the truncations. Here it comes first, as in "
            "transformers; chapter 12 shows what the order changes.",
        ),
        Misconception(
            _top_1,
            "Sampling(TopK(1)) gives greedy's text, but hides what is meant: return Greedy().",
        ),
        Misconception(
            _nothing_left_out,
            "settings that are off should be left out, so that the strategy says what it does.",
        ),
        Misconception(
            _zero_is_off,
            "a temperature of 0 is not off: people mean greedy decoding by it.",
        ),
    ],
    praise="Strategies that read the same are the same: == compares them.",
)
