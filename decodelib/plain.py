"""Python values as plain JSON, and back: for processes that do not trust each other.

Pickle would run what it is given. Here a value of a type that JSON does not have comes back as its
type's name and its repr, which compare equal to the value itself.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Other = Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class Described:
    """A value that has travelled as the name of its type and its repr, and equals those alike."""

    kind: str
    shown: str

    def __eq__(self, other: object) -> bool:
        same = other if isinstance(other, Described) else described(other)
        return (self.kind, self.shown) == (same.kind, same.shown)

    def __hash__(self) -> int:
        return hash((self.kind, self.shown))

    def __repr__(self) -> str:
        return self.shown


def described(value: object) -> Described:
    """Return the name of a value's type and its repr, cut off at 2,000 characters."""
    kind = type(value)
    return Described(f"{kind.__module__}.{kind.__qualname__}", repr(value)[:2000])


def encode(value: Any, other: Other | None = None) -> Any:
    """Return a value as lists, strings, numbers and dictionaries with one key that says the type.

    Tensors and arrays become lists, numbers of other libraries Python's. `other` encodes what is
    left, or returns None to have it described.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    if isinstance(value, list):
        return [encode(item, other) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(item, other) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[encode(k, other), encode(v, other)] for k, v in value.items()]}
    found = other(value) if other else None
    if found is not None:
        return {"other": found}
    as_text = described(value)
    return {"described": [as_text.kind, as_text.shown]}


def decode(plain: Any, other: Other | None = None) -> Any:
    """Return the value that `encode` made plain; `other` decodes what the other one encoded.

    Raises ValueError for what `encode` does not make.
    """
    if isinstance(plain, list):
        return [decode(item, other) for item in plain]
    if not isinstance(plain, dict):
        return plain
    if len(plain) == 1:
        ((kind, content),) = plain.items()
        if kind == "float":
            return float(content)
        if kind == "tuple":
            return tuple(decode(item, other) for item in content)
        if kind == "dict":
            return {decode(key, other): decode(value, other) for key, value in content}
        if kind == "other" and other is not None:
            return other(content)
        if kind == "described":
            return Described(*map(str, content))
    raise ValueError(f"plain must be what encode returns, got {plain!r}"[:200])
