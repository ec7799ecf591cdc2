"""The explorer in JupyterLab with a real kernel: sliders move traits, traits move sliders."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from browser import browser, chromium, external, requests
from explorer_page import READ

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parent.parent
MAKE = """\
import math
from decodelib.viz import DistributionExplorer
logits = [math.log(p) for p in (0.4, 0.2, 0.15, 0.1, 0.06, 0.05, 0.03, 0.01)]
e = DistributionExplorer.from_logits(logits, "the cat sat on a mat and ran".split())
e"""
ASK = "d = e.distribution()\nprint(e.temperature, e.top_k, d.kept, round(d.entropy, 3), e.order[0])"
TELL = "e.top_p = 0.6\ne.temperature = 2.0\ne.order = ['top_p', 'temperature', 'top_k', 'min_p']"


def wait_for(condition: Callable, seconds: float, what: str):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception):  # the page is still being made
            if value := condition():
                return value
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds} s")


@contextlib.contextmanager
def jupyter_lab(folder: Path) -> Iterator[str]:
    """A server on loopback that shares no configuration with the one who runs the test."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    private = {
        name: str(folder / ".private" / name)
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, **private, "PYTHONPATH": path}
    env.pop("DECODELIB_STATIC", None)
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.open_browser": False,
        "ServerApp.root_dir": folder,
        "ServerApp.allow_root": True,
        "IdentityProvider.token": "",
        "LabApp.expose_app_in_browser": True,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    command = [sys.executable, "-m", "jupyter", "lab"]
    with (folder / "lab.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [*command, *(f"--{name}={value}" for name, value in options.items())],
            env=env,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        base = f"http://127.0.0.1:{port}"
        try:
            wait_for(lambda: urllib.request.urlopen(f"{base}/api").status == 200, 60, "the server")
            yield base
        finally:
            server.terminate()
            server.wait(20)


def run_cell(driver, index: int) -> None:
    """Run a cell as the menu does, and wait until the kernel has finished it."""
    driver.execute_async_script(
        """
        const [index, done] = arguments;
        const notebook = jupyterapp.shell.currentWidget.content;
        notebook.activeCellIndex = index;
        notebook.deselectAll();
        jupyterapp.commands.execute("notebook:run-cell").then(() => done(), () => done());
        """,
        index,
    )


def output(driver, index: int) -> list[str]:
    return driver.execute_script(
        "const cell = jupyterapp.shell.currentWidget.content.widgets[arguments[0]];"
        "return cell.outputArea.node.innerText",
        index,
    ).split()


def test_sliders_and_traits_move_each_other_and_lab_leaves_the_keys_alone(tmp_path):
    from selenium.webdriver import ActionChains, Keys

    chromium()
    cells = [nbformat.v4.new_code_cell(source) for source in (MAKE, ASK, TELL)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "live.ipynb")
    with jupyter_lab(tmp_path) as base, browser(1200, 1400) as driver:
        driver.get(f"{base}/lab/tree/live.ipynb")
        idle = (
            "return jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
        )
        wait_for(lambda: driver.execute_script(idle), 60, "a kernel")
        run_cell(driver, 0)
        root = wait_for(
            lambda: driver.find_elements("css selector", ".jp-OutputArea-output .dx-root"),
            30,
            "the explorer",
        )[0]

        def read() -> dict:
            return driver.execute_script(READ, root)

        def press(*keys: str) -> None:
            ActionChains(driver).send_keys(*keys).perform()

        def ask() -> list[str]:
            run_cell(driver, 1)
            return wait_for(lambda: output(driver, 1), 10, "an answer")

        # From the keyboard to Python; Lab would take these keys for itself.
        temperature = root.find_element("css selector", '[data-dx="temperature"]')
        driver.execute_script("arguments[0].focus()", temperature)
        for key, value in (
            (Keys.ARROW_RIGHT, 1.05),
            (Keys.ARROW_UP, 1.1),
            (Keys.ARROW_LEFT, 1.05),
            (Keys.ARROW_DOWN, 1.0),
            (Keys.HOME, 0.05),
            (Keys.END, 3.0),
        ):
            press(key)
            assert read()["values"]["temperature"] == value
            assert driver.switch_to.active_element == temperature
        box = root.find_element("css selector", '[data-dx="top_k-box"]')
        driver.execute_script("arguments[0].focus(); arguments[0].select()", box)
        press("3")
        assert read()["kept"] == "3 of 8"
        later = root.find_element("css selector", '[aria-label="Apply Temperature later"]')
        driver.execute_script("arguments[0].focus()", later)
        press(Keys.ENTER)
        entropy = float(read()["entropy"].split()[-1])
        told = ["3.0", "3", "3", str(entropy), "top_k"]
        wait_for(lambda: ask() == told, 20, f"Python hearing {told}")  # changes travel in batches

        buttons = [b.text for b in root.find_elements("tag name", "button")]
        assert "Copy as decodelib code" in buttons
        assert "Copy link" not in buttons  # a notebook has no address that would open like this

        # And from Python to the page.
        run_cell(driver, 2)
        wait_for(lambda: read()["values"]["top_p"] == 0.6, 10, "the slider following Python")
        answer = ask()
        assert answer[0] == "2.0"
        wait_for(lambda: read()["values"]["temperature"] == 2.0, 10, "the temperature following")
        shown = read()
        assert shown["kept"] == f"{answer[2]} of 8"
        assert float(shown["entropy"].split()[-1]) == float(answer[3])
        first = "return arguments[0].querySelector('.dx-step').dataset.dx"
        assert driver.execute_script(first, root) == f"{answer[4]}-step" == "top_p-step"

        assert external(requests(driver)[0]) == []
        errors = [e["message"] for e in driver.get_log("browser") if e["level"] == "SEVERE"]
        assert [e for e in errors if "dx" in e.lower() or "anywidget" in e.lower()] == []
        if shots := os.environ.get("DECODELIB_SCREENSHOTS"):
            driver.save_screenshot(str(Path(shots) / "lab_light.png"))
            driver.execute_async_script(
                "jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
                ".then(arguments[0])"
            )
            time.sleep(2)
            driver.save_screenshot(str(Path(shots) / "lab_dark.png"))
