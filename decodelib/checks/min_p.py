"""Exercises of chapter 9: min-p."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from statistics import mean, median

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict


def min_p_mask(attempt: Attempt) -> Verdict:
    """Check `min_p_mask(probs, m)`: for each token, whether min-p keeps it; probs in any order."""
    return _MASK.check(attempt)


def min_p_on_logits(attempt: Attempt) -> Verdict:
    """Check `min_p_on_logits(logits, m)`: the logits, those that min-p removes at -inf."""
    return _ON_LOGITS.check(attempt)


def heated_bound(attempt: Attempt) -> Verdict:
    """Check `heated_bound(p_max, m, T)`: the least model probability kept at temperature T."""
    return _HEATED_BOUND.check(attempt)


def _mask_of(bound: Callable[[list[float]], float]) -> Attempt:
    """Return the attempt that compares with m times this property of the probabilities."""
    return lambda probs, m: [q >= m * bound(probs) for q in probs]


def _nucleus_mask(probs: list[float], share: float) -> list[bool]:
    ahead = [
        sum(q for j, q in enumerate(probs) if (-q, j) < (-own, i)) for i, own in enumerate(probs)
    ]
    return [mass < share - 1e-9 for mass in ahead]


def _mask_probes(seed: int = 9) -> list[tuple[list[float], float]]:
    rng = random.Random(seed)
    # Ties at the bound are powers of two: exact whether one multiplies, divides or takes logs.
    hand_made = [
        ([0.5, 0.25, 0.25], 0.5),
        ([0.25, 0.5, 0.125, 0.125], 0.25),
        ([0.25, 0.25, 0.25, 0.25], 1.0),
        ([0.125, 0.75, 0.125], 1.0),
        ([0.6, 0.3, 0.1], 0.0),
        ([1.0], 0.3),
        ([0.02, 0.9, 0.08], 0.1),
    ]
    drawn = []
    for _ in range(30):
        weights = [rng.expovariate(1) ** 2 for _ in range(rng.randint(3, 12))]
        probs = [w / sum(weights) for w in weights]
        drawn.append((probs, rng.uniform(0.02, 0.6)))
    return hand_made + drawn


_STRICT = (
    "a token exactly at the bound is lost. The rule says at least m times the best, so compare "
    "with >=."
)

_MASK = Exercise(
    solution=_mask_of(max),
    probes=_mask_probes(),
    hidden=_mask_probes,
    misconceptions=[
        Misconception(lambda probs, m: [q > m * max(probs) for q in probs], _STRICT),
        Misconception(
            lambda probs, m: [q >= m for q in probs],
            "you compare each probability with m itself. The bound is relative: m times the "
            "largest probability.",
        ),
        Misconception(
            _mask_of(mean),
            "you compare with m times the mean. It is the largest probability that sets the bound.",
        ),
        Misconception(
            _mask_of(median),
            "you compare with m times the median. It is the largest probability that sets the "
            "bound.",
        ),
        Misconception(
            lambda probs, m: [q >= m * probs[0] for q in probs],
            "you compare with the first probability. The list is in any order: take the largest.",
        ),
        Misconception(
            lambda probs, m: _nucleus_mask(probs, m),
            "you add up probabilities until they reach m: that is top-p. Min-p looks at each token "
            "alone, and compares it with the best.",
        ),
        Misconception(
            lambda probs, m: _nucleus_mask(probs, 1 - m),
            "you add up probabilities until they reach 1 - m: that is top-p. Min-p looks at each "
            "token alone, and compares it with the best.",
        ),
        Misconception(
            lambda probs, m: [q < m * max(probs) for q in probs],
            "you mark the tokens that are removed. True is for those that are kept.",
        ),
        Misconception(
            lambda probs, m: [i for i, q in enumerate(probs) if q >= m * max(probs)],
            "you return the positions of the tokens kept. Return one True or False for each token.",
        ),
    ],
    praise="One comparison with the best token, and nothing to sort.",
)


def _cut(bound: Callable[[float, float], float]) -> Attempt:
    """Return the attempt that keeps logits of at least bound(largest logit, m)."""

    def attempt(logits: list[float], m: float) -> list[float]:
        return [x if x >= bound(max(logits), m) else -math.inf for x in logits]

    return attempt


def _strict_cut(logits: list[float], m: float) -> list[float]:
    bound = max(logits) + math.log(m)
    return [x if x > bound else -math.inf for x in logits]


def _logits_probes(seed: int = 10) -> list[tuple[list[float], float]]:
    rng = random.Random(seed)
    hand_made = [
        ([0.0, -1.0, -5.0], 0.1),
        ([1000.0, 999.0, 990.0], 0.1),  # exp overflows
        ([-1000.0, -999.0, -990.0], 0.1),
        ([2.0, 1.0, 2.0], 1.0),  # ties at the bound
        ([0.0, math.log(0.5), math.log(0.25)], 0.5),
    ]
    drawn = [
        ([rng.gauss(0, 3) for _ in range(rng.randint(3, 12))], rng.uniform(0.02, 0.5))
        for _ in range(30)
    ]
    return hand_made + drawn


_ON_LOGITS = Exercise(
    solution=_cut(lambda best, m: best + math.log(m)),
    probes=_logits_probes(),
    hidden=_logits_probes,
    misconceptions=[
        Misconception(_strict_cut, _STRICT),
        Misconception(
            _cut(lambda best, m: m * best),
            "you multiply the largest logit by m. Probabilities are multiplied; their logarithms "
            "are added, so the bound is the largest logit plus ln m.",
        ),
        Misconception(
            _cut(lambda best, m: best + m),
            "you add m itself to the largest logit. A factor m on probabilities is ln m on logits.",
        ),
        Misconception(
            _cut(lambda best, m: best - m),
            "you subtract m itself from the largest logit. A factor m on probabilities is ln m on "
            "logits.",
        ),
        Misconception(
            _cut(lambda best, m: best + math.log10(m)),
            "you use the logarithm to base 10. Softmax uses e, so take the natural one, math.log.",
        ),
        Misconception(
            _cut(lambda best, m: best + math.log2(m)),
            "you use the logarithm to base 2. Softmax uses e, so take the natural one, math.log.",
        ),
        Misconception(
            _cut(lambda best, m: best - math.log(m)),
            "your bound is above the largest logit. ln m is negative already: add it.",
        ),
        Misconception(
            _cut(lambda best, m: math.log(m)),
            "you compare each logit with ln m. The bound is relative: ln m below the largest.",
        ),
        Misconception(
            lambda logits, m: [x for x in logits if x >= max(logits) + math.log(m)],
            "you return the survivors alone. Keep one entry for each token, -inf for those "
            "removed.",
        ),
        Misconception(
            lambda logits, m: [x if x >= max(logits) + math.log(m) else 0.0 for x in logits],
            "you set removed logits to 0. After softmax that is no zero probability; -inf is.",
        ),
    ],
    praise="A distance to the largest logit: no softmax, and nothing that overflows.",
)


def _bound(p_max: float, m: float, T: float) -> float:
    return float(p_max * m**T)


def _heated(seed: int) -> list[tuple[float, float, float]]:
    rng = random.Random(seed)
    return [
        (rng.uniform(0.05, 0.9), rng.uniform(0.02, 0.5), rng.uniform(0.5, 3)) for _ in range(30)
    ]


_HEATED_BOUND = Exercise(
    solution=_bound,
    probes=[
        (p_max, m, T)
        for p_max in (0.9, 0.4, 0.05)
        for m in (0.02, 0.1, 0.5)
        for T in (0.5, 1.0, 2.0, 3.0)
    ],
    hidden=_heated,
    misconceptions=[
        Misconception(
            lambda p_max, m, T: m * p_max,
            "that is the bound without temperature. Dividing logits by T changes how far apart "
            "they are.",
        ),
        Misconception(
            lambda p_max, m, T: m * p_max / T,
            "you divide the bound by T. The logits are divided by T; what does that do to the "
            "distance ln m, and to m?",
        ),
        Misconception(
            lambda p_max, m, T: T * m * p_max,
            "you multiply the bound by T. It is ln m that is multiplied by T, so m gets an "
            "exponent.",
        ),
        Misconception(
            lambda p_max, m, T: m ** (1 / T) * p_max,
            "your exponent is 1/T. Heated probabilities are p^(1/T) up to a factor; solve for p, "
            "and m gets the exponent T.",
        ),
        Misconception(
            lambda p_max, m, T: (m * p_max) ** T,
            "you raise p_max to the power T as well. Only m gets the exponent: p_max is the "
            "model's own probability, which heating left alone.",
        ),
        Misconception(
            lambda p_max, m, T: m * p_max ** (1 / T),
            "you mix a bound for heated probabilities with the model's own. Divide the condition "
            "by p_max first; then only m gets an exponent.",
        ),
        Misconception(
            lambda p_max, m, T: m**T,
            "that is the fraction that m turns into. The bound is this fraction of p_max.",
        ),
    ],
    praise="Heat turns m into m to the power T, whatever the distribution.",
)
