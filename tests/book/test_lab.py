"""What `make lab` opens: a start page, no helper files, and MyST as it is meant."""

import json
import math
import os
import socket
import subprocess
import urllib.request

import nbformat
import pytest

from decodelib.viz import DistributionExplorer
from tests.helpers.browser import browser, chromium
from tests.helpers.lab import IDLE, wait_for
from tools.book import ROOT, chapter_notebooks
from tools.course_markdown import works
from tools.lab import command, trust, write_extension
from tools.start_page import PAGE, start_page

CELLS = [
    ("# A chapter\n\n:::{admonition} You will be able to\n:class: note\n\n- read this.\n:::\n\n"
     "It was measured {cite:p}`holtzman2020`, and {cite:t}`holtzman2020` say so."),
]  # fmt: skip


def explorer():
    logits = [math.log(p) for p in (0.4, 0.3, 0.2, 0.1)]
    return DistributionExplorer.from_logits(logits, ["the", "cat", "sat", "down"], top_p=0.5)


def display(data):
    return nbformat.v4.new_output("display_data", data)


def test_the_start_page_is_the_one_that_the_index_makes():
    made, stored = start_page(), nbformat.read(PAGE, as_version=4)
    assert [cell.source for cell in stored.cells] == [cell.source for cell in made.cells]
    for notebook in chapter_notebooks():
        assert f"({notebook.name})" in stored.cells[0].source
    assert all((ROOT / "chapters" / page).exists() for page in ("glossary.md", "notation.md"))


def test_the_extension_has_every_work_of_the_bibliography(tmp_path):
    write_extension(tmp_path)
    about = json.loads((tmp_path / "decodelib-lab" / "package.json").read_text())
    script = tmp_path / "decodelib-lab" / about["jupyterlab"]["_build"]["load"]
    assert works()["holtzman2020"] == ("Holtzman et al.", "2020")
    assert all(authors and year for authors, year in works().values())
    assert json.dumps(works()) in script.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on a folder as `make lab` opens it, sharing nothing with the one who tests."""
    chromium()
    folder = tmp_path_factory.mktemp("lab")
    chapters, settings = folder / "chapters", folder / "settings"
    (chapters / "_assets").mkdir(parents=True)
    settings.mkdir()
    (chapters / "conftest.py").touch()
    nbformat.write(nbformat.read(PAGE, as_version=4), chapters / "start.ipynb")
    cells = [nbformat.v4.new_markdown_cell(source) for source in CELLS]
    stored = {"text/html": explorer().as_html(), "text/plain": explorer().as_text()}
    cells.append(nbformat.v4.new_code_cell("explorer", outputs=[display(stored)]))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), chapters / "01_test.ipynb")
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    private = {name: str(folder / ".private" / name) for name in names}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in private.items():
            patch.setenv(name, value)
        trust(chapters)
        run, environment = command(chapters, settings)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.allow_root=True",
    ]
    options += ["--ServerApp.open_browser=False", "--IdentityProvider.token="]
    options += ["--LabApp.expose_app_in_browser=True"]
    base = f"http://127.0.0.1:{port}"
    with (folder / "lab.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [*run, *options], env=os.environ | environment | private, stdout=log, stderr=log
        )
        try:
            wait_for(lambda: urllib.request.urlopen(f"{base}/api").status == 200, 60, "the server")
            with browser(1280, 900) as driver:
                driver.get(base)
                wait_for(lambda: driver.execute_script(IDLE), 120, "a kernel")
                yield driver, base
        finally:
            server.terminate()
            server.wait(20)


@pytest.mark.browser
def test_make_lab_opens_the_start_page_and_hides_what_readers_do_not_need(lab):
    driver, _ = lab
    assert driver.current_url.endswith("/lab/tree/start.ipynb")
    read = "return [...document.querySelectorAll('.jp-DirListing-itemText')].map(e => e.innerText)"
    listed = wait_for(lambda: driver.execute_script(read), 30, "the list of files")
    assert [name.strip() for name in listed] == ["01_test.ipynb", "start.ipynb"]
    links = "return [...document.querySelectorAll('.jp-RenderedMarkdown a, .myst a')].length"
    assert driver.execute_script(links) >= len(chapter_notebooks())
    asked = "return document.querySelectorAll('.jp-Notification-Toast, .Toastify__toast').length"
    assert driver.execute_script(asked) == 0


@pytest.mark.browser
def test_boxes_and_citations_read_as_in_the_book(lab):
    driver, base = lab
    driver.get(f"{base}/lab/tree/01_test.ipynb")
    text = "return jupyterapp.shell.currentWidget.content.node.innerText"
    shown = wait_for(
        lambda: "Holtzman et al." in (found := driver.execute_script(text)) and found, 120, "names"
    )
    assert "It was measured Holtzman et al., 2020, and" in shown  # in brackets by the style
    group = "getComputedStyle(document.querySelector('.cite-group.parenthetical'), '::before')"
    assert driver.execute_script(f"return {group}.content") == '"("'
    assert "Holtzman et al. (2020) say so" in shown
    assert ":::" not in shown
    assert "You will be able to" in shown


@pytest.mark.browser
def test_an_explorer_moves_before_its_cell_has_been_run(lab):
    driver, base = lab
    if not driver.current_url.endswith("01_test.ipynb"):
        driver.get(f"{base}/lab/tree/01_test.ipynb")
    knob = "document.querySelector('.jp-OutputArea .dx input[data-dx=\"top_p\"]')"
    wait_for(lambda: driver.execute_script(f"return Boolean({knob})"), 120, "an explorer")
    output = f"{knob}.closest('.dx').innerText"
    before = driver.execute_script(f"return {output}")
    assert "Copy link" not in before
    move = f"{knob}.value = 0.95; {knob}.dispatchEvent(new Event('input', {{bubbles: true}}))"
    assert driver.execute_script(f"{move}; return {output}") != before
    ran = "return jupyterapp.shell.currentWidget.content.widgets.at(-1).model.executionCount"
    assert driver.execute_script(ran) is None
