"""Pack the book for a course: `make course` writes editions for students and instructors.

Students get the chapters as notebooks with every exercise and no solution, checks that carry no
solution either, the site and the PDF without solutions, and a syllabus. Instructors get the whole
repository with the solutions unfolded, an answer key, and a recipe for a JupyterHub.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat

from decodelib.checks.exercises import tasks
from tools import course_exports
from tools.book import ROOT, chapter_notebooks
from tools.course_checks import leave_solutions_out
from tools.course_key import answer_key
from tools.course_markdown import equation_numbers, plain
from tools.course_site import student_site

NAME = "decoding-language-models"
TEXTS = ROOT / "tools" / "course_texts"
STUDENT_FILES = (
    "chapters",
    "decodelib",
    "LICENSE",
    "pyproject.toml",
    "requirements.txt",
)
INSTRUCTOR_FILES = (
    *STUDENT_FILES,
    ".ci",
    ".github",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "Makefile",
    "README.md",
    "_config.yml",
    "_toc.yml",
    "benchmarks",
    "tests",
    "tools",
    "training",
)
NOT_FOR_STUDENTS = (
    "claims.md",
    "claims_elsewhere.md",
    "promises.md",
    "live.md",
    "line.md",
    "games.md",
    "conftest.py",
    "nbval_sanitize.cfg",
    "ruff.toml",
)
LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", ".ipynb_checkpoints", "*.egg-info", "runs", "corpus", ".DS_Store"
)


def without_solutions(nb: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Remove the cells tagged as solutions; the exercises and their checks stay."""
    nb.cells = [cell for cell in nb.cells if "solution" not in cell.metadata.get("tags", ())]
    return nb


def with_solutions_open(nb: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Unfold the solutions, which readers of the book have to open."""
    for cell in nb.cells:
        tags = cell.metadata.get("tags", [])
        if "solution" in tags:
            cell.metadata.pop("jupyter", None)
            cell.metadata.tags = [tag for tag in tags if tag != "hide-cell"]
    return nb


def stage(
    folder: Path,
    files: tuple[str, ...],
    edit: Callable[[nbformat.NotebookNode], nbformat.NotebookNode],
) -> None:
    """Copy `files` of the repository to `folder`, with every chapter edited."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in files:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=LEFT_OUT)
        else:
            shutil.copy2(source, folder / name)
    for notebook in chapter_notebooks():
        copy = folder / notebook.relative_to(ROOT)
        nbformat.write(edit(nbformat.read(copy, as_version=4)), copy)


def student_edition(folder: Path) -> None:
    stage(folder, STUDENT_FILES, without_solutions)
    chapters = folder / "chapters"
    for name in NOT_FOR_STUDENTS:
        (chapters / name).unlink(missing_ok=True)
    leave_solutions_out(folder / "decodelib")
    _write_plainly(chapters)
    (chapters / "index.md").write_text(_text("index.md", chapters=_table()), encoding="utf-8")
    (folder / "README.md").write_text(_text("readme.md"), encoding="utf-8")
    for name in ("lab.py", "lab_extension.js"):
        shutil.copy2(ROOT / "tools" / name, folder / name)
    (folder / "SYLLABUS.md").write_text(syllabus(), encoding="utf-8")


def instructor_edition(folder: Path) -> None:
    stage(folder, INSTRUCTOR_FILES, with_solutions_open)
    (folder / "ANSWERS.md").write_text(answer_key(), encoding="utf-8")
    (folder / "SYLLABUS.md").write_text(syllabus(), encoding="utf-8")
    shutil.copy2(TEXTS / "jupyterhub.md", folder / "JUPYTERHUB.md")
    course_exports.write(folder / "assignments")


def _write_plainly(chapters: Path) -> None:
    """Write the notebooks' and pages' MyST as Markdown that JupyterLab shows."""
    books = {path: nbformat.read(path, as_version=4) for path in sorted(chapters.glob("*.ipynb"))}
    prose = {path: [c for c in nb.cells if c.cell_type == "markdown"] for path, nb in books.items()}
    whole = [(path.stem, "\n".join(c.source for c in cells)) for path, cells in prose.items()]
    equations = equation_numbers(whole)
    missing = set(NOT_FOR_STUDENTS)
    for path, nb in books.items():
        for cell in prose[path]:
            cell.source = plain(cell.source, path.stem, equations, missing)
        nbformat.write(nb, path)
    for path in chapters.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        path.write_text(plain(text, path.stem, equations, missing), encoding="utf-8")


def syllabus() -> str:
    """Return the syllabus: one chapter a week, with its exercises and their points."""
    rows = []
    for week, (chapter, title) in enumerate(_chapters(), start=1):
        own = [task for task in tasks() if task.chapter == chapter]
        names = ", ".join(f"`{task.function}`" for task in own)
        rows.append(f"| {week} | {title} | {names}: {sum(t.stars for t in own)} points |")
    return _text("syllabus.md", weeks="\n".join(rows))


def _table() -> str:
    rows = [
        f"| [{int(chapter[:2])}. {title}]({chapter}.ipynb) | "
        f"{sum(task.minutes for task in tasks() if task.chapter == chapter)} |"
        for chapter, title in _chapters()
    ]
    return "\n".join(["| chapter | minutes for its exercises |", "|---|---|", *rows])


def _chapters() -> list[tuple[str, str]]:
    return list(dict.fromkeys((task.chapter, task.title) for task in tasks()))


def _text(name: str, **parts: str) -> str:
    text = (TEXTS / name).read_text(encoding="utf-8")
    for part, value in parts.items():
        text = text.replace(f"{{{part}}}", value)
    return text


def pack(folder: Path) -> Path:
    """Zip `folder`, under its own name, next to it."""
    return Path(shutil.make_archive(str(folder), "zip", folder.parent, folder.name))


def make_course(site: Path, output: Path, pdf: Path | None = None) -> list[Path]:
    """Write the editions to `output` and return their files; the PDF is one if it is given."""
    if not (site / "index.html").is_file():
        raise SystemExit(f"There is no built site in {site}: run `make book` first.")
    output.mkdir(parents=True, exist_ok=True)
    editions: dict[str, Callable[[Path], None]] = {
        "student": student_edition,
        "instructor": instructor_edition,
        "site": lambda folder: student_site(site, folder, _take_solutions_out),
    }
    made = []
    for edition, fill in editions.items():
        folder = output / f"{NAME}-{edition}"
        fill(folder)
        made.append(pack(folder))
        shutil.rmtree(folder)
    if pdf is not None:
        made.append(Path(shutil.copy2(pdf, output / f"{NAME}-student.pdf")))
    return made


def _take_solutions_out(notebook: Path) -> None:
    nb = without_solutions(nbformat.read(notebook, as_version=4))
    notebook.write_text(json.dumps(nb, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html")
    parser.add_argument("--output", type=Path, default=ROOT / "_build" / "course")
    parser.add_argument("--pdf", type=Path, help="the printed book, without solutions")
    args = parser.parse_args()
    for made in make_course(args.site.resolve(), args.output.resolve(), args.pdf):
        print(f"{made.stat().st_size / 2**20:6.1f} MB  {made}")


if __name__ == "__main__":
    main()
