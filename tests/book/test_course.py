"""The course editions: students get every exercise and no solution, instructors get everything."""

import ast
import builtins
import json
import zipfile

import nbformat
import pytest
from nbclient import NotebookClient

from tools.book import chapter_notebooks
from tools.course import NAME, make_course

NOTEBOOKS = chapter_notebooks()
each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def course(site, tmp_path_factory):
    """The three editions, unpacked: a folder each."""
    output = tmp_path_factory.mktemp("course")
    for archive in make_course(site, output):
        zipfile.ZipFile(archive).extractall(output)
    return {edition: output / f"{NAME}-{edition}" for edition in ("student", "instructor", "site")}


def cells(notebook, tag):
    found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if tag in cell["metadata"].get("tags", ())]


@each_notebook
def test_students_get_every_exercise_and_no_solution(course, notebook):
    copy = course["student"] / "chapters" / notebook.name
    assert cells(copy, "exercise") == cells(notebook, "exercise") != []
    assert cells(copy, "solution") == []


def test_no_solution_is_left_anywhere_in_the_student_edition(course):
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for path in course["student"].rglob("*")
        if path.suffix in {".ipynb", ".py", ".md"}
    )
    for notebook in NOTEBOOKS:
        for cell in cells(notebook, "solution"):
            body = json.dumps("".join(cell["source"]))[1:-1]
            assert body not in text


@each_notebook
def test_instructors_see_the_solutions(course, notebook):
    shown = cells(course["instructor"] / "chapters" / notebook.name, "solution")
    assert len(shown) == len(cells(notebook, "solution")) > 0
    for cell in shown:
        assert "hide-cell" not in cell["metadata"]["tags"]
        assert "jupyter" not in cell["metadata"]


def test_instructors_get_the_tests_and_the_two_commands(course):
    for name in ("tests/book/test_course.py", "Makefile", "chapters/claims.md", "_toc.yml"):
        assert (course["instructor"] / name).is_file()


def test_site_is_whole(course, site):
    def files(folder):
        return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}

    assert files(course["site"]) == files(site)


@each_notebook
def test_chapters_do_not_need_their_solutions(notebook):
    """No later cell uses a name that only a solution defines."""
    known, solved = set(dir(builtins)), set()
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        tags = cell.metadata.get("tags", ())
        names = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)]
        if not {"solution", "exercise"} & set(tags):
            borrowed = {n.id for n in names if isinstance(n.ctx, ast.Load)} & (solved - known)
            assert not borrowed
        (solved if "solution" in tags else known).update(defined(cell.source))


def defined(source):
    """The names that a cell leaves behind at its top level, and those it assigns anywhere."""
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        else:
            stored = (n for n in ast.walk(node) if isinstance(n, ast.Name))
            yield from (n.id for n in stored if isinstance(n.ctx, ast.Store))
            yield from (a.asname or a.name for a in getattr(node, "names", ()))


def test_a_student_notebook_runs_on_the_library_it_came_with(course, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(course["student"]))
    monkeypatch.setenv("DECODELIB_MODEL", "storybook")
    monkeypatch.setenv("DECODELIB_STATIC", "1")
    folder = course["student"] / "chapters"
    nb = nbformat.read(folder / "08_top_p.ipynb", as_version=4)
    nb.cells.append(nbformat.v4.new_code_cell("import decodelib\ndecodelib.__file__"))
    NotebookClient(nb, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    assert str(course["student"]) in nb.cells[-1].outputs[0]["data"]["text/plain"]


def test_course_without_a_site_says_what_to_run(tmp_path):
    with pytest.raises(SystemExit, match="make book"):
        make_course(tmp_path, tmp_path / "course")
