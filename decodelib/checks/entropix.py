"""Exercises of chapter 11: bits and nats, branches, and what a quadrant makes a sampler do."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

BIT = math.log(2)

Probs = list[float]
Branches = list[list[float]]


def in_nats(attempt: Attempt) -> Verdict:
    """Check `in_nats(entropy_bits, varentropy_square_bits)`: both in nats, as a pair."""
    return _IN_NATS.check(attempt)


def best_branch(attempt: Attempt) -> Verdict:
    """Check `best_branch(branches)`: the index of the highest mean log-probability."""
    return _BEST_BRANCH.check(attempt)


def choose_action(attempt: Attempt) -> Verdict:
    """Check `choose_action(probs, low_h, high_h, low_w, high_w)`: the name of the action."""
    return _ACTION.check(attempt)


def _in_bits(seed: int) -> list[tuple[float, float]]:
    rng = random.Random(seed)
    return [(0.0, 2.0), *((rng.uniform(0, 8), rng.uniform(0, 12)) for _ in range(10))]


_IN_NATS = Exercise(
    solution=lambda h, w: (h * BIT, w * BIT**2),
    probes=[(0.1, 0.1), (5.0, 5.0), (3.0, 0.5), (0.0, 2.0), (1.0, 0.0), (7.25, 12.5)],
    hidden=_in_bits,
    misconceptions=[
        Misconception(
            lambda h, w: (h * BIT, w * BIT),
            "your entropy is right. Varentropy is a mean of squares, in square bits: its factor "
            "is squared too.",
        ),
        Misconception(
            lambda h, w: (h / BIT, w / BIT**2),
            "that is the way from nats to bits. A bit is ln 2 = 0.69 nats, so the numbers get "
            "smaller.",
        ),
        Misconception(
            lambda h, w: (h / BIT, w / BIT),
            "you divide by ln 2. A bit is ln 2 = 0.69 nats: multiply, and a square bit is its "
            "square.",
        ),
        Misconception(
            lambda h, w: (h * BIT, w),
            "the varentropy is still in square bits. It changes its unit as the entropy does.",
        ),
        Misconception(
            lambda h, w: (h * BIT, w * math.sqrt(BIT)),
            "you take the root of the factor. A square bit is the square of a bit.",
        ),
    ],
    praise="A unit of a square is squared.",
)


def _highest(score: Callable[[list[float]], float]) -> Attempt:
    """Return the attempt that keeps the first branch with the highest score."""

    def attempt(branches: Branches) -> int:
        scores = [score(branch) for branch in branches]
        return scores.index(max(scores))

    return attempt


def _mean(branch: list[float]) -> float:
    return sum(branch) / len(branch)


def _branch_probes(seed: int = 11) -> list[tuple[Branches]]:
    rng = random.Random(seed)
    # Binary fractions, so that the tied means are exactly equal however they are summed.
    hand_made: list[Branches] = [
        [[-1.0, -1.0, -1.0, -1.0], [-1.5, -1.5]],  # the sum prefers the shorter
        [[-0.5, -3.0], [-1.0, -1.0], [-0.25, -4.0]],
        [[-2.0, -2.0], [-1.0, -3.0], [-4.0, 0.0]],  # all equal: the first
        [[-3.0, -0.5, -0.5], [-0.5, -0.5, -4.0]],
        [[-1.0]],
    ]
    drawn = [
        [[-rng.expovariate(1) for _ in range(rng.randint(1, 5))] for _ in range(rng.randint(2, 5))]
        for _ in range(40)
    ]
    return [(branches,) for branches in hand_made + drawn]


_BEST_BRANCH = Exercise(
    solution=_highest(_mean),
    probes=_branch_probes(),
    hidden=_branch_probes,
    misconceptions=[
        Misconception(
            _highest(sum),
            "you compare sums, so a branch that ended early wins for having less to lose. Divide "
            "by the number of tokens.",
        ),
        Misconception(
            _highest(lambda branch: -_mean(branch)),
            "you keep the branch with the lowest mean. Log-probabilities are negative: nearer to 0 "
            "is more probable.",
        ),
        Misconception(
            _highest(lambda branch: branch[0]),
            "you judge a branch by its first token. Following it further was the point: use all "
            "of its tokens.",
        ),
        Misconception(
            _highest(lambda branch: branch[-1]),
            "you judge a branch by its last token. Use all of its tokens.",
        ),
        Misconception(
            _highest(max),
            "you judge a branch by its best token. Use the mean of all.",
        ),
        Misconception(
            _highest(min),
            "you judge a branch by its worst token. Use the mean of all.",
        ),
        Misconception(
            _highest(lambda branch: sum(math.exp(x) for x in branch) / len(branch)),
            "you average probabilities. It is the logarithms that are averaged, which punishes one "
            "bad token much more.",
        ),
        Misconception(
            lambda branches: max(map(_mean, branches)),
            "that is the mean of the best branch. Return its index.",
        ),
    ],
    praise="The most probable branch for its length.",
)

Moments = tuple[float, float]


def _moments(probs: Probs) -> Moments:
    pairs = [(q, -math.log(q)) for q in probs if q > 0]
    mean = math.fsum(q * x for q, x in pairs)
    return mean, math.fsum(q * (x - mean) ** 2 for q, x in pairs)


def _choose(h: float, w: float, low_h: float, high_h: float, low_w: float, high_w: float) -> str:
    if w > high_w:
        return "resample" if h > high_h else "branch"
    if w < low_w and h < low_h:
        return "greedy"
    return "pause" if w < low_w and h > high_h else "sample"


def _action(moments: Callable[[Probs], Moments] = _moments) -> Attempt:
    """Return the attempt that decides by these two numbers."""
    return lambda probs, *thresholds: _choose(*moments(probs), *thresholds)


def _renamed(**names: str) -> Attempt:
    """Return the attempt that gives some actions the names of others."""

    def attempt(probs: Probs, *thresholds: float) -> str:
        action = _choose(*_moments(probs), *thresholds)
        return names.get(action, action)

    return attempt


def _by_entropy_alone(probs: Probs, low_h: float, high_h: float, *_: float) -> str:
    h, _spread = _moments(probs)
    return "greedy" if h < low_h else "resample" if h > high_h else "sample"


def _only_high(probs: Probs, low_h: float, high_h: float, low_w: float, high_w: float) -> str:
    """Return the action of someone for whom whatever is not high is low."""
    h, w = _moments(probs)
    if w > high_w:
        return "resample" if h > high_h else "branch"
    return "pause" if h > high_h else "greedy"


def _action_probes(seed: int = 12) -> list[tuple[Probs, float, float, float, float]]:
    rng = random.Random(seed)
    bounds = (0.05, 1.5, 0.1, 0.5)

    def ahead(first: float, others: int = 7) -> Probs:
        return [first, *[(1 - first) / others] * others]

    hand_made = [ahead(0.999), [1 / 8] * 8, ahead(0.86), ahead(0.5), [0.5, 0.5, 0.0], [1.0, 0.0]]
    probes = [(probs, *bounds) for probs in hand_made]
    for _ in range(40):
        weights = [rng.expovariate(1) ** rng.choice([0, 1, 2, 4]) for _ in range(rng.randint(2, 9))]
        probs = [x / sum(weights) for x in weights]
        h, w = sorted(rng.uniform(0, 2) for _ in "ab"), sorted(rng.uniform(0, 1) for _ in "ab")
        probes.append((probs, h[0], h[1], w[0], w[1]))
    return probes


_ACTION = Exercise(
    solution=_action(),
    probes=_action_probes(),
    hidden=_action_probes,
    misconceptions=[
        Misconception(
            _action(lambda probs: _moments(probs)[::-1]),
            "you hold the varentropy against the entropy's thresholds and the other way round.",
        ),
        Misconception(
            _action(lambda probs: (_moments(probs)[0] / BIT, _moments(probs)[1] / BIT**2)),
            "you compute in bits. The thresholds are in nats: use math.log.",
        ),
        Misconception(
            _action(lambda probs: (_moments(probs)[0], math.sqrt(_moments(probs)[1]))),
            "you compare the standard deviation with the thresholds. They are for its square, the "
            "varentropy.",
        ),
        Misconception(
            _renamed(branch="resample", resample="branch"),
            "branch and resample are swapped. High varentropy with an entropy that is not high is "
            "a fork; with a high one, the model is lost.",
        ),
        Misconception(
            _renamed(pause="resample", resample="pause"),
            "pause and resample are swapped. Where all tokens are alike, with low varentropy, the "
            "sampler pauses; where it is high, the model is lost.",
        ),
        Misconception(
            _by_entropy_alone,
            "you look at the entropy alone. The varentropy tells a fork from a plain draw, and a "
            "pause from being lost.",
        ),
        Misconception(
            _only_high,
            "you treat all that is not high as low. Between the two thresholds of the varentropy, "
            "or with neither a low nor a high entropy below them, the sampler just samples.",
        ),
    ],
    praise="Two numbers, four thresholds, five things to do.",
)
