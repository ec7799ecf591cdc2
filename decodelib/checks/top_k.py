"""Exercises of chapter 7: the k most probable tokens."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import accumulate

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Probs = list[float]


def top_k_probs(attempt: Attempt) -> Verdict:
    """Check `top_k_probs(probs, k)`: the k most probable renormalised, all others 0, in place."""
    return _TOP_K_PROBS.check(attempt)


def mass_kept(attempt: Attempt) -> Verdict:
    """Check `mass_kept(probs, k)`: the share of the mass that top-k keeps; probs in any order."""
    return _MASS_KEPT.check(attempt)


def smallest_k(attempt: Attempt) -> Verdict:
    """Check `smallest_k(rows, p)`: the least k that keeps a mass of p or more in every row."""
    return _SMALLEST_K.check(attempt)


def _ranking(probs: Probs) -> list[int]:
    return sorted(range(len(probs)), key=lambda i: -probs[i])


def _kth(probs: Probs, k: int) -> float:
    return sorted(probs, reverse=True)[min(k, len(probs)) - 1]


def _keeping(probs: Probs, kept: Iterable[int]) -> Probs:
    chosen = set(kept)
    total = sum(probs[i] for i in chosen)
    return [q / total if i in chosen and total else 0.0 for i, q in enumerate(probs)]


def _at_least(probs: Probs, k: int) -> list[int]:
    return [i for i, q in enumerate(probs) if q >= _kth(probs, k)]


def _above(probs: Probs, k: int) -> list[int]:
    return [i for i, q in enumerate(probs) if q > _kth(probs, k)]


def _higher_ids_first(probs: Probs, k: int) -> list[int]:
    return sorted(range(len(probs)), key=lambda i: (-probs[i], -i))[:k]


def _random_probs(rng: random.Random, size: int) -> Probs:
    weights = [rng.expovariate(1) ** 2 for _ in range(size)]
    return [w / sum(weights) for w in weights]


def _probes(seed: int = 7) -> list[tuple[Probs, int]]:
    rng = random.Random(seed)
    hand_made = [
        ([0.5, 0.3, 0.2], 2),
        ([0.2, 0.5, 0.3], 2),  # not sorted
        ([0.125, 0.5, 0.125, 0.25], 3),  # a tie at the boundary
        ([0.25, 0.25, 0.25, 0.25], 2),
        ([0.1, 0.6, 0.3], 1),
        ([0.3, 0.1, 0.6], 5),  # more than there are
        ([1.0], 1),
    ]
    drawn = [(_random_probs(rng, rng.randint(3, 12)), rng.randint(1, 12)) for _ in range(30)]
    return hand_made + drawn


_AS_GIVEN = "you take the first k tokens in the order given. Rank them by probability first."
_SMALLEST = "you keep the k least probable tokens. Sort from the largest down."
_ALL_TIES = (
    "you keep every token that ties with the k-th, so more than k. Exactly k stay: of equals at "
    "the boundary, those that come first."
)

_TOP_K_PROBS = Exercise(
    solution=lambda probs, k: _keeping(probs, _ranking(probs)[:k]),
    probes=_probes(),
    hidden=_probes,
    misconceptions=[
        Misconception(
            lambda probs, k: [q if i in _ranking(probs)[:k] else 0.0 for i, q in enumerate(probs)],
            "the survivors do not sum to 1. Divide them by their total.",
        ),
        Misconception(
            lambda probs, k: sorted(_keeping(probs, _ranking(probs)[:k]), reverse=True)[:k],
            "you return the survivors alone, in ranked order. Keep one entry for each token, in "
            "the order given, with 0 for those removed.",
        ),
        Misconception(
            lambda probs, k: sorted(_keeping(probs, _ranking(probs)[:k]), reverse=True),
            "the probabilities are right but in ranked order, so they belong to other tokens now. "
            "Keep the order given.",
        ),
        Misconception(lambda probs, k: _keeping(probs, _at_least(probs, k)), _ALL_TIES),
        Misconception(
            lambda probs, k: _keeping(probs, _above(probs, k)),
            "the k-th token is missing. You keep what is larger than it; it belongs to the k.",
        ),
        Misconception(
            lambda probs, k: _keeping(probs, _higher_ids_first(probs, k)),
            "of tokens that tie at the boundary you keep the later ones. Keep those that come "
            "first.",
        ),
        Misconception(
            lambda probs, k: _keeping(probs, sorted(range(len(probs)), key=probs.__getitem__)[:k]),
            _SMALLEST,
        ),
        Misconception(lambda probs, k: _keeping(probs, range(min(k, len(probs)))), _AS_GIVEN),
    ],
    praise="Exactly k stay, in place, and sum to 1.",
)

_MASS_KEPT = Exercise(
    solution=lambda probs, k: sum(sorted(probs, reverse=True)[:k]),
    probes=_probes(),
    hidden=_probes,
    misconceptions=[
        Misconception(lambda probs, k: sum(probs[:k]), _AS_GIVEN),
        Misconception(lambda probs, k: sum(sorted(probs)[:k]), _SMALLEST),
        Misconception(
            lambda probs, k: 1 - sum(sorted(probs, reverse=True)[:k]),
            "that is the mass that is cut. The mass kept is the rest.",
        ),
        Misconception(
            lambda probs, k: min(1.0, k / len(probs)),
            "that is the share of the tokens. Add up their probabilities.",
        ),
        Misconception(
            lambda probs, k: 1.0,
            "after renormalising, the survivors always have the mass 1. Add up what the model "
            "gave them before.",
        ),
        Misconception(lambda probs, k: sum(probs[i] for i in _at_least(probs, k)), _ALL_TIES),
        Misconception(_kth, "that is the probability of the k-th token alone. Add up the first k."),
    ],
    praise="The survivors rise by one over it.",
)


def _size(probs: Probs, p: float, *, crossing: int = 1, strict: bool = False) -> int:
    """Return how many tokens of the list, in its order, it takes to reach p."""
    totals = accumulate(probs)
    short = sum(total <= p + 1e-9 if strict else total < p - 1e-9 for total in totals)
    return min(short + crossing, len(probs))


def _ranked_size(probs: Probs, p: float) -> int:
    return _size(sorted(probs, reverse=True), p)


def _row_probes(seed: int = 77) -> list[tuple[list[Probs], float]]:
    rng = random.Random(seed)
    # Exact hits are sums of powers of two, so that no rounding decides them.
    hand_made = [
        ([[0.5, 0.25, 0.25]], 0.75),
        ([[0.25, 0.25, 0.5], [0.125, 0.75, 0.125]], 0.75),
        ([[0.25, 0.25, 0.25, 0.25], [0.0, 1.0, 0.0, 0.0]], 0.5),
        ([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]], 0.6),
    ]
    drawn = []
    for _ in range(30):
        size = rng.randint(4, 12)
        rows = [_random_probs(rng, size) for _ in range(rng.randint(2, 4))]
        drawn.append((rows, rng.uniform(0.4, 0.95)))
    return hand_made + drawn


_SMALLEST_K = Exercise(
    solution=lambda rows, p: max(_ranked_size(row, p) for row in rows),
    probes=_row_probes(),
    hidden=_row_probes,
    misconceptions=[
        Misconception(
            lambda rows, p: min(_ranked_size(row, p) for row in rows),
            "that k is enough for one row. It has to be enough for every row, so for the one that "
            "needs most.",
        ),
        Misconception(
            lambda rows, p: sum(_ranked_size(row, p) for row in rows) / len(rows),
            "you average over the rows. The row that needs more than the average would keep less "
            "than p.",
        ),
        Misconception(
            lambda rows, p: _ranked_size([sum(q) / len(rows) for q in zip(*rows, strict=True)], p),
            "you mix the rows into one distribution first. Each row is ranked on its own: the k "
            "most probable tokens differ from row to row.",
        ),
        Misconception(
            lambda rows, p: max(
                _size(sorted(row, reverse=True), p, crossing=0, strict=True) for row in rows
            ),
            "the token that crosses p is missing. Without it the mass is below p.",
        ),
        Misconception(
            lambda rows, p: max(_size(sorted(row, reverse=True), p, strict=True) for row in rows),
            "when the mass is exactly p, you add one more token. It has reached p already.",
        ),
        Misconception(
            lambda rows, p: max(_size(row, p) for row in rows),
            "you add up the tokens in the order given. Rank each row by probability first.",
        ),
    ],
    praise="It serves the flattest row; the others keep more than p.",
)
