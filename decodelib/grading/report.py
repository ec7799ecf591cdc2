"""Marks as a table for the course's records, and as a page for each student."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from decodelib.grading.grade import Graded, Mark


def write(graded: Sequence[Graded], folder: Path) -> Path:
    """Write grades.csv and a page for each student to a folder; return the table's path."""
    pages = folder / "reports"
    pages.mkdir(parents=True, exist_ok=True)
    table = folder / "grades.csv"
    marks = graded[0].marks
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        names = [f"{mark.task.name} {mark.task.function}" for mark in marks]
        writer.writerow(["student", "points", "of", *names])
        for one in graded:
            points = [mark.points for mark in one.marks]
            student = _harmless(one.submission.student)
            writer.writerow([student, one.points, _possible(one), *points])
    taken: set[str] = set()
    for one in graded:
        name = _file_name(one.submission.student, taken)
        (pages / f"{name}.md").write_text(page(one), encoding="utf-8", errors="replace")
    return table


def page(one: Graded) -> str:
    """Return a student's report as Markdown: points, and a hint for what is not right yet."""
    lines = [
        f"# {_plain(one.submission.student)}: {one.points} of {_possible(one)} points",
        "",
        "| exercise | function | points |",
        "|---|---|---|",
    ]
    for mark in one.marks:
        lines.append(
            f"| {mark.task.name} | `{mark.task.function}` | {mark.points} of {mark.task.stars} |"
        )
    chapter = ""
    for mark in one.marks:
        if mark.task.title != chapter:
            chapter = mark.task.title
            lines += ["", f"## Chapter {int(mark.task.chapter[:2])}: {chapter}"]
        lines += ["", _section(mark)]
    for name, what in one.submission.damaged.items():
        lines += ["", f"Not marked: `{_plain(name)}` {what}."]
    return "\n".join(lines) + "\n"


def _section(mark: Mark) -> str:
    verdict = "right" if mark.passed else "not yet"
    points = f"{mark.points} of {mark.task.stars}"
    return f"**Exercise {mark.task.number}**, {verdict} ({points}): {_plain(mark.message)}"


def _possible(one: Graded) -> int:
    return sum(mark.task.stars for mark in one.marks)


def _plain(text: str) -> str:
    """Return text on one line that is no HTML and no Markdown: a submission may have chosen it."""
    return re.sub(r"([\\`*\[\]<>#|_])", r"\\\1", " ".join(text.split()))


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in tuple("=+-@\t\r") else cell


def _file_name(student: str, taken: set[str]) -> str:
    name = base = re.sub(r"[^\w.-]", "_", student).strip(".") or "student"
    number = 2
    while name.casefold() in taken:
        name, number = f"{base}-{number}", number + 1
    taken.add(name.casefold())
    return name
