"""The exercises of chapter 14: right answers pass, and each usual mistake gets its own hint."""

from collections import Counter
from itertools import chain
from statistics import fmean, median, stdev

import numpy as np
from exercise_laws import laws

from decodelib import checks

# Solutions, each written differently from the checker's own.


def distinct_n(texts, n):
    counts = Counter()
    for ids in texts:
        counts.update(zip(*(ids[i:] for i in range(n)), strict=False))
    return len(counts) / counts.total()


def bootstrap_interval(values, draws):
    means = np.sort(np.array(values)[np.array(draws)].mean(axis=1))
    cut = len(means) // 40
    return float(means[cut]), float(means[len(means) - 1 - cut])


def at_equal(points, target):
    xs, ys = zip(*sorted(points), strict=True)
    return float(np.interp(target, xs, ys))


SOLUTIONS = {
    checks.distinct_n: distinct_n,
    checks.bootstrap_interval: bootstrap_interval,
    checks.at_equal: at_equal,
}


# Mistakes, written as a student would, and a word that only the right hint has.


def mean_of_shares(texts, n):
    return fmean(distinct_n([ids], n) for ids in texts)


def divided_by_tokens(texts, n):
    different = {tuple(ids[i : i + n]) for ids in texts for i in range(len(ids) - n + 1)}
    return len(different) / sum(len(ids) for ids in texts)


def joined_first(texts, n):
    return distinct_n([list(chain(*texts))], n)


def blocks(texts, n):
    grams = []
    for ids in texts:
        while len(ids) >= n:
            grams.append(tuple(ids[:n]))
            ids = ids[n:]
    return len(set(grams)) / len(grams)


def share_repeated(texts, n):
    return 1 - distinct_n(texts, n)


def means_of(values, draws):
    return [sum(values[i] for i in draw) / len(draw) for draw in draws]


def whole_range(values, draws):
    return min(means_of(values, draws)), max(means_of(values, draws))


def range_of_values(values, draws):
    return sorted(values)[0], sorted(values)[-1]


def not_sorted(values, draws):
    means = means_of(values, draws)
    cut = len(means) // 40
    return means[cut], means[-cut - 1]


def of_medians(values, draws):
    medians = sorted(median(values[i] for i in draw) for draw in draws)
    cut = len(medians) // 40
    return medians[cut], medians[-cut - 1]


def two_deviations(values, draws):
    return fmean(values) - 1.96 * stdev(values), fmean(values) + 1.96 * stdev(values)


def nearest(points, target):
    return sorted((abs(x - target), y) for x, y in points)[0][1]


def neighbours(points, target):
    ordered = sorted(points)
    after = next(i for i, (x, _) in enumerate(ordered) if x >= target)
    return ordered[after - 1], ordered[after]


def average_of_neighbours(points, target):
    (_, left), (_, right) = neighbours(points, target)
    return (left + right) / 2


def weights_swapped(points, target):
    (a, left), (b, right) = neighbours(points, target)
    share = (target - a) / (b - a)
    return share * left + (1 - share) * right


def one_line(points, target):
    (a, left), (b, right) = points[0], points[-1]
    return left + (right - left) * (target - a) / (b - a)


MISTAKES = [
    (checks.distinct_n, mean_of_shares, "share of each text"),
    (checks.distinct_n, divided_by_tokens, "number of tokens"),
    (checks.distinct_n, joined_first, "across their borders"),
    (checks.distinct_n, blocks, "cut each text into blocks"),
    (checks.distinct_n, share_repeated, "share of repeated"),
    (checks.bootstrap_interval, whole_range, "whole range of the means"),
    (checks.bootstrap_interval, range_of_values, "range of the values"),
    (checks.bootstrap_interval, not_sorted, "sort the means"),
    (checks.bootstrap_interval, of_medians, "median of each draw"),
    (checks.bootstrap_interval, two_deviations, "most single values"),
    (checks.at_equal, nearest, "nearest point"),
    (checks.at_equal, average_of_neighbours, "average the two"),
    (checks.at_equal, weights_swapped, "wrong way round"),
    (checks.at_equal, one_line, "one line from the first"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
