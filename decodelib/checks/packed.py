"""Exercises without their solutions: what the student edition of the book checks with.

An exercise is packed as its probes and what the solution and each misconception answer to them,
compressed into one file. Whoever opens the file sees no answer, and whoever unpacks it finds the
answers to the probes that everybody can see, but no function that gives them. Marks are given on
other probes, so a table of those answers earns nothing.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from decodelib.checks import given
from decodelib.checks.verdict import Attempt, Exercise, Misconception, Probes, Verdict
from decodelib.plain import decode, encode

PACKED = Path(__file__).with_name("exercises.packed")


def pack(checkers: dict[str, tuple[str, Exercise]]) -> bytes:
    """Return the (docstring, exercise) of each checker's name, packed."""
    plain = {name: [doc, _plain(exercise)] for name, (doc, exercise) in checkers.items()}
    return base64.b85encode(zlib.compress(json.dumps(plain).encode(), 9))


def checker(name: str) -> Callable[[Attempt], Verdict]:
    """Return the checker of that name, from the file beside this module."""
    doc, plain = _unpacked()[name]
    exercise = _exercise(plain)

    def check(attempt: Attempt) -> Verdict:
        return exercise.check(attempt)

    check.__name__ = check.__qualname__ = name
    check.__doc__ = doc
    return check


@cache
def _unpacked() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b85decode(PACKED.read_bytes())))
    return found


def _plain(exercise: Exercise) -> dict[str, Any]:
    def answers(function: Attempt) -> list[Any]:
        fresh = decode(encode(list(exercise.probes), _to_given), _from_given)
        return [encode(function(*probe)) for probe in fresh]

    return {
        "probes": encode(list(exercise.probes), _to_given),
        "answers": answers(exercise.solution),
        "misconceptions": [[answers(one.wrong), one.hint] for one in exercise.misconceptions],
        "praise": exercise.praise,
        "adapt": exercise.adapt.__name__ if exercise.adapt else None,
        "then": _plain(exercise.then) if exercise.then else None,
    }


def _exercise(plain: dict[str, Any]) -> Exercise:
    probes = decode(plain["probes"], _from_given)
    hints = plain["misconceptions"]
    return Exercise(
        solution=_answering(probes, plain["answers"]),
        probes=probes,
        misconceptions=[Misconception(_answering(probes, wrong), hint) for wrong, hint in hints],
        praise=plain["praise"],
        adapt=getattr(given, plain["adapt"]) if plain["adapt"] else None,
        then=_exercise(plain["then"]) if plain["then"] else None,
    )


def _answering(probes: Probes, answers: Sequence[Any]) -> Attempt:
    """Return the function that gives the answers recorded for these probes."""
    known = dict(zip(map(_key, probes), answers, strict=True))
    return lambda *probe: decode(known[_key(probe)])


def _key(probe: Sequence[Any]) -> str:
    return json.dumps(encode(list(probe), _to_given))


def _to_given(value: Any) -> Any:
    return ["NextToken", value.size] if isinstance(value, given.NextToken) else None


def _from_given(plain: Sequence[Any]) -> Any:
    kind, *arguments = plain
    return getattr(given, kind)(*arguments)
