"""Exercises of chapter 18: a vote, the text most like the others, and the best of a pool."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Probs = list[float]
Table = list[list[float]]


def majority(attempt: Attempt) -> Verdict:
    """Check `majority(answers)`: the answer with the most votes; "" is no answer."""
    return _MAJORITY.check(attempt)


def most_alike(attempt: Attempt) -> Verdict:
    """Check `most_alike(utilities)`: the text that is most like the others, as its index."""
    return _MOST_ALIKE.check(attempt)


def expected_best(attempt: Attempt) -> Verdict:
    """Check `expected_best(rewards, n)`: the mean of the best of n texts out of a pool."""
    return _EXPECTED_BEST.check(attempt)


def _votes(answers: Sequence[str]) -> str:
    return Counter(answer for answer in answers if answer).most_common(1)[0][0]


def _last_of_equals(answers: Sequence[str]) -> str:
    counts = Counter(answer for answer in answers if answer)
    most = max(counts.values())
    return [answer for answer in counts if counts[answer] == most][-1]


def _elections(seed: int = 18) -> list[tuple[list[str]]]:
    rng = random.Random(seed)
    hand_made = [
        ["", "she", "he", "", "", "he"],
        ["b", "a", "a", "b", "c"],
        ["x"],
        ["", "", "two"],
        ["a", "b", "b"],
    ]
    drawn = [[rng.choice(["", "he", "she", "it", "they"]) for _ in range(12)] for _ in range(15)]
    return [(answers,) for answers in hand_made + drawn]


_MAJORITY = Exercise(
    solution=_votes,
    probes=_elections(),
    hidden=_elections,
    misconceptions=[
        Misconception(
            lambda answers: Counter(answers).most_common(1)[0][0],
            'texts without an answer vote in yours: "" is no answer, however many say it.',
        ),
        Misconception(
            lambda answers: next(answer for answer in answers if answer),
            "that is the first answer given, whoever gives it after that. Count all of them.",
        ),
        Misconception(
            _last_of_equals,
            "of answers with equally many votes you take the one that came last; the first wins.",
        ),
        Misconception(
            lambda answers: max(sorted({a for a in answers if a}), key=list(answers).count),
            "of answers with equally many votes you take the first of the alphabet; the one that "
            "came first in the list wins.",
        ),
        Misconception(
            lambda answers: Counter(a for a in answers if a).most_common(1)[0][1],
            "that is how many votes the winner has. Return the answer itself.",
        ),
    ],
    praise="A text votes with its answer, not with its probability.",
)


def _argmax(values: Sequence[float]) -> int:
    return list(values).index(max(values))


def _means(u: Table) -> list[float]:
    return [sum(row[:i] + row[i + 1 :]) / (len(row) - 1) for i, row in enumerate(u)]


def _tables(seed: int = 181) -> list[tuple[Table]]:
    rng = random.Random(seed)
    hand_made = [
        [[9.0, 0.1, 0.2], [0.5, 0.3, 0.4], [0.6, 0.9, 0.1]],
        [[1.0, 0.5], [0.4, 1.0]],
        [[0.0, 0.9, 0.0, 0.0], [0.3, 0.0, 0.4, 0.5], [0.2, 0.3, 0.0, 0.1], [0.6, 0.0, 0.1, 0.0]],
    ]
    drawn = [
        [[rng.random() + 2 * (i == j) * rng.random() for j in range(n)] for i in range(n)]
        for n in (3, 4, 5, 6, 7) * 4
    ]
    return [(table,) for table in hand_made + drawn]


_MOST_ALIKE = Exercise(
    solution=lambda u: _argmax(_means(u)),
    probes=_tables(),
    hidden=_tables,
    misconceptions=[
        Misconception(
            lambda u: _argmax([sum(row) for row in u]),
            "a text's likeness to itself counts in yours. Leave utilities[i][i] out.",
        ),
        Misconception(
            lambda u: _argmax(_means([list(column) for column in zip(*u, strict=True)])),
            "you average down a column: how much the others are like text i. The text that is "
            "judged is the row, utilities[i].",
        ),
        Misconception(
            lambda u: _argmax([max(row[:i] + row[i + 1 :]) for i, row in enumerate(u)]),
            "that is the text with one very near neighbour. Take the mean over all others.",
        ),
        Misconception(
            lambda u: _means(u).index(min(_means(u))),
            "that is the text least like the others: utility is to be large, only risk is to be "
            "small.",
        ),
        Misconception(
            lambda u: max(_means(u)),
            "that is the mean utility itself. Return the index of the text that has it.",
        ),
    ],
    praise="No reward is needed: the texts are each other's judges.",
)


def _pools(seed: int = 182) -> list[tuple[list[float], int]]:
    rng = random.Random(seed)
    hand_made = [([3.0, 1.0, 2.0], 2), ([5.0, 4.0, 0.0, 1.0], 3), ([0.0, 1.0, 0.0, 2.0], 1)]
    drawn = []
    for size in (4, 5, 6, 8, 12) * 3:
        rewards = [float(rng.randint(-9, 9)) for _ in range(size)]
        drawn.append((rewards, rng.randint(2, size - 1)))
    return hand_made + drawn


def _mean_best(rewards: list[float], n: int) -> float:
    return _weighted(rewards, [math.comb(place, n - 1) for place in range(len(rewards))])


def _weighted(rewards: list[float], weights: Sequence[float]) -> float:
    """Return the mean of the rewards, smallest first, under weights that need not sum to 1."""
    pairs = zip(sorted(rewards), weights, strict=True)
    return sum(reward * weight for reward, weight in pairs) / sum(weights)


_EXPECTED_BEST = Exercise(
    solution=_mean_best,
    probes=_pools(),
    hidden=_pools,
    misconceptions=[
        Misconception(
            lambda rewards, n: max(rewards[:n]),
            "that is the best of the first n. The mean over all choices of n varies less, and uses "
            "the whole pool.",
        ),
        Misconception(
            lambda rewards, n: max(rewards),
            "the best of the pool is not in every choice of n texts.",
        ),
        Misconception(
            lambda rewards, n: sum(rewards) / len(rewards),
            "that is the mean of all rewards: the best of n = 1.",
        ),
        Misconception(
            lambda rewards, n: sum(sorted(rewards)[-n:]) / n,
            "that is the mean of the n best. Of every choice of n texts only the best counts.",
        ),
        Misconception(
            lambda rewards, n: _weighted(
                rewards, [(place + 1) ** n - place**n for place in range(len(rewards))]
            ),
            "yours draws a text of the pool again and again. A choice has n different texts: count "
            "them with math.comb.",
        ),
        Misconception(
            lambda rewards, n: _weighted(
                rewards[:], [math.comb(len(rewards) - 1 - i, n - 1) for i in range(len(rewards))]
            ),
            "that is the mean of the worst of n. The best one has n - 1 others below it.",
        ),
    ],
    praise="One pool gives the whole curve, for every n up to its size.",
)
