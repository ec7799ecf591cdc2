"""Exercises of chapter 5: one draw, the risk of the tail, and the chi-square statistic."""

from __future__ import annotations

import random
from collections.abc import Sequence

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Weights = Sequence[float]


def sample_index(attempt: Attempt) -> Verdict:
    """Check `sample_index(weights, u)`: the index whose stretch holds the share u of the total."""
    return _SAMPLE_INDEX.check(attempt)


def tail_risk(attempt: Attempt) -> Verdict:
    """Check `tail_risk(mass, steps)`: the chance of at least one tail token in so many steps."""
    return _TAIL_RISK.check(attempt)


def chi_square(attempt: Attempt) -> Verdict:
    """Check `chi_square(counts, probs)`: the squared misses, each over its expected count."""
    return _CHI_SQUARE.check(attempt)


def _index_at(weights: Weights, target: float, closed: bool = False) -> int:
    """Return the index whose stretch holds the target; `closed` gives its end to the stretch."""
    end = 0.0
    for index, weight in enumerate(weights):
        end += weight
        if target < end or (closed and target == end):
            return index
    return max((i for i, weight in enumerate(weights) if weight), default=0)  # rounding: the last


def _drawn(weights: Weights, u: float) -> int:
    return _index_at(weights, u * sum(weights))


def _first_heavier(weights: Weights, u: float) -> int:
    target = u * sum(weights)
    return next((i for i, weight in enumerate(weights) if weight > target), len(weights) - 1)


def _ranking(weights: Weights) -> list[int]:
    return sorted(range(len(weights)), key=lambda i: -weights[i])


def _rank_drawn(weights: Weights, u: float) -> int:
    return _drawn(sorted(weights, reverse=True), u)


def _draw_probes(seed: int = 5) -> list[tuple[list[float], float]]:
    rng = random.Random(seed)
    hand_made: list[tuple[list[float], float]] = [
        ([2, 1, 1], 0.5),  # exactly at an end
        ([1, 1, 2], 0.25),
        ([0, 1, 1], 0.0),  # the first stretch is empty
        ([3, 1, 4], 0.9),
        ([1, 2, 5], 0.2),
        ([4], 0.5),
        ([1, 0, 0, 1], 0.75),
    ]
    # Totals of at least 1, so that an attempt which forgets them still finds an index.
    drawn = [
        ([float(rng.randint(1, 9)) for _ in range(rng.randint(2, 9))], rng.uniform(0, 0.99))
        for _ in range(30)
    ]
    return hand_made + drawn


_SAMPLE_INDEX = Exercise(
    solution=_drawn,
    probes=_draw_probes(),
    hidden=_draw_probes,
    misconceptions=[
        Misconception(
            lambda weights, u: _index_at(weights, u * sum(weights), closed=True),
            "a point exactly at the end of a stretch belongs to the next one. Stop when the point "
            "is below the running total, not at it; otherwise u = 0 can draw a weight of 0.",
        ),
        Misconception(
            _index_at,
            "the weights need not sum to 1. Compare the running total with u times their sum.",
        ),
        Misconception(
            lambda weights, u: _drawn(weights, u) + 1,
            "every index is one too large. Indices count from 0.",
        ),
        Misconception(
            lambda weights, u: max(_drawn(weights, u) - 1, 0),
            "you return the token before: the last stretch that ends by the point. The token is "
            "the one whose stretch holds it.",
        ),
        Misconception(
            lambda weights, u: _ranking(weights)[0],
            "you take the largest weight whatever u is. That is greedy decoding.",
        ),
        Misconception(
            _rank_drawn,
            "you return a place in the sorted list. Return the index in the list as given, which "
            "needs no sorting.",
        ),
        Misconception(
            lambda weights, u: _ranking(weights)[_rank_drawn(weights, u)],
            "you lay the stretches end to end from the largest down. The draws would be fair, but "
            "the exercise lays them in the order given.",
        ),
        Misconception(
            _first_heavier,
            "you compare the point with each weight alone. Compare it with the running total.",
        ),
    ],
    praise="One uniform number, one token: the stretch it falls into.",
)


