"""One-sentence errors for arguments: what was given, and what is allowed."""

from __future__ import annotations

import math
import numbers
from dataclasses import MISSING, fields
from typing import Any, cast


def short_repr(instance: Any) -> str:
    """Return a dataclass instance as the shortest call that makes it: defaults are left out."""
    parts = []
    for field in sorted(fields(instance), key=lambda field: field.kw_only is True):
        value = getattr(instance, field.name)
        if field.default is MISSING:
            parts.append(repr(value))
        elif value != field.default:
            parts.append(f"{field.name}={value!r}")
    return f"{type(instance).__name__}({', '.join(parts)})"


def named_repr(instance: Any) -> str:
    """Return a dataclass instance as a call that names all settings but the empty sequences."""
    named = {field.name: getattr(instance, field.name) for field in fields(instance)}
    parts = (f"{name}={value!r}" for name, value in named.items() if value != ())
    return f"{type(instance).__name__}({', '.join(parts)})"


def check_number(
    name: str,
    value: object,
    low: float,
    high: float,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Raise unless `value` is a real number between `low` and `high`; open ends are excluded."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if cast(int, value) > 0 else -math.inf
    too_low = number <= low if open_low else number < low
    too_high = number >= high if open_high else number > high
    if math.isnan(number) or too_low or too_high:
        raise ValueError(f"{name} must be {_interval(low, high, open_low, open_high)}, got {value}")


def _interval(low: float, high: float, open_low: bool, open_high: bool) -> str:
    if math.isinf(low) and math.isinf(high):
        return "a finite number"
    if math.isinf(high):
        return f"a finite number {'greater than' if open_low else 'of at least'} {low}"
    return f"in {'(' if open_low else '['}{low}, {high}{')' if open_high else ']'}"


def check_integer(name: str, value: object, low: int, high: int | None = None) -> None:
    """Raise unless `value` is an integer of at least `low` and, if given, at most `high`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if int(value) < low or (high is not None and int(value) > high):
        allowed = f"at least {low}" if high is None else f"in [{low}, {high}]"
        raise ValueError(f"{name} must be {allowed}, got {value}")


def check_choice(name: str, value: object, allowed: tuple[object, ...]) -> None:
    """Raise ValueError unless `value` is one of `allowed`, of the same type (1 is not True)."""
    if not any(type(value) is type(option) and value == option for option in allowed):
        options = ", ".join(map(repr, allowed[:-1])) + f" or {allowed[-1]!r}"
        raise ValueError(f"{name} must be {options}, got {value!r}")


def check_text(name: str, text: str) -> None:
    """Raise ValueError for text that UTF-8 cannot write: half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} must be text that UTF-8 can write, got {error.object[error.start]!r} at "
            f"character {error.start}"
        ) from error
