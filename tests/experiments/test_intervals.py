"""Intervals: against formulas where there are any, and as often right as they say."""

import math
import random
from statistics import fmean, stdev

import pytest

from decodelib.experiments.intervals import Estimate, bootstrap, half_samples, proportion


def normal(seed, count=40):
    rng = random.Random(seed)
    return [rng.gauss(5, 2) for _ in range(count)]


@pytest.mark.parametrize("method", [bootstrap, half_samples])
def test_the_width_for_a_mean_is_that_of_the_formula(method):
    units = normal(0, 100)
    value, low, high = method(units, fmean, resamples=2000)
    assert value == pytest.approx(fmean(units), abs=0.05)
    assert (high - low) / 2 == pytest.approx(1.96 * stdev(units) / 10, rel=0.1)
    assert low < value < high


@pytest.mark.parametrize("method", [bootstrap, half_samples])
def test_about_nineteen_intervals_in_twenty_hold_the_truth(method):
    intervals = [method(normal(seed), fmean, resamples=200) for seed in range(200)]
    held = sum(low <= 5 <= high for _, low, high in intervals)
    # 190 are expected; forty units make the percentile bootstrap a little too narrow.
    assert 175 <= held <= 198


@pytest.mark.parametrize("method", [bootstrap, half_samples])
def test_level_and_seed_do_what_they_say(method):
    units = normal(1)
    assert method(units, fmean, seed=3) == method(units, fmean, seed=3)
    assert method(units, fmean, seed=3) != method(units, fmean, seed=4)
    narrow, wide = (method(units, fmean, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def share_of_different(units):
    return len(set(units)) / len(units)


def test_half_samples_take_no_unit_twice_and_the_bootstrap_does():
    units = list(range(50))
    assert half_samples(units, share_of_different) == Estimate(1, 1, 1)
    assert bootstrap(units, share_of_different).high < 0.8


def test_the_interval_of_equal_units_has_no_width():
    assert bootstrap([2.0] * 5, fmean) == Estimate(2, 2, 2)


@pytest.mark.parametrize(
    ("method", "change", "message"),
    [
        (bootstrap, {"units": [1.0]}, "units must be at least 2, got 1"),
        (half_samples, {"units": [1.0] * 3}, "units must be at least 4, got 3"),
        (bootstrap, {"resamples": 0}, "resamples must be at least 1, got 0"),
        (half_samples, {"level": 1}, r"level must be in \(0, 1\), got 1"),
        (bootstrap, {"level": math.nan}, r"level must be in \(0, 1\), got nan"),
    ],
)
def test_bad_arguments_are_refused(method, change, message):
    with pytest.raises(ValueError, match=message):
        method(**{"units": [1.0, 2.0, 3.0, 4.0], "statistic": fmean, **change})


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_the_interval_of_a_proportion_holds_the_truth_about_as_often_as_it_says(share):
    trials = 30
    held = 0.0
    for hits in range(trials + 1):
        _, low, high = proportion(hits, trials)
        chance = math.comb(trials, hits) * share**hits * (1 - share) ** (trials - hits)
        held += chance * (low <= share <= high)
    assert 0.93 < held < 0.98  # exact, by summing the binomial


def test_a_proportion_has_a_width_even_at_its_ends_and_is_symmetric():
    assert proportion(10, 10).low == pytest.approx(0.7225, abs=1e-4)
    assert proportion(0, 10) == pytest.approx((0, 0, 0.2775), abs=1e-4)
    value, low, high = proportion(3, 10)
    assert proportion(7, 10) == pytest.approx((1 - value, 1 - high, 1 - low))
    assert proportion(3, 10, level=0.5).high < high


def test_a_proportion_says_what_is_out_of_range():
    with pytest.raises(ValueError, match="trials must be at least 1, got 0"):
        proportion(0, 0)
    with pytest.raises(ValueError, match=r"successes must be in \[0, 10\], got 11"):
        proportion(11, 10)
    with pytest.raises(ValueError, match="level"):
        proportion(1, 10, level=1.0)
