"""List the chapters' exercises in decodelib/checks/exercises.json, for marks and for progress.

`make claims` runs this. An exercise is a cell tagged so, below a paragraph such as "**Exercise 2.**
(two stars, 6 minutes) Write ...".
"""

from __future__ import annotations

import ast
import itertools
import json
import re
from pathlib import Path
from typing import Any

import nbformat

from tools.book import ROOT, chapter_notebooks

LIST = ROOT / "decodelib" / "checks" / "exercises.json"
_HEAD = re.compile(r"\*\*Exercise (\d+)\.\*\* \((one|two|three) stars?, (\d+) minutes\)")
_STARS = {"one": 1, "two": 2, "three": 3}


def exercises_of(notebook: Path) -> list[dict[str, Any]]:
    """Return a chapter's exercises in order; raises ValueError for one without stars."""
    cells = nbformat.read(notebook, as_version=4).cells
    title = next(line for cell in cells for line in cell.source.splitlines() if line[:2] == "# ")
    found = []
    for before, cell in itertools.pairwise(cells):
        if "exercise" not in cell.metadata.get("tags", ()):
            continue
        heads = _HEAD.findall(before.source)
        if not heads:
            raise ValueError(f"{notebook.name}: no number, stars and minutes before {cell.id}")
        number, stars, minutes = heads[-1]
        definition, check = ast.parse(cell.source).body
        assert isinstance(definition, ast.FunctionDef)
        called = ast.unparse(check).partition("(")[0]
        found.append(
            {
                "chapter": notebook.stem,
                "title": title.removeprefix("# "),
                "number": int(number),
                "checker": called.removeprefix("checks."),
                "function": definition.name,
                "stars": _STARS[stars],
                "minutes": int(minutes),
            }
        )
    return found


def listed() -> str:
    """Return the text of the list, for the chapters as they are."""
    rows = [json.dumps(row) for notebook in chapter_notebooks() for row in exercises_of(notebook)]
    return "[\n" + ",\n".join(rows) + "\n]\n"


def main() -> None:
    LIST.write_text(listed(), encoding="utf-8")


if __name__ == "__main__":
    main()
