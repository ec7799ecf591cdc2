"""Exercises of chapter 14: diversity, a paired interval, comparison at equal diversity."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

import numpy as np

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Texts = list[list[int]]
Draws = Sequence[Sequence[int]]
Points = list[tuple[float, float]]


def distinct_n(attempt: Attempt) -> Verdict:
    """Check `distinct_n(texts, n)`: different n-grams over all texts, divided by all n-grams."""
    return _DISTINCT_N.check(attempt)


def difference_interval(attempt: Attempt) -> Verdict:
    """Check `difference_interval(a, b, draws)`: (low, high) of the middle 95% of mean a - mean b.

    `a[i]` and `b[i]` belong to the same prompt; each draw is a list of such positions.
    """
    return _DIFFERENCE.check(attempt)


def at_equal(attempt: Attempt) -> Verdict:
    """Check `at_equal(points, target)`: y where the line through (x, y) points reaches x."""
    return _AT_EQUAL.check(attempt)


def _grams(ids: Sequence[int], n: int) -> list[tuple[int, ...]]:
    return [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]


def _pooled(texts: Texts, n: int) -> float:
    grams = [gram for ids in texts for gram in _grams(ids, n)]
    return len(set(grams)) / len(grams)


def _mean_of_texts(texts: Texts, n: int) -> float:
    return fmean(len(set(_grams(ids, n))) / len(_grams(ids, n)) for ids in texts)


def _over_tokens(texts: Texts, n: int) -> float:
    return len({gram for ids in texts for gram in _grams(ids, n)}) / sum(map(len, texts))


def _across_borders(texts: Texts, n: int) -> float:
    return _pooled([[token for ids in texts for token in ids]], n)


def _last_left_out(texts: Texts, n: int) -> float:
    grams = [gram for ids in texts for gram in _grams(ids, n)[:-1]]
    return len(set(grams)) / len(grams)


def _side_by_side(texts: Texts, n: int) -> float:
    """Cut the text into blocks of n instead of sliding a window."""
    blocks = [tuple(ids[i : i + n]) for ids in texts for i in range(0, len(ids) - n + 1, n)]
    return len(set(blocks)) / len(blocks)


def _texts(seed: int = 14) -> list[tuple[Texts, int]]:
    rng = random.Random(seed)
    hand_made = [
        ([[1, 2, 1, 2], [1, 2]], 2),
        ([[1, 2, 3], [4, 5, 6, 7]], 2),
        ([[5, 5, 5, 5, 5]], 1),
        ([[1, 2, 3, 4], [1, 2, 3, 4]], 3),
    ]
    drawn = [
        ([[rng.randrange(4) for _ in range(rng.randint(4, 12))] for _ in range(3)], n)
        for n in (1, 2, 3, 4)
        for _ in range(5)
    ]
    return hand_made + drawn


_DISTINCT_N = Exercise(
    solution=_pooled,
    probes=_texts(),
    hidden=_texts,
    misconceptions=[
        Misconception(
            _mean_of_texts,
            "you take the share of each text and average. Count over all texts together: what one "
            "text says again after another is a repetition too.",
        ),
        Misconception(
            _over_tokens,
            "you divide by the number of tokens. A text of t tokens has t - n + 1 n-grams.",
        ),
        Misconception(
            _across_borders,
            "you join the texts first, which makes n-grams that nobody wrote across their borders.",
        ),
        Misconception(
            _side_by_side,
            "you cut each text into blocks. N-grams overlap: one starts at every token that has "
            "n - 1 tokens after it.",
        ),
        Misconception(
            _last_left_out,
            "you leave out the last n-gram of each text. A text of t tokens has t - n + 1 of them, "
            "so the last one starts at t - n.",
        ),
        Misconception(
            lambda texts, n: 1 - _pooled(texts, n),
            "that is the share of repeated n-grams. Distinct-n is the share of different ones.",
        ),
    ],
    praise="Mind that it falls as the amount of text grows: compare equal amounts.",
)


def _means(values: Sequence[float], draws: Draws) -> list[float]:
    return [fmean(values[i] for i in draw) for draw in draws]


def _differences(a: Sequence[float], b: Sequence[float], draws: Draws) -> list[float]:
    return [x - y for x, y in zip(_means(a, draws), _means(b, draws), strict=True)]


def _middle(means: Sequence[float]) -> tuple[float, float]:
    cut = len(means) // 40
    return means[cut], means[-1 - cut]


def _one_short(means: Sequence[float]) -> tuple[float, float]:
    cut = len(means) // 40
    return means[cut], means[-cut]


def _interval(values: Sequence[float], draws: Draws) -> tuple[float, float]:
    return _middle(sorted(_means(values, draws)))


def _pairs(seed: int = 15) -> list[tuple[list[float], list[float], list[list[int]]]]:
    rng, probes = random.Random(seed), []
    for size, number in ((5, 40), (8, 40), (12, 80), (20, 120)):
        a = [round(rng.uniform(0, 10), 2) for _ in range(size)]
        b = [round(value + rng.uniform(-2, 1), 2) for value in a]
        probes.append((a, b, [rng.choices(range(size), k=size) for _ in range(number)]))
    return probes


_DIFFERENCE = Exercise(
    solution=lambda a, b, draws: _middle(sorted(_differences(a, b, draws))),
    probes=_pairs(),
    hidden=_pairs,
    misconceptions=[
        Misconception(
            lambda a, b, draws: (
                _interval(a, draws)[0] - _interval(b, draws)[1],
                _interval(a, draws)[1] - _interval(b, draws)[0],
            ),
            "you combine the two intervals as if they had nothing to do with each other. A draw "
            "that takes an easy prompt takes it for both: subtract within each draw, then sort.",
        ),
        Misconception(
            lambda a, b, draws: (
                _interval(a, draws)[0] - _interval(b, draws)[0],
                _interval(a, draws)[1] - _interval(b, draws)[1],
            ),
            "you subtract the ends of two intervals. Subtract the means of each draw instead, and "
            "take the interval of these differences.",
        ),
        Misconception(
            lambda a, b, draws: _middle(_differences(a, b, draws)),
            "sort the differences before you cut off the ends.",
        ),
        Misconception(
            lambda a, b, draws: (
                min(_differences(a, b, draws)),
                max(_differences(a, b, draws)),
            ),
            "that is the whole range of the differences, which grows with the number of draws. "
            "Leave out one in forty at each end.",
        ),
        Misconception(
            lambda a, b, draws: _one_short(sorted(_differences(a, b, draws))),
            "you leave out one too few at the upper end. The last of a list is number -1, so the "
            "one before the last c of them is number -1 - c.",
        ),
        Misconception(
            lambda a, b, draws: _middle(sorted(_differences(b, a, draws))),
            "that is the interval of b - a.",
        ),
        Misconception(
            lambda a, b, draws: (
                min(x - y for x, y in zip(a, b, strict=True)),
                max(x - y for x, y in zip(a, b, strict=True)),
            ),
            "that is the range of the single differences. The question is how far their mean "
            "could be off.",
        ),
    ],
    praise="Prompts that are hard for both cancel out, which separate intervals cannot show.",
)


def _between(points: Points, target: float) -> tuple[float, float, float]:
    """Return the values of the two points around the target, and how far along it is, in [0, 1]."""
    for (a, x), (b, y) in pairwise(points):
        if min(a, b) <= target <= max(a, b):
            return x, y, (target - a) / (b - a)
    raise ValueError(f"target must lie between the points, got {target}")


def _line(points: Points, target: float) -> float:
    left, right, share = _between(points, target)
    return left + share * (right - left)


def _backwards(points: Points, target: float) -> float:
    left, right, share = _between(points, target)
    return right + share * (left - right)


def _as_if_rising(points: Points, target: float) -> float:
    return float(np.interp(target, [x for x, _ in points], [y for _, y in points]))


def _curves(seed: int = 16) -> list[tuple[Points, float]]:
    rng = random.Random(seed)
    probes: list[tuple[Points, float]] = [
        ([(0.8, 1.0), (0.4, 3.0), (0.2, 4.0)], 0.7),
        ([(0.1, 5.0), (0.3, 2.0)], 0.25),
    ]
    for size in (3, 4, 5, 6):
        for falling in (False, True):
            xs = sorted((x / 1000 for x in rng.sample(range(1001), size)), reverse=falling)
            points = [(x, round(rng.uniform(1, 6), 2)) for x in xs]
            low, high = min(xs), max(xs)
            probes.append((points, low + rng.uniform(0.1, 0.9) * (high - low)))
    return probes


_AT_EQUAL = Exercise(
    solution=_line,
    probes=_curves(),
    hidden=_curves,
    misconceptions=[
        Misconception(
            lambda points, target: min(points, key=lambda point: abs(point[0] - target))[1],
            "you take the nearest point. It is not at the target yet: go along the line between "
            "the two points around it.",
        ),
        Misconception(
            lambda points, target: fmean(_between(points, target)[:2]),
            "you average the two neighbours. The nearer one should count for more.",
        ),
        Misconception(
            _backwards,
            "your weights are the wrong way round: close to a point, its own value should count "
            "for nearly all.",
        ),
        Misconception(
            lambda points, target: _line([points[0], points[-1]], target),
            "you draw one line from the first point to the last. Use the two points around the "
            "target.",
        ),
        Misconception(
            _as_if_rising,
            "np.interp expects rising diversities, and says nothing when they fall. Sort the "
            "points first, or look for the two around the target yourself.",
        ),
    ],
    praise="Two curves can now be compared where they are equally diverse.",
)
