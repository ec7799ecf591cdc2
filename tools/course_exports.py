"""Exercises as assignments of nbgrader and of otter-grader, from a chapter's notebook.

Both make the student's version themselves, from a notebook that has the solutions. Tests are the
book's own checks: a right function passes, and a wrong one fails with the hint. Where a hub marks
with the student edition installed, the checks there have no solutions in them.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from decodelib.checks.exercises import Task, tasks
from decodelib.checks.notebook import SOLUTION
from tools.book import ROOT

SCHEMA = 3  # of nbgrader's metadata


def nbgrader(chapter: str) -> NotebookNode:
    """Return a chapter's exercises as the source of an nbgrader assignment, a point a star."""
    return _edited(chapter, _for_nbgrader)


def otter(chapter: str) -> NotebookNode:
    """Return a chapter's exercises as the source of an assignment, for `otter assign`."""
    nb = _edited(chapter, _for_otter)
    nb.cells.insert(0, new_raw_cell("# ASSIGNMENT CONFIG\nsolutions_pdf: false\nrun_tests: false"))
    return nb


def _edited(
    chapter: str, parts: Callable[[Task, NotebookNode], Iterator[NotebookNode]]
) -> NotebookNode:
    nb = nbformat.read(ROOT / "chapters" / f"{chapter}.ipynb", as_version=4)
    own = iter([task for task in tasks() if task.chapter == chapter])
    solutions = iter([cell for cell in nb.cells if _has(cell, "solution")])
    setup = next(cell for cell in nb.cells if cell.cell_type == "code")
    cells = [new_markdown_cell(f"# Exercises of chapter {int(chapter[:2])}"), setup]
    for before, cell in itertools.pairwise(nb.cells):
        if _has(cell, "exercise"):
            cells.append(new_markdown_cell(before.source[before.source.rindex("**Exercise ") :]))
            cells += parts(next(own), next(solutions))
    nb.cells = cells
    return nb


def _has(cell: NotebookNode, tag: str) -> bool:
    return tag in cell.metadata.get("tags", ())


def _definition(task: Task, solution: NotebookNode) -> tuple[str, str]:
    """Return a solution up to the head of its function, and the function's body with the rest."""
    source = solution.source.removeprefix(SOLUTION).rpartition("checks.")[0].strip()
    found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    first = next(node.body[0].lineno for node in found if node.name == task.function)
    lines = source.splitlines()
    return "\n".join(lines[: first - 1]), "\n".join(lines[first - 1 :])


def _verdict(task: Task) -> str:
    return (
        f"verdict = checks.{task.checker}({task.function})\nassert verdict.passed, verdict.message"
    )


def _for_nbgrader(task: Task, solution: NotebookNode) -> Iterator[NotebookNode]:
    head, body = _definition(task, solution)
    answer = new_code_cell(f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION")
    answer.metadata["nbgrader"] = _marks(task, "answer", solution=True)
    yield answer
    test = new_code_cell(_verdict(task))
    test.metadata["nbgrader"] = _marks(task, "test", grade=True, locked=True, points=task.stars)
    yield test


def _marks(task: Task, kind: str, **given: object) -> dict[str, object]:
    flags = {"grade": False, "locked": False, "solution": False, "task": False}
    named = {"grade_id": f"{task.checker}-{kind}", "schema_version": SCHEMA, "cell_type": "code"}
    return flags | given | named


def _for_otter(task: Task, solution: NotebookNode) -> Iterator[NotebookNode]:
    head, body = _definition(task, solution)
    yield new_raw_cell(f"# BEGIN QUESTION\nname: {task.checker}\npoints: {task.stars}")
    yield new_raw_cell("# BEGIN SOLUTION")
    yield new_code_cell(f"{head}\n    # BEGIN SOLUTION\n{body}\n    # END SOLUTION")
    yield new_raw_cell("# END SOLUTION")
    yield new_raw_cell("# BEGIN TESTS")
    yield new_code_cell(_verdict(task))
    yield new_raw_cell("# END TESTS")
    yield new_raw_cell("# END QUESTION")


def write(folder: Path, chapters: Iterable[str] = ()) -> None:
    """Write chapters, by default all, for both: nbgrader/source/CHAPTER/ and otter/CHAPTER/."""
    for chapter in chapters or dict.fromkeys(task.chapter for task in tasks()):
        for place, make in ((folder / "nbgrader" / "source", nbgrader), (folder / "otter", otter)):
            (place / chapter).mkdir(parents=True)
            nbformat.write(make(chapter), place / chapter / f"{chapter}.ipynb")
