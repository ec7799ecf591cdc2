"""Pages of the built site made ready for paper, in a Chromium that can reach no network.

The PDF prints them, and the EPUB takes its pictures of the explorers from them.
"""

from __future__ import annotations

import base64
import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome")
PIXELS_WIDE = 640
"""The window's width, near that of the type area, so that what scripts draw fits it."""

READY = """
const done = arguments[0];
const loaded = new Promise((resolve) => {
  if (document.readyState === "complete") resolve();
  else addEventListener("load", resolve);
});
loaded.then(() => globalThis.MathJax?.startup?.promise)
  .then(() => document.fonts.ready)
  .then(() => done());
"""


class Heading(NamedTuple):
    """A heading of a page: its level, 1 or 2, the id of its section, and its text."""

    level: int
    anchor: str
    text: str


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium with selenium's interface, and a profile of its own."""
    binary = next((path for name in NAMES if (path := shutil.which(name))), None)
    driver_path = shutil.which("chromedriver")
    if not binary or not driver_path:
        raise SystemExit("No browser to print with: install chromium and chromedriver.")
    from selenium import webdriver

    profile = tempfile.mkdtemp(prefix="paper-")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        f"--user-data-dir={profile}",
        f"--window-size={PIXELS_WIDE},1000",
    ):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_path))
    try:
        driver.set_script_timeout(120)
        driver.set_page_load_timeout(120)
        yield driver
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)


def open_page(driver: Any, page: Path, solutions: bool = False) -> list[Heading]:
    """Open a page of the site and make it one for paper; return its headings in order."""
    driver.get(page.as_uri())
    driver.execute_async_script(READY)
    script = (ROOT / "tools" / "paper.js").read_text(encoding="utf-8")
    headings = driver.execute_script(f"{script}\nreturn makePaper(arguments[0]);", solutions)
    add_style(driver, (ROOT / "tools" / "paper.css").read_text(encoding="utf-8"))
    return [Heading(*heading) for heading in headings]


def open_text(driver: Any, site: Path, html: str) -> None:
    """Open a page that is not of the site, in the site's place and style."""
    driver.get((site / "_static" / "nothing.html").as_uri())
    driver.execute_script("document.write(arguments[0]); document.close()", html)
    add_style(driver, (ROOT / "tools" / "paper.css").read_text(encoding="utf-8"))


def add_style(driver: Any, css: str) -> None:
    """Add a style sheet to the open page, after its own."""
    script = "const s = document.createElement('style'); s.textContent = arguments[0];"
    driver.execute_script(script + "document.head.append(s)", css)


def print_page(driver: Any) -> bytes:
    """Return the open page as a PDF, laid out by its style sheets."""
    settings = {"preferCSSPageSize": True, "printBackground": True, "generateTaggedPDF": True}
    return base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", settings)["data"])
