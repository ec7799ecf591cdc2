"""Every page of the built site, and every explorer on it, in a real browser with no network.

Numbers read from a page are compared with decodelib's processors on the data in that page.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.browser import (
    COLOUR_RULES,
    axe_violations,
    browser,
    console_errors,
    external,
    requests,
    serve,
)
from tests.helpers.explorer_cases import ORDER
from tests.helpers.explorer_page import READ, assert_shows, click, state_of
from tests.helpers.site_pages import (
    ICONS_WITHOUT_A_GLYPH,
    MOVE_EVERYTHING,
    REVEAL,
    SPILLED,
    STILL_MOVING,
    UNWRAP_CODE_SEEN,
    ask_for_less_motion,
    narrow,
    pages_of,
    pages_with_explorers,
    sent_bytes,
    set_theme,
    visit,
)

pytestmark = pytest.mark.browser

PAGES_DAILY = tuple(f"chapters/{name}" for name in ("index", "18", "games", "glossary"))
EXPLORERS_DAILY = tuple(f"chapters/{name}" for name in ("06", "14", "19"))
"""What is looked at in every run: pages of each kind; chapters with explorers of several kinds."""
weekly_on_all = pytest.mark.parametrize(
    "every", [pytest.param(False, id="some"), pytest.param(True, id="all", marks=pytest.mark.long)]
)
MOVE = """
const [root, moves] = arguments;
for (const [name, share] of Object.entries(moves)) {
  const slider = root.querySelector(`[data-dx="${name}"]`);
  slider.value = Number(slider.min) + (slider.max - slider.min) * share;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
}
"""
OPEN = "for (const d of document.querySelectorAll('details:not(.dx *)')) d.open = true"
"""What the page folds away; what an explorer folds away is opened in the tests of its kind."""

CODE_THAT_SCROLLS = """
return [...document.querySelectorAll(".cell_input pre")]
  .filter((pre) => pre.scrollWidth > pre.clientWidth + 1)
  .map((pre) => pre.textContent.slice(0, 60));
"""

ADD_ALL = "for (const b of arguments[0].querySelectorAll('.dx-add button')) b.click();"


@pytest.fixture(scope="module")
def driver():
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def base(site):
    with serve(site) as address:
        yield address


@weekly_on_all
def test_pages_load_less_than_a_megabyte_and_nothing_from_another_host(driver, site, base, every):
    weights = {}
    for path in chosen(pages_of(site), every, PAGES_DAILY):
        requests(driver)
        visit(driver, f"{base}/{path}")
        asked, failed = requests(driver)
        assert (external(asked), failed) == ([], []), path
        assert console_errors(driver) == [], path
        assert driver.execute_script(ICONS_WITHOUT_A_GLYPH) == [], path
        assert driver.execute_script(CODE_THAT_SCROLLS) == [], path
        weights[path] = sent_bytes(site, base, asked)
        assert weights[path] > 100_000, f"{path}: that cannot be all that it loads"
    assert {path: size for path, size in weights.items() if size >= 1_000_000} == {}


def test_first_page_is_light_and_soon_alive(driver, site, base):
    """Without what the model in the page adds, which the reader has not asked for yet."""
    requests(driver)
    driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    visit(driver, f"{base}/chapters/index.html")
    asked, _ = requests(driver)
    own = [address for address in asked if "/live/model/" not in address]
    assert sent_bytes(site, base, own) < 300_000
    assert not [address for address in asked if "mathjax" in address or "searchindex" in address]


@weekly_on_all
def test_every_control_of_every_explorer_can_be_moved_anywhere(driver, site, base, every):
    for number, path in enumerate(chosen(pages_with_explorers(site), every, EXPLORERS_DAILY)):
        for root in visit(driver, f"{base}/{path}"):
            moved = driver.execute_script(MOVE_EVERYTHING, root, number)
            where = (path, state_of(root)["title"])
            assert moved["lines"] == [], where
            assert moved["moves"] > 10, where
        assert console_errors(driver) == [], path
        asked, failed = requests(driver)
        assert (external(asked), failed) == ([], []), path


def chosen(pages: list[str], every: bool, daily: tuple[str, ...]) -> list[str]:
    """Return the pages that begin as those of every day do, or all, which takes minutes."""
    found = [page for page in pages if every or page.startswith(daily)]
    assert len(found) >= len(daily)
    return found


def settings_to_try(rng: np.random.Generator) -> list[dict]:
    """Slider positions from 0 to 1: every slider at both ends, alone, then all of them anywhere."""
    ends = [{name: end} for name in ORDER for end in (0.0, 1.0)]
    return ends + [{name: float(rng.uniform()) for name in ORDER} for _ in range(6)]


def move_and_compare(driver, root, seed: int) -> int:
    """Move every slider of an explorer, in all its contexts; returns how often all agreed."""
    state = state_of(root)
    driver.execute_script(REVEAL + ADD_ALL, root)
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


@weekly_on_all
def test_the_distribution_explorers_show_what_decodelib_computes(driver, site, base, every):
    compared = 0
    for number, path in enumerate(chosen(pages_with_explorers(site), every, EXPLORERS_DAILY)):
        visit(driver, f"{base}/{path}")
        for root in driver.find_elements("css selector", "[data-dx-kind='distribution']"):
            tried = move_and_compare(driver, root, seed=number)
            assert tried >= 20
            compared += tried
    assert compared


@weekly_on_all
def test_axe_finds_nothing_on_pages_light_or_dark_and_nothing_moves(driver, site, base, every):
    ask_for_less_motion(driver)
    code_seen: list[str] = []
    for path in chosen(pages_of(site), every, PAGES_DAILY):
        for root in visit(driver, f"{base}/{path}"):
            driver.execute_script(REVEAL, root)
            for name in ("Draw 100", "Step"):
                if root.find_elements("xpath", f".//button[.='{name}']"):
                    click(driver, root, name)
        driver.execute_script(OPEN)
        code_seen = driver.execute_script(UNWRAP_CODE_SEEN, code_seen)
        for theme, rules in (("light", None), ("dark", COLOUR_RULES)):
            set_theme(driver, theme)
            found = axe_violations(driver, rules=rules)
            assert found == [], (path, theme)
        assert driver.execute_script(STILL_MOVING) == [], path
    ask_for_less_motion(driver, "no-preference")


@weekly_on_all
def test_pages_work_from_a_folder_and_fit_a_phone_320_pixels_wide(driver, site, every):
    narrow(driver, 320)
    overflow = "const d = document.documentElement; return d.scrollWidth - d.clientWidth"
    for path in chosen(pages_of(site), every, PAGES_DAILY):
        requests(driver)
        for root in visit(driver, f"{site.as_uri()}/{path}"):
            driver.execute_script(REVEAL, root)
            assert driver.execute_script(SPILLED, root) == [], (path, state_of(root)["title"])
        assert driver.execute_script("return innerWidth") == 320, path
        assert driver.execute_script(overflow) == 0, path
        assert console_errors(driver) == [], path
        assert external(requests(driver)[0]) == [], path
        assert driver.execute_script(ICONS_WITHOUT_A_GLYPH) == [], path
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
