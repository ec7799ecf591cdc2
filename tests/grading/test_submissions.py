"""Submissions are read from folders as students hand them in."""

import json

import pytest

from decodelib.checks.exercises import tasks
from decodelib.grading.submissions import cells_of, code_cells, submissions

SOFTMAX = tasks()[0]
CHECK = "checks.softmax(my_softmax)"


def write(path, *sources, tags=()):
    cells = [
        {"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}, "outputs": []}
        for source in sources
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}), encoding="utf-8")
    return path


def test_a_folder_or_a_file_is_a_student(tmp_path):
    write(tmp_path / "Ada" / "week 1" / "one.ipynb", "1", "2")
    write(tmp_path / "Ada" / ".ipynb_checkpoints" / "one.ipynb", "3")
    write(tmp_path / "Blaise.ipynb", "4")
    (tmp_path / "notes.txt").write_text("no submission", encoding="utf-8")
    found = [(one.student, one.notebooks) for one in submissions(tmp_path)]
    assert found == [
        ("Ada", {"week 1/one.ipynb": ["1", "2"]}),
        ("Blaise", {"Blaise.ipynb": ["4"]}),
    ]


def test_a_link_to_what_another_has_handed_in_is_not_followed(tmp_path):
    theirs = write(tmp_path / "Ada" / "one.ipynb", CHECK)
    (tmp_path / "Blaise").mkdir()
    (tmp_path / "Blaise" / "one.ipynb").symlink_to(theirs)
    (tmp_path / "Carl").symlink_to(tmp_path / "Ada")
    assert [one.notebooks for one in submissions(tmp_path)] == [{"one.ipynb": [CHECK]}, {}]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', '{"cells": [1]}', "[" * 10**5])
def test_a_damaged_notebook_is_said_to_be_one(tmp_path, text):
    path = tmp_path / "one.ipynb"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="is no notebook, or a damaged one"):
        code_cells(path)
    assert "damaged" in submissions(tmp_path)[0].damaged["one.ipynb"]


def test_the_books_solutions_are_not_the_students(tmp_path):
    assert code_cells(write(tmp_path / "one.ipynb", CHECK, tags=["solution"])) == []


def test_the_last_cell_of_an_exercise_comes_first_and_other_chapters_are_not_meant():
    cells = ["def my_softmax(s): return s", f"{CHECK}", "print()", "def my_softmax(s): return 1"]
    assert cells_of(SOFTMAX, cells) == [3, 1, 0]
    assert cells_of(SOFTMAX, cells[2:]) == []
