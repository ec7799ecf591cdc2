"""Exercises of chapter 10: entropy, varentropy and typical tokens."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Probs = list[float]


def entropy_of(attempt: Attempt) -> Verdict:
    """Check `entropy_of(probs)`: the entropy in nats; some of the probabilities may be 0."""
    return _ENTROPY.check(attempt)


def varentropy_of(attempt: Attempt) -> Verdict:
    """Check `varentropy_of(probs)`: the varentropy in square nats; some of the probs may be 0."""
    return _VARENTROPY.check(attempt)


def typical_mask(attempt: Attempt) -> Verdict:
    """Check `typical_mask(probs, tau)`: for each token, whether typical sampling keeps it."""
    return _TYPICAL.check(attempt)


def _surprisals(probs: Probs) -> list[float]:
    return [-math.log(q) if q > 0 else 0.0 for q in probs]


def _mean(weights: Sequence[float], values: Sequence[float]) -> float:
    return math.fsum(w * x for w, x in zip(weights, values, strict=True))


def _entropy(probs: Probs) -> float:
    return _mean(probs, _surprisals(probs))


def _drawn(seed: int, count: int, zeros: bool) -> list[Probs]:
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        weights = [rng.expovariate(1) ** 2 for _ in range(rng.randint(3, 9))]
        if zeros:
            weights[rng.randrange(len(weights))] = 0.0
        rows.append([w / sum(weights) for w in weights])
    return rows


def _rows(seed: int = 10) -> list[tuple[Probs]]:
    hand_made = [
        [0.5, 0.25, 0.125, 0.125],
        [0.25, 0.25, 0.25, 0.25],
        [1.0],
        [0.0, 1.0],
        [0.9, 0.1],
    ]
    drawn = _drawn(seed, 15, zeros=False) + _drawn(seed + 1, 15, zeros=True)
    return [(probs,) for probs in hand_made + drawn]


_ENTROPY = Exercise(
    solution=_entropy,
    probes=_rows(),
    hidden=_rows,
    misconceptions=[
        Misconception(
            lambda probs: _entropy(probs) / math.log(2),
            "you use base-2 logarithms, which gives bits. Nats take the natural logarithm, "
            "math.log.",
        ),
        Misconception(
            lambda probs: _entropy(probs) / math.log(10),
            "you use base-10 logarithms. Nats take the natural logarithm, math.log.",
        ),
        Misconception(
            lambda probs: -_entropy(probs),
            "the sign is missing: the logarithm of a probability is negative, surprisal is not.",
        ),
        Misconception(
            lambda probs: sum(_surprisals(probs)),
            "you add up the surprisals. Each counts as often as its token comes: weight it with "
            "its probability.",
        ),
        Misconception(
            lambda probs: sum(_surprisals(probs)) / len(probs),
            "you average over the tokens as if they came equally often. Weight each surprisal "
            "with its probability instead of dividing by their number.",
        ),
        Misconception(
            lambda probs: math.exp(_entropy(probs)),
            "that is the exponential of the entropy, the perplexity. Leave out the exponential.",
        ),
        Misconception(
            lambda probs: _entropy(probs) / math.log(len(probs)) if len(probs) > 1 else 0.0,
            "you divide by the largest entropy possible. That is a share between 0 and 1; the "
            "entropy itself is asked for.",
        ),
    ],
    praise="The surprisal to expect.",
)


def _moment(
    misses: Callable[[Probs], list[float]], weighted: bool = True
) -> Callable[[Probs], float]:
    """Return the attempt that averages the squares of these."""

    def attempt(probs: Probs) -> float:
        weights = probs if weighted else [1 / len(probs)] * len(probs)
        return _mean(weights, [x**2 for x in misses(probs)])

    return attempt


def _from_entropy(probs: Probs) -> list[float]:
    H = _entropy(probs)
    return [x - H for x in _surprisals(probs)]


def _from_plain_mean(probs: Probs) -> list[float]:
    surprisals = _surprisals(probs)
    mean = sum(surprisals) / len(surprisals)
    return [x - mean for x in surprisals]


_varentropy = _moment(_from_entropy)


def _variance_of_probs(probs: Probs) -> float:
    return sum((q - 1 / len(probs)) ** 2 for q in probs) / len(probs)


_VARENTROPY = Exercise(
    solution=_varentropy,
    probes=_rows(),
    hidden=_rows,
    misconceptions=[
        Misconception(
            lambda probs: math.sqrt(_varentropy(probs)),
            "that is the standard deviation, in nats. The varentropy is its square.",
        ),
        Misconception(
            _moment(_surprisals),
            "you average the squared surprisals. Subtract the entropy from each before you square.",
        ),
        Misconception(
            _variance_of_probs,
            "that is the variance of the probabilities. It is the surprisals, -ln p, whose "
            "variance is asked for.",
        ),
        Misconception(
            _moment(_from_entropy, weighted=False),
            "your squares are averaged as if all tokens came equally often. Weight each with its "
            "probability.",
        ),
        Misconception(
            _moment(_from_plain_mean, weighted=False),
            "you take the variance of the list of surprisals. Tokens do not come equally often: "
            "both averages, the mean and that of the squares, need the probabilities as weights.",
        ),
        Misconception(
            lambda probs: _mean(probs, [abs(x) for x in _from_entropy(probs)]),
            "you average the distances from the entropy. A variance averages their squares.",
        ),
        Misconception(
            lambda probs: _varentropy(probs) / math.log(2) ** 2,
            "you use base-2 logarithms, which gives square bits. Take math.log.",
        ),
        Misconception(
            lambda probs: _mean(probs, _from_entropy(probs)),
            "the misses cancel out: their average is always 0. Square each before you average.",
        ),
    ],
    praise="How far the surprisal is likely to miss the entropy, squared.",
)


def _masking(distance: Callable[[Probs], list[float]], crossing: bool = True) -> Attempt:
    """Return the attempt that keeps the tokens of smallest distance until they have the mass."""

    def attempt(probs: Probs, tau: float) -> list[bool]:
        away = distance(probs)
        mask, mass = [False] * len(probs), 0.0
        for i in sorted(range(len(probs)), key=lambda i: away[i]):
            if mass >= tau - 1e-9 or (not crossing and mass + probs[i] > tau + 1e-9):
                break
            mask[i] = True
            mass += probs[i]
        return mask

    return attempt


def _typical_distance(probs: Probs) -> list[float]:
    return [abs(x) for x in _from_entropy(probs)]


_typical = _masking(_typical_distance)


def _masses(seed: int = 12) -> list[tuple[Probs, float]]:
    hand_made = [
        [0.4, 0.2, 0.12, 0.1, 0.08, 0.05, 0.03, 0.02],
        [0.05, 0.9, 0.05 - 1e-3, 1e-3],
    ]
    rows = hand_made + _drawn(seed, 12, zeros=False)
    return [(probs, tau) for probs in rows for tau in (0.05, 0.2, 0.32, 0.5, 0.9)]


_TYPICAL = Exercise(
    solution=_typical,
    probes=_masses(),
    hidden=_masses,
    misconceptions=[
        Misconception(
            _masking(_typical_distance, crossing=False),
            "the token that crosses tau is missing. It is kept, as in top-p: without it the mass "
            "falls short.",
        ),
        Misconception(
            _masking(lambda probs: [-q for q in probs]),
            "you rank by probability: that is top-p. Rank by how far the surprisal is from the "
            "entropy, on either side: with a sign, the difference ranks as the probability does.",
        ),
        Misconception(
            _masking(lambda probs: [-x for x in _typical_distance(probs)]),
            "you begin with the tokens farthest from the entropy. The nearest come first.",
        ),
        Misconception(
            _masking(lambda probs: [abs(q - math.exp(-_entropy(probs))) for q in probs]),
            "you compare probabilities with exp(-H). Compare surprisals with H: a distance of "
            "logarithms.",
        ),
        Misconception(
            _masking(lambda probs: [abs(q - _entropy(probs)) for q in probs]),
            "you compare the probability with the entropy. It is the surprisal, -ln p, that is "
            "near it or far from it.",
        ),
        Misconception(
            lambda probs, tau: [x < tau for x in _typical_distance(probs)],
            "you compare the distance with tau. Tau is a mass: add up the probabilities of the "
            "nearest tokens.",
        ),
        Misconception(
            lambda probs, tau: [not keep for keep in _typical(probs, tau)],
            "you mark the tokens that are removed. True is for those that are kept.",
        ),
    ],
    praise="As surprising as expected, and no sooner the most probable.",
)
