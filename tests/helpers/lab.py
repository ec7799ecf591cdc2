"""JupyterLab with a real kernel: a notebook open in a browser, its cells, keys and Python."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import nbformat

from tests.helpers.browser import browser, chromium

ROOT = Path(__file__).resolve().parents[2]

IDLE = "return jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
CELL = "jupyterapp.shell.currentWidget.content.widgets[arguments[0]]"
RUN = """
const [index, done] = arguments;
const notebook = jupyterapp.shell.currentWidget.content;
notebook.activeCellIndex = index;
notebook.deselectAll();
jupyterapp.commands.execute("notebook:run-cell").then(() => done(), () => done());
"""
EXECUTE = """
const [code, done] = arguments;
const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
const future = kernel.requestExecute({ code });
let said = "";
future.onIOPub = ({ content: { text, traceback } }) => {
  said += text ?? (traceback ? traceback.join("\\n") : "");
};
future.done.then(() => done(said), (error) => done(String(error)));
"""
FOCUS = """
const [index, node] = arguments;
const notebook = jupyterapp.shell.currentWidget.content;
notebook.activeCellIndex = index;
notebook.deselectAll();
notebook.mode = "command";
node.focus();
if (node.type === "number") node.select();
"""


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


class Notebook:
    """A notebook that is open in JupyterLab."""

    def __init__(self, driver) -> None:
        self.driver = driver

    def run(self, index: int) -> None:
        """Run a cell as the menu does, and wait until the kernel has finished it."""
        self.driver.execute_async_script(RUN, index)

    def python(self, code: str) -> str:
        """Run code that is in no cell; return what it prints, or its traceback."""
        return self.driver.execute_async_script(EXECUTE, code).strip()

    def find(self, index: int, selector: str):
        """The first such element in the output of a cell, or None."""
        script = f"return {CELL}.outputArea.node.querySelector(arguments[1])"
        return self.driver.execute_script(script, index, selector)

    def focus(self, index: int, node) -> None:
        """Focus an element in an output, as Tab does: its text selected, and no cell in editing."""
        self.driver.execute_script(FOCUS, index, node)

    def press(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    @property
    def active(self) -> int:
        """The place of the cell that Lab's shortcuts act on."""
        script = "return jupyterapp.shell.currentWidget.content.activeCellIndex"
        return self.driver.execute_script(script)


@contextlib.contextmanager
def open_notebook(folder: Path, cells: Sequence[str], height: int) -> Iterator[Notebook]:
    """A notebook of these cells in a window tall enough for all outputs, none of them run yet."""
    chromium()
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    content = [nbformat.v4.new_code_cell(source) for source in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=content, metadata=kernel), folder / "live.ipynb")
    with jupyter_lab(folder) as base, browser(1200, height) as driver:
        driver.get(f"{base}/lab/tree/live.ipynb")
        wait_for(lambda: driver.execute_script(IDLE), 120, "a kernel")
        yield Notebook(driver)
