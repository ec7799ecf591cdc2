"""Exercises of chapter 8: the nucleus."""

from __future__ import annotations

import random

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Probs = list[float]


def nucleus_size(attempt: Attempt) -> Verdict:
    """Check `nucleus_size(probs, p)`: how many tokens top-p keeps; probs in any order."""
    return _NUCLEUS_SIZE.check(attempt)


def top_p(attempt: Attempt) -> Verdict:
    """Check `top_p(probs, p)`: the probabilities with all but the nucleus 0, renormalised."""
    return _TOP_P.check(attempt)


def entry_point(attempt: Attempt) -> Verdict:
    """Check `entry_point(probs, i)`: the mass above which p must lie for token i to be kept."""
    return _ENTRY_POINT.check(attempt)


def _ranking(probs: Probs) -> list[int]:
    return sorted(range(len(probs)), key=lambda i: -probs[i])


def _nucleus(probs: Probs, p: float, keep_crossing: bool = True, strict: bool = False) -> list[int]:
    """Return the nucleus's indices, or the set that one of the misconceptions takes for it."""
    kept, mass = [], 0.0
    for i in _ranking(probs):
        reached = mass > p + 1e-9 if strict else mass >= p - 1e-9
        crosses = mass + probs[i] > p + 1e-9
        if reached or (crosses and not keep_crossing):
            break
        kept.append(i)
        mass += probs[i]
    return kept


def _unsorted(probs: Probs, p: float) -> list[int]:
    kept, mass = [], 0.0
    for i, q in enumerate(probs):
        if mass >= p - 1e-9:
            break
        kept.append(i)
        mass += q
    return kept


def _keeping(probs: Probs, kept: list[int], renormalise: bool = True) -> Probs:
    total = sum(probs[i] for i in kept) if renormalise else 1.0
    return [q / total if i in kept and total else 0.0 for i, q in enumerate(probs)]


def _random_probs(rng: random.Random, size: int) -> Probs:
    weights = [rng.expovariate(1) ** 2 for _ in range(size)]
    return [w / sum(weights) for w in weights]


def _probes(seed: int = 8) -> list[tuple[Probs, float]]:
    rng = random.Random(seed)
    hand_made = [
        ([0.5, 0.3, 0.2], 0.6),
        ([0.2, 0.5, 0.3], 0.6),  # not sorted
        ([0.5, 0.3, 0.2], 0.8),  # an exact hit
        ([0.9, 0.1], 0.5),  # one token is more than enough
        ([0.25, 0.25, 0.25, 0.25], 0.5),
        ([1.0], 0.3),
        ([0.1, 0.2, 0.3, 0.4], 1.0),
    ]
    drawn = [(_random_probs(rng, rng.randint(2, 12)), rng.uniform(0.05, 0.99)) for _ in range(30)]
    return hand_made + drawn


_CROSSING = (
    "the token that crosses p is missing. Without it the mass is below p; the nucleus is the "
    "smallest set whose mass is at least p, so that token belongs to it."
)
_EXACT = (
    "when the mass is exactly p, you add one more token. The set has reached p already, and the "
    "nucleus is the smallest that does."
)
_SORT = "you add up the tokens in the order given. Rank them by probability first."
_THRESHOLD = (
    "you compare each probability with p. It is the running total of the ranked probabilities that "
    "has to reach p."
)

_NUCLEUS_SIZE = Exercise(
    solution=lambda probs, p: len(_nucleus(probs, p)),
    probes=_probes(),
    hidden=_probes,
    misconceptions=[
        Misconception(lambda probs, p: len(_nucleus(probs, p, keep_crossing=False)), _CROSSING),
        Misconception(lambda probs, p: len(_nucleus(probs, p, strict=True)), _EXACT),
        Misconception(lambda probs, p: len(_unsorted(probs, p)), _SORT),
        Misconception(lambda probs, p: sum(q >= p for q in probs), _THRESHOLD),
    ],
    praise="The size follows the distribution: that is the idea of top-p.",
)

_TOP_P = Exercise(
    solution=lambda probs, p: _keeping(probs, _nucleus(probs, p)),
    probes=_probes(),
    hidden=_probes,
    misconceptions=[
        Misconception(
            lambda probs, p: _keeping(probs, _nucleus(probs, p), renormalise=False),
            "the survivors do not sum to 1. Divide them by their total.",
        ),
        Misconception(
            lambda probs, p: [
                q / sum(probs[i] for i in _nucleus(probs, p))
                for q in (probs[i] for i in _nucleus(probs, p))
            ],
            "you return the survivors alone, in ranked order. Keep one entry for each token, in "
            "the order given, with 0 for those removed.",
        ),
        Misconception(
            lambda probs, p: _keeping(probs, _nucleus(probs, p, keep_crossing=False)), _CROSSING
        ),
        Misconception(lambda probs, p: _keeping(probs, _nucleus(probs, p, strict=True)), _EXACT),
        Misconception(lambda probs, p: _keeping(probs, _unsorted(probs, p)), _SORT),
    ],
    praise="It keeps the smallest sufficient set, in place, and renormalises.",
)


def _mass_before(probs: Probs, i: int) -> float:
    ranking = _ranking(probs)
    return sum(probs[j] for j in ranking[: ranking.index(i)])


def _tokens(seed: int = 8) -> list[tuple[Probs, int]]:
    return [(probs, i) for probs, _ in _probes(seed) for i in (0, len(probs) - 1)]


_ENTRY_POINT = Exercise(
    solution=_mass_before,
    probes=_tokens(),
    hidden=_tokens,
    misconceptions=[
        Misconception(
            lambda probs, i: _mass_before(probs, i) + probs[i],
            "you include the token's own probability. It enters as soon as the tokens before it do "
            "not reach p.",
        ),
        Misconception(
            lambda probs, i: 1 - _mass_before(probs, i),
            "that is the mass from the token on. The tokens ranked before it decide.",
        ),
        Misconception(
            lambda probs, i: 1 - _mass_before(probs, i) - probs[i],
            "that is the mass of the tokens ranked after it. Those ranked before it decide.",
        ),
        Misconception(
            lambda probs, i: sum(probs[:i]),
            "you add up the tokens in the order given. Rank them by probability first.",
        ),
    ],
    praise="A token is kept for every p above that mass, and for no p up to it.",
)
