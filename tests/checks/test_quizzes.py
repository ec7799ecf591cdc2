"""A chapter's quiz: written as text, answered by computation, readable where no script runs."""

import pytest
import torch
from bs4 import BeautifulSoup

from decodelib import checks
from decodelib.checks.claims import Claims

TEXT = """
? How many of *two* words
  does `TopK(1)` keep?
- 1 :: As many as k
  says.
- 2 :: Only if k is 2 & more.
? Is it the first?
- yes :: The more probable one.
- no :: It has the larger logit.
"""
RIGHT = [torch.tensor(1), {"yes": True}]


@pytest.fixture
def claim():
    return Claims("storybook", "float64")


def test_a_quiz_has_questions_choices_and_replies(claim):
    quiz = checks.quiz(claim, TEXT, RIGHT)
    assert [question.answer for question in quiz.questions] == [0, 0]
    assert quiz.questions[0] == checks.Question(
        "How many of *two* words does `TopK(1)` keep?",
        (("1", "As many as k says."), ("2", "Only if k is 2 & more.")),
        0,
    )


def test_a_choice_opens_on_its_reply_without_a_script(claim):
    page = BeautifulSoup(checks.quiz(claim, TEXT, RIGHT)._repr_html_(), "html.parser")
    choices = page.select("details")
    assert [c["class"][0] for c in choices] == ["quiz-right", "quiz-wrong"] * 2
    assert [c.summary.get_text() for c in choices] == ["1", "2", "yes", "no"]
    assert choices[1].p.get_text() == "No. Only if k is 2 & more."
    assert choices[0].p.get_text() == "Right. As many as k says."
    assert [tag.get_text() for tag in page.select("em, code")] == ["two", "TopK(1)"]
    assert not page.find("script")


def test_as_text_a_quiz_does_not_tell_its_answers(claim):
    assert repr(checks.quiz(claim, TEXT, RIGHT)).splitlines() == [
        "1. How many of *two* words does `TopK(1)` keep?",
        "   - 1",
        "   - 2",
        "2. Is it the first?",
        "   - yes",
        "   - no",
    ]


@pytest.mark.parametrize("wrong", [[3, "yes"], [1, "maybe"], [1, {"yes": False}]])
def test_an_answer_that_is_no_choice_is_a_claim_that_fails(claim, capsys, wrong):
    with pytest.raises(AssertionError, match=r"^Quiz: "):
        checks.quiz(claim, TEXT, wrong)
    elsewhere = checks.quiz(Claims("another", "float32"), TEXT, wrong)
    out = capsys.readouterr().out
    assert out.startswith("Does not hold on another: ")
    assert "\n  Quiz: " in out
    assert [question.answer for question in elsewhere.questions].count(None) == 1


def test_the_key_changes_with_the_words(claim):
    one = checks.quiz(claim, TEXT, RIGHT)
    other = checks.quiz(claim, TEXT.replace("says", "tells"), RIGHT)
    assert one.key == checks.quiz(claim, TEXT, RIGHT).key != other.key


@pytest.mark.parametrize(
    ("text", "answers", "said"),
    [
        (TEXT, [1], "answers must be one for each of 2 questions, got 1"),
        ("", [], "answers must be one for each of 0 questions, got 0"),
        ("? Why?\n- because", [1], "a choice must be '- choice :: reply', got 'because'"),
        ("? Why?\n- a :: b\n- a :: c", ["a"], "choices must be two or more that differ"),
        ("? Why?\n- a :: b", ["a"], "choices must be two or more that differ"),
    ],
)
def test_what_is_no_quiz_is_refused_in_a_sentence(claim, text, answers, said):
    with pytest.raises(ValueError, match=f"^{said[:30]}.*") as raised:
        checks.quiz(claim, text, answers)
    assert said in str(raised.value)
