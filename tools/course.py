"""Pack the book for a course: `make course` writes three zip files to _build/course.

The student edition has every exercise and its check, and no solution. The instructor edition is
the whole repository with the solutions unfolded. The site is the built website, to open offline.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat

from tools.book import ROOT, chapter_notebooks

NAME = "decoding-language-models"
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
NOT_FOR_STUDENTS = ("claims.md", "conftest.py", "nbval_sanitize.cfg", "ruff.toml")
LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", ".ipynb_checkpoints", "*.egg-info", "runs", "corpus", ".DS_Store"
)

STUDENT_README = """\
# Decoding Language Models: student edition

The chapters as notebooks, with exercises that check your answers. You need Python 3.11 or newer.

    python3 -m venv .venv
    .venv/bin/python -m pip install -r requirements.txt
    .venv/bin/python -m jupyter lab chapters

On Windows, write `.venv\\Scripts\\python` for `.venv/bin/python`. Start with `chapters/index.md`,
then `01_next_token.ipynb`. To do an exercise, replace the line `raise NotImplementedError` with
your own, and run the cell: the check says whether the function is right and, if it is not, what may
be wrong.

The text is under CC BY 4.0 and the code under the MIT licence; see LICENSE.
"""


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
    for name in NOT_FOR_STUDENTS:
        (folder / "chapters" / name).unlink(missing_ok=True)
    (folder / "README.md").write_text(STUDENT_README, encoding="utf-8")


def instructor_edition(folder: Path) -> None:
    stage(folder, INSTRUCTOR_FILES, with_solutions_open)


def pack(folder: Path) -> Path:
    """Zip `folder`, under its own name, next to it."""
    return Path(shutil.make_archive(str(folder), "zip", folder.parent, folder.name))


def make_course(site: Path, output: Path) -> list[Path]:
    """Write the three zip files to `output` and return them."""
    if not (site / "index.html").is_file():
        raise SystemExit(f"There is no built site in {site}: run `make book` first.")
    editions = {"student": student_edition, "instructor": instructor_edition}
    archives = []
    for edition, fill in editions.items():
        folder = output / f"{NAME}-{edition}"
        fill(folder)
        archives.append(pack(folder))
        shutil.rmtree(folder)
    folder = output / f"{NAME}-site"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(site, folder)
    archives.append(pack(folder))
    shutil.rmtree(folder)
    return archives


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html")
    parser.add_argument("--output", type=Path, default=ROOT / "_build" / "course")
    args = parser.parse_args()
    for archive in make_course(args.site.resolve(), args.output.resolve()):
        print(f"{archive.stat().st_size / 2**20:6.1f} MB  {archive}")


if __name__ == "__main__":
    main()
