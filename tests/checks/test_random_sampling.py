"""The exercises of chapter 5: right answers pass, and each usual mistake gets its own hint."""

import bisect
import itertools
import math

import torch

from decodelib import checks
from decodelib.decoding.samplers import sample
from tests.helpers.exercise_laws import laws

# Solutions, each written differently from the checker's own.


def sample_index(weights, u):
    row = torch.tensor(weights, dtype=torch.float64).log()[None]
    return int(sample(row, torch.tensor([u], dtype=torch.float64)))


def tail_risk(m, steps):
    return sum(m * (1 - m) ** before for before in range(steps))


def chi_square(counts, probs):
    draws = sum(counts)
    return sum(c * c / (draws * p) for c, p in zip(counts, probs, strict=True)) - draws


SOLUTIONS = {
    checks.sample_index: sample_index,
    checks.tail_risk: tail_risk,
    checks.chi_square: chi_square,
}


# Mistakes, written as a student would, and words that only the right hint has.


def end_belongs_to_the_stretch(weights, u):
    return bisect.bisect_left(list(itertools.accumulate(weights)), u * sum(weights))


def total_forgotten(weights, u):
    ends = list(itertools.accumulate(weights))
    return bisect.bisect_right(ends, u)


def counted_from_one(weights, u):
    return sample_index(weights, u) + 1


def token_before(weights, u):
    found = sample_index(weights, u)
    return found - 1 if found else 0


def largest(weights, u):
    return weights.index(max(weights))


def place_in_the_sorted(weights, u):
    ends = list(itertools.accumulate(sorted(weights)[::-1]))
    return bisect.bisect_right(ends, u * sum(weights))


def from_the_largest_down(weights, u):
    order = sorted(range(len(weights)), key=weights.__getitem__, reverse=True)
    return order[place_in_the_sorted(weights, u)]


def first_weight_above(weights, u):
    for index, weight in enumerate(weights):
        if weight / sum(weights) > u:
            return index
    return len(weights) - 1


def expected_number(m, steps):
    return sum([m] * steps)


def expected_number_cut_off(m, steps):
    return sum([m] * steps) if m * steps < 1 else 1


def none_at_all(m, steps):
    return math.prod([1 - m] * steps)


def not_all(m, steps):
    return 1 - math.prod([m] * steps)


def every_step(m, steps):
    return math.prod([m] * steps)


def expected(counts, probs):
    return (sum(counts) * torch.tensor(probs, dtype=torch.float64)), torch.tensor(counts)


def against_probs(counts, probs):
    p = torch.tensor(probs, dtype=torch.float64)
    return ((torch.tensor(counts) - p) ** 2 / p).sum()


def of_shares(counts, probs):
    p = torch.tensor(probs, dtype=torch.float64)
    shares = torch.tensor(counts).double() / sum(counts)
    return ((shares - p) ** 2 / p).sum()


def over_the_observed(counts, probs):
    e, c = expected(counts, probs)
    return ((c - e) ** 2 / c).sum()


def undivided(counts, probs):
    e, c = expected(counts, probs)
    return ((c - e) ** 2).sum()


def absolute(counts, probs):
    e, c = expected(counts, probs)
    return ((c - e).abs() / e).sum()


def unsquared(counts, probs):
    e, c = expected(counts, probs)
    return ((c - e) / e).sum()


MISTAKES = [
    (checks.sample_index, end_belongs_to_the_stretch, "belongs to the next one"),
    (checks.sample_index, total_forgotten, "need not sum to 1"),
    (checks.sample_index, counted_from_one, "one too large"),
    (checks.sample_index, token_before, "the token before"),
    (checks.sample_index, largest, "greedy"),
    (checks.sample_index, place_in_the_sorted, "place in the sorted list"),
    (checks.sample_index, from_the_largest_down, "from the largest down"),
    (checks.sample_index, first_weight_above, "each weight alone"),
    (checks.tail_risk, expected_number, "expected number"),
    (checks.tail_risk, expected_number_cut_off, "cut off at 1"),
    (checks.tail_risk, none_at_all, "no step draws"),
    (checks.tail_risk, not_all, "not all steps"),
    (checks.tail_risk, every_step, "every step draws"),
    (checks.chi_square, against_probs, "counts with probabilities"),
    (checks.chi_square, of_shares, "shares with probabilities"),
    (checks.chi_square, over_the_observed, "observed counts"),
    (checks.chi_square, undivided, "do not divide"),
    (checks.chi_square, absolute, "absolute differences"),
    (checks.chi_square, unsquared, "cancel"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
