"""Exercises of chapter 3: a greedy path, the best path, and text that ends in a loop."""

from __future__ import annotations

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


def ends_in_loop(attempt: Attempt) -> Verdict:
    """Check `ends_in_loop(tokens)`: is the end a phrase of 2 tokens or more, 3 times in a row?"""
    return _ENDS_IN_LOOP.check(attempt)


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


def _tables(seed: int = 3) -> list[tuple[Table, str, int]]:
    rng = random.Random(seed)
    drawn: list[tuple[Table, str, int]] = [
        (_random_table(rng, words), words[0], rng.randint(2, 4))
        for words in ["abc", "bcad", "dcba", "cab"] * 4
    ]
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


def _is_run(tokens: list[int], end: int, length: int, times: int) -> bool:
    """Return whether `times` equal phrases of that length lie side by side just before `end`."""
    start = end - times * length
    return start >= 0 and all(tokens[i] == tokens[i + length] for i in range(start, end - length))


def _loop(tokens: list[int], shortest: int = 2, times: int = 3) -> bool:
    end = len(tokens)
    return any(_is_run(tokens, end, n, times) for n in range(shortest, end + 1))


def _loop_anywhere(tokens: list[int]) -> bool:
    ends = range(len(tokens) + 1)
    return any(_is_run(tokens, end, n, 3) for end in ends for n in range(2, end + 1))


def _last_phrase_is_frequent(tokens: list[int]) -> bool:
    """Return whether some last phrase occurs three times, wherever that is."""
    size = len(tokens)
    return any(
        sum(tokens[i : i + n] == tokens[size - n :] for i in range(size - n + 1)) >= 3
        for n in range(2, size + 1)
    )


def _some_phrase_is_frequent(tokens: list[int]) -> bool:
    pairs = list(itertools.pairwise(tokens))
    return any(pairs.count(pair) >= 3 for pair in pairs)


def _texts(seed: int = 33) -> list[tuple[list[int]]]:
    rng = random.Random(seed)
    hand_made = [
        [],
        [5],
        [1, 2, 3, 4, 5, 6, 7],
        [1, 2] * 3,  # nothing but the loop
        [9, 1, 2, 1, 2, 1, 2],
        [9, 1, 2, 1, 2],  # twice is not enough
        [9, 8, 4, 4, 4],  # one token, three times
        [9, 8, *[4] * 6],  # the phrase 4 4, three times
        [1, 2, 1, 2, 1, 2, 8, 9],  # the loop was left
        [1, 2, 7, 1, 2, 8, 1, 2],  # three times, but not in a row
        [9, *[1, 2, 3] * 3],
        [9, 8, *[3, 1, 4, 1, 5] * 4, 3, 1],  # cut off inside the phrase
        [*range(20), *range(30, 41), *range(30, 41), *range(30, 41)],
        [*range(20), *range(30, 41), *range(30, 41), 99, *range(30, 41)],
    ]
    drawn = []
    for size in [2, 3, 4, 6, 7, 10] * 3:
        phrase = rng.sample(range(100, 200), size)
        before = rng.sample(range(100), rng.randint(1, 12))
        drawn.append([*before, *phrase * rng.randint(1, 5), *phrase[: rng.randint(0, 1)]])
    return [(tokens,) for tokens in [*hand_made, *drawn]]


_APART = (
    "a phrase that comes back now and then is not a loop. The three copies must follow each other "
    "without anything between them."
)

_ENDS_IN_LOOP = Exercise(
    solution=_loop,
    probes=_texts(),
    hidden=_texts,
    misconceptions=[
        Misconception(
            lambda tokens: _loop(tokens, shortest=1),
            "you accept a phrase of one token. By the definition it has at least two, so a single "
            "token needs six copies: the pair of it, three times.",
        ),
        Misconception(
            lambda tokens: _loop(tokens, times=2),
            "two copies are enough for you. The definition asks for three.",
        ),
        Misconception(
            lambda tokens: _loop(tokens, times=4),
            "you ask for four copies: the phrase and three repetitions of it. The definition "
            "counts three copies in all.",
        ),
        Misconception(
            _loop_anywhere,
            "you accept a loop that the text has left again. The copies must be the end of the "
            "text.",
        ),
        Misconception(_last_phrase_is_frequent, _APART),
        Misconception(_some_phrase_is_frequent, _APART),
        *[
            Misconception(
                lambda tokens, n=n: _is_run(tokens, len(tokens), n, 3),
                f"you try phrases of {n} tokens only. Try every length from 2 to a third of the "
                "text.",
            )
            for n in (2, 3)
        ],
        Misconception(
            lambda tokens: any(
                _is_run(tokens, len(tokens), n, 3) for n in range(2, len(tokens) // 3)
            ),
            "you stop one length too early: `range` leaves out its end. Three copies may fill the "
            "whole text.",
        ),
    ],
    praise="This is how the looping texts of this chapter were counted.",
)
