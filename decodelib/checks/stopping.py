"""Exercises of chapter 13: where a text ends."""

from __future__ import annotations

import math
import random

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Stops = list[str]


def length_probs(attempt: Attempt) -> Verdict:
    """Check `length_probs(ends)`: from p(EOS) at each step, p of ending there, and of going on."""
    return _LENGTH_PROBS.check(attempt)


def cut_at_stop(attempt: Attempt) -> Verdict:
    """Check `cut_at_stop(text, stops)`: the text before the first stop string in it."""
    return _CUT_AT_STOP.check(attempt)


def held_back(attempt: Attempt) -> Verdict:
    """Check `held_back(text, stops)`: how much of its end may begin a stop string."""
    return _HELD_BACK.check(attempt)


def _random_ends(seed: int = 13) -> list[tuple[list[float]]]:
    rng = random.Random(seed)
    hand_made = [[0.2, 0.5], [0.0, 0.0, 1.0], [1.0], [0.25] * 4]
    drawn = [[rng.random() for _ in range(rng.randint(2, 7))] for _ in range(20)]
    return [(ends,) for ends in hand_made + drawn]


def _survival(ends: list[float], count: int) -> float:
    return math.prod(1 - end for end in ends[:count])


def _lengths(ends: list[float]) -> list[float]:
    return [end * _survival(ends, t) for t, end in enumerate(ends)]


_LENGTH_PROBS = Exercise(
    solution=lambda ends: [*_lengths(ends), _survival(ends, len(ends))],
    probes=_random_ends(),
    hidden=_random_ends,
    misconceptions=[
        Misconception(
            _lengths,
            "the text may also go on after the last step. Add the probability of that at the end; "
            "then all of them sum to 1.",
        ),
        Misconception(
            lambda ends: [*ends, _survival(ends, len(ends))],
            "you give p(EOS) as it is. A text ends at a step only if it has not ended before: "
            "multiply by the probability of that.",
        ),
        Misconception(
            lambda ends: [
                *(end * _survival(ends, t + 1) for t, end in enumerate(ends)),
                _survival(ends, len(ends)),
            ],
            "you multiply by 1 - p(EOS) of the step itself too. Only the steps before it count.",
        ),
        Misconception(
            lambda ends: [
                *(end * (1 - end) ** t for t, end in enumerate(ends)),
                _survival(ends, len(ends)),
            ],
            "you use one p(EOS) for all steps before. Each step has its own.",
        ),
    ],
    praise="They sum to 1: every text ends at one step, or goes on.",
)


def _drawn_texts(seed: int, ends: bool) -> list[tuple[str, Stops]]:
    """Return texts of few letters, with stop strings that often appear in them or at their end."""
    rng = random.Random(seed)
    drawn: list[tuple[str, Stops]] = []
    for _ in range(25):
        text = "".join(rng.choices("ab", k=rng.randint(2, 9)))
        lengths = [rng.randint(2, 4) for _ in range(rng.randint(1, 3))]
        stops = ["".join(rng.choices("ab", k=length)) for length in lengths]
        # No stop string has been completed where one is only beginning.
        if not (ends and any(stop in text for stop in stops)):
            drawn.append((text, stops))
    return drawn


_CUTS: list[tuple[str, Stops]] = [
    ("one two three", ["two"]),
    ("one two three", ["three", "two"]),  # the second of the list comes first in the text
    ("a\n\nb\n\nc", ["\n\n"]),
    ("nothing to find", ["END", "\n"]),
    ("STOP at once", ["STOP"]),
    ("no list", []),
    ("abcabc", ["bc", "ca"]),
    ("x y END z STOP", ["STOP", "END"]),
    ("the other", ["he"]),
]


def _places(text: str, stops: Stops) -> list[int]:
    return [text.index(stop) for stop in stops if stop in text]


def _cut_at_first_listed(text: str, stops: Stops) -> str:
    places = _places(text, stops)
    return text[: places[0]] if places else text


def _cut_after(text: str, stops: Stops) -> str:
    found = [(text.index(stop), len(stop)) for stop in stops if stop in text]
    return text[: sum(min(found))] if found else text


def _cut_at_last(text: str, stops: Stops) -> str:
    places = [text.rindex(stop) for stop in stops if stop in text]
    return text[: max(places)] if places else text


def _cut_only_at_end(text: str, stops: Stops) -> str:
    return next((text.removesuffix(stop) for stop in stops if text.endswith(stop)), text)


_CUT_AT_STOP = Exercise(
    solution=lambda text, stops: text[: min(_places(text, stops), default=len(text))],
    probes=_CUTS,
    hidden=lambda seed: [*_CUTS, *_drawn_texts(seed, ends=False)],
    misconceptions=[
        Misconception(
            _cut_at_first_listed,
            "you cut at the first stop string of the list. The one that comes first in the text "
            "decides.",
        ),
        Misconception(_cut_after, "you keep the stop string. The text ends before it."),
        Misconception(
            _cut_at_last, "you cut at the last place where one appears. The first ends the text."
        ),
        Misconception(
            _cut_only_at_end,
            "you look at the end of the text only. The token that brought the stop string may have "
            "brought more.",
        ),
    ],
    praise="The earliest one cuts, whatever the order of the list.",
)

_ENDS: list[tuple[str, Stops]] = [
    ("said </", ["</s>"]),
    ("said <", ["</s>"]),
    ("said", ["</s>"]),
    ("a\n", ["\n\n"]),
    ("aab", ["aabaaab"]),
    ("xaa", ["aab"]),  # two letters of it, although one would do
    ("xaba", ["abac", "bad"]),
    ("ends in S", ["STOP", "SEE"]),
    ("ends in ST", ["STOP", "SEE"]),
    ("well <e", ["STOP", "<end>"]),
    ("I am", ["am I", "m I not"]),
    ("", ["END"]),
    ("anything", []),
]


def _beginnings(text: str, stops: Stops) -> list[int]:
    return [n for stop in stops for n in range(1, len(stop)) if text.endswith(stop[:n])]


_HELD_BACK = Exercise(
    solution=lambda text, stops: max(_beginnings(text, stops), default=0),
    probes=_ENDS,
    hidden=lambda seed: [*_ENDS, *_drawn_texts(seed, ends=True)],
    misconceptions=[
        Misconception(
            lambda text, stops: min(len(text), max(map(len, stops), default=1) - 1),
            "you always hold back as much as might be needed. Where the end of the text begins no "
            "stop string, it can be shown.",
        ),
        Misconception(
            lambda text, stops: min(_beginnings(text, stops), default=0),
            "you stop at the shortest beginning that fits. A longer one may fit too, and all of it "
            "has to wait.",
        ),
        Misconception(
            lambda text, stops: int(any(text.endswith(stop[0]) for stop in stops)),
            "you compare the last character only. Two or more characters may begin a stop string.",
        ),
        Misconception(
            lambda text, stops: max(_beginnings(text, stops[:1]), default=0),
            "you look at the first stop string only. Any of them may be on its way.",
        ),
    ],
    praise="Everything else can be shown at once, and nothing shown is ever taken back.",
)
