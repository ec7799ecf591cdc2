"""Building on a model that the book does not vouch for: chapters are executed and published."""

import nbformat
import pytest

from decodelib.models.loading import STORYBOOK
from tests.helpers.hub import GPT2_COMMIT, GPT2_ID
from tools import book

SETUP = """\
import decodelib as dl
from decodelib import checks
lm = dl.load("auto")
claim = checks.claims_on(lm)
print(lm.name)
"""
CELLS = [
    SETUP,
    'claim("One.", measured=lm.vocab_size, below=5)\nprint("after one")',
    'claim("Two.", measured=lm.vocab_size, equals="many")\nclaim("Three.", holds=lm is None)',
    "nothing.here",
    'claim("Four.", measured=lm.vocab_size, above=5)\nprint("to the end")',
]
ONE = ["Does not hold on gpt2: measured 8,192, the book expects below 5.", "  One."]


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A book of one chapter whose stored outputs are another model's."""
    root = tmp_path / "sources"
    (root / "chapters").mkdir(parents=True)
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    for cell in cells:
        cell.outputs = [nbformat.v4.new_output("stream", text="stale")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "chapters" / "01_test.ipynb")
    chapter = {"file": "chapters/01_test"}
    toc = {
        "format": "jb-book",
        "root": "chapters/index",
        "parts": [{"caption": "A", "chapters": [chapter]}],
    }
    (root / "_toc.yml").write_text(book.yaml.safe_dump(toc))
    monkeypatch.setattr(book, "ROOT", root)
    monkeypatch.setattr(book, "BOOK_SOURCES", ["_toc.yml", "chapters"])
    monkeypatch.setenv("DECODELIB_MODEL", "storybook")  # and what the build sets is undone after
    monkeypatch.setenv("DECODELIB_STATIC", "1")
    monkeypatch.setenv(book.RECORD, "")
    return root


@pytest.fixture
def gpt2(tmp_path):
    """storybook's own weights in GPT-2's clothes."""
    copy = tmp_path / "dressed" / "gpt2"
    copy.mkdir(parents=True)
    for file in STORYBOOK.iterdir():
        if file.is_file():
            (copy / file.name).write_bytes(file.read_bytes())
    return copy


def test_claims_that_fail_and_cells_that_raise_are_shown_and_the_build_goes_on(
    sources, gpt2, tmp_path, capsys
):
    wrong = book.stage_executed(str(gpt2), tmp_path / "stage")
    nb = nbformat.read(tmp_path / "stage" / "chapters" / "01_test.ipynb", as_version=4)
    shown = ["".join(output.get("text", "") for output in cell.outputs) for cell in nb.cells]
    assert shown[0] == "gpt2\n"
    assert shown[1].splitlines() == [*ONE, "after one"]
    assert shown[2].splitlines() == [
        "Does not hold on gpt2: measured 8,192, the book expects 'many'.",
        "  Two.",
        "Does not hold on gpt2: it came out false.",
        "  Three.",
    ]
    assert [output.output_type for output in nb.cells[3].outputs] == ["error"]
    assert shown[4] == "to the end\n"
    assert [problem.split(":")[-1].strip() for problem in wrong[1:]] == ["One.", "Two.", "Three."]
    assert "NameError" in wrong[0]
    assert "1 of 4 claims hold." in capsys.readouterr().out


def test_a_kernel_that_dies_leaves_no_outputs_of_another_model(sources, gpt2, tmp_path):
    path = sources / "chapters" / "01_test.ipynb"
    nb = nbformat.read(path, as_version=4)
    nb.cells[1].source = "import os; os._exit(1)"
    nbformat.write(nb, path)
    wrong = book.stage_executed(str(gpt2), tmp_path / "stage")
    after = nbformat.read(tmp_path / "stage" / "chapters" / "01_test.ipynb", as_version=4)
    assert wrong[0].startswith("01_test: stopped at cell 1")
    assert [cell.outputs for cell in after.cells[2:]] == [[], [], []]


def test_executing_in_place_stops_at_the_first_error_and_writes_nothing(sources):
    path = sources / "chapters" / "01_test.ipynb"
    before = path.read_bytes()
    with pytest.raises(SystemExit, match=r"01_test\.ipynb failed"):
        book.execute_all([path])
    assert path.read_bytes() == before


def test_what_a_hub_offers_as_gpt2_is_executed_and_published(
    sources, gpt2, tmp_path, hub, monkeypatch, capfd
):
    """The whole way of `make book`: the kernels take the model from the hub, as the build did."""
    hub.repos[GPT2_ID] = gpt2, GPT2_COMMIT
    environment = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for written in ("games.write_games", "pack.write_scripts"):
        monkeypatch.setattr(f"decodelib.viz.page.{written}", lambda *_: None)
    page = "# The first page\n\n```{tableofcontents}\n```\n"
    (sources / "chapters" / "index.md").write_text(page)
    path = sources / "chapters" / "01_test.ipynb"
    nb = nbformat.read(path, as_version=4)
    nb.cells.insert(0, nbformat.v4.new_markdown_cell("# A chapter"))
    nbformat.write(nb, path)
    config = {"title": "A book", "execute": {"execute_notebooks": "off"}}
    (sources / "_config.yml").write_text(book.yaml.safe_dump(config))
    monkeypatch.setattr(book, "BOOK_SOURCES", ["_toc.yml", "_config.yml", "chapters"])
    assert book.build("gpt2", tmp_path / "site") == 0
    html = tmp_path / "site" / "_build" / "html" / "chapters" / "01_test.html"
    assert "\n".join(ONE) in html.read_text(encoding="utf-8").replace("&#39;", "'")
    assert "does not hold: Three." in capfd.readouterr().out
