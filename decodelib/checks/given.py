"""What an exercise hands to an attempt, or does with its answers; no answer of an exercise is here.

The student edition of the book keeps this module and not those with the solutions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

Attempt = Callable[..., Any]

CALLS_ALLOWED = 200
OVERFLOW = "an overflow"


@dataclass
class NextToken:
    """A made-up model whose next id depends on all ids so far; it refuses to be asked for ever."""

    size: int
    calls: int = field(default=0, compare=False, repr=False)

    def __call__(self, ids: Sequence[int]) -> int:
        self.calls += 1
        if self.calls > CALLS_ALLOWED:
            raise RuntimeError(f"{CALLS_ALLOWED:,} tokens and no end; stop after n")
        return (7 * len(ids) + 3 * sum(ids) + 5 * ids[-1] + 1) % self.size

    def __repr__(self) -> str:
        return "next_token"


def tell_overflow(attempt: Attempt) -> Attempt:
    """Return the attempt with numbers that overflowed, or vanished, as one recognisable answer."""

    @functools.wraps(attempt)
    def told(scores: list[float]) -> Any:
        try:
            answer = attempt(scores)
        except (OverflowError, ZeroDivisionError):
            return OVERFLOW
        if answer is None:
            return None
        values = torch.as_tensor(answer, dtype=torch.float64)
        return answer if values.isfinite().all() else OVERFLOW

    return told


def without_zeros(attempt: Attempt) -> Attempt:
    """Return the attempt with words of probability 0 dropped, so that listing them is as good."""

    @functools.wraps(attempt)
    def listed(*arguments: Any) -> Any:
        answer = attempt(*arguments)
        if not isinstance(answer, dict):
            return answer
        return {word: prob for word, prob in answer.items() if prob != 0}

    return listed
