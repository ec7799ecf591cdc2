"""Every chapter has a quiz of five questions whose answers its own cell computes."""

import ast
import json

import pytest
from bs4 import BeautifulSoup

from tools.book import chapter_notebooks

NOTEBOOKS = chapter_notebooks()
each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def quiz_cell(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    (cell,) = [cell for cell in cells if "quiz" in cell["metadata"].get("tags", ())]
    before = cells[cells.index(cell) - 1]
    assert "".join(before["source"]).startswith("## Quiz\n")
    return cell


@each_notebook
def test_five_questions_each_with_one_right_choice_and_a_reply_to_every_other(notebook):
    (output,) = quiz_cell(notebook)["outputs"]
    page = BeautifulSoup("".join(output["data"]["text/html"]), "html.parser")
    questions = page.select("li")
    assert len(questions) == 5
    for question in questions:
        assert len(question.select(".quiz-right")) == 1
        assert len(question.select(".quiz-wrong")) >= 2
        replies = [reply.get_text() for reply in question.select("details p")]
        assert all(len(reply) > len("Right. No.") for reply in replies)
        assert len(set(replies)) == len(replies)


@each_notebook
def test_answers_are_computed(notebook):
    """No answer is written down: each is an expression that calls, compares or calculates."""
    tree = ast.parse("".join(quiz_cell(notebook)["source"]))
    (call,) = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "checks.quiz"
    ]
    for answer in call.args[2].elts:
        found = answer.values[0] if isinstance(answer, ast.Dict) else answer
        assert isinstance(found, ast.expr)
        assert not isinstance(found, ast.Constant | ast.List | ast.Tuple)


@each_notebook
def test_the_right_choice_is_not_always_in_one_place(notebook):
    (output,) = quiz_cell(notebook)["outputs"]
    page = BeautifulSoup("".join(output["data"]["text/html"]), "html.parser")
    places = [
        [choice["class"][0] for choice in question.select("details")].index("quiz-right")
        for question in page.select("li")
    ]
    assert len(set(places)) > 1
