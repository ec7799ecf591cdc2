"""Explorers under a finger: targets that can be hit, and a chart that stays in sight."""

from __future__ import annotations

import pytest

from tests.helpers.browser import browser
from tests.helpers.explorer_page import open_page, stored_explorers, write_page
from tests.helpers.site_pages import REVEAL

pytestmark = pytest.mark.browser

KINDS = {one.kind: one for one in reversed(stored_explorers())}
TARGET = 40  # pixels

SMALL = """
const controls = "button, select, summary, .dx-choice label, input[type=number], input[type=range]";
return [...arguments[0].querySelectorAll(controls)].filter((e) => e.checkVisibility())
  .filter((e) => e.getBoundingClientRect().height < arguments[1] - 0.5)
  .map((e) => e.outerHTML.slice(0, 120));
"""
PINNED = """
const [root, name] = arguments;
const slider = root.querySelector(`[data-dx="${name}"]`);
slider.scrollIntoView({ block: "end", behavior: "instant" });
const place = (e) => e.getBoundingClientRect();
const [chart, at] = [place(root.querySelector(".dx-pinned")), place(slider)];
return [-chart.top, chart.bottom - at.top, at.bottom - innerHeight];
"""


@pytest.fixture(scope="module")
def phone(tmp_path_factory):
    with browser(390, 844, mobile=True) as driver:
        page = write_page(tmp_path_factory.mktemp("phone") / "page.html", list(KINDS.values()))
        roots = open_page(driver, page.as_uri())
        for root in roots:
            driver.execute_script(REVEAL, root)
        yield driver, dict(zip(KINDS, roots, strict=True))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_target_is_as_high_as_a_finger_is_wide(phone, kind):
    driver, roots = phone
    assert driver.execute_script(SMALL, roots[kind], TARGET) == []


@pytest.mark.parametrize(
    ("kind", "slider"),
    [("distribution", "temperature"), ("distribution", "min_p"), ("entropy", "high_varentropy")],
)
def test_the_chart_is_in_sight_while_a_slider_moves(phone, kind, slider):
    driver, roots = phone
    assert max(driver.execute_script(PINNED, roots[kind], slider)) < 1  # but for a part of a pixel
