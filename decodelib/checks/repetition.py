"""The exercise of chapter 3 about text that ends in a loop."""

from __future__ import annotations

import itertools
import random

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict


def ends_in_loop(attempt: Attempt) -> Verdict:
    """Check `ends_in_loop(tokens)`: is the end a phrase of 2 tokens or more, 3 times in a row?"""
    return _ENDS_IN_LOOP.check(attempt)


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
