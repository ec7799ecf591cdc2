"""What every explorer must be: faultless for axe, fit for a phone, free of ids, open to keys.

Two explorers of each kind are taken from the chapters: one as it opens, one that asks first.
"""

from __future__ import annotations

import pytest

from tests.helpers.browser import COLOUR_RULES, axe_violations, browser, console_errors
from tests.helpers.explorer_page import Stored, open_page, stored_explorers, write_page
from tests.helpers.site_pages import (
    MOVE_EVERYTHING,
    REVEAL,
    SPILLED,
    STILL_MOVING,
    ask_for_less_motion,
    narrow,
)

pytestmark = pytest.mark.browser

OPEN_ALL = "for (const d of document.querySelectorAll('.dx details')) d.open = true"
THEME = """
const colours = "--pst-color-background:#121212;--pst-color-text-base:#ced6dd;background:#121212";
document.documentElement.dataset.theme = arguments[0];
document.documentElement.style.cssText = arguments[0] === "dark" ? colours : "";
"""
"""As the book's theme does."""
OVERFLOW = "const d = document.documentElement; return d.scrollWidth - d.clientWidth"
REACHABLE = """
const seen = (e) => e.checkVisibility() && !e.disabled && e.tabIndex >= 0;
const controls = [...arguments[0].querySelectorAll(
  "input, button, select, summary, a[href], [tabindex]")].filter(seen);
const group = (e) => e.type === "radio" ? `radio ${e.name}` : e;
return new Set(controls.map(group)).size;
"""
"""How many stops the Tab key makes: each control once, a group of radio buttons once."""
FOCUSED = """
const e = document.activeElement;
const style = getComputedStyle(e);
const marked = style.outlineStyle !== "none" || style.boxShadow !== "none";
return [arguments[0].contains(e), marked, e.outerHTML.slice(0, 120)];
"""
CLICKABLE = """
const native = "button, input, select, summary, a[href], label, option, [role], [tabindex]";
return [...arguments[0].querySelectorAll("*")]
  .filter((e) => getComputedStyle(e).cursor === "pointer" && !e.closest(native))
  .map((e) => e.outerHTML.slice(0, 120));
"""
"""What looks as if it could be clicked, and is nothing that a key could press."""


def by_kind() -> dict[str, list[Stored]]:
    """Of each kind, the first explorer that shows all at once and the first that asks."""
    chosen: dict[tuple[str, bool], Stored] = {}
    for explorer in stored_explorers():
        chosen.setdefault((explorer.kind, asks(explorer)), explorer)
    kinds = sorted({kind for kind, _ in chosen})
    return {kind: [one for (name, _), one in chosen.items() if name == kind] for kind in kinds}


def asks(explorer: Stored) -> bool:
    return '"predict":{' in explorer.html


KINDS = by_kind()


@pytest.fixture(scope="module")
def driver():
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module", params=KINDS)
def page(request, tmp_path_factory) -> str:
    """A page with the explorers of a kind and nothing else."""
    folder = tmp_path_factory.mktemp(request.param)
    return write_page(folder / "page.html", KINDS[request.param]).as_uri()


def test_the_book_has_every_kind():
    kinds = {"beams", "chain", "distribution", "entropy", "mass", "player", "race", "rating"}
    assert kinds | {"votes", "watermark"} <= set(KINDS)


def test_axe_finds_nothing_as_it_opens_and_after_everything_was_moved(driver, page):
    def look(*themes):
        driver.execute_script(OPEN_ALL)
        for theme in themes:
            driver.execute_script(THEME, theme)
            rules = COLOUR_RULES if theme == "dark" else None
            assert axe_violations(driver, ".dx", rules) == [], theme

    roots = open_page(driver, page)
    ask_for_less_motion(driver)  # or axe would see colours on their way to others
    try:
        look("light")
        for number, root in enumerate(roots):
            assert driver.execute_script(MOVE_EVERYTHING, root, number)["lines"] == []
        look("light", "dark")
        assert driver.execute_script(STILL_MOVING) == []
    finally:
        ask_for_less_motion(driver, "no-preference")
    assert console_errors(driver) == []


@pytest.mark.parametrize("width", [320, pytest.param(390, marks=pytest.mark.long)])
def test_it_fits_a_phone(driver, page, width):
    narrow(driver, width)
    try:
        for number, root in enumerate(open_page(driver, page)):
            driver.execute_script(OPEN_ALL)
            assert driver.execute_script(SPILLED, root) == []
            driver.execute_script(MOVE_EVERYTHING, root, number)
            assert driver.execute_script(SPILLED, root) == []
        assert driver.execute_script(OVERFLOW) == 0
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_tab_key_reaches_every_control_and_shows_where_it_is(driver, page):
    from selenium.webdriver import ActionChains, Keys

    for root in open_page(driver, page):
        driver.execute_script(REVEAL, root)
        stops = driver.execute_script(REACHABLE, root)
        assert stops > 3
        driver.execute_script(
            "const start = document.createElement('span'); start.tabIndex = -1;"
            "arguments[0].before(start); start.focus();",
            root,
        )
        made = 0
        for _ in range(stops + 1):
            ActionChains(driver).send_keys(Keys.TAB).perform()
            inside, marked, element = driver.execute_script(FOCUSED, root)
            if not inside:
                break
            assert marked, element
            made += 1
        assert made == stops


def test_whatever_can_be_clicked_can_be_pressed_with_a_key(driver, page):
    for root in open_page(driver, page):
        driver.execute_script(REVEAL, root)
        assert driver.execute_script(CLICKABLE, root) == []


def test_it_uses_no_ids(driver, page):
    open_page(driver, page)
    assert driver.find_elements("css selector", ".dx [id], .dx[id]") == []


def test_where_no_script_runs_its_text_is_shown(driver, page):
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver.get(page)
        shown = [e.text for e in driver.find_elements("css selector", ".dx-fallback")]
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert len(shown) == driver.page_source.count("data-dx-kind=")
    assert all(len(text.split()) > 15 for text in shown), shown
