"""Exercises of chapter 2: where draws end, how probable they are, and the best finished text."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable, Iterator
from typing import TypeAlias

from decodelib.checks.given import without_zeros
from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Table: TypeAlias = dict[str, dict[str, float]]
"""From a word to the probabilities of the words that may follow it."""

EOS = "<eos>"


def marginals(attempt: Attempt) -> Verdict:
    """Check `marginals(table, start, steps)`: the probability of each word to be the last one."""
    return _MARGINALS.check(attempt)


def usual_surprisal(attempt: Attempt) -> Verdict:
    """Check `usual_surprisal(table, start, steps)`: the expected -ln p of a text, in nats."""
    return _USUAL_SURPRISAL.check(attempt)


def best_finished(attempt: Attempt) -> Verdict:
    """Check `best_finished(table, start, longest)`: the most probable text that ends in <eos>."""
    return _BEST_FINISHED.check(attempt)


def _paths(table: Table, start: str, steps: int) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield every path of `steps` words after `start` with its probability."""
    if steps == 0:
        yield (), 1.0
        return
    for word, p in table[start].items():
        for path, prob in _paths(table, word, steps - 1):
            yield (word, *path), p * prob


def _ends(
    table: Table, start: str, steps: int, join: Callable[[float, float], float]
) -> dict[str, float]:
    """Return a number for each last word: what `join` makes of its paths, in turn."""
    found: dict[str, float] = {}
    for path, prob in _paths(table, start, steps):
        last = path[-1] if path else start
        found[last] = join(found.get(last, 0.0), prob)
    return found


def _add(a: float, b: float) -> float:
    return a + b


def _counted_alike(table: Table, start: str, steps: int) -> dict[str, float]:
    """Return what comes out if every word counts in full as a predecessor."""
    here = {start: 1.0}
    for _ in range(steps):
        there: dict[str, float] = {}
        for word in here:
            for after, p in table[word].items():
                there[after] = there.get(after, 0.0) + p
        here = there
    return here


def _overwritten(table: Table, start: str, steps: int) -> dict[str, float]:
    here = {start: 1.0}
    for _ in range(steps):
        here = {after: q * p for word, q in here.items() for after, p in table[word].items()}
    return here


def _random_rows(rng: random.Random, words: str, ends: bool = False) -> Table:
    """Return a table with a row for each word, no two values equal; `ends` lets texts end."""
    table = {}
    for word in words:
        names = [*words, EOS] if ends else list(words)
        weights = {after: rng.expovariate(1) ** 2 + 0.01 for after in names}
        table[word] = {after: w / sum(weights.values()) for after, w in weights.items()}
    return table


_CLOSED: Table = {"a": {"b": 0.5, "c": 0.5}, "b": {"a": 1.0}, "c": {"a": 0.2, "c": 0.8}}


def _probes(seed: int = 2) -> list[tuple[Table, str, int]]:
    rng = random.Random(seed)
    drawn = [(_random_rows(rng, w), w[0], rng.randint(2, 4)) for w in ["abc", "dbca", "cab"] * 4]
    return [(_CLOSED, "a", 1), (_CLOSED, "a", 2), (_CLOSED, "a", 3), *drawn]


_MARGINALS = Exercise(
    solution=lambda table, start, steps: _ends(table, start, steps, _add),
    probes=_probes(),
    hidden=_probes,
    adapt=without_zeros,
    misconceptions=[
        Misconception(
            lambda table, start, steps: _ends(table, start, steps, max),
            "that is the probability of the best path to each word. Add up all paths that lead "
            "there.",
        ),
        Misconception(
            _overwritten,
            "a word can be reached from several others, and you keep only one of these ways: the "
            "last one looked at. Add to what is there.",
        ),
        Misconception(
            _counted_alike,
            "you add p(after | word) for every word as if it were certain. Multiply it by the "
            "probability of being at that word.",
        ),
        Misconception(
            lambda table, start, steps: dict(table[start]),
            "you take one step only. After each step, go on from all words reached so far.",
        ),
        Misconception(
            lambda table, start, steps: _ends(table, start, steps - 1, _add),
            "you stop one step too early: with `steps` of 1 the answer is the row of `start`.",
        ),
    ],
    praise="With the maximum it finds the best path, with the sum the share of all paths.",
)


def _expected(table: Table, start: str, steps: int) -> float:
    return sum(-q * math.log(q) for _, q in _paths(table, start, steps))


def _first_row_entropy(table: Table, start: str, steps: int) -> float:
    return steps * _expected(table, start, 1)


def _mode_surprisal(table: Table, start: str, steps: int) -> float:
    return -math.log(max(q for _, q in _paths(table, start, steps)))


def _unweighted(table: Table, start: str, steps: int) -> float:
    surprisals = [-math.log(q) for _, q in _paths(table, start, steps)]
    return sum(surprisals) / len(surprisals)


