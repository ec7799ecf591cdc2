"""The claims ledger is complete, up to date, and lists no claim without a check that can fail."""

import ast
import json
import random

import pytest

from decodelib.checks.claims import ABOUT
from tools.book import chapter_notebooks
from tools.claims import (
    LEDGER,
    assertions,
    calls,
    claims_of,
    comparison,
    conditions,
    ledger,
    quizzes_of,
)

NOTEBOOKS = chapter_notebooks()
LEAST_CLAIMS = 5
MACHINERY = {"exercise", "solution"}
SAMPLED_CELLS = 20

each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook):
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            yield cell, "".join(cell["source"])


@each_notebook
def test_every_claim_has_a_check(notebook):
    unchecked = [claim.sentence for claim in claims_of(notebook) if claim.check is None]
    assert not unchecked


@each_notebook
def test_the_prose_claims_by_calls_alone(notebook):
    asserting = [
        source
        for cell, source in code_cells(notebook)
        if assertions(source) and not MACHINERY & set(cell["metadata"].get("tags", ()))
    ]
    assert not asserting


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


@each_notebook
def test_the_five_questions_of_the_quiz_are_claims(notebook):
    questions = list(quizzes_of(notebook))
    assert len(questions) == 5
    assert all(question.sentence[-1] in "?.:" for question in questions)
    assert all(question.check and question.about in ABOUT for question in questions)


def test_a_quiz_is_listed_with_how_its_answers_are_computed(chapter):
    text = "\n? Of what\n  size?\n- 1 :: No.\n- 2 :: Yes.\n? Is it?\n- yes :: So.\n- no :: No.\n"
    call = f'checks.quiz(claim, """{text}""", [n + 1, {{"yes": n == 1}}], about="mathematics")'
    path = chapter(code(call, tags=["quiz"]))
    assert [(one.sentence, one.check) for one in quizzes_of(path)] == [
        ("Quiz: Of what size?", "n + 1 is one of the choices"),
        ("Quiz: Is it?", "'yes' if n == 1"),
    ]
    row = "| Quiz: Is it? | *mathematics*: `'yes' if n == 1` | [Quiz](01_test.ipynb#quiz) |"
    assert row in ledger([path])


def test_claims_are_about_kinds_of_models_that_are_known():
    assert {claim.about for notebook in NOTEBOOKS for claim in claims_of(notebook)} <= set(ABOUT)


@each_notebook
def test_claims_are_not_made_in_loops(notebook):
    """Else a model on which one fails would say so once for each turn."""
    for _, source in code_cells(notebook):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.For | ast.While):
                assert not calls(ast.unparse(node)), source


def test_ledger_lists_the_claims_of_the_notebooks():
    assert LEDGER.read_text(encoding="utf-8") == ledger(NOTEBOOKS), "run `make claims`"


@pytest.fixture
def chapter(tmp_path):
    """Write a chapter of one section around one cell."""

    def write(cell):
        title = {"cell_type": "markdown", "id": "a", "metadata": {}}
        title["source"] = "# Title\n\n## Tails"
        path = tmp_path / "01_test.ipynb"
        path.write_text(json.dumps({"cells": [title, {"id": "b"} | cell]}))
        return path

    return write


def code(source, **metadata):
    return {"cell_type": "code", "metadata": metadata, "source": source}


def test_a_claim_is_listed_with_its_comparison_and_section(chapter):
    path = chapter(code('claim("Tails are heavy.", measured=tail, above=0.1)'))
    row = "| Tails are heavy. | `tail above 0.1` | [Tails](01_test.ipynb#tails) |"
    assert row in ledger([path])


def test_the_ledger_says_which_models_a_claim_is_about(chapter):
    path = chapter(code('claim("Tails are heavy.", measured=a | b, above=c, about="small models")'))
    assert "| Tails are heavy. | *small models*: `a \\| b above c` |" in ledger([path])


CAN_FAIL = 'claim("Tails are heavy.", measured=tail, at_least=0.1)'


@pytest.mark.parametrize(
    "source",
    [
        'claim("Tails are heavy.", measured=0.2, at_least=0.1)',
        'claim("Tails are heavy.", measured=tail, equals=tail)',
        'claim("Tails are heavy.", measured=tail)',
        'claim("Tails are heavy.", measured=tail, at_least=0.1, at_most=1)',
        'claim("Tails are heavy.", holds=True)',
        'claim("Tails are heavy.", at_least=0.1)',
    ],
)
def test_a_call_that_cannot_fail_is_no_check(chapter, source):
    (claim,) = claims_of(chapter(code(source)))
    assert claim.check is None


@pytest.mark.parametrize("sentence", ["", "sentence, ", 'f"{tail}", ', '"A.", "B.", '])
def test_a_claim_s_sentence_is_written_out(chapter, sentence):
    with pytest.raises(ValueError, match="written out"):
        list(claims_of(chapter(code(f"claim({sentence}measured=tail, at_least=0.1)"))))


def without_margin(call):
    for keyword in call.keywords:
        if keyword.arg not in {"measured", "about", "tolerance"}:
            keyword.value = ast.Constant(-1 if is_zero(keyword.value) else 0)
    return call


def is_zero(node):
    return isinstance(node, ast.Constant) and node.value == 0


def inverted(call):
    other = {"at_least": "at_most", "at_most": "at_least", "above": "below", "below": "above"}
    for keyword in call.keywords:
        if keyword.arg in other:
            keyword.arg = other[keyword.arg]
        elif keyword.arg == "holds":
            keyword.value = ast.UnaryOp(ast.Not(), keyword.value)
        elif keyword.arg in {"equals", "within"}:
            keyword.value = ast.Tuple([keyword.value, keyword.value], ast.Load())
    return call


