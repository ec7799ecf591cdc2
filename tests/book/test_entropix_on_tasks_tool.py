"""The tool behind chapter 11's test on tasks: its questions, its marks, and what it counts."""

import json

import pytest

import decodelib as dl
from tools import entropix_on_tasks as tool

TABLE = {"": {"7": 0.6, "8": 0.4}, "7": {"<eos>": 1.0}, "8": {"<eos>": 1.0}}


def test_questions_are_the_same_every_time_and_none_comes_twice():
    made = tool.items()
    assert made == tool.items()
    assert len({item.question for item in made if item.options}) == sum(
        bool(item.options) for item in made
    )
    assert {item.kind for item in made} == {"one step", "two steps", "choice"}


def test_every_question_has_its_answer_marked_right_and_others_wrong():
    for item in tool.items():
        assert item.is_right(f"The answer is {item.answer}.")
        others = [o for o in item.options if o != item.answer] or [str(int(item.answer) + 1)]
        assert not any(item.is_right(f"The answer is {other}.") for other in others)
        assert not item.is_right("")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("3 + 4 = 7 apples.", True),
        ("The answer is 7.0", True),
        ("7 apples, or rather 8", False),
        ("17", False),
        ("1,007", False),
        ("seven", False),
    ],
)
def test_the_last_number_counts(text, right):
    assert tool.Item("one step", "", "7").is_right(text) == right


def test_the_first_option_named_counts():
    item = tool.Item("choice", "", "cold", ("cold", "down"))
    assert item.is_right("Cold, not down.")
    assert not item.is_right("down, not cold")


def test_problems_are_solved_as_they_are_told():
    solved = dict((*tool.ONE_STEP, *tool.TWO_STEPS))
    asked = [text for text in solved if "bags" in text and "loses" in text]
    assert [solved[text](5, 3, 2) for text in asked] == [13]
    assert solved[tool.ONE_STEP[1][0]](5, 3) == 2


def test_rows_are_counted_and_the_model_is_left_as_it_was():
    lm = dl.TableLM(TABLE)
    step = lm.step
    with tool.Counted(lm) as counted:
        dl.generate_batch(lm, [""] * 3, dl.Greedy(), max_new_tokens=5)
    assert counted.rows == 3  # one token each after the first, which is the end
    assert lm.step == step


def test_of_several_texts_the_more_probable_is_kept():
    lm = dl.TableLM(TABLE)
    prompts, seeds = [""] * 40, range(40)
    one = tool.answers(lm, tool.Setting(dl.Sampling()), prompts, seeds)
    best = tool.answers(lm, tool.Setting(dl.Sampling(), texts=3), prompts, seeds)
    count = [[text.strip() for text in texts].count("7") for texts in (one, best)]
    assert count[0] < count[1]


def test_what_is_kept_is_not_asked_again(tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "KEEP", tmp_path / "kept.jsonl")
    monkeypatch.setattr(tool, "as_chat", lambda lm, question: "")
    lm = dl.TableLM(TABLE)
    asked = [tool.Item("one step", "?", "7")] * 3
    first = tool.run(lm, "greedy", asked, {})
    assert (first["right"], first["rows_per_item"]) == ([1, 1, 1], 1.0)
    kept = json.loads((tmp_path / "kept.jsonl").read_text(encoding="utf-8"))
    assert tool.run(None, "greedy", asked, kept) == first
