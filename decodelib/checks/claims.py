"""A claim of the book, made where it is measured: what is said, what came out, what was expected.

claim = checks.claims_on(lm)
claim("A nucleus varies at least tenfold along a text.", measured=max(n) / min(n), at_least=10)
"""

from __future__ import annotations

import json
import math
import numbers
import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from decodelib.arguments import check_choice
from decodelib.models.base import LanguageModel

VOUCHED = frozenset({"storybook"})
"""The models on which every claim has been found to hold, so that one that fails is a mistake.

A name is added after `decodelib claims NAME` reported no claim that fails, and its report is
committed in chapters/data/claims."""

ABOUT = (
    "every model",
    "trained models",
    "base models",
    "small models",
    "models of fiction",
    "mathematics",
)
"""What a claim may be about. Claims about "mathematics" depend on no model at hand."""

RECORD = "DECODELIB_CLAIMS"
"""The environment variable that names the file claims are recorded in, one JSON object a line."""

_ROUNDING = 1e-6
_LONGEST = 70  # characters of a measured value in a note
_COLUMNS = 76
_MISSING: Any = object()


@dataclass(frozen=True)
class Claims:
    """Checks the claims of a chapter on the model it runs on. Made by `claims_on`.

    Attributes:
        model: The name of the model at hand.
        dtype: The precision it computes in.
    """

    model: str
    dtype: str

    def __call__(
        self,
        sentence: str,
        *,
        measured: Any = _MISSING,
        about: str = "every model",
        tolerance: float | None = None,
        **expected: Any,
    ) -> None:
        """Check one claim. Silent where it holds.

        Where it does not hold: an AssertionError on the models that the book vouches for and for
        claims about mathematics; on any other model a printed note, and the chapter goes on.
        Where the environment variable DECODELIB_CLAIMS names a file, the outcome is appended to it.

        Args:
            sentence: The claim, as a sentence.
            measured: A number, or what `equals` compares. NaN meets no expectation.
            about: The models that the claim is about, one of `ABOUT`. Default: "every model".
            tolerance: For `equals`: the largest absolute difference between numbers. Default:
                floating-point numbers may differ by 1e-6 of their size, all else by nothing.
            **expected: Exactly one of

                - equals: a number, a text, a tensor, or sequences and mappings of these;
                - at_least, at_most, above, below: a number; above and below are strict;
                - within: (low, high), ends included;
                - holds: a bool, where there is no number; `measured` may say more.

        Raises:
            AssertionError: If the claim fails and the book vouches for it here.
            TypeError: Without exactly one expectation, or without what it compares.
            ValueError: For an `about` that is none of `ABOUT`.
        """
        check_choice("about", about, ABOUT)
        name, value = _only(expected)
        if measured is _MISSING and name != "holds":
            raise TypeError(f"measured must be given with {name}: a claim compares what came out")
        holds = _holds(measured, name, value, tolerance)
        said = "" if measured is _MISSING else _short(measured)
        wanted = "this to hold" if name == "holds" else _expectation(name, value)
        self._record(sentence, about, said, wanted, holds)
        if holds:
            return
        difference = f"measured {said}, the book expects {wanted}" if said else "it came out false"
        if self.model in VOUCHED or about == "mathematics":
            raise AssertionError(f"{sentence} Does not hold on {self.model}: {difference}.")
        print(_note(f"Does not hold on {self.model}: {difference}."))
        print(_note(f"  {sentence}{_scope(about)}"))

    def _record(self, sentence: str, about: str, said: str, wanted: str, holds: bool) -> None:
        if not os.environ.get(RECORD):
            return
        entry = {
            "sentence": sentence,
            "about": about,
            "measured": said,
            "expected": wanted,
            "holds": holds,
            "model": self.model,
            "dtype": self.dtype,
        }
        with Path(os.environ[RECORD]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def claims_on(lm: LanguageModel) -> Claims:
    """Return what checks a chapter's claims on `lm`; see `Claims.__call__`."""
    return Claims(lm.name, str(lm.dtype).removeprefix("torch."))


def _only(expected: Mapping[str, Any]) -> tuple[str, Any]:
    names = [*_COMPARISONS, "equals", "within", "holds"]
    if len(expected) != 1 or not set(expected) <= set(names):
        given = ", ".join(expected) or "nothing"
        raise TypeError(f"a claim expects exactly one of {', '.join(names)}, got {given}")
    ((name, value),) = expected.items()
    return name, value


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "at_least": lambda measured, bound: measured >= bound,
    "at_most": lambda measured, bound: measured <= bound,
    "above": lambda measured, bound: measured > bound,
    "below": lambda measured, bound: measured < bound,
}


def _holds(measured: Any, name: str, value: Any, tolerance: float | None) -> bool:
    if name == "holds":
        if not isinstance(value, (bool, np.bool_)):
            raise TypeError(f"holds must be True or False, got {value!r}")
        return bool(value)
    if name == "equals":
        return _equal(measured, value, tolerance)
    number = _number("measured", measured)
    if name == "within":
        low, high = value
        return _number("within", low) <= number <= _number("within", high)
    return _COMPARISONS[name](number, _number(name, value))


def _number(name: str, value: Any) -> float:
    plain = _plain(value)
    if isinstance(plain, bool) or not isinstance(plain, numbers.Real):
        raise TypeError(f"{name} must be a number, got {_short(value)}")
    return float(plain)


def _plain(value: Any) -> Any:
    """Return a tensor or NumPy's array as Python's lists and numbers."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().tolist()
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _equal(a: Any, b: Any, tolerance: float | None) -> bool:
    """Return whether two values are the same, numbers and tensors of them up to `tolerance`."""
    relative, absolute = (_ROUNDING, 0.0) if tolerance is None else (0.0, tolerance)
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) and a.is_floating_point():
        a, b = a.detach().cpu().double(), b.detach().cpu().double()
        return a.shape == b.shape and torch.allclose(a, b, rtol=relative, atol=absolute)
    a, b = _plain(a), _plain(b)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_equal(a[key], b[key], tolerance) for key in a)
    if _is_sequence(a) and _is_sequence(b):
        return len(a) == len(b) and all(_equal(x, y, tolerance) for x, y in zip(a, b, strict=True))
    numeric = isinstance(a, numbers.Real) and isinstance(b, numbers.Real)
    if numeric and (isinstance(a, float) or isinstance(b, float) or tolerance is not None):
        return math.isclose(a, b, rel_tol=relative, abs_tol=absolute)
    return bool(a == b)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _expectation(name: str, value: Any) -> str:
    if name == "within":
        return f"{_short(value[0])} to {_short(value[1])}"
    return _short(value) if name == "equals" else f"{name.replace('_', ' ')} {_short(value)}"


def _scope(about: str) -> str:
    return "" if about == "every model" else f" (A claim about {about}.)"


def _note(text: str) -> str:
    """Return a text in lines that a page shows whole, and does not cut off at its edge."""
    return textwrap.fill(text, _COLUMNS, subsequent_indent="  ", break_on_hyphens=False)


def _short(value: Any) -> str:
    """Return a value in a few words, for a note that people read."""
    text = _written(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def _written(value: Any) -> str:
    value = _plain(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return f"{value:,}"
    if _is_sequence(value):
        return f"[{', '.join(map(_written, value[:6]))}{', ...' if len(value) > 6 else ''}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_written(item)}" for key, item in value.items()) + "}"
    return repr(value)
