"""The glossary's table of methods: all of decodelib's are there, and what it points to exists."""

import json
import re
from pathlib import Path

import pytest
from myst_parser.mdit_to_docutils.base import default_slugify

import decodelib as dl
from decodelib.processors.base import Processor

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ROOT / "chapters"
PART = (CHAPTERS / "glossary.md").read_text("utf-8").split("## Where each method stands")[1]
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split("|")]
    for line in PART.split("\n## ")[0].splitlines()
    if line.startswith("| ")
][1:]
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])


def anchors(chapter: str) -> set[str]:
    """The anchors of a chapter's headings."""
    cells = json.loads((CHAPTERS / chapter).read_text("utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    titles = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return set(map(default_slugify, titles))


def is_method(name: str) -> bool:
    """Whether a public name is a strategy or a processor."""
    found = getattr(dl, name)
    return isinstance(found, type) and (issubclass(found, Processor) or hasattr(found, "start"))


def test_every_strategy_and_processor_has_its_row():
    named = {name for row in ROWS for name in re.findall(r"`(\w+)`", row[2])}
    assert {name for name in dl.__all__ if is_method(name)} <= named


@each_row
def test_where_a_method_is_explained_is_a_heading_of_the_book(row):
    links = re.findall(r"\]\((\w+\.ipynb)(?:#([\w-]+))?\)", row[1])
    assert links
    for chapter, anchor in links:
        assert not anchor or anchor in anchors(chapter)


@each_row
def test_what_a_method_is_held_to_by_is_a_test_that_names_it(row):
    tests = [(ROOT / path).read_text("utf-8") for path in re.findall(r"`(tests/\S+\.py)`", row[3])]
    for name in re.findall(r"`(?:lm\.)?(\w+)", row[2]):
        assert not tests or any(re.search(rf"\b{name}\b", test) for test in tests), name
    assert tests or row[3] in {"the chapter's claims", "published, not measured"}
