"""The page of claims on other models says what the committed reports say."""

import datetime
import json

import nbformat
import pytest

from tools.book import chapter_notebooks
from tools.claims import claims_of
from tools.claims_elsewhere import PAGE, REASONS, page, reports

REASONS_GIVEN = json.loads(REASONS.read_text(encoding="utf-8"))


def test_the_page_is_that_of_the_reports_and_the_chapters():
    made = page(reports(), chapter_notebooks(), REASONS_GIVEN)
    assert PAGE.read_text(encoding="utf-8") == made, "run `make claims`"


def test_reasons_are_given_for_claims_that_are_made_and_fail_somewhere():
    made = {claim.sentence for notebook in chapter_notebooks() for claim in claims_of(notebook)}
    failing = {
        claim["sentence"]
        for report in reports()
        for run in report["chapters"]
        for claim in run["claims"]
        if claim["holds"] is False
    }
    assert set(REASONS_GIVEN) <= made & failing


@pytest.mark.parametrize("report", reports(), ids=lambda report: report["model"])
def test_a_report_says_when_and_with_what_it_was_made_and_names_no_machine(report):
    datetime.date.fromisoformat(report["date"])
    assert {"torch", "transformers", "python"} <= report["versions"].keys()
    assert "/" not in report["model"]
    assert not any(run["raised"] for run in report["chapters"])


@pytest.fixture
def notebook(tmp_path):
    sources = [f'claim("{name}.", measured=x, above=1)' for name in ("One", "Two", "New")]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    path = tmp_path / "03_test.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def report(model, **held):
    claims = [
        {"sentence": f"{name}.", "holds": holds, "measured": "0.5", "about": "every model"}
        for name, holds in held.items()
    ]
    run = {"chapter": "03_test", "seconds": 90.0, "raised": [], "claims": claims}
    return {
        "model": model,
        "dtype": "auto",
        "date": "2026-11-26",
        "versions": {"torch": "2.13.0"},
        "chapters": [run],
    }


def test_each_claim_has_a_verdict_for_each_model(notebook):
    both = [report("storybook", One=True, Two=True), report("other", One=True, Two=False)]
    text = page(both, [notebook], {"Two.": "It is small."})
    assert "| Two. | every model | other (measured 0.5) | It is small. |" in text
    assert "| One. | every model | ✓ 0.5 | ✓ 0.5 |" in text
    assert "| Two. | every model | ✓ 0.5 | ✗ 0.5 |" in text
    assert "| New. | every model | – | – |" in text
    assert "| other | 1 of 2 | 1 of 2 | 0 |" in text


def test_without_failures_there_is_no_table_of_them(notebook):
    assert "does not hold on" not in page([report("storybook", One=True)], [notebook], {})
