"""Marks: right submissions get their points, and nothing that another does changes that."""

import csv
import os

import pytest

from decodelib.cli import main
from decodelib.grading.grade import grade, tasks_set
from decodelib.grading.submissions import submissions
from decodelib.grading.workers import Limits
from tests.helpers.submissions import hand_in, make

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="grading needs fork")
QUICK = Limits(seconds=1, megabytes=512, patience=60)


def wrong_marks(folder, made, limits):
    found = submissions(folder)
    graded = grade(found, tasks_set(found), 20261126, limits)
    assert [one.submission.student for one in graded] == [one.student for one in made]
    for one, expected in zip(graded, made, strict=True):
        for mark in one.marks:
            if mark.task.chapter != expected.chapter:
                assert "no notebook" in mark.message
                continue
            points, said = expected.expected[mark.task.checker]
            if mark.points != points or said not in mark.message:
                yield one.submission.student, mark.task.checker, mark.message


def test_submissions_of_all_kinds_get_the_marks_they_should(tmp_path):
    made = make(tmp_path, 10)
    assert list(wrong_marks(tmp_path, made, QUICK)) == []


@pytest.mark.long
def test_a_hundred_submissions_get_the_marks_they_should(tmp_path):
    made = make(tmp_path, 100)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.ipynb")}
    assert list(wrong_marks(tmp_path, made, Limits(2, 1024, 30))) == []
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.ipynb")} == before


def test_the_command_writes_a_table_and_a_report_for_each(tmp_path, capsys):
    handed_in = tmp_path / "handed in"
    wrong = "return sum(q >= p for q in probs)"
    hand_in(handed_in, "=Ada", "08_top_p", {})
    hand_in(handed_in, "Blaise P.", "08_top_p", {"nucleus_size": wrong})
    (handed_in / "carl.ipynb").write_text("{", encoding="utf-8")
    output = tmp_path / "marks"
    command = ["grade", str(handed_in), "--output", str(output), "--seed", "3", "--workers", "1"]
    assert main(command) == 0
    assert "5 of 5  =Ada" in capsys.readouterr().out
    rows = list(csv.reader((output / "grades.csv").open(encoding="utf-8")))
    assert rows == [
        ["student", "points", "of", "8.1 nucleus_size_of", "8.2 top_p_probs", "8.3 entry_point"],
        ["'=Ada", "5", "5", "1", "2", "2"],
        ["Blaise P.", "4", "5", "0", "2", "2"],
        ["carl", "0", "5", "0", "0", "0"],
    ]
    assert "running total" in (output / "reports" / "Blaise_P.md").read_text(encoding="utf-8")
    damaged = (output / "reports" / "carl.md").read_text(encoding="utf-8")
    assert "no notebook" in damaged
    assert "damaged" in damaged


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{}/nowhere"], "DIR must be a folder of submissions"),
        (["{}"], "DIR must hold notebooks"),
        (["{}", "--seconds", "0"], "seconds must be"),
        (["{}", "--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_what_cannot_be_graded_is_said_in_a_sentence(tmp_path, capsys, arguments, said):
    with pytest.raises(SystemExit) as ended:
        main(["grade", *(argument.format(tmp_path) for argument in arguments)])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_chapter_without_exercises_is_refused(tmp_path):
    hand_in(tmp_path, "Ada", "08_top_p", {})
    with pytest.raises(ValueError, match=r"chapters must be among 1, 2, .* got 99"):
        tasks_set(submissions(tmp_path), [99])
