"""In a notebook: running all cells leaves what a reader wrote, and verdicts are noted."""

import nbformat
import pytest
from nbclient import NotebookClient

from decodelib import checks
from decodelib.checks import notebook
from decodelib.checks.notebook import SOLUTION, withhold
from decodelib.checks.progress import note, progress
from tools.book import chapter_notebooks

CELLS = [
    "from decodelib import checks\nimport decodelib.checks.notebook as n\nn.attach()",
    "def tail_risk(mass, steps):\n    return mass * steps\n\nchecks.tail_risk(tail_risk)",
    f"{SOLUTION}\ndef tail_risk(mass, steps):\n    return 1 - (1 - mass) ** steps\n\n"
    "checks.tail_risk(tail_risk)",
    "print(tail_risk(0.5, 4))",
    "def chi(counts, probs):\n    raise NotImplementedError\n\nchecks.chi_square(chi)",
    "def m(mass, steps):\n    return 1 - (1 - mass) ** steps\n\nchecks.tail_risk(m)",
    "checks.progress()",
]


def run(folder, *sources):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    NotebookClient(nb, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return [
        "".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs)
        for cell in nb.cells
    ]


def test_a_reader_runs_all_cells(tmp_path, monkeypatch):
    monkeypatch.delenv("DECODELIB_STATIC", raising=False)
    _, wrong, solution, own, stub, right, table = run(tmp_path, *CELLS)
    assert wrong.startswith("Not yet")
    assert (
        solution == "This solution waits, so that what you wrote stays. To run it, delete its "
        "first line.\n"
    )
    assert own == "2.0\n"
    assert "stub" in stub
    assert right.startswith("Correct")
    assert table.startswith("1 of")
    assert progress(tmp_path).states == {"tail_risk": "solved"}


def test_where_the_book_is_made_solutions_run_and_nothing_is_noted(tmp_path, monkeypatch):
    monkeypatch.setenv("DECODELIB_STATIC", "1")
    assert run(tmp_path, CELLS[0], CELLS[2])[1].startswith("Correct")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", chapter_notebooks(), ids=lambda path: path.stem)
def test_every_solution_waits(path):
    cells = nbformat.read(path, as_version=4).cells
    solutions = [cell for cell in cells if "solution" in cell.metadata.get("tags", ())]
    assert solutions
    assert all(cell.source.startswith(f"{SOLUTION}\n") for cell in solutions)


def test_only_cells_that_begin_with_the_line_wait(monkeypatch):
    monkeypatch.delenv("DECODELIB_STATIC", raising=False)
    lines = ["x = 1\n", f"{SOLUTION}\n"]
    assert withhold(lines) is lines
    assert withhold([]) == []
    assert withhold(lines[::-1]) != lines[::-1]


def test_what_is_solved_stays_solved(tmp_path):
    assert repr(progress(tmp_path)).startswith("0 of")
    note("softmax", False, tmp_path)
    assert "my_softmax * tried" in repr(progress(tmp_path))
    note("softmax", True, tmp_path)
    note("softmax", False, tmp_path)
    assert progress(tmp_path).solved == 1
    assert "&#10003; <code>my_softmax</code>" in progress(tmp_path)._repr_html_()


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_damaged_record_is_an_empty_one(tmp_path, text):
    (tmp_path / ".decodelib-progress.json").write_text(text, encoding="utf-8")
    assert checks.progress(tmp_path).solved == 0


def test_outside_of_a_notebook_nothing_is_attached():
    notebook.attach()
