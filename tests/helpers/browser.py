"""Headless Chromium that can reach nothing but this machine, and a server for a folder of pages."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
ON_A_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def chromium() -> str:
    """The browser's path; skips the test, saying what to install, where there is none.

    With DECODELIB_NEED=browser in the environment, as in CI, its absence is a failure.
    """
    found = next((path for name in (*NAMES, ON_A_MAC) if (path := shutil.which(name))), None)
    if found and shutil.which("chromedriver"):
        return found
    said = "NO BROWSER: install chromium and chromedriver to test the explorers"
    if os.environ.get("DECODELIB_NEED") == "browser":
        pytest.fail(said, pytrace=False)
    pytest.skip(said)


_idle: dict[tuple[int, int, bool], list[Any]] = {}
"""Browsers that nobody uses, by width, height and whether they are a phone's."""


@contextlib.contextmanager
def browser(width: int = 1280, height: int = 1000, *, mobile: bool = False) -> Iterator:
    """A driver whose network ends at loopback; it logs every request and every console message.

    It has one new tab and has stored nothing. The browser behind it is kept for the next caller, as
    starting one takes seconds, until `close_idle`.

    With DECODELIB_SLOW_BROWSER=8 in the environment its scripts take eight times as long, as they
    may on a busy machine: a test that looks before the page has answered fails then.
    """
    kept = _idle.setdefault((width, height, mobile), [])
    driver = kept.pop() if kept else _started(width, height, mobile)
    try:
        if slower := os.environ.get("DECODELIB_SLOW_BROWSER"):
            driver.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": float(slower)})
        yield driver
        _clean(driver)
    except BaseException:
        _quit(driver)
        raise
    kept.append(driver)


def _started(width: int, height: int, mobile: bool) -> Any:
    binary = chromium()
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-extensions",
        "--disable-component-extensions-with-background-pages",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        f"--user-data-dir={tempfile.mkdtemp(prefix='chromium-')}",
        f"--window-size={width},{height}",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
    ):
        options.add_argument(argument)
    if mobile:
        metrics = {"width": width, "height": height, "pixelRatio": 2.0}
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_script_timeout(300)  # axe takes its time on long pages
    driver.get_log("performance")  # what the browser asked for on its own, before any page
    return driver


def _clean(driver) -> None:
    """Replace all tabs by a new one, and forget what was stored, logged and changed in them."""
    driver.switch_to.new_window("tab")
    new = driver.current_window_handle
    for handle in set(driver.window_handles) - {new}:
        driver.switch_to.window(handle)
        driver.close()
    driver.switch_to.window(new)
    driver.execute_cdp_cmd("Page.bringToFront", {})  # else focus() would send no event
    everything = {"origin": "*", "storageTypes": "all"}
    driver.execute_cdp_cmd("Storage.clearDataForOrigin", everything)
    for log in ("performance", "browser"):
        driver.get_log(log)


def _quit(driver) -> None:
    profile = driver.capabilities["chrome"]["userDataDir"]
    driver.quit()
    shutil.rmtree(profile, ignore_errors=True)


def close_idle() -> None:
    """End the browsers that were kept for a next caller."""
    for kept in _idle.values():
        while kept:
            _quit(kept.pop())


def eventually(probe: Callable[[], Any], expected: object, seconds: float = 30) -> None:
    """Assert that the probe's value becomes the expected one.

    For what a page does in a later task: after toggle, scroll, observers, timers and workers.
    """
    deadline = time.monotonic() + seconds
    while (value := probe()) != expected and time.monotonic() < deadline:
        time.sleep(0.02)
    assert value == expected


@contextlib.contextmanager
def toggling(driver, details) -> Iterator[None]:
    """Open a disclosure in the block; at its end, the page has handled the `toggle` event.

    Browsers send that event in a task of its own, after the disclosure has opened.
    """
    driver.execute_script(
        "const [details] = arguments; details.toggled = new Promise((done) =>"
        " details.addEventListener('toggle', () => done(), { once: true }))",
        details,
    )
    yield
    driver.execute_async_script("arguments[0].toggled.then(arguments[1])", details)


def open_disclosure(driver, details) -> None:
    with toggling(driver, details):
        driver.execute_script("arguments[0].open = true", details)


def requests(driver) -> tuple[list[str], list[tuple[str, object]]]:
    """The addresses asked for since the last call, and those that failed.

    Failures of requests that began before it, the browser's own at its start, do not count.
    """
    asked: dict[str, str] = {}
    failed: list[tuple[str, object]] = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        params = message["params"]
        if message["method"] == "Network.requestWillBeSent":
            asked[params["requestId"]] = params["request"]["url"]
        elif params.get("requestId") not in asked:
            continue
        elif message["method"] == "Network.loadingFailed":
            failed.append((asked[params["requestId"]], params.get("errorText")))
        elif message["method"] == "Network.responseReceived":
            response = params["response"]
            failed += [(response["url"], response["status"])] * (response["status"] >= 400)
    return list(asked.values()), failed


def external(addresses: list[str]) -> list[str]:
    """Those that leave the machine."""
    hosts = ("http://127.0.0.1", "http://localhost", "ws://127.0.0.1", "ws://localhost")
    inside = ("file:", "data:", "blob:", "about:", "chrome:")
    return sorted({address for address in addresses if not address.startswith(hosts + inside)})


def console_errors(driver) -> list[str]:
    """Errors that the page met since the last call: exceptions, failed loads, console.error."""
    return [e["message"] for e in driver.get_log("browser") if e["level"] == "SEVERE"]


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The folder at http://127.0.0.1:PORT."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


COLOUR_RULES = ("color-contrast", "link-in-text-block")
"""The axe rules that another theme can change the outcome of."""


def axe_violations(
    driver, context: str = "document", rules: Sequence[str] | None = None
) -> list[dict]:
    """What axe-core finds wrong in the page, or in the part that a CSS selector names.

    All rules by default, or those named.
    """
    from axe_playwright_python import __file__ as package

    if not driver.execute_script("return Boolean(globalThis.axe)"):
        driver.execute_script((Path(package).parent / "axe.min.js").read_text(encoding="utf-8"))
    where = "document" if context == "document" else json.dumps(context)
    options = {"resultTypes": ["violations"], "preload": False}
    options |= {"runOnly": list(rules)} if rules else {}
    result = driver.execute_async_script(
        "const done = arguments[0];"
        f"axe.run({where}, {json.dumps(options)})"
        ".then(done, (error) => done({failure: String(error)}))"
    )
    assert "failure" not in result, result
    return [
        {"rule": v["id"], "help": v["help"], "nodes": [n["html"][:200] for n in v["nodes"]]}
        for v in result["violations"]
    ]
