"""Exercises of chapter 12: a chain of two kinds of steps, min-p moved, and a penalty."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Probs: TypeAlias = list[float]
Steps: TypeAlias = Sequence[tuple[str, float]]
Apply: TypeAlias = Mapping[str, Callable[[Probs, float], Probs]]


def run_chain(attempt: Attempt) -> Verdict:
    """Check `run_chain(steps, probs)`: temperature and min-p steps in the order given."""
    return _RUN_CHAIN.check(attempt)


def min_p_before(attempt: Attempt) -> Verdict:
    """Check `min_p_before(m, T)`: the min-p that does before T what m does after it."""
    return _MIN_P_BEFORE.check(attempt)


def penalise(attempt: Attempt) -> Verdict:
    """Check `penalise(logits, seen, r)`: logits after the repetition penalty."""
    return _PENALISE.check(attempt)


def _normalised(probs: Sequence[float]) -> Probs:
    total = sum(probs)
    return [p / total for p in probs]


def _temperature(probs: Probs, T: float) -> Probs:
    return _normalised([p ** (1 / T) for p in probs])


def _min_p(probs: Probs, m: float) -> Probs:
    bound = m * max(probs) * (1 - 1e-9)
    return _normalised([p if p >= bound else 0.0 for p in probs])


def _above(probs: Probs, m: float) -> Probs:
    """Return what is left if min-p is taken for a bound on the probability itself."""
    left = [p if p >= m else 0.0 for p in probs]
    return _normalised(left) if any(left) else left


_APPLY: Apply = {"temperature": _temperature, "min_p": _min_p}
_WITH_BOUND: Apply = {"temperature": _temperature, "min_p": _above}
_UPSIDE_DOWN: Apply = {
    "temperature": lambda probs, T: _normalised([p**T for p in probs]),
    "min_p": _min_p,
}
_SOFTMAX_OF_PROBS: Apply = {
    "temperature": lambda probs, T: _normalised([math.exp(p / T) for p in probs]),
    "min_p": _min_p,
}


def _run(steps: Steps, probs: Probs, apply: Apply = _APPLY) -> Probs:
    for name, value in steps:
        probs = apply[name](probs, value)
    return probs


def _sets_of_the_original(steps: Steps, probs: Probs) -> Probs:
    """Return what is left if every min-p looks at the probabilities from before the chain."""
    result = _run([step for step in steps if step[0] == "temperature"], probs)
    for name, value in steps:
        if name == "min_p":
            result = [
                q if p > 0 else 0.0 for p, q in zip(_min_p(probs, value), result, strict=True)
            ]
    return _normalised(result)


def _last_not_normalised(steps: Steps, probs: Probs) -> Probs:
    for name, value in steps:
        if name == "temperature":
            probs = [p ** (1 / value) for p in probs]
        else:
            bound = value * max(probs) * (1 - 1e-9)
            probs = [p if p >= bound else 0.0 for p in probs]
    return probs


def _probs_divided(steps: Steps, probs: Probs, normalised_after: Collection[str]) -> Probs:
    """Return what is left if T divides the probabilities, and not the logits."""
    for name, value in steps:
        if name == "temperature":
            probs = [p / value for p in probs]
        else:
            bound = value * max(probs) * (1 - 1e-9)
            probs = [p if p >= bound else 0.0 for p in probs]
        if name in normalised_after:
            probs = _normalised(probs)
    return probs


def _chains(seed: int = 12) -> list[tuple[Steps, Probs]]:
    rng = random.Random(seed)
    toy = [0.4, 0.2, 0.12, 0.1, 0.08, 0.05, 0.03, 0.02]
    hand_made: list[tuple[Steps, Probs]] = [
        ([("temperature", 2.0), ("min_p", 0.3)], toy),
        ([("min_p", 0.3), ("temperature", 2.0)], toy),
        ([("min_p", 0.1)], toy[::-1]),
        ([("temperature", 0.5), ("min_p", 0.1), ("temperature", 2.0), ("min_p", 0.4)], toy),
        ([], [0.25, 0.75]),
    ]
    drawn = []
    for _ in range(20):
        probs = _normalised([rng.expovariate(1) ** 2 + 0.01 for _ in range(rng.randint(3, 9))])
        steps: list[tuple[str, float]] = [
            ("temperature", rng.choice([0.5, 0.7, 1.5, 3.0])),
            ("min_p", rng.choice([0.03, 0.07, 0.2])),
        ]
        drawn.append((rng.sample(steps, 2), probs))
    return [*hand_made, *drawn]


_RUN_CHAIN = Exercise(
    solution=_run,
    probes=_chains(),
    hidden=_chains,
    misconceptions=[
        Misconception(
            lambda steps, probs: _run(sorted(steps, reverse=True), probs),
            "you always apply the temperature first. Go through `steps` in the order given.",
        ),
        Misconception(
            lambda steps, probs: _run(steps[::-1], probs),
            "you apply the last step first. In a chain the first one sees the model's "
            "probabilities, and the next one what it left.",
        ),
        Misconception(
            _sets_of_the_original,
            "your min-p looks at the probabilities from before the chain. It has to compare those "
            "that the steps before it have left.",
        ),
        Misconception(
            _last_not_normalised,
            "the probabilities do not sum to 1. Divide them by their sum after the last step.",
        ),
        Misconception(
            lambda steps, probs: _run(steps, probs, _WITH_BOUND),
            "you compare the probabilities with min-p itself. The bound is that fraction of the "
            "largest one.",
        ),
        Misconception(
            lambda steps, probs: _run(steps, probs, _UPSIDE_DOWN),
            "your temperature works the wrong way round: T divides logits, so probabilities are "
            "raised to the power 1/T.",
        ),
        *[
            Misconception(
                lambda steps, probs, after=after: _probs_divided(steps, probs, after),
                "you divide the probabilities by T, and normalising takes that back. It is the "
                "logits that T divides: raise the probabilities to the power 1/T.",
            )
            for after in (["temperature", "min_p"], ["min_p"], [])
        ],
        Misconception(
            lambda steps, probs: _run(steps, probs, _SOFTMAX_OF_PROBS),
            "you put probabilities into softmax, which expects logits. The logarithm of a "
            "probability is a logit.",
        ),
    ],
    praise="Each step sees what the one before has left.",
)


def _bounds(seed: int) -> list[tuple[float, float]]:
    rng = random.Random(seed)
    return [(rng.uniform(0.02, 0.5), rng.uniform(0.5, 3)) for _ in range(20)]


_MIN_P_BEFORE = Exercise(
    solution=lambda m, T: m**T,
    probes=[(m, T) for m in (0.02, 0.05, 0.1, 0.5) for T in (0.5, 0.7, 1.0, 1.5, 3.0)],
    hidden=_bounds,
    misconceptions=[
        Misconception(
            lambda m, T: m,
            "the same number keeps other tokens there. Which ratio p / p_max has become m after "
            "dividing the logits by T?",
        ),
        Misconception(
            lambda m, T: m ** (1 / T),
            "that is the way back. A ratio a at temperature 1 is a^(1/T) at T; set that to m.",
        ),
        Misconception(
            lambda m, T: m / T,
            "temperature divides logits, not probabilities. What does it do to the ratio of two "
            "probabilities?",
        ),
        Misconception(
            lambda m, T: m * T,
            "temperature acts on logits. On a ratio of probabilities it is a power, not a factor.",
        ),
        Misconception(
            lambda m, T: T * math.log(m),
            "that is the bound on the difference of logits. Take the exponential of it.",
        ),
    ],
    praise="A ratio a becomes a^(1/T), so the bound m was m^T before.",
)


def _penalised(
    logits: Sequence[float],
    seen: Sequence[int],
    down: Callable[[float], float],
    once: bool = True,
) -> list[float]:
    result = list(logits)
    for i in dict.fromkeys(seen) if once else seen:
        result[i] = down(result[i])
    return result


def _right(r: float) -> Callable[[float], float]:
    return lambda logit: logit / r if logit > 0 else logit * r


def _rows(seed: int = 121) -> list[tuple[list[float], list[int], float]]:
    rng = random.Random(seed)
    drawn = [
        (
            [rng.gauss(0, 3) for _ in range(6)],
            [rng.randrange(6) for _ in range(rng.randint(1, 6))],
            rng.choice([1.1, 1.3, 2.0]),
        )
        for _ in range(15)
    ]
    return [([2.0, -2.0, 1.0], [0, 1, 1], 2.0), ([1.0, 2.0], [], 1.5), *drawn]


_PENALISE = Exercise(
    solution=lambda logits, seen, r: _penalised(logits, seen, _right(r)),
    probes=_rows(),
    hidden=_rows,
    misconceptions=[
        Misconception(
            lambda logits, seen, r: _penalised(logits, seen, lambda logit: logit / r),
            "dividing a negative logit by r brings it closer to 0 and makes the token more "
            "probable. Multiply negative ones.",
        ),
        Misconception(
            lambda logits, seen, r: _penalised(logits, seen, lambda logit: logit * r),
            "multiplying a positive logit by r raises the probability. Divide positive ones.",
        ),
        Misconception(
            lambda logits, seen, r: _penalised(logits, seen, _right(r), once=False),
            "a token that occurred twice is penalised twice. It counts once, however often it "
            "occurred.",
        ),
        Misconception(
            lambda logits, seen, r: _penalised(logits, seen, lambda logit: logit - math.log(r)),
            "you subtract ln r, which is a sensible penalty but not this one: it divides or "
            "multiplies the logit.",
        ),
        Misconception(
            lambda logits, seen, r: _penalised(logits, range(len(logits)), _right(r)),
            "you penalise every token. Only those in `seen` have occurred.",
        ),
    ],
    praise="Note that the rule depends on where the logits' zero is.",
)