_USUAL_SURPRISAL = Exercise(
    solution=_expected,
    probes=_probes(),
    hidden=_probes,
    misconceptions=[
        Misconception(
            _mode_surprisal,
            "that is the surprisal of the most probable text. A usual draw is more surprising: "
            "average over all texts, weighted by their probabilities.",
        ),
        Misconception(
            _unweighted,
            "you average over the texts as if they were equally probable. Weight each by its "
            "probability.",
        ),
        Misconception(
            _first_row_entropy,
            "you take every step to be like the first. The row depends on the word before, and "
            "that is at random from the second step on.",
        ),
        Misconception(
            lambda table, start, steps: _expected(table, start, steps) / steps,
            "that is the surprisal per word. The exercise asks for that of the whole text.",
        ),
        Misconception(
            lambda table, start, steps: _expected(table, start, steps) / math.log(2),
            "that is in bits. A nat is measured with the natural logarithm, `math.log`.",
        ),
        Misconception(
            lambda table, start, steps: -_expected(table, start, steps),
            "that is the mean log-probability. Surprisal is minus the logarithm, and never "
            "negative.",
        ),
    ],
    praise="Text near this value is what a draw gives; the mode lies below it.",
)


def _finished(
    table: Table,
    start: str,
    longest: int,
    shortest: int = 0,
    score: Callable[[float, int], float] = lambda prob, length: prob,
) -> list[str]:
    """Return the best of the finished texts of `shortest` to `longest` words."""
    found = {
        path[:-1]: score(prob, len(path))
        for length in range(shortest, longest + 1)
        for path, prob in _unfinished_then_end(table, start, length)
    }
    best = max(found.items(), key=lambda item: item[1])
    return list(best[0])


def _unfinished_then_end(
    table: Table, start: str, length: int
) -> Iterator[tuple[tuple[str, ...], float]]:
    words = [word for word in table if word != EOS]
    for path in itertools.product(words, repeat=length):
        steps = itertools.pairwise([start, *path, EOS])
        prob = math.prod(table[word].get(after, 0.0) for word, after in steps)
        if prob > 0:
            yield (*path, EOS), prob


def _greedy_until_end(table: Table, start: str, longest: int) -> list[str]:
    path: list[str] = []
    while len(path) < longest:
        row = table[path[-1] if path else start]
        best = max(row, key=lambda word: row[word])
        if best == EOS:
            break
        path.append(best)
    return path


def _late_end() -> Table:
    """Return a table in which good texts have three words, and short ones are improbable."""
    return {
        "a": {"b": 0.9, "c": 0.08, EOS: 0.02},
        "b": {"b": 0.05, "c": 0.9, EOS: 0.05},
        "c": {"a": 0.1, "b": 0.1, EOS: 0.8},
    }


def _has_one_best(table: Table, start: str, longest: int) -> bool:
    """Return whether no other text is as probable as the best one, but for rounding."""
    lengths = range(longest + 1)
    found = (prob for n in lengths for _, prob in _unfinished_then_end(table, start, n))
    first, second = heapq.nlargest(2, found)
    return first > second * (1 + 1e-6)


def _texts_that_end(seed: int = 22) -> list[tuple[Table, str, int]]:
    rng = random.Random(seed)
    drawn: list[tuple[Table, str, int]] = []
    for words in ["abc", "bca", "cab"] * 8:
        probe = _random_rows(rng, words, ends=True), words[0], rng.randint(2, 4)
        while not _has_one_best(*probe):
            probe = _random_rows(rng, words, ends=True), words[0], rng.randint(2, 4)
        drawn.append(probe)
    at_once: Table = {"a": {EOS: 0.4, "b": 0.6}, "b": {EOS: 0.5, "a": 0.5}}
    return [(_late_end(), "a", 3), (_late_end(), "a", 2), (at_once, "a", 3), *drawn]


_BEST_FINISHED = Exercise(
    solution=_finished,
    probes=_texts_that_end(),
    hidden=_texts_that_end,
    misconceptions=[
        Misconception(
            _greedy_until_end,
            "that is the greedy text. A less probable word may lead to a more probable whole, and "
            "ending early may be more probable than every way of going on.",
        ),
        Misconception(
            lambda table, start, longest: _finished(
                table, start, longest, score=lambda prob, length: math.log(prob) / length
            ),
            "you divide by the length, as beam search does. Here the most probable text wins as it "
            "is, and that favours short ones.",
        ),
        Misconception(
            lambda table, start, longest: _finished(table, start, longest, shortest=1),
            "a text may end at once: the probability of <eos> after `start` takes part too, and "
            "its text is the empty list.",
        ),
        Misconception(
            lambda table, start, longest: _finished(table, start, longest, shortest=longest),
            "you compare only texts of exactly `longest` words. Shorter ones take part too.",
        ),
        Misconception(
            lambda table, start, longest: _finished(table, start, longest - 1),
            "you count <eos> as one of the `longest` words. It comes after them.",
        ),
        Misconception(
            lambda table, start, longest: [*_finished(table, start, longest), EOS],
            "leave <eos> out of the list: return only the words before it.",
        ),
    ],
    praise="The longer a text may be, the more short ones it has to compete with.",
)
