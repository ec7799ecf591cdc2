"""The course editions: students get every exercise and no solution, instructors get everything."""

import ast
import builtins
import json
import re
import zipfile

import nbformat
import pytest
from nbclient import NotebookClient

from decodelib.checks.exercises import tasks
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


def test_instructors_get_an_answer_key_and_a_recipe_for_a_hub(course):
    key = (course["instructor"] / "ANSWERS.md").read_text(encoding="utf-8")
    assert re.findall(r"^### (\S+) ", key, re.MULTILINE) == [task.name for task in tasks()]
    assert key.count("```python") == key.count("Mistakes that the check knows") == len(tasks())
    recipe = (course["instructor"] / "JUPYTERHUB.md").read_text(encoding="utf-8")
    (config,) = re.findall(r"```python\n(.*?)```", recipe, re.DOTALL)
    compile(config, "jupyterhub_config.py", "exec")


def test_students_get_checks_without_solutions(course):
    room = course["student"] / "decodelib" / "checks"
    text = "\n".join(path.read_text(encoding="utf-8") for path in room.iterdir() if path.is_file())
    assert "Misconception(" not in text.replace("class Misconception(", "").replace(
        "Misconception(_answering", ""
    )
    assert not (course["student"] / "decodelib" / "grading").exists()
    for task in tasks():
        assert f'{task.checker} = checker("{task.checker}")' in text


def test_what_students_read_names_nothing_that_they_do_not_have(course):
    folder = course["student"]
    pages = {path: path.read_text(encoding="utf-8") for path in folder.rglob("*.md")}
    for path in (folder / "chapters").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        prose = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        pages[path] = "\n".join(prose)
    assert len(pages) > 20
    for path, text in pages.items():
        assert path.suffix != ".md" or not re.search(r"`make \w", text), path
        assert not re.search(r"\{[\w:]+\}`|^:::|^```\{|^\([\w-]+\)=", text, re.MULTILINE), path
        for target in re.findall(r"\]\(([\w./-]+\.(?:md|ipynb|html))", text):
            assert (path.parent / target).exists(), (path, target)


def test_the_syllabus_has_every_chapter_and_its_points(course):
    text = (course["student"] / "SYLLABUS.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d+ \| .*: (\d+) points \|$", text, re.MULTILINE)
    assert len(rows) == len(NOTEBOOKS)
    assert sum(map(int, rows)) == sum(task.stars for task in tasks())


def test_the_site_for_students_has_no_solutions_and_is_whole_otherwise(course, site):
    def files(folder):
        return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}

    assert files(course["site"]) == files(site)
    for notebook in NOTEBOOKS:
        page = course["site"] / "chapters" / f"{notebook.stem}.html"
        before = (site / "chapters" / f"{notebook.stem}.html").read_text(encoding="utf-8")
        after = page.read_text(encoding="utf-8")
        solved = len(cells(notebook, "solution"))
        assert (before.count("tag_solution"), after.count("tag_solution")) == (solved, 0)
        assert after.count("<div") - after.count("</div") == before.count("<div") - before.count(
            "</div"
        )
        assert after.count("tag_exercise") == before.count("tag_exercise") == solved
    for notebook in course["site"].rglob("*.ipynb"):
        assert cells(notebook, "solution") == []


def test_the_site_for_students_does_not_speak_of_teaching(course):
    text = (course["site"] / "chapters" / "index.html").read_text(encoding="utf-8")
    assert "Teaching with it" not in text
    assert '<span class="pre">make</span>' not in text
    assert "student edition" in text


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
