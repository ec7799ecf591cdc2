"""Exercises as assignments of nbgrader and otter-grader: released without solutions, and marked.

The two are no requirement of the book. What is skipped without them runs in an environment of its
own, weekly: pip install --group graders.
"""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from decodelib.checks.exercises import tasks
from tools.course_exports import nbgrader, otter, write

CHAPTER = "08_top_p"
WRONG = "def entry_point(probs, i):\n    return sum(probs[:i])"
CHAPTERS = sorted({task.chapter for task in tasks()})


def needs(package):
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None,
        reason=f"{package} is not installed: its own tools have not been run on what is exported",
    )


def run(folder, *command):
    programs = Path(sys.executable).parent
    env = os.environ | {
        "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
        "DECODELIB_MODEL": "storybook",
        "DECODELIB_STATIC": "1",
    }
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def code(nb):
    return [cell for cell in nb.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_exercise_has_an_answer_and_a_test_worth_its_stars(chapter):
    own = [task for task in tasks() if task.chapter == chapter]
    marks = [
        cell.metadata.nbgrader for cell in code(nbgrader(chapter)) if "nbgrader" in cell.metadata
    ]
    assert [m["grade_id"] for m in marks[::2]] == [f"{task.checker}-answer" for task in own]
    assert [m["points"] for m in marks[1::2]] == [task.stars for task in own]
    raw = [cell.source for cell in otter(chapter).cells if cell.cell_type == "raw"]
    questions = [source for source in raw if source.startswith("# BEGIN QUESTION")]
    assert questions == [
        f"# BEGIN QUESTION\nname: {task.checker}\npoints: {task.stars}" for task in own
    ]
    for nb in (nbgrader(chapter), otter(chapter)):
        for cell in code(nb):
            ast.parse(cell.source)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    write(folder, [CHAPTER])
    return folder


@needs("nbgrader")
def test_nbgrader_releases_no_solution_and_marks_what_is_handed_in(exported):
    course = exported / "nbgrader"
    where = [f"--CourseDirectory.root={course}", "--CourseDirectory.course_id=test"]
    run(course, "nbgrader", "generate_assignment", CHAPTER, "--create", *where)
    released = nbformat.read(course / "release" / CHAPTER / f"{CHAPTER}.ipynb", as_version=4)
    assert "ranking.index" not in str(released)
    assert str(released).count("raise NotImplementedError()") == 3
    answers = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in code(nbgrader(CHAPTER))
        if "nbgrader" in cell.metadata
    }
    for cell in code(released):
        if cell.metadata.get("nbgrader", {}).get("solution"):
            name = cell.metadata.nbgrader.grade_id
            cell.source = WRONG if name == "entry_point-answer" else answers[name]
    handed_in = course / "submitted" / "ada" / CHAPTER
    handed_in.mkdir(parents=True)
    nbformat.write(released, handed_in / f"{CHAPTER}.ipynb")
    slow = "--ExecutePreprocessor.timeout=200"
    run(course, "nbgrader", "autograde", CHAPTER, "--create", slow, *where)
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        submission = book.find_submission(CHAPTER, "ada")
        assert (submission.score, submission.max_score) == (3, 5)


@needs("otter")
def test_otter_releases_no_solution_and_marks_what_is_handed_in(exported):
    folder = exported / "otter" / CHAPTER
    run(folder, "otter", "assign", f"{CHAPTER}.ipynb", "made")
    student = nbformat.read(folder / "made" / "student" / f"{CHAPTER}.ipynb", as_version=4)
    assert "ranking.index" not in str(student)
    solved = nbformat.read(folder / "made" / "autograder" / f"{CHAPTER}.ipynb", as_version=4)
    for cell in code(solved):
        if cell.source.startswith("def entry_point"):
            cell.source = WRONG
    nbformat.write(solved, folder / "handed in.ipynb")
    (folder / "results").mkdir()
    (tests,) = (folder / "made" / "autograder").glob("*.zip")
    run(folder, "otter", "run", "-a", str(tests), "handed in.ipynb", "-o", "results")
    found = json.loads((folder / "results" / "results.json").read_text(encoding="utf-8"))["tests"]
    scores = {test["name"]: test["score"] for test in found if "score" in test}
    assert scores == {"entry_point": 0, "nucleus_size": 1, "top_p": 2}
