"""The exercises of chapter 12: right answers pass, and each usual mistake gets its own hint."""

import math

import torch

import decodelib as dl
from decodelib import checks
from tests.helpers.exercise_laws import laws

# Solutions, each written differently from the checker's own.


def run_chain(steps, probs):
    kinds = {"temperature": dl.Temperature, "min_p": dl.MinP}
    chain = dl.Chain(*(kinds[name](value) for name, value in steps))
    logits = torch.tensor([probs], dtype=torch.float64).log()
    return chain(torch.empty(1, 0, dtype=torch.long), logits)[0].softmax(-1)


def min_p_before(m, T):
    return math.exp(T * math.log(m))


def penalise(logits, seen, r):
    ids = torch.tensor([seen], dtype=torch.long)
    return dl.RepetitionPenalty(r)(ids, torch.tensor([logits], dtype=torch.float64))[0]


SOLUTIONS = {
    checks.run_chain: run_chain,
    checks.min_p_before: min_p_before,
    checks.penalise: penalise,
}

# Mistakes, written as their authors would.


def _normalised(probs):
    return [p / sum(probs) for p in probs]


def _heat(probs, T):
    return _normalised([p ** (1 / T) for p in probs])


def _cut(probs, m):
    return _normalised([p if p >= m * max(probs) * 0.999999 else 0 for p in probs])


def heats_first(steps, probs):
    for name, value in steps:
        if name == "temperature":
            probs = _heat(probs, value)
    for name, value in steps:
        if name == "min_p":
            probs = _cut(probs, value)
    return probs


def runs_backwards(steps, probs):
    for name, value in reversed(steps):
        probs = _heat(probs, value) if name == "temperature" else _cut(probs, value)
    return probs


def cuts_by_the_original(steps, probs):
    original, result = probs, probs
    for name, value in steps:
        if name == "temperature":
            result = _heat(result, value)
        else:
            kept = _cut(original, value)
            result = _normalised([q if p > 0 else 0 for p, q in zip(kept, result, strict=True)])
    return result


def forgets_to_divide(steps, probs):
    for name, value in steps:
        if name == "temperature":
            probs = [p ** (1 / value) for p in probs]
        else:
            largest = max(probs)
            probs = [p if p >= value * largest * 0.999999 else 0 for p in probs]
    return probs


def compares_with_m_itself(steps, probs):
    for name, value in steps:
        if name == "temperature":
            probs = _heat(probs, value)
        else:
            left = [p if p >= value else 0 for p in probs]
            probs = _normalised(left) if any(left) else left
    return probs


def cools_instead_of_heating(steps, probs):
    for name, value in steps:
        probs = _heat(probs, 1 / value) if name == "temperature" else _cut(probs, value)
    return probs


def divides_probabilities(steps, probs):
    for name, value in steps:
        probs = [p / value for p in probs] if name == "temperature" else _cut(probs, value)
    return _normalised(probs)


def divides_probabilities_and_leaves_it(steps, probs):
    for name, value in steps:
        probs = [p / value for p in probs] if name == "temperature" else _cut(probs, value)
    return probs


def divides_probabilities_and_never_normalises(steps, probs):
    for name, value in steps:
        largest = max(probs)
        if name == "temperature":
            probs = [p / value for p in probs]
        else:
            probs = [p if p >= value * largest * 0.999999 else 0 for p in probs]
    return probs


def takes_probabilities_for_logits(steps, probs):
    for name, value in steps:
        if name == "temperature":
            probs = (torch.tensor(probs, dtype=torch.float64) / value).softmax(-1).tolist()
        else:
            probs = _cut(probs, value)
    return probs


def changes_nothing(m, T):
    return m


def goes_the_other_way(m, T):
    return m ** (1 / T)


def divides(m, T):
    return m / T


def multiplies(m, T):
    return m * T


def stays_in_logits(m, T):
    return T * math.log(m)


def always_divides(logits, seen, r):
    return [x / r if i in seen else x for i, x in enumerate(logits)]


def always_multiplies(logits, seen, r):
    return [x * r if i in seen else x for i, x in enumerate(logits)]


def once_for_each_time(logits, seen, r):
    result = list(logits)
    for i in seen:
        result[i] = result[i] / r if result[i] > 0 else result[i] * r
    return result


def subtracts(logits, seen, r):
    return [x - math.log(r) if i in seen else x for i, x in enumerate(logits)]


def penalises_all(logits, seen, r):
    return [x / r if x > 0 else x * r for x in logits]


MISTAKES = [
    (checks.run_chain, heats_first, "temperature first"),
    (checks.run_chain, runs_backwards, "last step first"),
    (checks.run_chain, cuts_by_the_original, "before the chain"),
    (checks.run_chain, forgets_to_divide, "sum to 1"),
    (checks.run_chain, compares_with_m_itself, "min-p itself"),
    (checks.run_chain, cools_instead_of_heating, "wrong way round"),
    (checks.run_chain, divides_probabilities, "divide the probabilities by T"),
    (checks.run_chain, divides_probabilities_and_leaves_it, "divide the probabilities by T"),
    (checks.run_chain, divides_probabilities_and_never_normalises, "divide the probabilities by T"),
    (checks.run_chain, takes_probabilities_for_logits, "expects logits"),
    (checks.min_p_before, changes_nothing, "the same number"),
    (checks.min_p_before, goes_the_other_way, "way back"),
    (checks.min_p_before, divides, "not probabilities"),
    (checks.min_p_before, multiplies, "not a factor"),
    (checks.min_p_before, stays_in_logits, "exponential"),
    (checks.penalise, always_divides, "Multiply negative"),
    (checks.penalise, always_multiplies, "Divide positive"),
    (checks.penalise, once_for_each_time, "penalised twice"),
    (checks.penalise, subtracts, "ln r"),
    (checks.penalise, penalises_all, "every token"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
