"""The claims ledger: what the chapters say is so, and the cell or test that checks it.

A code cell whose assertions carry claims lists them as sentences in its metadata, under "claims".
A Markdown cell may list claims that a test carries, each as {"claim": ..., "test": "file::name"}.
`python -m tools.claims` writes them all to chapters/claims.md.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myst_parser.mdit_to_docutils.base import default_slugify

from tools.book import ROOT, chapter_notebooks

LEDGER = ROOT / "chapters" / "claims.md"
NEEDS_TRAINING = "trained-model"
"""The tag of cells whose claims are about what a model has learned."""

HEADER = """\
# Claims and their checks

A textbook about models is easily wrong about them: a sentence is copied, the model changes, and
nobody measures again. Here each sentence about what a method or a model does is tied to a check.
Most checks are assertions in the chapter, in the section that the last column links to, and fail
the book's tests when the sentence is false. A few are tests of the library, named in their place.

Claims marked † are about what a model has learned, and need not hold for random weights. The others
hold for any model of this kind. What a chapter quotes from a paper is cited there and is not in
this list: it was published, and not measured here.

This page is generated from the notebooks by `make claims`.
"""


@dataclass(frozen=True)
class Claim:
    """One sentence, and what makes it safe to print."""

    sentence: str
    notebook: Path
    cell_id: str
    section: str
    check: str | None
    """The assertions of the claim's own cell, or "file::name" of a test, or None."""
    needs_training: bool


def claims_of(notebook: Path) -> Iterator[Claim]:
    """Yield a chapter's claims in reading order."""
    section = ""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            section = _last_heading(source) or section
        for entry in cell["metadata"].get("claims", ()):
            sentence, check = _sentence_and_check(entry, cell["cell_type"], source)
            trained = NEEDS_TRAINING in cell["metadata"].get("tags", ())
            yield Claim(sentence, notebook, cell["id"], section, check, trained)


def _last_heading(markdown: str) -> str | None:
    fenced, heading = False, None
    for line in markdown.splitlines():
        if line.startswith(("```", ":::")):
            fenced = not fenced
        elif line.startswith("#") and not fenced:
            heading = line.lstrip("#").strip()
    return heading


def _sentence_and_check(
    entry: str | dict[str, str], kind: str, source: str
) -> tuple[str, str | None]:
    if isinstance(entry, dict):
        test = entry["test"]
        return entry["claim"], test if test_exists(test) else None
    return entry, assertions(source) if kind == "code" else None


def assertions(source: str) -> str | None:
    """Return the assert statements of a cell that depend on what it computed."""
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    depending = [node for node in found if any(isinstance(n, ast.Name) for n in ast.walk(node))]
    return "; ".join(ast.unparse(node.test) for node in depending) or None


def test_exists(name: str) -> bool:
    """Whether "tests/file.py::test_name" names a test function."""
    file, _, function = name.partition("::")
    path = ROOT / file
    if not path.is_file():
        return False
    tree: Any = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in tree.body)


def ledger(notebooks: Sequence[Path]) -> str:
    """Return the page that lists every claim of `notebooks`."""
    parts = [HEADER]
    for notebook in notebooks:
        rows = [_row(claim) for claim in claims_of(notebook)]
        if rows:
            title = f"## Chapter {int(notebook.stem[:2])}: {_title(notebook)}"
            parts.append("\n".join([title, "", "| claim | checked in |", "|---|---|", *rows, ""]))
    return "\n".join(parts)


def _row(claim: Claim) -> str:
    if claim.check and "::" in claim.check:
        place = f"`{claim.check}`"
    else:
        place = f"[{claim.section}]({claim.notebook.name}#{default_slugify(claim.section)})"
    mark = " †" if claim.needs_training else ""
    return f"| {claim.sentence}{mark} | {place} |"


def _title(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "".join(cells[0]["source"]).splitlines()[0].lstrip("# ")


def main() -> None:
    text = ledger(chapter_notebooks())
    LEDGER.write_text(text, encoding="utf-8")
    print(f"{text.count(chr(10) + '| ') - text.count('| claim |')} claims in {LEDGER.name}")


if __name__ == "__main__":
    main()
