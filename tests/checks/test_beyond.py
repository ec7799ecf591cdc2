"""The exercises of chapter 17: right answers pass, and each usual mistake gets its own hint."""

import math

import numpy as np
import torch

from decodelib import checks
from decodelib.strategies.speculative import residual
from tests.helpers.exercise_laws import laws

# Solutions, each written differently from the checker's own.


def acceptance_rate(p, q):
    return 1 - np.abs(np.array(p) - np.array(q)).sum() / 2


def after_rejection(p, q):
    return residual(torch.tensor(p, dtype=torch.float64), torch.tensor(q, dtype=torch.float64))


def mirostat_bound(probs, tau, eta):
    surprise = -sum(math.log(p) / math.log(2) for p in probs)
    return 2 * tau - eta * (surprise - len(probs) * tau)


SOLUTIONS = {
    checks.acceptance_rate: acceptance_rate,
    checks.after_rejection: after_rejection,
    checks.mirostat_bound: mirostat_bound,
}

# Mistakes, written as their authors would.


def plain_average(p, q):
    return np.minimum(1, np.array(p) / np.array(q)).mean()


def weighted_by_the_model(p, q):
    return float((np.array(p) * np.minimum(1, np.array(p) / np.array(q))).sum())


def rejection(p, q):
    return 1 - sum(min(a, b) for a, b in zip(p, q, strict=True))


def both_draw_the_same(p, q):
    return float(np.dot(p, q))


def forgets_the_half(p, q):
    return 1 - sum(abs(a - b) for a, b in zip(p, q, strict=True))


def does_not_divide(p, q):
    return np.maximum(0, np.array(p) - np.array(q))


def draws_from_the_model(p, q):
    return list(p)


def other_way_round(p, q):
    return after_rejection(q, p)


def absolute(p, q):
    gaps = np.abs(np.array(p) - np.array(q))
    return gaps / gaps.sum()


def negative_ones(p, q):
    return np.array(p) - np.array(q)


def runs_away(probs, tau, eta):
    mu = 2 * tau
    for p in probs:
        mu += eta * (-math.log2(p) - tau)
    return mu


def in_nats(probs, tau, eta):
    mu = 2 * tau
    for p in probs:
        mu -= eta * (-math.log(p) - tau)
    return mu


def starts_at_tau(probs, tau, eta):
    return mirostat_bound(probs, tau, eta) - tau


def forgets_the_target(probs, tau, eta):
    mu = 2 * tau
    for p in probs:
        mu -= eta * -math.log2(p)
    return mu


def without_a_rate(probs, tau, eta):
    return mirostat_bound(probs, tau, 1)


MISTAKES = [
    (checks.acceptance_rate, plain_average, "equally often"),
    (checks.acceptance_rate, weighted_by_the_model, "weight with p"),
    (checks.acceptance_rate, rejection, "of a rejection"),
    (checks.acceptance_rate, both_draw_the_same, "independent draws"),
    (checks.acceptance_rate, forgets_the_half, "half of the sum"),
    (checks.after_rejection, does_not_divide, "sum to 1"),
    (checks.after_rejection, draws_from_the_model, "had their chance"),
    (checks.after_rejection, other_way_round, "other way round"),
    (checks.after_rejection, absolute, "absolute value"),
    (checks.after_rejection, negative_ones, "negative"),
    (checks.mirostat_bound, runs_away, "runs away"),
    (checks.mirostat_bound, in_nats, "nats"),
    (checks.mirostat_bound, starts_at_tau, "start at tau"),
    (checks.mirostat_bound, forgets_the_target, "whole surprisal"),
    (checks.mirostat_bound, without_a_rate, "share eta"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
