"""Exercises of chapter 17: speculative sampling's two formulas, and Mirostat's bound."""

from __future__ import annotations

import math
import random

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Probs = list[float]


def acceptance_rate(attempt: Attempt) -> Verdict:
    """Check `acceptance_rate(p, q)`: the probability that a draw from q is accepted by p."""
    return _ACCEPTANCE_RATE.check(attempt)


def after_rejection(attempt: Attempt) -> Verdict:
    """Check `after_rejection(p, q)`: the distribution that replaces a rejected proposal."""
    return _AFTER_REJECTION.check(attempt)


def mirostat_bound(attempt: Attempt) -> Verdict:
    """Check `mirostat_bound(probs, tau, eta)`: Mirostat's mu after these tokens."""
    return _MIROSTAT_BOUND.check(attempt)


def _normalised(weights: Probs) -> Probs:
    return [w / sum(weights) for w in weights]


def _pairs(seed: int = 17) -> list[tuple[Probs, Probs]]:
    rng = random.Random(seed)
    hand_made = [([0.5, 0.3, 0.2], [0.2, 0.2, 0.6]), ([0.9, 0.1], [0.5, 0.5])]
    drawn = []
    for _ in range(20):
        size = rng.randint(2, 8)
        drawn.append(
            tuple(_normalised([rng.expovariate(1) + 0.01 for _ in range(size)]) for _ in "pq")
        )
    return [*hand_made, *((p, q) for p, q in drawn)]


def _gains(p: Probs, q: Probs) -> Probs:
    return [max(0.0, a - b) for a, b in zip(p, q, strict=True)]


def _shared(p: Probs, q: Probs) -> float:
    return sum(map(min, p, q))


_ALIKE = ([0.25, 0.75], [0.25, 0.75])

_ACCEPTANCE_RATE = Exercise(
    solution=_shared,
    probes=[*_pairs(), _ALIKE],
    hidden=lambda seed: [*_pairs(seed), _ALIKE],
    misconceptions=[
        Misconception(
            lambda p, q: sum(min(1, a / b) for a, b in zip(p, q, strict=True)) / len(p),
            "you average over the tokens as if each were proposed equally often. The draft "
            "proposes token v with probability q_v.",
        ),
        Misconception(
            lambda p, q: sum(a * min(1, a / b) for a, b in zip(p, q, strict=True)),
            "you weight with p. The proposals come from the draft, with probabilities q.",
        ),
        Misconception(
            lambda p, q: sum(_gains(p, q)),
            "that is the probability of a rejection.",
        ),
        Misconception(
            lambda p, q: sum(a * b for a, b in zip(p, q, strict=True)),
            "that is the probability that two independent draws agree. A proposal can be accepted "
            "without the model drawing the same token itself.",
        ),
        Misconception(
            lambda p, q: 1 - sum(abs(a - b) for a, b in zip(p, q, strict=True)),
            "each difference counts twice there: once where p is larger, once where q is. Take "
            "half of the sum.",
        ),
    ],
    praise="It is the mass that the two distributions share.",
)

_AFTER_REJECTION = Exercise(
    solution=lambda p, q: _normalised(_gains(p, q)),
    probes=_pairs(),
    hidden=_pairs,
    misconceptions=[
        Misconception(
            _gains,
            "the probabilities do not sum to 1. Divide them by their sum.",
        ),
        Misconception(
            lambda p, q: p,
            "with p itself, the tokens that the draft likes come too often: they had their chance "
            "in the proposal.",
        ),
        Misconception(
            lambda p, q: _normalised(_gains(q, p)),
            "the other way round: what is missing are the tokens that p likes more than q.",
        ),
        Misconception(
            lambda p, q: _normalised([abs(a - b) for a, b in zip(p, q, strict=True)]),
            "where q is larger than p nothing is missing: take 0 there, not the absolute value.",
        ),
        Misconception(
            lambda p, q: [a - b for a, b in zip(p, q, strict=True)],
            "some of these are negative, and no probability is. Only what p has more counts.",
        ),
    ],
    praise="It makes up for exactly what acceptance leaves missing.",
)


def _bound(probs: Probs, tau: float, eta: float, start: float = 2.0, sign: float = -1.0) -> float:
    mu = start * tau
    for p in probs:
        mu += sign * eta * (-math.log2(p) - tau)
    return mu


def _texts(seed: int = 171) -> list[tuple[Probs, float, float]]:
    rng = random.Random(seed)
    drawn = [
        (
            [rng.uniform(0.01, 1) for _ in range(rng.randint(1, 8))],
            rng.uniform(2, 6),
            rng.uniform(0.05, 1),
        )
        for _ in range(15)
    ]
    return [([0.5, 0.25], 3.0, 0.1), ([], 4.0, 0.1), *drawn]


_MIROSTAT_BOUND = Exercise(
    solution=_bound,
    probes=_texts(),
    hidden=_texts,
    misconceptions=[
        Misconception(
            lambda probs, tau, eta: _bound(probs, tau, eta, sign=1.0),
            "yours runs away from the target: after a surprise above tau the bound has to fall.",
        ),
        Misconception(
            lambda probs, tau, eta: 2 * tau - eta * sum(-math.log(p) - tau for p in probs),
            "you measure surprisal in nats. Mirostat's tau is in bits: use log2.",
        ),
        Misconception(
            lambda probs, tau, eta: _bound(probs, tau, eta, start=1.0),
            "you start at tau. The bound starts at 2 tau.",
        ),
        Misconception(
            lambda probs, tau, eta: 2 * tau - eta * sum(-math.log2(p) for p in probs),
            "you subtract the whole surprisal. Only what it differs from tau is corrected.",
        ),
        Misconception(
            lambda probs, tau, eta: _bound(probs, tau, 1.0),
            "you correct the whole difference at once. Only the share eta of it.",
        ),
    ],
    praise="Above the target the bound falls, below it rises.",
)
