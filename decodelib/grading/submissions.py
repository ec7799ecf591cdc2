"""Submissions in a folder: one folder of notebooks, or one notebook, for each student."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decodelib.checks.exercises import Task, tasks

LARGEST = 20 * 2**20


@dataclass(frozen=True)
class Submission:
    """A student's notebooks: the code cells of each, and what is wrong with those not readable."""

    student: str
    notebooks: dict[str, list[str]]
    damaged: dict[str, str]


def submissions(folder: Path) -> list[Submission]:
    """Return the submissions in a folder, by the students' names.

    Raises ValueError if there is no such folder, or no notebook in it.
    """
    if not folder.is_dir():
        raise ValueError(f"DIR must be a folder of submissions, got {str(folder)!r}")
    found = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir():
            files = sorted(p for p in entry.rglob("*.ipynb") if _is_handed_in(p, entry))
            found.append(_read(entry.name, entry, files))
        elif entry.suffix == ".ipynb":
            found.append(_read(entry.stem, folder, [entry]))
    if not any(one.notebooks or one.damaged for one in found):
        raise ValueError(f"DIR must hold notebooks or folders of them, got {str(folder)!r}")
    return found


def _is_handed_in(path: Path, entry: Path) -> bool:
    inside = path.relative_to(entry).parts
    is_own = path.resolve().is_relative_to(entry.resolve())  # no link to another's
    return is_own and path.is_file() and not any(part.startswith(".") for part in inside)


def _read(student: str, folder: Path, files: Sequence[Path]) -> Submission:
    notebooks, damaged = {}, {}
    for path in files:
        name = path.relative_to(folder).as_posix()
        try:
            notebooks[name] = code_cells(path)
        except (OSError, ValueError, RecursionError) as error:
            damaged[name] = str(error) or type(error).__name__
    return Submission(student, notebooks, damaged)


def code_cells(path: Path) -> list[str]:
    """Return the source of a notebook's code cells, without the book's own solutions.

    Raises ValueError for a file that is no notebook.
    """
    if path.stat().st_size > LARGEST:
        raise ValueError(f"is larger than {LARGEST // 2**20} MB")
    try:
        cells = json.loads(path.read_bytes())["cells"]
        return [_source(cell) for cell in cells if cell["cell_type"] == "code" and _own(cell)]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise ValueError("is no notebook, or a damaged one") from None


def _source(cell: dict[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _own(cell: dict[str, Any]) -> bool:
    return "solution" not in cell.get("metadata", {}).get("tags", ())


def cells_of(task: Task, cells: Sequence[str]) -> list[int]:
    """Return the indices of the cells with an exercise's check or function, the last one first.

    A function of that name in another chapter's notebook is not meant.
    """
    chapter = "|".join(other.checker for other in tasks() if other.chapter == task.chapter)
    if not re.search(rf"\bchecks\s*\.\s*({chapter})\s*\(", "\n".join(cells)):
        return []
    mark = rf"\bchecks\s*\.\s*{task.checker}\s*\(|^\s*def\s+{task.function}\s*\("
    return [i for i, cell in enumerate(cells) if re.search(mark, cell, re.MULTILINE)][::-1]
