"""Confidence intervals from the data themselves, for numbers without a formula for their error."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import NamedTuple, TypeVar

import numpy as np

from decodelib.arguments import check_integer, check_number

Unit = TypeVar("Unit")


class Estimate(NamedTuple):
    """A number and its confidence interval: of such intervals, most hold the true value."""

    value: float
    low: float
    high: float


def bootstrap(
    units: Sequence[Unit],
    statistic: Callable[[Sequence[Unit]], float],
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return a statistic of independent units with its percentile bootstrap interval.

    The statistic is worked out again on samples of the same size, drawn from the units with
    replacement; the interval holds the middle `level` of the results. A unit must be what was drawn
    independently: the prompt, if several texts continue each. It does not suit statistics that
    notice that a unit came twice, such as self-BLEU over all texts; `half_samples` does.

    Args:
        units: At least two.
        statistic: From a list of units to a number.
        resamples: At least 1. Usual value: 1000.
        level: In (0, 1). Usual value: 0.95.
        seed: Of the draws; equal seeds give equal intervals.

    Raises:
        ValueError: For values outside these ranges.

    Source: Efron 1979, "Bootstrap methods: another look at the jackknife". Chapter 14.
    """
    _check(units, 2, resamples, level)
    rng, count = random.Random(seed), len(units)
    values = [statistic(rng.choices(units, k=count)) for _ in range(resamples)]
    return Estimate(float(statistic(units)), *_middle(values, level))


def half_samples(
    units: Sequence[Unit],
    statistic: Callable[[Sequence[Unit]], float],
    *,
    resamples: int = 100,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return the mean of a statistic over random halves of the units, and the middle of its values.

    A half is drawn without replacement, so no unit comes twice. A mean of m of n units, drawn so,
    has the variance (1 - m/n) s^2/m, by the finite-population correction; for m = n/2 that is
    s^2/n, the variance of a mean of n new units. The value is the statistic of n // 2 units, which
    matters for those that depend on the amount of text.

    Args:
        units: At least four.
        statistic: From a list of units to a number.
        resamples: At least 1. Usual value: 100.
        level: In (0, 1). Usual value: 0.95.
        seed: Of the draws; equal seeds give equal intervals.

    Raises:
        ValueError: For values outside these ranges.

    Source: Shao and Wu 1989, "A general theory for jackknife variance estimation" (the delete-d
        jackknife). Chapter 14.
    """
    _check(units, 4, resamples, level)
    rng, count = random.Random(seed), len(units) // 2
    values = [statistic(rng.sample(units, count)) for _ in range(resamples)]
    return Estimate(float(np.mean(values)), *_middle(values, level))


def proportion(successes: int, trials: int, *, level: float = 0.95) -> Estimate:
    """Return the share of successes among independent trials with its Wilson score interval.

    With z the normal quantile of `level` (1.96 for 0.95), n trials and the share x, the interval is

        (x + z^2/2n -+ z sqrt(x (1 - x) / n + z^2 / 4n^2)) / (1 + z^2/n).

    Unlike a bootstrap of the trials, which returns [1, 1] for ten successes of ten, the interval
    has a width for every share: ten of ten give [0.72, 1].

    Args:
        successes: In [0, trials].
        trials: At least 1.
        level: In (0, 1). Usual value: 0.95.

    Raises:
        ValueError: For values outside these ranges.

    >>> share = proportion(8, 10)
    >>> print(f"{share.value}, between {share.low:.2f} and {share.high:.2f}")
    0.8, between 0.49 and 0.94

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
        Chapter 14.
    """
    check_integer("trials", trials, 1)
    check_integer("successes", successes, 0, trials)
    check_number("level", level, 0, 1, open_low=True, open_high=True)
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, more = successes / trials, z * z / trials
    middle = share + more / 2
    half = z * math.sqrt(share * (1 - share) / trials + more / (4 * trials))
    low, high = (middle - half) / (1 + more), (middle + half) / (1 + more)
    return Estimate(share, max(0.0, low), min(1.0, high))


def _check(units: Sequence[object], fewest: int, resamples: int, level: float) -> None:
    if len(units) < fewest:
        raise ValueError(f"units must be at least {fewest}, got {len(units)}")
    check_integer("resamples", resamples, 1)
    check_number("level", level, 0, 1, open_low=True, open_high=True)


def _middle(values: Sequence[float], level: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
