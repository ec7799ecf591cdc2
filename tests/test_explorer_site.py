"""Every explorer of the built site, in a real browser with no network.

Every number read from a page is compared with decodelib's processors on the data in that page.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from browser import axe_violations, browser, console_errors, external, requests, serve
from explorer_cases import ORDER
from explorer_page import READ, SET, assert_shows, click, open_page, reveal, state_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def driver():
    with browser() as chromium:
        yield chromium


def explorer_pages(site: Path) -> list[str]:
    pages = [p for p in sorted(site.rglob("*.html")) if "data-dx-kind=" in p.read_text("utf-8")]
    assert pages, "the built site has no explorer on any page"
    return [quote(str(p.relative_to(site))) for p in pages]


MOVE = """
const [root, moves] = arguments;
for (const [name, share] of Object.entries(moves)) {
  const slider = root.querySelector(`[data-dx="${name}"]`);
  slider.value = Number(slider.min) + (slider.max - slider.min) * share;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
}
"""


ADD_ALL = "for (const b of arguments[0].querySelectorAll('.dx-add button')) b.click();"


def settings_to_try(rng: np.random.Generator) -> list[dict]:
    """Slider positions from 0 to 1: every slider at both ends, alone, then all of them anywhere."""
    ends = [{name: end} for name in ORDER for end in (0.0, 1.0)]
    return ends + [{name: float(rng.uniform()) for name in ORDER} for _ in range(6)]


def move_and_compare(driver, root, seed: int) -> int:
    """Move every slider of an explorer, in all its contexts; returns how often all agreed."""
    state = state_of(root)
    reveal(driver, root)
    driver.execute_script(ADD_ALL, root)
    tried = 0
    for index, record in enumerate(state["data"]["contexts"]):
        radio = root.find_elements("css selector", ".dx-choice input")[index]
        driver.execute_script("arguments[0].click()", radio)
        for moves in settings_to_try(np.random.default_rng(seed)):
            shown = driver.execute_script(MOVE + READ, root, moves)
            settings = shown["values"] | {"top_k": int(shown["values"]["top_k"])}
            settings["order"] = state["order"]
            assert_shows(shown, record, settings, (state["title"], record["label"], settings))
            tried += 1
        driver.execute_script("arguments[0].querySelector('.dx-reset').click()", root)
        driver.execute_script(ADD_ALL, root)
    return tried


def test_every_explorer_of_the_site_shows_what_decodelib_computes(driver, site):
    with serve(site) as base:
        for number, path in enumerate(explorer_pages(site)):
            for root in open_page(driver, f"{base}/{path}"):
                assert move_and_compare(driver, root, seed=number) >= 14
            assert console_errors(driver) == []
            asked, failed = requests(driver)
            assert (external(asked), failed) == ([], [])


def test_the_site_works_from_a_folder_without_a_server(driver, site):
    for path in explorer_pages(site):
        for root in open_page(driver, f"{site.as_uri()}/{path}"):
            reveal(driver, root)
            driver.execute_script(SET, root, "top_k-box", 3)
            shown = driver.execute_script(READ, root)["kept"]
            assert shown.startswith(("1 of", "2 of", "3 of"))
        assert external(requests(driver)[0]) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_sites_explorers(driver, site, theme):
    with serve(site) as base:
        for path in explorer_pages(site):
            roots = open_page(driver, f"{base}/{path}")
            for name in ("mode", "theme"):
                driver.execute_script(f"document.documentElement.dataset.{name} = '{theme}'")
            for root in roots:
                reveal(driver, root)
                driver.execute_script(SET, root, "top_k-box", 5)
                click(driver, root, "Draw 100")
                driver.execute_script(
                    "for (const d of arguments[0].querySelectorAll('details')) d.open = true", root
                )
            assert axe_violations(driver, ".dx") == []
    driver.get("about:blank")


def test_the_sites_explorers_fit_a_phone_320_pixels_wide(site):
    with serve(site) as base, browser(320, 640, mobile=True) as phone:
        for path in explorer_pages(site):
            for root in open_page(phone, f"{base}/{path}"):
                reveal(phone, root)
                click(phone, root, "Draw 100")
                spill = phone.execute_script(
                    "const edge = arguments[0].getBoundingClientRect().right;"
                    "return [...arguments[0].querySelectorAll('*:not(.dx-scroll *, pre *)')]"
                    ".filter((e) => e.getBoundingClientRect().right > edge + 1)"
                    ".map((e) => e.outerHTML.slice(0, 120))",
                    root,
                )
                assert spill == []
            overflow = "const d = document.documentElement; return d.scrollWidth - d.clientWidth"
            assert phone.execute_script(overflow) == 0
