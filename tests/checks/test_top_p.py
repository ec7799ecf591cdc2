"""The exercises of chapter 8: right answers pass, and each usual mistake gets its own hint."""

import bisect
import itertools

import torch

from decodelib import checks
from decodelib.distributions import nucleus
from tests.helpers.exercise_laws import laws

# Solutions, each written differently from the checker's own.


def nucleus_size(probs, p):
    totals = list(itertools.accumulate(sorted(probs)[::-1]))
    return bisect.bisect_left(totals, p - 1e-9) + 1


def top_p(probs, p):
    values = torch.tensor(probs, dtype=torch.float64)
    kept = torch.where(nucleus(values.log(), p), values, 0)
    return (kept / kept.sum()).tolist()


def entry_point(probs, i):
    ahead = [q for j, q in enumerate(probs) if q > probs[i] or (q == probs[i] and j < i)]
    return sum(ahead)


SOLUTIONS = {
    checks.nucleus_size: nucleus_size,
    checks.top_p: top_p,
    checks.entry_point: entry_point,
}


def test_answers_may_be_tensors():
    assert checks.top_p(lambda probs, p: torch.tensor(top_p(probs, p))).passed
    assert checks.nucleus_size(lambda probs, p: torch.tensor(nucleus_size(probs, p))).passed


# Mistakes, written as a student would, and a word that only the right hint has.


def size_without_the_crossing_token(probs, p):
    mass, count = 0.0, 0
    for q in sorted(probs, reverse=True):
        mass += q
        if mass > p + 1e-9:
            return count
        count += 1
    return count


def size_past_an_exact_hit(probs, p):
    mass, count = 0.0, 0
    for q in sorted(probs, reverse=True):
        count += 1
        mass += q
        if mass > p + 1e-9:
            break
    return count


def size_of_the_unsorted(probs, p):
    mass = 0.0
    for count, q in enumerate(probs, start=1):
        mass += q
        if mass >= p - 1e-9:
            return count
    return len(probs)


def size_by_threshold(probs, p):
    return len([q for q in probs if q >= p])


def ranked(probs):
    return sorted(range(len(probs)), key=probs.__getitem__, reverse=True)


def rescaled(probs, kept):
    total = sum(probs[i] for i in kept)
    return [probs[i] / total if i in kept else 0.0 for i in range(len(probs))] if kept else probs


def not_renormalised(probs, p):
    kept = ranked(probs)[: nucleus_size(probs, p)]
    return [q if i in kept else 0.0 for i, q in enumerate(probs)]


def survivors_alone(probs, p):
    kept = sorted(probs, reverse=True)[: nucleus_size(probs, p)]
    return [q / sum(kept) for q in kept]


def without_the_crossing_token(probs, p):
    kept = ranked(probs)[: size_without_the_crossing_token(probs, p)]
    return rescaled(probs, kept) if kept else [0.0] * len(probs)


def past_an_exact_hit(probs, p):
    return rescaled(probs, ranked(probs)[: size_past_an_exact_hit(probs, p)])


def first_ones_as_given(probs, p):
    return rescaled(probs, range(size_of_the_unsorted(probs, p)))


def own_mass_included(probs, i):
    return entry_point(probs, i) + probs[i]


def mass_from_the_token_on(probs, i):
    order = ranked(probs)
    return sum(probs[j] for j in order[order.index(i) :])


def mass_of_those_after(probs, i):
    order = ranked(probs)
    return sum(probs[j] for j in order[order.index(i) + 1 :])


def mass_before_as_given(probs, i):
    return sum(probs[:i])


MISTAKES = [
    (checks.nucleus_size, size_without_the_crossing_token, "crosses p is missing"),
    (checks.nucleus_size, size_past_an_exact_hit, "exactly p"),
    (checks.nucleus_size, size_of_the_unsorted, "Rank them"),
    (checks.nucleus_size, size_by_threshold, "compare each probability"),
    (checks.top_p, not_renormalised, "do not sum to 1"),
    (checks.top_p, survivors_alone, "survivors alone"),
    (checks.top_p, without_the_crossing_token, "crosses p is missing"),
    (checks.top_p, past_an_exact_hit, "exactly p"),
    (checks.top_p, first_ones_as_given, "Rank them"),
    (checks.entry_point, own_mass_included, "own probability"),
    (checks.entry_point, mass_from_the_token_on, "mass from the token on"),
    (checks.entry_point, mass_of_those_after, "ranked after it"),
    (checks.entry_point, mass_before_as_given, "Rank them"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
