"""Exercises of chapter 16: what a step reads, and how much of a vocabulary has to be ranked."""

from __future__ import annotations

import random

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Probs = list[float]


def cache_bytes(attempt: Attempt) -> Verdict:
    """Check `cache_bytes(layers, width, tokens, rows, itemsize)`: the size of a KV cache."""
    return _CACHE_BYTES.check(attempt)


def least_ms_per_token(attempt: Attempt) -> Verdict:
    """Check `least_ms_per_token(weights, cache, rows, bandwidth)`: the limit set by reading.

    `weights` are the bytes of all weights, `cache` those of one row's cache, `bandwidth` is in
    bytes per second; the answer is in milliseconds for each token, over all rows.
    """
    return _LEAST_MS.check(attempt)


def nucleus_in_head(attempt: Attempt) -> Verdict:
    """Check `nucleus_in_head(probs, p, k)`: the nucleus's size from the k largest, or 0."""
    return _NUCLEUS_IN_HEAD.check(attempt)


_SHAPES = [(12, 768, 1024, 1, 4), (12, 768, 100, 16, 2), (6, 256, 512, 64, 4), (1, 8, 1, 1, 8)]


def _shapes(seed: int) -> list[tuple[int, int, int, int, int]]:
    rng = random.Random(seed)

    def size(most: int) -> int:
        return rng.randint(2, most)

    return [(size(48), size(2000), size(4000), size(99), rng.choice([2, 4])) for _ in range(8)]


_CACHE_BYTES = Exercise(
    solution=lambda layers, width, tokens, rows, itemsize: (
        2 * layers * width * tokens * rows * itemsize
    ),
    probes=_SHAPES,
    hidden=_shapes,
    misconceptions=[
        Misconception(
            lambda layers, width, tokens, rows, itemsize: layers * width * tokens * rows * itemsize,
            "you store one vector for each position and layer. There are two, a key and a value.",
        ),
        Misconception(
            lambda layers, width, tokens, rows, itemsize: 2 * layers * width * tokens * rows,
            "that is how many numbers there are. Each takes `itemsize` bytes.",
        ),
        Misconception(
            lambda layers, width, tokens, rows, itemsize: 2 * layers * width * tokens * itemsize,
            "that is one row's cache. Every row of the batch has its own.",
        ),
        Misconception(
            lambda layers, width, tokens, rows, itemsize: 2 * width * tokens * rows * itemsize,
            "that is one layer's share. Every layer has keys and values of its own.",
        ),
        Misconception(
            lambda layers, width, tokens, rows, itemsize: (
                2 * layers * width * tokens**2 * rows * itemsize
            ),
            "you count pairs. The cache holds one key and one value for each position. "
            "It is the comparisons that grow with the pairs.",
        ),
    ],
    praise="It grows with the rows and with the length; the weights grow with neither.",
)

_LOADS = [
    (498e6, 3e6, 1, 50e9),
    (498e6, 3e6, 16, 50e9),
    (249e6, 1.5e6, 64, 20e9),
    (28e6, 40e6, 10, 100e9),
]


def _loads(seed: int) -> list[tuple[float, float, int, float]]:
    rng = random.Random(seed)
    return [
        (rng.uniform(1e7, 1e10), rng.uniform(1e6, 1e8), rng.randint(2, 99), rng.uniform(1e10, 1e12))
        for _ in range(8)
    ]


_LEAST_MS = Exercise(
    solution=lambda weights, cache, rows, bandwidth: (
        1e3 * (weights + rows * cache) / bandwidth / rows
    ),
    probes=_LOADS,
    hidden=_loads,
    misconceptions=[
        Misconception(
            lambda weights, cache, rows, bandwidth: 1e3 * (weights + rows * cache) / bandwidth,
            "that is the time of a whole step, which each reader waits. A step makes one token for "
            "every row: share its time among them.",
        ),
        Misconception(
            lambda weights, cache, rows, bandwidth: 1e3 * (weights + cache) / bandwidth,
            "you read the weights anew for every row. In a batch all rows share one reading of "
            "the weights; each row only adds its own cache.",
        ),
        Misconception(
            lambda weights, cache, rows, bandwidth: 1e3 * (weights + cache) / bandwidth / rows,
            "the rows share the weights but not the cache: each has its own to read.",
        ),
        Misconception(
            lambda weights, cache, rows, bandwidth: 1e3 * weights / bandwidth / rows,
            "the caches are missing. Attention reads the keys and values of every row.",
        ),
        Misconception(
            lambda weights, cache, rows, bandwidth: (weights + rows * cache) / bandwidth / rows,
            "that is in seconds. The answer should be in milliseconds.",
        ),
    ],
    praise="The weights are shared by all rows: that is why batches pay.",
)


def _in_head(probs: Probs, p: float, k: int) -> int:
    mass = 0.0
    for count, q in enumerate(sorted(probs, reverse=True)[:k], start=1):
        mass += q
        if mass >= p - 1e-9:
            return count
    return 0


def _rescaled(probs: Probs, p: float, k: int) -> int:
    head = sorted(probs, reverse=True)[:k]
    return _in_head([q / sum(head) for q in head], p, k)


def _in_first(probs: Probs, p: float, k: int) -> int:
    return _in_head(probs[:k], p, k)


def _never_zero(probs: Probs, p: float, k: int) -> int:
    return _in_head(probs, p, k) or k


def _without_crossing(probs: Probs, p: float, k: int) -> int:
    return max(_in_head(probs, p, k) - 1, 0)


def _rows(seed: int = 16) -> list[tuple[Probs, float, int]]:
    rng = random.Random(seed)
    found: list[tuple[Probs, float, int]] = [
        ([0.5, 0.3, 0.2], 0.8, 2),  # an exact hit at the very end of the head
        ([0.2, 0.5, 0.3], 0.6, 2),  # not sorted
        ([0.25, 0.25, 0.25, 0.25], 0.9, 2),  # too flat for the head
        ([0.9, 0.1], 0.5, 1),
    ]
    for _ in range(30):
        weights = [rng.expovariate(1) ** 2 for _ in range(rng.randint(4, 12))]
        probs = [w / sum(weights) for w in weights]
        found.append((probs, rng.uniform(0.3, 0.95), rng.randint(1, len(probs) - 1)))
    return found


_NUCLEUS_IN_HEAD = Exercise(
    solution=_in_head,
    probes=_rows(),
    hidden=_rows,
    misconceptions=[
        Misconception(
            _rescaled,
            "you rescale the head to sum to 1 first. Then it always seems to be enough: the mass "
            "has to be that of the whole distribution.",
        ),
        Misconception(
            _in_first,
            "you take the first k tokens as they stand. The head holds the k most probable.",
        ),
        Misconception(
            _never_zero,
            "where the head's mass does not reach p you answer k. The nucleus is larger than the "
            "head then, and you cannot know by how much: return 0.",
        ),
        Misconception(
            _without_crossing,
            "the token that brings the mass to p is missing: it belongs to the nucleus.",
        ),
    ],
    praise="It is exact where it answers, and says so where it cannot: a fast path needs both.",
)
