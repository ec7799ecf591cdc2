"""A notebook taken from the site says how to install what it needs, and holds no solution."""

import json
import subprocess
import sys

import nbformat
import pytest

from tools.book import ROOT, chapter_notebooks, to_download
from tools.book_site import colab_address

NOTEBOOKS = chapter_notebooks()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_site_offers_each_chapter_with_a_first_cell_that_helps_and_no_solution(site, notebook):
    offered = site / "_sources" / "chapters" / notebook.name
    cells = json.loads(offered.read_text(encoding="utf-8"))["cells"]
    whole = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert "pip install" in "".join(cells[0]["source"])
    tags = [cell["metadata"].get("tags", []) for cell in cells]
    assert not any("solution" in t for t in tags)
    solutions = sum("solution" in cell["metadata"].get("tags", []) for cell in whole)
    assert len(cells) == len(whole) - solutions + 1
    nbformat.validate(nbformat.read(offered, as_version=4))


def run_first_cell(repository, folder, path):
    """Run the first cell of a download, then say where decodelib is and what lies beside."""
    nb = to_download(nbformat.read(NOTEBOOKS[7], as_version=4), repository)
    after = "import importlib.util, pathlib\n"
    after += "print(bool(importlib.util.find_spec('decodelib')), pathlib.Path('data').is_dir())"
    script = folder / "cells.ipy"
    script.write_text(f"{nb.cells[0].source}\n{after}\n", encoding="utf-8")
    environment = {"PATH": path, "HOME": str(folder), "IPYTHONDIR": str(folder / "ipython")}
    run = subprocess.run(
        [sys.executable, "-m", "IPython", str(script)],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return run.stdout


def test_without_an_address_the_first_cell_says_what_to_do_and_is_silent_if_there_is_nothing(
    tmp_path,
):
    said = run_first_cell("", tmp_path, "/usr/bin:/bin")
    missing = said.split()[-2] == "False"
    assert ("pip install ." in said) is missing


@pytest.mark.parametrize(
    ("repository", "page", "address"),
    [
        (
            "https://github.com/someone/book",
            "chapters/08_top_p",
            "https://colab.research.google.com/github/someone/book/blob/notebooks/08_top_p.ipynb",
        ),
        ("https://github.com/someone/book", "chapters/glossary", ""),
        ("https://code.example/someone/book", "chapters/08_top_p", ""),
        ("", "chapters/08_top_p", ""),
    ],
)
def test_colab_opens_chapters_of_repositories_it_can_open(repository, page, address):
    assert colab_address(repository, page) == address


@pytest.mark.long
def test_the_first_cell_installs_the_book_into_a_bare_environment(tmp_path):
    """A clone of this repository takes the place of the one on the web; no index is asked."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", str(bare)], check=True)
    assert (ROOT / ".git").exists(), "this test clones the repository it is in"
    nb = to_download(nbformat.read(NOTEBOOKS[7], as_version=4), f"file://{ROOT}")
    script = tmp_path / "cells.ipy"
    found = "import pathlib, decodelib\nprint(decodelib.__file__, pathlib.Path('data').is_dir())"
    script.write_text(f"{nb.cells[0].source}\n{found}\n", encoding="utf-8")
    site_packages = next(path for path in sys.path if path.endswith("site-packages"))
    environment = {
        "PATH": f"{bare / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": site_packages,
        "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0",
        "OMP_NUM_THREADS": "1", "IPYTHONDIR": str(tmp_path / "ipython"),
    }  # fmt: skip
    run = subprocess.run(
        [str(bare / "bin" / "python"), "-m", "IPython", str(script)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert str(bare) in run.stdout, run.stdout + run.stderr
    assert run.stdout.strip().endswith("True")
