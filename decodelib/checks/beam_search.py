"""Exercises of chapter 4: one step of beam search, the penalised score, and when to stop."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Sequence
from typing import TypeAlias

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Table: TypeAlias = dict[str, dict[str, float]]
"""From a word to the probabilities of the words that may follow it."""

Hypothesis: TypeAlias = tuple[float, list[str]]
"""The log-probability of some words, and the words."""


def expand_and_prune(attempt: Attempt) -> Verdict:
    """Check `expand_and_prune(hypotheses, table, num_beams)`: one step of beam search."""
    return _EXPAND_AND_PRUNE.check(attempt)


def penalised_score(attempt: Attempt) -> Verdict:
    """Check `penalised_score(logprobs, alpha)`: what beam search ranks finished texts by."""
    return _PENALISED_SCORE.check(attempt)


def can_stop(attempt: Attempt) -> Verdict:
    """Check `can_stop(scores, logprob, num_beams, alpha, longest)`: is the search decided?"""
    return _CAN_STOP.check(attempt)


def _extensions(hypotheses: Sequence[Hypothesis], table: Table) -> list[Hypothesis]:
    return [
        (logprob + math.log(p), [*words, after])
        for logprob, words in hypotheses
        for after, p in table[words[-1]].items()
    ]


def _step(hypotheses: Sequence[Hypothesis], table: Table, num_beams: int) -> list[Hypothesis]:
    return heapq.nlargest(num_beams, _extensions(hypotheses, table))


def _own_best(hypotheses: Sequence[Hypothesis], table: Table, num_beams: int) -> list[Hypothesis]:
    """Return the best extension of each hypothesis, as if they searched one by one."""
    return sorted((max(_extensions([one], table)) for one in hypotheses), reverse=True)


def _last_step(hypotheses: Sequence[Hypothesis], table: Table, num_beams: int) -> list[Hypothesis]:
    """Return the extensions whose last word is the most probable."""

    def last(hypothesis: Hypothesis) -> float:
        *_, before, after = hypothesis[1]
        return table[before][after]

    return heapq.nlargest(num_beams, _extensions(hypotheses, table), key=last)


def _forgets_the_past(
    hypotheses: Sequence[Hypothesis], table: Table, num_beams: int
) -> list[Hypothesis]:
    return _step([(0.0, words) for _, words in hypotheses], table, num_beams)


def _adds_probabilities(
    hypotheses: Sequence[Hypothesis], table: Table, num_beams: int
) -> list[Hypothesis]:
    grown = [
        (logprob + p, [*words, after])
        for logprob, words in hypotheses
        for after, p in table[words[-1]].items()
    ]
    return heapq.nlargest(num_beams, grown)


def _random_step(rng: random.Random, words: str, width: int) -> tuple[list[Hypothesis], Table, int]:
    table = {}
    for word in words:
        weights = {after: rng.expovariate(1) ** 2 + 0.01 for after in words}
        table[word] = {after: w / sum(weights.values()) for after, w in weights.items()}
    hypotheses = [
        (-rng.uniform(1, 3), ["the", *rng.choices(words, k=2)])
        for _ in range(rng.randint(1, width))
    ]
    return sorted(hypotheses, reverse=True), table, width


def _the_chapters() -> list[tuple[list[Hypothesis], Table, int]]:
    """Return the two steps of the chapter's tree with two beams, and the first with a wide one."""
    table = {
        "the": {"mat": 0.5, "roof": 0.4, "moon": 0.1},
        "mat": {"and": 0.4, "while": 0.35, "because": 0.25},
        "roof": {"and": 0.9, "while": 0.1},
    }
    start = [(0.0, ["the"])]
    return [(start, table, 2), (_step(start, table, 2), table, 2), (start, table, 9)]


def _steps(seed: int = 4) -> list[tuple[list[Hypothesis], Table, int]]:
    rng = random.Random(seed)
    return [*_the_chapters(), *(_random_step(rng, "abcd", 2 + n % 3) for n in range(20))]


_EXPAND_AND_PRUNE = Exercise(
    solution=_step,
    probes=_steps(),
    hidden=_steps,
    misconceptions=[
        Misconception(
            _own_best,
            "every hypothesis keeps its own best continuation. That is several greedy searches "
            "side by side: in beam search all continuations compete, so that one hypothesis may "
            "have several heirs and another none.",
        ),
        Misconception(
            _last_step,
            "you rank by the last word alone. Rank by the sum of all log-probabilities.",
        ),
        Misconception(
            _forgets_the_past,
            "the log-probability that a hypothesis already has is lost. Add the new word's to it.",
        ),
        Misconception(
            _adds_probabilities,
            "you add the probability of the new word to a log-probability. Add its logarithm.",
        ),
        Misconception(
            lambda hypotheses, table, num_beams: heapq.nsmallest(
                num_beams, _extensions(hypotheses, table)
            ),
            "you keep the least probable ones. Log-probabilities are negative, and the best is "
            "the largest, closest to 0.",
        ),
        Misconception(
            lambda hypotheses, table, num_beams: sorted(
                _extensions(hypotheses, table), reverse=True
            ),
            "you expand but do not prune: keep the `num_beams` best.",
        ),
        Misconception(
            lambda hypotheses, table, num_beams: _step(hypotheses, table, num_beams)[::-1],
            "these are the right ones, but the best should come first.",
        ),
    ],
    praise="Call it n times, from [(0.0, [start])], and you have searched for n words.",
)


