"""The first page lists every chapter, with the times and prerequisites that the chapter states."""

import json
import re
from pathlib import Path

import pytest

from tools.book import ROOT, chapter_notebooks

INDEX = (ROOT / "chapters" / "index.md").read_text(encoding="utf-8")
NOTEBOOKS = chapter_notebooks()
TIME = re.compile(
    r"Time: (\d+) minutes, (\d+) more for the exercises\. You need (.+?)\n\n", re.DOTALL
)

each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def stated(notebook: Path) -> tuple[str, str, set[str]]:
    """The minutes to read, those for exercises, and the chapters that are needed."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    prose = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    reading, exercises, needs = TIME.search(prose).groups()
    return reading, exercises, set(re.findall(r"\]\((\d\d_\w+)(?:\.ipynb)?\)", needs))


def row(notebook: Path) -> list[str]:
    """The cells of the chapter's row in the table of chapters."""
    rows = [
        line
        for line in INDEX.splitlines()
        if re.match(rf"\| \d+ \| \[.*\]\({notebook.stem}\.ipynb\)", line)
    ]
    assert len(rows) == 1, f"index.md must have one row for {notebook.stem}"
    return [cell.strip() for cell in rows[0].strip("|").split("|")]


@each_notebook
def test_index_states_the_chapters_times(notebook):
    reading, exercises, _ = stated(notebook)
    assert row(notebook)[2] == f"{reading} + {exercises}"


@each_notebook
def test_index_states_what_a_chapter_needs(notebook):
    needed = {f"{int(name[:2])}" for name in stated(notebook)[2]} - {"1"}
    assert set(re.findall(r"\d+", row(notebook)[3])) == needed


@each_notebook
def test_chapters_are_in_order_and_numbered(notebook):
    assert int(row(notebook)[0]) == int(notebook.stem[:2]) == NOTEBOOKS.index(notebook) + 1


def test_every_course_names_chapters_of_the_book():
    courses = INDEX.split("## Teaching with it")[1].split("\n\n`make course`")[0]
    numbers = {int(n) for n in re.findall(r"\b\d+\b(?=\]|,| and|;| \|)", courses)}
    assert numbers <= set(range(1, len(NOTEBOOKS) + 1))
