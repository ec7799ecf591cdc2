"""Softmax and the chain rule as exercises: each usual mistake gets its own hint."""

import math

import pytest
import torch

from decodelib import checks

CHECKERS = [checks.softmax, checks.sequence_logprob]
each_checker = pytest.mark.parametrize("check", CHECKERS, ids=lambda check: check.__name__)


# Solutions, each written differently from the checker's own.


def softmax(scores):
    return torch.tensor(scores, dtype=torch.float64).softmax(0).tolist()


def sequence_logprob(table, words):
    total, previous = 0.0, "<bos>"
    for word in words:
        total += math.log(table[previous][word])
        previous = word
    return total


SOLUTIONS = {
    checks.softmax: softmax,
    checks.sequence_logprob: sequence_logprob,
}


@each_checker
def test_the_solution_passes(check):
    verdict = check(SOLUTIONS[check])
    assert verdict.passed, verdict.message


def test_answers_may_be_tensors_or_single_precision():
    assert checks.softmax(lambda scores: torch.tensor(scores).softmax(0)).passed


# Mistakes, written as a student would, and a word that only the right hint has.


def exponentials_only(scores):
    return [math.exp(s) for s in scores]


def divided_by_the_largest(scores):
    powers = [math.exp(s) for s in scores]
    return [power / max(powers) for power in powers]


def shares_of_the_scores(scores):
    return [s / sum(scores) for s in scores]


def powers_of_two(scores):
    total = sum(2**s for s in scores)
    return [2**s / total for s in scores]


def sign_flipped(scores):
    total = sum(math.exp(-s) for s in scores)
    return [math.exp(-s) / total for s in scores]


def log_softmax(scores):
    return torch.tensor(scores, dtype=torch.float64).log_softmax(0).tolist()


def no_shift(scores):
    total = sum(math.exp(s) for s in scores)
    return [math.exp(s) / total for s in scores]


def no_shift_in_torch(scores):
    powers = torch.tensor(scores, dtype=torch.float64).exp()
    return powers / powers.sum()


def shift_by_the_smallest(scores):
    powers = [math.exp(s - min(scores)) for s in scores]
    return [power / sum(powers) for power in powers]


def shift_by_the_magnitude(scores):
    largest = max(abs(s) for s in scores)
    powers = [math.exp(s - largest) for s in scores]
    return [power / sum(powers) for power in powers]


def probability(table, words):
    prob = 1.0
    for i, word in enumerate(words):
        prob *= table[words[i - 1] if i else "<bos>"][word]
    return prob


def sum_of_probabilities(table, words):
    return sum(table[b][w] for b, w in zip(["<bos>", *words], words, strict=False))


def log_of_the_sum(table, words):
    return math.log(sum_of_probabilities(table, words))


def starts_at_the_second_word(table, words):
    return sum(math.log(table[words[i - 1]][words[i]]) for i in range(1, len(words)))


def stops_before_the_last_word(table, words):
    return sequence_logprob(table, words[:-1])


def mean(table, words):
    return sequence_logprob(table, words) / len(words)


def in_bits(table, words):
    return sequence_logprob(table, words) / math.log(2)


def to_base_ten(table, words):
    return math.log10(probability(table, words))


def surprisal(table, words):
    return -sequence_logprob(table, words)


def always_after_bos(table, words):
    total = 0.0
    for word in words:
        total += math.log(table["<bos>"][word])
    return total


MISTAKES = [
    (checks.softmax, exponentials_only, "do not sum to 1"),
    (checks.softmax, divided_by_the_largest, "not by the largest"),
    (checks.softmax, shares_of_the_scores, "exponential of each score first"),
    (checks.softmax, powers_of_two, "defined with e"),
    (checks.softmax, sign_flipped, "sign in the exponent"),
    (checks.softmax, log_softmax, "last logarithm"),
    (checks.softmax, no_shift, "that of -1000 is 0"),
    (checks.softmax, no_shift_in_torch, "that of -1000 is 0"),
    (checks.softmax, shift_by_the_smallest, "far apart"),
    (checks.softmax, shift_by_the_magnitude, "largest score, not the largest magnitude"),
    (checks.sequence_logprob, probability, "Return its logarithm"),
    (checks.sequence_logprob, sum_of_probabilities, "it is their logarithms that add"),
    (checks.sequence_logprob, log_of_the_sum, "logarithm of the sum"),
    (checks.sequence_logprob, starts_at_the_second_word, "first word is missing"),
    (checks.sequence_logprob, stops_before_the_last_word, "last word is missing"),
    (checks.sequence_logprob, mean, "you take the mean"),
    (checks.sequence_logprob, in_bits, "in bits"),
    (checks.sequence_logprob, to_base_ten, "base 10"),
    (checks.sequence_logprob, surprisal, "sign is wrong"),
    (checks.sequence_logprob, always_after_bos, "every word up after"),
]


@pytest.mark.parametrize(
    ("check", "mistake", "said"), MISTAKES, ids=[mistake.__name__ for _, mistake, _ in MISTAKES]
)
def test_each_mistake_gets_the_hint_about_it(check, mistake, said):
    verdict = check(mistake)
    assert not verdict.passed
    assert said in verdict.message


def test_hints_tell_mistakes_apart():
    hints = {check(mistake).message for check, mistake, _ in MISTAKES}
    assert (
        len(hints) == len(MISTAKES) - 1
    )  # the same mistake is made once in plain Python, once in torch