def _masses(seed: int) -> list[tuple[float, int]]:
    rng = random.Random(seed)
    return [(0.0, 5), (1.0, 3), (0.6, 2), *((rng.random(), rng.randint(1, 40)) for _ in range(20))]


_TAIL_RISK = Exercise(
    solution=lambda m, steps: 1 - (1 - m) ** steps,
    probes=[(m, n) for m in (0.0, 0.01, 0.1, 0.25, 0.5, 1.0) for n in (1, 2, 10, 100)],
    hidden=_masses,
    misconceptions=[
        Misconception(
            lambda m, steps: m * steps,
            "that is the expected number of tail tokens. As a probability it would pass 1.",
        ),
        Misconception(
            lambda m, steps: min(1.0, m * steps),
            "you add the chances of the steps, and cut off at 1. That counts a text with two tail "
            "tokens twice.",
        ),
        Misconception(
            lambda m, steps: (1 - m) ** steps,
            "that is the chance that no step draws from the tail. You want the opposite.",
        ),
        Misconception(
            lambda m, steps: 1 - m**steps,
            "that is the chance that not all steps draw from the tail. At least one is the "
            "opposite of none.",
        ),
        Misconception(
            lambda m, steps: m**steps,
            "that is the chance that every step draws from the tail. One is enough here.",
        ),
    ],
    praise="At least one is the opposite of none.",
)


def _misses(counts: Weights, probs: Weights) -> list[tuple[float, float]]:
    """Return each count's difference from the expected one, and the expected one."""
    draws = sum(counts)
    return [(c - draws * p, draws * p) for c, p in zip(counts, probs, strict=True)]


def _tallies(seed: int) -> list[tuple[list[float], list[float]]]:
    rng = random.Random(seed)
    drawn = []
    for size in (2, 3, 4, 6, 8):
        weights = [rng.randint(1, 20) for _ in range(size)]
        counts = [float(rng.randint(1, 90)) for _ in range(size)]
        drawn.append((counts, [w / sum(weights) for w in weights]))
    return drawn


_CHI_SQUARE = Exercise(
    solution=lambda counts, probs: sum(d * d / e for d, e in _misses(counts, probs)),
    probes=[
        ([48, 52], [0.5, 0.5]),
        ([10, 20, 70], [0.2, 0.2, 0.6]),
        ([5, 5, 5, 5], [0.1, 0.2, 0.3, 0.4]),
        ([410, 190, 120, 95, 85, 50, 33, 17], [0.40, 0.20, 0.12, 0.10, 0.08, 0.05, 0.03, 0.02]),
        ([20, 30, 50], [0.2, 0.3, 0.5]),
    ],
    hidden=_tallies,
    misconceptions=[
        Misconception(
            lambda counts, probs: sum((c - p) ** 2 / p for c, p in zip(counts, probs, strict=True)),
            "you compare counts with probabilities. The expected count is n times p.",
        ),
        Misconception(
            lambda counts, probs: sum(d * d / e for d, e in _misses(counts, probs)) / sum(counts),
            "you compare shares with probabilities. Use counts: the same miss of a share weighs "
            "more when there were more draws.",
        ),
        Misconception(
            lambda counts, probs: sum(
                d * d / c for (d, _), c in zip(_misses(counts, probs), counts, strict=True)
            ),
            "you divide by the observed counts. Divide by the expected ones.",
        ),
        Misconception(
            lambda counts, probs: sum(d * d for d, _ in _misses(counts, probs)),
            "you do not divide. A miss of 10 is much where 20 were expected, and little where "
            "2,000 were.",
        ),
        Misconception(
            lambda counts, probs: sum(abs(d) / e for d, e in _misses(counts, probs)),
            "you take the absolute differences. The statistic squares them.",
        ),
        Misconception(
            lambda counts, probs: sum(d / e for d, e in _misses(counts, probs)),
            "you do not square the differences, so those above and below cancel.",
        ),
    ],
    praise="For a fair sampler its mean is the number of tokens less one.",
)
