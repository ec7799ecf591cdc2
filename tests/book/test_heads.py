"""A chapter opens with its hook: title, time and aims, the hook's prose, and only then code."""

import json
import re

import pytest
from bs4 import BeautifulSoup

from tools.book import chapter_notebooks

NOTEBOOKS = chapter_notebooks()
each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
HEAD = re.compile(
    r"# .+\n\n"
    r"Time: \d+ minutes, \d+ more for the exercises\. You need [^:]+(?:.|\n)+?\.\n\n"
    r":::\{admonition\} You will be able to\n"
    r":class: note dropdown chapter-head\n\n"
    r"(?:- (?:.|\n)+?[,.]\n)+:::"
)


@each_notebook
def test_title_time_and_aims_come_first(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert HEAD.fullmatch("".join(cells[0]["source"]))


@each_notebook
def test_hook_comes_before_the_folded_setup(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    hook, setup, first = cells[1:4]
    assert hook["cell_type"] == "markdown"
    assert not "".join(hook["source"]).startswith("#")
    assert setup["metadata"]["tags"] == ["hide-input"]
    assert setup["execution_count"] == 1
    assert 'claim = checks.claims_on(lm)\nprint(f"Outputs on this page:' in "".join(setup["source"])
    assert (first["cell_type"], first["execution_count"]) == ("code", 2)


@each_notebook
def test_page_opens_with_title_time_aims_and_hook(site, notebook):
    page = (site / "chapters" / f"{notebook.stem}.html").read_text(encoding="utf-8")
    article = BeautifulSoup(page, "html.parser").select_one("article.bd-article")
    fold = article.select_one("div.cell")
    before = [part.name for part in fold.find_previous_siblings()]
    assert before[0] == "p", "prose must stand before the first fold"
    assert before[-2:] == ["p", "h1"]
