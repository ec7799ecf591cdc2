"""The exercises of chapter 9: right answers pass, and each usual mistake gets its own hint."""

import math
import statistics

import numpy as np
import torch

import decodelib as dl
from decodelib.checks import min_p as checks
from tests.helpers.exercise_laws import laws

NO_IDS = torch.empty(1, 0, dtype=torch.long)


# Solutions, each written differently from the checker's own: the library's, where it has one.


def mask(probs, m):
    logits = torch.tensor([probs], dtype=torch.float64).log()
    return dl.MinP(m)(NO_IDS, logits)[0].isfinite()


def on_logits(logits, m):
    return dl.MinP(m)(NO_IDS, torch.tensor([logits], dtype=torch.float64))[0]


def heated_bound(p_max, m, T):
    """Find, by halving, the logit distance at which the library starts to keep a token."""
    near, far = 0.0, 100.0
    heat_and_cut = dl.Temperature(T) | dl.MinP(m)
    for _ in range(60):
        middle = (near + far) / 2
        row = torch.tensor([[0.0, -middle]], dtype=torch.float64)
        if heat_and_cut(NO_IDS, row).isfinite().all():
            near = middle
        else:
            far = middle
    return p_max * math.exp(-near)


SOLUTIONS = {
    checks.min_p_mask: mask,
    checks.min_p_on_logits: on_logits,
    checks.heated_bound: heated_bound,
}


def test_other_ways_to_the_same_answer_pass():
    def by_ratio(probs, m):
        return [q / max(probs) >= m for q in probs]

    def by_logarithms(probs, m):
        cut = math.log(m) if m else -math.inf
        return [math.log(q) >= math.log(max(probs)) + cut for q in probs]

    def with_numpy(probs, m):
        return np.array(probs) >= m * np.max(probs)

    def by_distance(logits, m):
        return [x if max(logits) - x <= -math.log(m) else -math.inf for x in logits]

    def by_ratio_of_exponentials(logits, m):
        return [x if math.exp(x - max(logits)) >= m else -math.inf for x in logits]

    for attempt in (by_ratio, by_logarithms, with_numpy):
        assert checks.min_p_mask(attempt).passed
    for attempt in (by_distance, by_ratio_of_exponentials):
        assert checks.min_p_on_logits(attempt).passed


def test_softmax_on_large_logits_is_shown_to_overflow():
    def softmax_first(logits, m):
        weights = [math.exp(x) for x in logits]
        return [
            x if w >= m * max(weights) else -math.inf for x, w in zip(logits, weights, strict=True)
        ]

    verdict = checks.min_p_on_logits(softmax_first)
    assert not verdict.passed
    assert "OverflowError" in verdict.message


# Mistakes, written as a student would, and words that only the right hint has.


def absolute(probs, m):
    return [q >= m for q in probs]


def strictly_above(probs, m):
    best = sorted(probs)[-1]
    return [not q <= m * best for q in probs]


def relative_to_the_mean(probs, m):
    average = sum(probs) / len(probs)
    return [q >= m * average for q in probs]


def relative_to_the_median(probs, m):
    return [q >= m * statistics.median(probs) for q in probs]


def relative_to_the_first(probs, m):
    return [q >= m * probs[0] for q in probs]


def cumulative(probs, m):
    marks, mass = [False] * len(probs), 0.0
    for i in sorted(range(len(probs)), key=lambda i: probs[i], reverse=True):
        if mass >= m - 1e-9:
            break
        marks[i] = True
        mass += probs[i]
    return marks


def cumulative_to_the_rest(probs, m):
    return cumulative(probs, 1 - m)


def removed_instead_of_kept(probs, m):
    return [q < m * max(probs) for q in probs]


def positions(probs, m):
    return [i for i in range(len(probs)) if probs[i] >= m * max(probs)]


def keep_from(logits, bound):
    kept = list(logits)
    for i, x in enumerate(logits):
        if not x >= bound:
            kept[i] = float("-inf")
    return kept


def strictly_above_in_logits(logits, m):
    return [x if x - max(logits) > math.log(m) else -math.inf for x in logits]


def multiplied(logits, m):
    return keep_from(logits, max(logits) * m)


def no_logarithm(logits, m):
    return keep_from(logits, max(logits) - m)


def m_added(logits, m):
    return keep_from(logits, max(logits) + m)


def base_ten(logits, m):
    return keep_from(logits, max(logits) + math.log10(m))


def base_two(logits, m):
    return keep_from(logits, max(logits) + math.log(m, 2))


def wrong_sign(logits, m):
    return keep_from(logits, max(logits) - math.log(m))


def logarithm_alone(logits, m):
    return keep_from(logits, math.log(m))


def survivors_alone(logits, m):
    return [x for x in logits if max(logits) - x <= -math.log(m)]


def zeros_for_the_removed(logits, m):
    return [0 if x == -math.inf else x for x in keep_from(logits, max(logits) + math.log(m))]


def temperature_forgotten(p_max, m, T):
    return p_max * m


def divided(p_max, m, T):
    return p_max * m / T


def times_temperature(p_max, m, T):
    return p_max * m * T


def inverse_exponent(p_max, m, T):
    return p_max * math.exp(math.log(m) / T)


def all_to_the_power(p_max, m, T):
    return math.exp(T * math.log(p_max * m))


def best_heated(p_max, m, T):
    return m * math.exp(math.log(p_max) / T)


def fraction_alone(p_max, m, T):
    return math.exp(T * math.log(m))


MISTAKES = [
    (checks.min_p_mask, absolute, "with m itself"),
    (checks.min_p_mask, strictly_above, "exactly at the bound"),
    (checks.min_p_mask, relative_to_the_mean, "the mean"),
    (checks.min_p_mask, relative_to_the_median, "the median"),
    (checks.min_p_mask, relative_to_the_first, "first probability"),
    (checks.min_p_mask, cumulative, "until they reach m:"),
    (checks.min_p_mask, cumulative_to_the_rest, "until they reach 1 - m:"),
    (checks.min_p_mask, removed_instead_of_kept, "that are removed"),
    (checks.min_p_mask, positions, "the positions"),
    (checks.min_p_on_logits, strictly_above_in_logits, "exactly at the bound"),
    (checks.min_p_on_logits, multiplied, "multiply the largest logit"),
    (checks.min_p_on_logits, no_logarithm, "subtract m itself"),
    (checks.min_p_on_logits, m_added, "add m itself"),
    (checks.min_p_on_logits, base_ten, "base 10"),
    (checks.min_p_on_logits, base_two, "base 2"),
    (checks.min_p_on_logits, wrong_sign, "above the largest logit"),
    (checks.min_p_on_logits, logarithm_alone, "compare each logit with ln m"),
    (checks.min_p_on_logits, survivors_alone, "survivors alone"),
    (checks.min_p_on_logits, zeros_for_the_removed, "removed logits to 0"),
    (checks.heated_bound, temperature_forgotten, "without temperature"),
    (checks.heated_bound, divided, "divide the bound by T"),
    (checks.heated_bound, times_temperature, "multiply the bound by T"),
    (checks.heated_bound, inverse_exponent, "exponent is 1/T"),
    (checks.heated_bound, all_to_the_power, "raise p_max"),
    (checks.heated_bound, best_heated, "you mix"),
    (checks.heated_bound, fraction_alone, "fraction of p_max"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
