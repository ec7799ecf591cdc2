"""Exercises of chapter 3: a greedy path, and the best path."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable, Sequence
from typing import TypeAlias

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Table: TypeAlias = dict[str, dict[str, float]]
"""From a word to the probabilities of the words that may follow it."""


def greedy_path(attempt: Attempt) -> Verdict:
    """Check `greedy_path(table, start, steps)`: the words that greedy decoding adds to `start`."""
    return _GREEDY_PATH.check(attempt)


def best_path(attempt: Attempt) -> Verdict:
    """Check `best_path(table, start, steps)`: the most probable `steps` words after `start`."""
    return _BEST_PATH.check(attempt)


def _first_best(row: dict[str, float]) -> str:
    return max(row, key=lambda word: row[word])


def _last_best(row: dict[str, float]) -> str:
    return max(reversed(row), key=lambda word: row[word])


def _walk(
    table: Table, start: str, steps: int, choose: Callable[[dict[str, float]], str] = _first_best
) -> list[str]:
    path = [start]
    for _ in range(steps):
        path.append(choose(table[path[-1]]))
    return path[1:]


def _probs(table: Table, start: str, path: Sequence[str]) -> list[float]:
    return [table[word].get(after, 0.0) for word, after in itertools.pairwise([start, *path])]


def _best(
    table: Table, start: str, steps: int, score: Callable[[list[float]], float] = math.prod
) -> list[str]:
    """Return the path of the highest score, among those that the table allows."""
    scores: dict[tuple[str, ...], float] = {
        path: score(probs)
        for path in itertools.product(table, repeat=steps)
        if all(probs := _probs(table, start, path))
    }
    best = max(scores.items(), key=lambda item: item[1])
    return list(best[0])


def _random_table(rng: random.Random, words: str) -> Table:
    """Return a table with a row for each word, listed in random orders, no two values equal."""
    table = {}
    for word in words:
        weights = {after: rng.expovariate(1) ** 2 + 0.01 for after in rng.sample(words, len(words))}
        table[word] = {after: w / sum(weights.values()) for after, w in weights.items()}
    return table


def _greedy_loses() -> Table:
    """Return the table of the chapter's tree, with a row for every word."""
    end = {"end": 1.0}
    return {
        "the": {"mat": 0.5, "roof": 0.4, "moon": 0.1},
        "mat": {"and": 0.4, "while": 0.3, "because": 0.3},
        "roof": {"and": 0.9, "while": 0.1},
        "moon": {"while": 0.6, "because": 0.4},
        "and": end,
        "while": end,
        "because": end,
        "end": end,
    }


def _certain_but_rare() -> Table:
    """Return a table where an improbable word leads to a certain one: the sum there is large."""
    return {
        "a": {"b": 0.55, "d": 0.25, "c": 0.2},
        "b": {"b": 0.45, "d": 0.3, "c": 0.25},
        "c": {"d": 1.0},
        "d": {"a": 0.7, "b": 0.3},
    }


def _has_one_best(table: Table, start: str, steps: int) -> bool:
    """Return whether no other path is as probable as the best one, but for rounding."""
    paths = itertools.product(table, repeat=steps)
    first, second = heapq.nlargest(2, (math.prod(_probs(table, start, path)) for path in paths))
    return first > second * (1 + 1e-6)


def _tables(seed: int = 3) -> list[tuple[Table, str, int]]:
    rng = random.Random(seed)
    drawn: list[tuple[Table, str, int]] = []
    for words in ["abc", "bcad", "dcba", "cab"] * 4:
        probe = _random_table(rng, words), words[0], rng.randint(2, 4)
        while not _has_one_best(*probe):
            probe = _random_table(rng, words), words[0], rng.randint(2, 4)
        drawn.append(probe)
    return [
        (_greedy_loses(), "the", 1),
        (_greedy_loses(), "the", 2),
        (_certain_but_rare(), "a", 2),
        *drawn,
    ]


_TIED: tuple[Table, str, int] = ({"z": {"x": 1.0}, "x": {"z": 0.5, "x": 0.5}}, "x", 1)

_WITH_START = "the start is given: return only the words that come after it."

_GREEDY_PATH = Exercise(
    solution=_walk,
    probes=[*_tables(), _TIED],
    hidden=lambda seed: [*_tables(seed), _TIED],
    misconceptions=[
        Misconception(
            lambda table, start, steps: [_first_best(table[start])] * steps,
            "every word is chosen as if it came right after `start`. After each step, look up the "
            "row of the word you have just added.",
        ),
        Misconception(
            lambda table, start, steps: _walk(table, start, steps, max),
            "you take the word that is last in the alphabet. `max(row)` compares the words; "
            "compare their probabilities instead, as `max(row, key=row.get)` does.",
        ),
        Misconception(
            lambda table, start, steps: _walk(
                table, start, steps, lambda row: min(row, key=lambda word: row[word])
            ),
            "you take the least probable word. Does your sort run upwards?",
        ),
        Misconception(
            lambda table, start, steps: _walk(table, start, steps, _last_best),
            "of equally probable words you take the last one. By our rule the first one listed "
            "wins, as with argmax.",
        ),
        Misconception(
            lambda table, start, steps: [start, *_walk(table, start, steps)], _WITH_START
        ),
        Misconception(
            lambda table, start, steps: [start, *_walk(table, start, steps - 1)], _WITH_START
        ),
        Misconception(
            _best,
            "that is the most probable path as a whole. Greedy decoding chooses each word without "
            "looking at the words after it.",
        ),
    ],
    praise="Each word depends on the one before it, and nothing looks ahead.",
)

_BEST_PATH = Exercise(
    solution=_best,
    probes=_tables(),
    hidden=_tables,
    misconceptions=[
        Misconception(
            _walk,
            "that is the greedy path. A less probable first word may lead to a more probable "
            "whole: try every path.",
        ),
        Misconception(
            lambda table, start, steps: _best(table, start, steps, sum),
            "you add the probabilities of the steps. The probability of a path is their product.",
        ),
        Misconception(
            lambda table, start, steps: _best(table, start, steps, lambda probs: probs[-1]),
            "you rank paths by their last step alone. Multiply the probabilities of all steps.",
        ),
        Misconception(
            lambda table, start, steps: _best(table, start, steps, lambda p: -math.prod(p)),
            "that is the least probable path. Log-probabilities are negative: the best one is the "
            "largest, closest to 0.",
        ),
        Misconception(
            lambda table, start, steps: math.prod(_probs(table, start, _best(table, start, steps))),
            "that is the probability of the best path. Return its words.",
        ),
        Misconception(
            lambda table, start, steps: [start, *_best(table, start, steps)], _WITH_START
        ),
    ],
    praise="Try it with 8 words and 20 steps, and you see why nobody decodes like this.",
)
