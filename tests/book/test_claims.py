"""The claims ledger is complete, up to date, and lists no claim without a check that can fail."""

import json

import pytest

from tools.book import chapter_notebooks
from tools.claims import LEDGER, assertions, claims_of, ledger

NOTEBOOKS = chapter_notebooks()
LEAST_CLAIMS = 5
MACHINERY = {"exercise", "solution"}

each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


@each_notebook
def test_every_claim_has_a_check(notebook):
    unchecked = [claim.sentence for claim in claims_of(notebook) if claim.check is None]
    assert not unchecked


@each_notebook
def test_every_assertion_of_the_prose_states_its_claim(notebook):
    silent = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        source, metadata = "".join(cell["source"]), cell["metadata"]
        if cell["cell_type"] != "code" or MACHINERY & set(metadata.get("tags", ())):
            continue
        if assertions(source) and not metadata.get("claims"):
            silent.append(source)
    assert not silent


@each_notebook
def test_chapters_claim_something(notebook):
    assert len(list(claims_of(notebook))) >= LEAST_CLAIMS


def test_claims_are_sentences_and_are_made_once():
    sentences = [claim.sentence for notebook in NOTEBOOKS for claim in claims_of(notebook)]
    assert len(set(sentences)) == len(sentences)
    for sentence in sentences:
        assert sentence[0].isupper() or not sentence[0].isalpha(), sentence
        assert sentence.endswith("."), sentence
        assert "|" not in sentence, f"a bar would end the table's cell: {sentence}"


def test_ledger_lists_the_claims_of_the_notebooks():
    assert LEDGER.read_text(encoding="utf-8") == ledger(NOTEBOOKS), "run `make claims`"


@pytest.fixture
def chapter(tmp_path):
    """Write a chapter of one section around one cell."""

    def write(cell):
        heading = {
            "cell_type": "markdown",
            "id": "a",
            "metadata": {},
            "source": "# Title\n\n## Tails",
        }
        path = tmp_path / "01_test.ipynb"
        path.write_text(json.dumps({"cells": [heading, {"id": "b"} | cell]}))
        return path

    return write


def code(source, **metadata):
    return {"cell_type": "code", "metadata": metadata, "source": source}


def test_a_claim_is_listed_with_its_section(chapter):
    path = chapter(code("assert tail > 0.1", claims=["Tails are heavy."], tags=["trained-model"]))
    assert "| Tails are heavy. † | [Tails](01_test.ipynb#tails) |" in ledger([path])


@pytest.mark.parametrize("source", ["print(tail)", "assert True", "tail > 0.1"])
def test_a_cell_that_cannot_fail_is_no_check(chapter, source):
    (claim,) = claims_of(chapter(code(source, claims=["Tails are heavy."])))
    assert claim.check is None


@pytest.mark.parametrize(
    ("test", "exists"),
    [
        ("tests/test_claims.py::test_chapters_claim_something", True),
        ("tests/test_claims.py::test_that_was_deleted", False),
        ("tests/test_deleted.py::test_chapters_claim_something", False),
    ],
)
def test_a_claim_may_rest_on_a_test_that_exists(chapter, test, exists):
    entry = {"claim": "Systems differ.", "test": test}
    cell = {"cell_type": "markdown", "metadata": {"claims": [entry]}, "source": "Systems differ."}
    (claim,) = claims_of(chapter(cell))
    assert (claim.check == test) is exists
