"""Which exercises the book has: chapter, number, stars, and the functions that they ask for.

The list is made from the chapters: `python -m tools.exercises`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """An exercise as its chapter sets it.

    Attributes:
        chapter: The notebook's name without its suffix, such as "08_top_p".
        title: The chapter's title.
        number: Which of the chapter's exercises.
        checker: The name of its checker in decodelib.checks.
        function: The name of the function that it asks for.
        stars: How hard, 1 to 3, and so how many points.
        minutes: How long it may take.
    """

    chapter: str
    title: str
    number: int
    checker: str
    function: str
    stars: int
    minutes: int

    @property
    def name(self) -> str:
        """The chapter's and the exercise's number, such as "8.2"."""
        return f"{int(self.chapter[:2])}.{self.number}"


@cache
def tasks() -> tuple[Task, ...]:
    """Return all exercises of the book, in reading order."""
    rows = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return tuple(Task(**row) for row in rows)
