"""The exercises of chapter 14: right answers pass, and each usual mistake gets its own hint."""

from collections import Counter
from itertools import chain
from statistics import fmean

import numpy as np

from decodelib import checks
from tests.helpers.exercise_laws import laws

# Solutions, each written differently from the checker's own.


def distinct_n(texts, n):
    counts = Counter()
    for ids in texts:
        counts.update(zip(*(ids[i:] for i in range(n)), strict=False))
    return len(counts) / counts.total()


def difference_interval(a, b, draws):
    differences = np.array(a) - np.array(b)
    means = np.sort(differences[np.array(draws)].mean(axis=1))
    cut = len(means) // 40
    return float(means[cut]), float(means[len(means) - 1 - cut])


def at_equal(points, target):
    xs, ys = zip(*sorted(points), strict=True)
    return float(np.interp(target, xs, ys))


SOLUTIONS = {
    checks.distinct_n: distinct_n,
    checks.difference_interval: difference_interval,
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


def stops_one_early(texts, n):
    grams = [tuple(ids[i : i + n]) for ids in texts for i in range(len(ids) - n)]
    return len(set(grams)) / len(grams)


def share_repeated(texts, n):
    return 1 - distinct_n(texts, n)


def means_of(values, draws):
    return [sum(values[i] for i in draw) / len(draw) for draw in draws]


def middle(values):
    cut = len(values) // 40
    return values[cut], values[-cut - 1]


def differences(a, b, draws):
    return [x - y for x, y in zip(means_of(a, draws), means_of(b, draws), strict=True)]


def as_if_independent(a, b, draws):
    (low_a, high_a), (low_b, high_b) = (middle(sorted(means_of(v, draws))) for v in (a, b))
    return low_a - high_b, high_a - low_b


def end_by_end(a, b, draws):
    (low_a, high_a), (low_b, high_b) = (middle(sorted(means_of(v, draws))) for v in (a, b))
    return low_a - low_b, high_a - high_b


def not_sorted(a, b, draws):
    return middle(differences(a, b, draws))


def whole_range(a, b, draws):
    ordered = sorted(differences(a, b, draws))
    return ordered[0], ordered[-1]


def keeps_the_largest(a, b, draws):
    ordered = sorted(differences(a, b, draws))
    cut = len(draws) // 40
    return ordered[cut], ordered[-cut]


def wrong_way_round(a, b, draws):
    return difference_interval(b, a, draws)


def of_single_prompts(a, b, draws):
    single = sorted(x - y for x, y in zip(a, b, strict=True))
    return single[0], single[-1]


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


def interp_of_falling_points(points, target):
    xs, ys = np.array(points).T
    return np.interp(target, xs, ys)


MISTAKES = [
    (checks.distinct_n, mean_of_shares, "share of each text"),
    (checks.distinct_n, divided_by_tokens, "number of tokens"),
    (checks.distinct_n, joined_first, "across their borders"),
    (checks.distinct_n, blocks, "cut each text into blocks"),
    (checks.distinct_n, stops_one_early, "leave out the last n-gram"),
    (checks.distinct_n, share_repeated, "share of repeated"),
    (checks.difference_interval, as_if_independent, "nothing to do with each other"),
    (checks.difference_interval, end_by_end, "ends of two intervals"),
    (checks.difference_interval, not_sorted, "sort the differences"),
    (checks.difference_interval, whole_range, "whole range of the differences"),
    (checks.difference_interval, keeps_the_largest, "one too few"),
    (checks.difference_interval, wrong_way_round, "interval of b - a"),
    (checks.difference_interval, of_single_prompts, "range of the single"),
    (checks.at_equal, nearest, "nearest point"),
    (checks.at_equal, average_of_neighbours, "average the two"),
    (checks.at_equal, weights_swapped, "wrong way round"),
    (checks.at_equal, one_line, "one line from the first"),
    (checks.at_equal, interp_of_falling_points, "expects rising"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
