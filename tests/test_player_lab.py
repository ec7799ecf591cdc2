"""The generation player in JupyterLab with a real kernel: a click on a candidate generates anew."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from browser import browser, chromium, external, requests
from player_page import READ
from test_explorer_lab import jupyter_lab, output, run_cell, wait_for

pytestmark = pytest.mark.browser

MAKE = """\
import decodelib as dl
from decodelib.viz import explore_generation
lm = dl.load("storybook", device="cpu", dtype="float64")
strategy = dl.Sampling(dl.TopK(3))
player = explore_generation(lm, "The sea", strategy, max_new_tokens=8, seed=1)
player"""
ASK = "print(len(player.data['branches']), player.branch, player.position, player.text)"
TELL = "player.branch, player.position = 0, 7"
BREAK = "player._recorder.branch = lambda *_: 1 / 0"


def test_a_click_on_a_candidate_generates_from_there(tmp_path):
    from selenium.webdriver import ActionChains, Keys

    chromium()
    cells = [nbformat.v4.new_code_cell(source) for source in (MAKE, ASK, TELL, BREAK)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "live.ipynb")
    with jupyter_lab(tmp_path) as base, browser(1200, 1600) as driver:
        driver.get(f"{base}/lab/tree/live.ipynb")
        idle = (
            "return jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
        )
        wait_for(lambda: driver.execute_script(idle), 60, "a kernel")
        run_cell(driver, 0)
        root = wait_for(
            lambda: driver.find_elements("css selector", ".jp-OutputArea-output .dx-root"),
            60,
            "the player",
        )[0]

        def read() -> dict:
            return driver.execute_script(READ, root)

        def press(*keys: str) -> None:
            ActionChains(driver).send_keys(*keys).perform()

        def ask() -> list[str]:
            run_cell(driver, 1)
            return wait_for(lambda: output(driver, 1), 10, "an answer")

        def generate(index: int) -> str:
            """Press the button of the candidate at this place; return its token."""
            button = root.find_elements("css selector", '[data-dx="candidate"] button')[index]
            assert button.get_attribute("textContent") == "Generate"
            name = button.accessible_name.split("“")[1].rstrip("”")
            driver.execute_script("arguments[0].focus()", button)
            press(Keys.ENTER)
            return name

        # The arrow keys step through the tokens; Lab would take them for itself.
        first = root.find_element("css selector", '[role="option"]')
        driver.execute_script("arguments[0].focus()", first)
        press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        assert read()["selected"] == 3
        before = read()["text"]

        # A candidate that top-k removed can be taken all the same.
        removed = [row[2] for row in read()["candidates"]].index("✕ TopK(3)")
        taken = generate(removed)
        wait_for(lambda: read()["text"] != before, 30, "a new text")
        shown = read()
        assert shown["selected"] == 3
        assert shown["facts"][0] == taken
        assert shown["note"].startswith("taken here instead of")
        heard = ["2", "1", "3", *shown["text"].split()]
        wait_for(lambda: ask() == heard, 20, f"Python saying {heard}")

        # And from Python to the page.
        run_cell(driver, 2)
        wait_for(lambda: read()["selected"] == 7, 10, "the player following Python")
        assert read()["text"] == before

        # What goes wrong in the kernel is said on the page, and the page goes on.
        run_cell(driver, 3)
        generate(removed)
        status = root.find_element("css selector", '[data-dx="status"]')
        wait_for(lambda: "No new branch: division by zero" in status.text, 20, "the reason")
        assert read()["text"] == before

        assert external(requests(driver)[0]) == []
        errors = [e["message"] for e in driver.get_log("browser") if e["level"] == "SEVERE"]
        assert [e for e in errors if "dx" in e.lower() or "anywidget" in e.lower()] == []
        if shots := os.environ.get("DECODELIB_SCREENSHOTS"):
            driver.save_screenshot(str(Path(shots) / "lab_player.png"))
