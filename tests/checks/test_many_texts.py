"""The exercises of chapter 18: right answers pass, and each usual mistake gets its own hint."""

import itertools
from collections import Counter

import numpy as np

from decodelib import checks
from tests.helpers.exercise_laws import laws

# Solutions, each written differently from the checker's own.


def majority(answers):
    given = [answer for answer in answers if answer != ""]
    return max(given, key=given.count)


def most_alike(utilities):
    u = np.array(utilities)
    return int((u.sum(1) - u.diagonal()).argmax())


def expected_best(rewards, n):
    choices = list(itertools.combinations(rewards, n))
    return sum(map(max, choices)) / len(choices)


SOLUTIONS = {
    checks.majority: majority,
    checks.most_alike: most_alike,
    checks.expected_best: expected_best,
}

# Mistakes, written as their authors would.


def counts_no_answer(answers):
    return Counter(answers).most_common()[0][0]


def first_given(answers):
    return next(answer for answer in answers if answer)


def later_of_equals(answers):
    given = [answer for answer in answers if answer]
    best = given[0]
    for answer in dict.fromkeys(given):
        if given.count(answer) >= given.count(best):
            best = answer
    return best


def by_the_alphabet(answers):
    given = sorted(answer for answer in answers if answer)
    return max(given, key=given.count)


def how_many(answers):
    return answers.count(majority(answers))


def with_itself(utilities):
    return int(np.array(utilities).mean(1).argmax())


def down_the_column(utilities):
    return most_alike(np.array(utilities).T)


def nearest_neighbour(utilities):
    u = np.array(utilities)
    np.fill_diagonal(u, -1)
    return int(u.max(1).argmax())


def least_alike(utilities):
    u = np.array(utilities)
    return int((u.sum(1) - u.diagonal()).argmin())


def the_mean_itself(utilities):
    u = np.array(utilities)
    return float((u.sum(1) - u.diagonal()).max() / (len(u) - 1))


def first_ones(rewards, n):
    return max(rewards[:n])


def best_of_all(rewards, n):
    return np.max(rewards)


def plain_mean(rewards, n):
    return np.mean(rewards)


def mean_of_the_best(rewards, n):
    return np.mean(np.sort(rewards)[::-1][:n])


def with_replacement(rewards, n):
    ranked = np.sort(rewards)
    up_to = np.arange(1, len(ranked) + 1) / len(ranked)
    return float((ranked * np.diff(up_to**n, prepend=0)).sum())


def worst_of_n(rewards, n):
    choices = list(itertools.combinations(rewards, n))
    return sum(map(min, choices)) / len(choices)


MISTAKES = [
    (checks.majority, counts_no_answer, "is no answer"),
    (checks.majority, first_given, "first answer given"),
    (checks.majority, later_of_equals, "came last"),
    (checks.majority, by_the_alphabet, "alphabet"),
    (checks.majority, how_many, "how many votes"),
    (checks.most_alike, with_itself, "to itself"),
    (checks.most_alike, down_the_column, "column"),
    (checks.most_alike, nearest_neighbour, "near neighbour"),
    (checks.most_alike, least_alike, "least like"),
    (checks.most_alike, the_mean_itself, "the index"),
    (checks.expected_best, first_ones, "first n"),
    (checks.expected_best, best_of_all, "not in every choice"),
    (checks.expected_best, plain_mean, "mean of all rewards"),
    (checks.expected_best, mean_of_the_best, "mean of the n best"),
    (checks.expected_best, with_replacement, "again and again"),
    (checks.expected_best, worst_of_n, "worst of n"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
