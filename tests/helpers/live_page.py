"""Driving the live pieces of a page: load the model, type, wait, read."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

WAIT_S = 120  # loading, with a machine's other work beside it


class LivePage:
    """A page that was opened from disk."""

    def __init__(self, driver: Any, page: Path, fragment: str = "") -> None:
        self.driver = driver
        driver.get("about:blank")  # else a change of the fragment alone loads nothing
        driver.get(page.as_uri() + fragment)
        self.wait(lambda: driver.execute_script("return Boolean(globalThis.DecodeLive?.model)"))

    def wait(self, condition: Callable[[], Any]) -> Any:
        return WebDriverWait(self.driver, WAIT_S, poll_frequency=0.05).until(lambda _: condition())

    def piece(self, name: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, f'[data-live="{name}"]')

    def part(self, name: str) -> Any:
        """The first visible control or region of that name."""
        found = self.driver.find_elements(By.CSS_SELECTOR, f'[data-live-part="{name}"]')
        return next(element for element in found if element.is_displayed())

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def load_model(self) -> None:
        self.click(next(b for b in self.all(".live-load") if b.is_displayed()))
        self.wait(lambda: self.state() in ("ready", "failed"))
        assert self.state() == "ready"

    def state(self) -> str:
        return self.driver.execute_script("return DecodeLive.model.state")

    def click(self, element: Any) -> None:
        # Where it is scrolled to, the page's header may cover it.
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def type(self, element: Any, text: str) -> None:
        element.clear()
        element.send_keys(text)

    def run(self, number: int = 0) -> Run:
        """A run of the history, the newest first."""
        return Run(self, self.all(".live-run")[number])


class Run:
    """One run in the history of a playground."""

    def __init__(self, page: LivePage, node: Any) -> None:
        self.page, self.node = page, node

    def find(self, selector: str) -> Any:
        return self.node.find_element(By.CSS_SELECTOR, selector)

    def tokens(self) -> list[Any]:
        return self.node.find_elements(By.CSS_SELECTOR, ".live-token")

    def has_ended(self) -> bool:
        return not self.find('[data-live-part="stop"]').is_displayed()

    def cell(self) -> str:
        """The cell that "Copy cell" copies, which it also shows."""
        self.page.click(self.find('[data-live-part="copy-cell"]'))
        return self.find("pre").text

    def link(self) -> str:
        self.page.click(self.find('[data-live-part="copy-link"]'))
        return self.find(".dx-link").text

    def text(self) -> str:
        """What the reader sees, without the marks that stand for tokens with nothing to see."""
        read = """
            const text = arguments[0].querySelector(".live-text").textContent;
            return text.replace(/[↵·]/g, "");"""
        return self.page.driver.execute_script(read, self.node)


def printed_by(cell: str) -> str:
    """What a cell prints, without the newline that ends it."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(cell, {})
    return out.getvalue().removesuffix("\n")