def emptied(call):
    for keyword in call.keywords:
        if keyword.arg in {"measured", "holds"}:
            keyword.value = ast.Constant(True)
    return call


def narrowed(call):
    call.keywords = [word for word in call.keywords if word.arg != "about"]
    call.keywords.append(ast.keyword("about", ast.Constant("no model")))
    return call


def claiming_cells(deciding=False):
    """Sample cells that claim; with `deciding`, whose claims rest on comparisons outside them."""
    cells = [
        (notebook, cell["id"], source)
        for notebook in NOTEBOOKS
        for cell, source in code_cells(notebook)
        if any(conditions(call, source) if deciding else True for call in calls(source))
    ]
    return random.Random(12).sample(cells, SAMPLED_CELLS)


def is_noticed(notebook, cell_id, tree, folder):
    """Whether the ledger of a notebook with this cell has a row that the page does not have."""
    prose = json.loads(notebook.read_text(encoding="utf-8"))
    prose["cells"] = [
        cell for cell in prose["cells"] if cell["cell_type"] == "markdown" or cell["id"] == cell_id
    ]
    (changed,) = (cell for cell in prose["cells"] if cell["id"] == cell_id)
    page = LEDGER.read_text(encoding="utf-8")
    assert all(row in page for row in rows_of(prose, folder / notebook.name))
    changed["source"] = ast.unparse(tree)
    return any(row not in page for row in rows_of(prose, folder / notebook.name))


def rows_of(book, path):
    path.write_text(json.dumps(book), encoding="utf-8")
    return [row for row in ledger([path]).splitlines() if row.startswith("| ")]


@pytest.mark.parametrize("mutant", [without_margin, inverted, emptied, narrowed])
def test_a_claim_weakened_in_any_of_twenty_cells_is_noticed(mutant, tmp_path):
    for notebook, cell_id, source in claiming_cells():
        tree = ast.parse(source)
        (first, *_) = calls(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node) == ast.unparse(first):
                mutant(node)
        assert is_noticed(notebook, cell_id, tree, tmp_path), cell_id


def weakened(comparison):
    comparison.comparators = [ast.Constant(-1 if is_zero(comparison.comparators[0]) else 0)]
    comparison.ops = comparison.ops[:1]


def turned(comparison):
    other = {ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq}
    comparison.ops = [other.get(type(op), ast.Eq)() for op in comparison.ops]


@pytest.mark.parametrize("mutant", [weakened, turned])
def test_a_comparison_outside_the_call_weakened_in_any_of_twenty_cells_is_noticed(mutant, tmp_path):
    for notebook, cell_id, source in claiming_cells(deciding=True):
        deciding = {text for call in calls(source) for text in conditions(call, source)}
        for text in deciding:
            tree = ast.parse(source)
            for node in ast.walk(tree):
                if isinstance(node, ast.Compare) and ast.unparse(node) == text:
                    mutant(node)
            assert is_noticed(notebook, cell_id, tree, tmp_path), (cell_id, text)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("n = sum(x > 1 for x in xs)\nclaim('A.', measured=n, above=3)", ["x > 1"]),
        ("kept = p >= 0.1\nn = kept.sum()\nclaim('A.', measured=n, above=3)", ["p >= 0.1"]),
        ("for x in xs:\n  if x < 2:\n    n += 1\nclaim('A.', measured=n, above=3)", ["x < 2"]),
        ("if a < b:\n    rows.append(1)\nclaim('A.', measured=len(rows), above=3)", ["a < b"]),
        ("for n in xs[ys == 1]:\n    pass\nclaim('A.', measured=n, above=3)", ["ys == 1"]),
        ("other = x > 1\nclaim('A.', measured=n, above=3)", []),
        ("def n():\n    return x > 1\nclaim('A.', measured=n(), above=3)", []),
        ("claim('A.', holds=n > 1)", []),
    ],
)
def test_comparisons_that_decide_what_is_measured_are_found(source, found):
    assert list(conditions(calls(source)[0], source)) == found


def test_the_ledger_lists_the_comparisons_that_decide_what_is_measured(chapter):
    source = 'n = int((q > 2).sum())\nclaim("Tails are heavy.", measured=n, above=3)'
    row = "| Tails are heavy. | `n above 3` where `q > 2` | [Tails](01_test.ipynb#tails) |"
    assert row in ledger([chapter(code(source))])


def test_the_mutants_change_what_can_be_changed():
    call = calls(CAN_FAIL)[0]
    assert comparison(call) == "tail at least 0.1"
    assert comparison(without_margin(calls(CAN_FAIL)[0])) == "tail at least 0"
    assert comparison(inverted(calls(CAN_FAIL)[0])) == "tail at most 0.1"
    assert comparison(emptied(calls(CAN_FAIL)[0])) is None


@pytest.mark.parametrize(
    ("test", "exists"),
    [
        ("tests/book/test_claims.py::test_chapters_claim_something", True),
        ("tests/book/test_claims.py::test_that_was_deleted", False),
        ("tests/test_deleted.py::test_chapters_claim_something", False),
    ],
)
def test_a_claim_may_rest_on_a_test_that_exists(chapter, test, exists):
    entry = {"claim": "Systems differ.", "test": test}
    cell = {"cell_type": "markdown", "metadata": {"claims": [entry]}, "source": "Systems differ."}
    (claim,) = claims_of(chapter(cell))
    assert (claim.check == test) is exists
