"""How an exercise is checked: run the reader's function on many inputs, and say what went wrong.

A hint should be about the mistake that was made. So each exercise lists the usual misconceptions
as functions; when an attempt answers every probe as one of them does, its hint is shown.
"""

from __future__ import annotations

import copy
import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

Attempt = Callable[..., Any]


@dataclass(frozen=True)
class Verdict:
    """Whether an attempt passed, and what to tell its author."""

    passed: bool
    message: str

    def __repr__(self) -> str:
        return f"{'Correct' if self.passed else 'Not yet'}: {self.message}"


@dataclass(frozen=True)
class Misconception:
    """A usual mistake: the function that makes it, and a hint that helps its author."""

    wrong: Attempt
    hint: str


@dataclass(frozen=True)
class Exercise:
    """What an attempt is held against.

    Attributes:
        solution: The function it should agree with.
        probes: The argument tuples it is tried on.
        misconceptions: Recognised by agreeing with them on every probe, the first that fits.
        praise: What to say when it is right.
    """

    solution: Attempt
    probes: Sequence[tuple[Any, ...]]
    misconceptions: Sequence[Misconception]
    praise: str

    def check(self, attempt: object) -> Verdict:
        """Try the attempt on every probe; return the verdict. Never raises for a wrong attempt."""
        if not callable(attempt):
            return Verdict(False, f"give the function itself, not {attempt!r}.")
        name = getattr(attempt, "__name__", "your function")
        answers = []
        for probe in self.probes:
            given = copy.deepcopy(probe)
            try:
                answer = attempt(*given)
            except NotImplementedError:
                return Verdict(
                    False, f"{name} is still the stub; write its body and run this again."
                )
            except Exception as error:  # whatever the reader's code raises is for the reader to see
                what = f"{type(error).__name__}: {error}"
                return Verdict(False, f"{_call(name, probe)} raised {what}.")
            if answer is None:
                return Verdict(False, f"{_call(name, probe)} returned None; does it end in return?")
            if not all(map(_same, given, probe)):
                return Verdict(False, f"{name} changes its arguments; work on a copy.")
            answers.append(answer)
        expected = [self.solution(*copy.deepcopy(probe)) for probe in self.probes]
        if all(map(_same, answers, expected)):
            return Verdict(True, f"{len(self.probes)} cases agree. {self.praise}")
        for misconception in self.misconceptions:
            wrong = [misconception.wrong(*copy.deepcopy(probe)) for probe in self.probes]
            if all(map(_same, answers, wrong)):
                return Verdict(False, misconception.hint)
        return self._first_difference(name, answers, expected)

    def _first_difference(
        self, name: str, answers: Sequence[Any], expected: Sequence[Any]
    ) -> Verdict:
        for probe, answer, right in zip(self.probes, answers, expected, strict=True):
            if not _same(answer, right):
                return Verdict(
                    False, f"{_call(name, probe)} gave {_short(answer)}, expected {_short(right)}."
                )
        raise AssertionError("called without a difference")


def _same(a: Any, b: Any) -> bool:
    """Return whether two answers mean the same; numbers in them may differ by rounding."""
    a, b = _as_python(a), _as_python(b)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, numbers.Real) and isinstance(b, numbers.Real):
        return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9)
    try:
        return bool(a == b)
    except Exception:  # a comparison of the reader's own making
        return False


def _as_python(value: Any) -> Any:
    """Return tensors and NumPy's arrays and numbers as Python's lists and numbers."""
    return value.tolist() if isinstance(value, (torch.Tensor, np.ndarray, np.generic)) else value


def _call(name: str, arguments: Sequence[Any]) -> str:
    return f"{name}({', '.join(map(_short, arguments))})"


def _short(value: Any) -> str:
    value = _as_python(value)
    if isinstance(value, dict):
        items = [f"{_short(key)}: {_short(item)}" for key, item in value.items()]
        return f"{{{_first(items, 3)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{_first([_short(item) for item in value], 8)}]"
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def _first(items: Sequence[str], count: int) -> str:
    return ", ".join(items[:count]) + (", ..." if len(items) > count else "")
