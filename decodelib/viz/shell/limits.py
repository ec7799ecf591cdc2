"""What a setting may be, as JSON: a page checks the link that it is opened with against it."""

from __future__ import annotations

import math
from typing import Any

import traitlets as t

Limit = dict[str, Any]
"""type: "number", "integer", "string", "choice" or "list"; min and max of a number; choices, which
for a list are its possible items; all: the list holds each choice once; nullable; pattern: a
regular expression, of Python and of JavaScript, that the whole of a string matches."""


def limit_of(trait: t.TraitType[Any, Any]) -> Limit | None:
    """Return the limit that a trait states, or None for one that states too little to check."""
    limit: Limit
    if isinstance(trait, t.Bool):
        limit = one_of([False, True])
    elif isinstance(trait, t.Enum):
        limit = one_of(list(trait.values or ()))
    elif isinstance(trait, t.Int | t.Float):
        limit = number(trait.min, trait.max, integer=isinstance(trait, t.Int))
    elif isinstance(trait, t.Unicode):
        limit = {"type": "string"}
    else:
        return None
    return limit | ({"nullable": True} if trait.allow_none else {})


def number(low: float | None, high: float | None, *, integer: bool) -> Limit:
    """Return the limit of a number in [low, high]; None and infinity leave a side open."""
    bounds = {"min": low, "max": high}
    closed = {name: b for name, b in bounds.items() if b is not None and not math.isinf(b)}
    return {"type": "integer" if integer else "number", **closed}


def one_of(choices: list[Any]) -> Limit:
    """Return the limit of a value that is one of the choices."""
    return {"type": "choice", "choices": choices}


def list_of(choices: list[Any], *, each_once: bool = False) -> Limit:
    """Return the limit of a list of some of the choices, or of all of them in any order."""
    return {"type": "list", "choices": choices, **({"all": True} if each_once else {})}
