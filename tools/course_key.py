"""The answer key: every exercise with its solution, and the mistakes that its check knows."""

from __future__ import annotations

from collections.abc import Iterator

import nbformat

from decodelib import checks
from decodelib.checks.exercises import Task, tasks
from decodelib.checks.notebook import SOLUTION
from decodelib.checks.verdict import Exercise, exercise_of
from tools.book import ROOT

HEAD = """\
# Answer key

Every exercise with its points, a solution, and the mistakes that its check recognises, each with
the hint that a student gets for it. Solutions are the chapters' own; others that give the same
answers are as right. `decodelib grade DIR` marks a folder of submissions on probes that nobody has
seen.
"""


def answer_key() -> str:
    """Return the key as Markdown."""
    parts = [HEAD]
    chapter = ""
    for task in tasks():
        if task.chapter != chapter:
            chapter = task.chapter
            points = sum(other.stars for other in tasks() if other.chapter == chapter)
            parts.append(f"## Chapter {int(chapter[:2])}: {task.title} ({points} points)\n")
        parts.append(_entry(task))
    return "\n".join(parts)


def _entry(task: Task) -> str:
    points = "1 point" if task.stars == 1 else f"{task.stars} points"
    statement, solution = _from_chapter(task)
    hints = [
        f"- {hint}" for hint in dict.fromkeys(_hints(exercise_of(getattr(checks, task.checker))))
    ]
    return "\n".join(
        [
            f"### {task.name} `{task.function}` ({points}, {task.minutes} minutes)\n",
            f"{statement}\n",
            f"```python\n{solution}\n```\n",
            "Mistakes that the check knows, by what it says:\n",
            *hints,
            "",
        ]
    )


def _from_chapter(task: Task) -> tuple[str, str]:
    """Return what the chapter asks for, and its solution."""
    cells = nbformat.read(ROOT / "chapters" / f"{task.chapter}.ipynb", as_version=4).cells
    head = f"**Exercise {task.number}.**"
    statement = next(c.source.partition(head)[2] for c in cells if head in c.source)
    solution = next(
        cell.source.removeprefix(SOLUTION).rpartition("checks.")[0].strip()
        for cell in cells
        if "solution" in cell.metadata.get("tags", ()) and f"def {task.function}(" in cell.source
    )
    return statement.partition(") ")[2].strip(), solution


def _hints(exercise: Exercise) -> Iterator[str]:
    for misconception in exercise.misconceptions:
        yield misconception.hint
    if exercise.then:
        yield from _hints(exercise.then)
