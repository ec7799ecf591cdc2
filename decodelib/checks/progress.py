"""What a reader has solved: kept in a hidden file beside the chapters, and shown as a table."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from decodelib.checks.exercises import Task, tasks

FILE = ".decodelib-progress.json"
SOLVED, TRIED = "solved", "tried"


@dataclass(frozen=True)
class Progress:
    """The book's exercises, and which of them have been solved or tried. Made by `progress`."""

    states: Mapping[str, str]
    tasks: Sequence[Task] = field(default_factory=tasks)

    @property
    def solved(self) -> int:
        """The number of exercises that have been solved."""
        return sum(self.states.get(task.checker) == SOLVED for task in self.tasks)

    def _chapters(self) -> list[tuple[str, list[tuple[Task, str]]]]:
        found = []
        for title, group in groupby(self.tasks, lambda task: task.title):
            own = [(task, self.states.get(task.checker, "")) for task in group]
            found.append((f"{int(own[0][0].chapter[:2])}. {title}", own))
        return found

    def __repr__(self) -> str:
        lines = [f"{self.solved} of {len(self.tasks)} exercises solved."]
        for title, own in self._chapters():
            marks = [
                f"{task.function} {'*' * task.stars} {state or 'to do'}" for task, state in own
            ]
            lines += ["", title, *(f"  {mark}" for mark in marks)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for title, own in self._chapters():
            cells = [f"<td>{_cell(task, state)}</td>" for task, state in own]
            rows.append(f"<tr><th>{html.escape(title)}</th>{''.join(cells)}</tr>")
        head = f"{self.solved} of {len(self.tasks)} exercises solved"
        return f"<table><caption>{head}</caption>{''.join(rows)}</table>"


def _cell(task: Task, state: str) -> str:
    sign = {SOLVED: "&#10003; ", TRIED: "&#8230; "}.get(state, "")
    stars = "&#9733;" * task.stars
    return f"{sign}<code>{task.function}</code> {stars}<br>{state or 'to do'}"


def progress(folder: str | Path = ".") -> Progress:
    """Return what has been solved in a notebook of this folder, in all sessions so far.

    Verdicts are noted in a notebook when a cell ends in one; to forget them, delete the file
    .decodelib-progress.json.
    """
    return Progress(_states(Path(folder)))


def note(checker: str, passed: bool, folder: Path) -> None:
    """Note that an exercise has been solved, or tried; what has been solved stays so."""
    states = _states(folder)
    if states.get(checker) != SOLVED:
        states[checker] = SOLVED if passed else TRIED
        (folder / FILE).write_text(json.dumps(states, indent=1), encoding="utf-8")


def _states(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
