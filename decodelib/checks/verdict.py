"""How an exercise is checked: run the reader's function on many inputs, and say what went wrong.

A hint should be about the mistake that was made. So each exercise lists the usual misconceptions
as functions; when an attempt answers every probe as one of them does, its hint is shown.
"""

from __future__ import annotations

import copy
import inspect
import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

Attempt = Callable[..., Any]
Probes = Sequence[tuple[Any, ...]]

_FIRST_HIDDEN = 10**12  # far from the seeds of the probes that everybody sees


@dataclass(frozen=True)
class Verdict:
    """Whether an attempt passed, and what to tell its author.

    Attributes:
        passed: Whether it agrees with the solution on every probe.
        message: Praise, a hint, or the first probe on which it does not agree.
        attempted: False for a stub whose body has not been written.
    """

    passed: bool
    message: str
    attempted: bool = True

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
        hidden: Probes for a seed, which an attempt that is marked cannot know.
        adapt: What is done with an attempt first, so that answers as good as another are alike.
        then: What an attempt that is right so far is held against next.
    """

    solution: Attempt
    probes: Probes
    misconceptions: Sequence[Misconception]
    praise: str
    hidden: Callable[[int], Probes] | None = None
    adapt: Callable[[Attempt], Attempt] | None = None
    then: Exercise | None = None

    def check(self, attempt: object, seed: int | None = None) -> Verdict:
        """Try the attempt on every probe; return the verdict. Never raises for a wrong attempt.

        With a seed, the probes are the hidden ones that it draws.
        """
        if not callable(attempt):
            return Verdict(False, f"give the function itself, not {attempt!r}.")
        ready = self.adapt(attempt) if self.adapt else attempt
        verdict = self._judge(ready, self.probes if seed is None else self.hidden_probes(seed))
        if verdict.passed and self.then is not None:
            return self.then.check(attempt, seed)
        return verdict

    def hidden_probes(self, seed: int) -> Probes:
        """Return the probes of a seed from 0; those that everybody sees if there are no others."""
        return self.probes if self.hidden is None else self.hidden(_FIRST_HIDDEN + seed)

    def _judge(self, attempt: Attempt, probes: Probes) -> Verdict:
        name = getattr(attempt, "__name__", "your function")
        answers = []
        for probe in probes:
            given = copy.deepcopy(probe)
            try:
                answer = attempt(*given)
            except NotImplementedError:
                message = f"{name} is still the stub; write its body and run this again."
                return Verdict(False, message, attempted=False)
            except Exception as error:  # whatever the reader's code raises is for the reader to see
                what = f"{type(error).__name__}: {error}"
                return Verdict(False, f"{_call(name, probe)} raised {what}.")
            if answer is None:
                return Verdict(False, f"{_call(name, probe)} returned None; does it end in return?")
            if not all(map(_same, given, probe)):
                return Verdict(False, f"{name} changes its arguments; work on a copy.")
            answers.append(answer)
        expected = [self.solution(*copy.deepcopy(probe)) for probe in probes]
        if all(map(_same, answers, expected)):
            return Verdict(True, f"{len(probes)} cases agree. {self.praise}")
        for misconception in self.misconceptions:
            wrong = [misconception.wrong(*copy.deepcopy(probe)) for probe in probes]
            if all(map(_same, answers, wrong)):
                return Verdict(False, misconception.hint)
        right, answer, probe = next(
            case for case in zip(expected, answers, probes, strict=True) if not _same(*case[:2])
        )
        gave = f"gave {_short(answer)}, expected {_short(right)}"
        return Verdict(False, f"{_call(name, probe)} {gave}.")


def exercise_of(checker: Callable[[Attempt], Verdict]) -> Exercise:
    """Return the exercise that a checker such as `checks.softmax` holds an attempt against.

    Raises ValueError if the function checks no exercise.
    """
    for value in inspect.getclosurevars(inspect.unwrap(checker)).globals.values():
        if isinstance(value, Exercise):
            return value
    raise ValueError(f"checker must check an exercise, got {checker.__name__}")


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