def _score(logprobs: Sequence[float], alpha: float) -> float:
    return math.fsum(logprobs) / len(logprobs) ** alpha


def _texts(seed: int = 44) -> list[tuple[list[float], float]]:
    rng = random.Random(seed)
    drawn = [
        ([-rng.expovariate(0.7) for _ in range(rng.randint(1, 12))], alpha)
        for alpha in (-1.0, 0.0, 0.5, 1.0, 1.0, 2.0, 0.6) * 3
    ]
    return [([-1.5], 2.0), ([-1.0, -2.0, -3.0], 1.0), ([-1.0, -2.0, -3.0], 0.0), *drawn]


_PENALISED_SCORE = Exercise(
    solution=_score,
    probes=_texts(),
    hidden=_texts,
    misconceptions=[
        Misconception(
            lambda logprobs, alpha: math.fsum(logprobs) * len(logprobs) ** alpha,
            "you multiply by the power of the length. Divide by it: a sum of many terms is made "
            "comparable with a sum of few.",
        ),
        Misconception(
            lambda logprobs, alpha: math.fsum(logprobs) / len(logprobs),
            "that is the mean, which is right for alpha = 1 only. Raise the length to the power "
            "of alpha before you divide.",
        ),
        Misconception(
            lambda logprobs, alpha: math.fsum(logprobs),
            "that is the plain sum, which is right for alpha = 0 only. The length has to come in.",
        ),
        Misconception(
            lambda logprobs, alpha: math.fsum(logprobs) / ((5 + len(logprobs)) / 6) ** alpha,
            "that is the formula of Wu et al., with (5 + n)/6 for the length. This chapter and the "
            "library divide by the length itself.",
        ),
        Misconception(
            lambda logprobs, alpha: math.exp(math.fsum(logprobs)) / len(logprobs) ** alpha,
            "you divide the probability of the text. The score divides its log-probability.",
        ),
        Misconception(
            lambda logprobs, alpha: -_score(logprobs, alpha),
            "the sign is wrong: log-probabilities are negative, and so are scores. The best score "
            "is the one closest to 0.",
        ),
    ],
    praise="With alpha = 1 it is minus the surprisal per token, with 0 the log-probability.",
)


def _decided(
    scores: Sequence[float],
    logprob: float,
    num_beams: int,
    alpha: float,
    longest: int,
    rival: Callable[[Sequence[float]], float] = min,
) -> bool:
    return len(scores) >= num_beams and logprob / longest**alpha <= rival(scores)


def _searches(seed: int = 444) -> list[tuple[list[float], float, int, float, int]]:
    rng = random.Random(seed)
    drawn = []
    for n in range(60):
        width = rng.randint(1, 4)
        count = width if n % 3 else rng.randint(0, width)
        scores = [-rng.uniform(0.2, 2.5) for _ in range(count)]
        alpha, longest = rng.choice([0.5, 1.0, 2.0]), rng.randint(4, 12)
        near = min(scores, default=-1.0) * longest**alpha
        drawn.append(
            (scores, near * rng.choice([0.3, 0.7, 0.95, 1.05, 1.4, 3]), width, alpha, longest)
        )
    return drawn


# The sum, taken for a score, is above a finished one: few searches that are drawn are so.
_HOPEFUL = ([-2.0], -1.0, 1, 1.0, 4)

_CAN_STOP = Exercise(
    solution=_decided,
    probes=_searches(),
    hidden=lambda seed: [_HOPEFUL, *_searches(seed)],
    misconceptions=[
        Misconception(
            lambda scores, logprob, num_beams, alpha, longest: (
                bool(scores) and logprob / longest**alpha <= min(scores)
            ),
            "you stop with fewer than `num_beams` finished. As long as there is room, the next "
            "one to finish is welcome whatever its score.",
        ),
        Misconception(
            lambda scores, logprob, num_beams, alpha, longest: len(scores) >= num_beams,
            "you stop as soon as enough have finished: that is early_stopping=True. Ask whether "
            "an unfinished one may still do better.",
        ),
        Misconception(
            lambda scores, logprob, num_beams, alpha, longest: _decided(
                scores, logprob, num_beams, alpha, longest, max
            ),
            "you compare with the best finished one. To come in, a newcomer only has to beat the "
            "worst of them.",
        ),
        Misconception(
            lambda scores, logprob, num_beams, alpha, longest: (
                len(scores) >= num_beams and logprob <= min(scores)
            ),
            "you compare a plain sum with scores. Divide it by a power of a length: of the most "
            "favourable one, `longest`.",
        ),
        Misconception(
            lambda scores, logprob, num_beams, alpha, longest: (
                len(scores) >= num_beams and logprob / longest**alpha > min(scores)
            ),
            "it is the other way round: you stop when the unfinished one can still win.",
        ),
    ],
    praise='This is early_stopping="never", the rule that never stops too soon.',
)
