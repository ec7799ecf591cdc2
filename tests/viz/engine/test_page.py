"""The live page, opened from disk, at a phone's width, with no network: a recorded visit."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from selenium.webdriver.support.ui import Select

from tests.helpers.browser import (
    COLOUR_RULES,
    axe_violations,
    requests,
)
from tests.helpers.live_page import LivePage, printed_by

pytestmark = pytest.mark.browser

PAGE = "live.html"

PROMPT = "The old lighthouse keeper"


def bars(page):
    read = "return Array.from(document.querySelectorAll('.live-bar'), (bar) => bar.textContent)"
    return page.driver.execute_script(read)


def test_nothing_of_the_model_is_fetched_before_the_reader_asks(site, page, driver):
    asked, failed = requests(driver)
    files = [Path(unquote(urlsplit(url).path)) for url in asked if url.startswith("file:")]
    assert not failed
    assert not [path for path in files if path.name.startswith("storybook-")]
    assert all(path.is_relative_to(site) for path in files)
    own = [path for path in files if path.suffix == ".html" or "live" in path.parts]
    assert len(own) > 5
    assert sum(path.stat().st_size for path in own) < 400_000  # before the theme and MathJax


def test_a_visit(site, page, driver):
    page.load_model()
    page.type(page.part("prompt"), PROMPT)
    page.wait(lambda: bars(page))

    # The temperature moves the bars at once, without a question to the model.
    before = bars(page)
    driver.execute_script(
        """
        DecodeLive.model.ask = () => { throw new Error("asked the model"); };
        const slider = document.querySelector('[data-live-slider="temperature"]');
        slider.value = 1.6;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        """
    )
    assert bars(page) != before


# In the page, since on a busy machine a text may be over before a driver has pressed a button.
STOP_AFTER_SIX = """
const [run, done] = arguments;
const look = () => {
  if (run.querySelectorAll(".live-token").length < 6) return requestAnimationFrame(look);
  run.querySelector('[data-live-part="stop"]').click();
  done();
};
look();
"""


def test_a_run_is_stopped_branched_linked_and_copied(site, page, driver):
    page.load_model()
    page.type(page.part("prompt"), PROMPT)
    page.type(page.part("length"), "80")
    page.click(page.all('[data-live="playground"] .live-go')[0])
    run = page.run()
    driver.execute_async_script(STOP_AFTER_SIX, run.node)
    page.wait(run.has_ended)
    stopped = len(run.tokens())
    assert stopped < 80
    text = run.text()
    assert len(run.tokens()) == stopped
    assert printed_by(run.cell()) == text

    # Branch at the third token with what was less probable than the token taken.
    page.click(run.tokens()[2])
    page.click(run.node.find_elements("css selector", "[data-live-branch]")[4])
    branch = page.run()
    page.wait(branch.has_ended)
    assert len(page.all(".live-run")) == 2
    assert printed_by(branch.cell()) == branch.text() != ""
    link, text = branch.link(), branch.text()

    # The link opens the page with the branch; once the model is there, it is the same text.
    assert link.startswith((site / "chapters" / "live.html").as_uri())
    followed = LivePage(driver, site / "chapters" / "live.html", "#" + link.split("#")[1])
    assert followed.state() == "none"
    followed.load_model()
    followed.wait(lambda: followed.all(".live-run") and followed.run().has_ended())
    assert followed.run().text() == text


def test_the_cell_of_every_strategy_prints_the_text_of_the_page(page):
    page.load_model()
    page.type(page.part("length"), "12")
    for number, strategy in enumerate(("Greedy", "Beam", "Entropy"), start=1):
        options = Select(page.part("strategy")).options
        next(option for option in options if option.text.startswith(strategy)).click()
        page.click(page.all('[data-live="playground"] .live-go')[0])
        page.wait(lambda count=number: len(page.all(".live-run")) == count)
        page.wait(lambda: page.run().has_ended())
        assert printed_by(page.run().cell()) == page.run().text() != "", strategy


def test_a_value_out_of_range_is_told_in_a_sentence(page):
    page.load_model()
    page.type(page.all('[data-live-value="top_p"]')[0], "1.5")
    page.click(page.all('[data-live="playground"] .live-go')[0])
    assert page.all(".live-trouble")[0].text == "top_p must be in (0, 1], got 1.5."
    assert not page.all(".live-run")


def test_a_download_that_fails_says_so_and_can_be_tried_again(page, driver):
    hide = """
        const load = DecodeLive.loadScript;
        let left = 3;
        DecodeLive.loadScript = (name) => (left-- > 0 || !name.includes("storybook") ? load(name)
          : Promise.reject(new Error(`${name} could not be loaded`)));
        globalThis.mend = () => { DecodeLive.loadScript = load; };"""
    driver.execute_script(hide)
    button = next(b for b in page.all(".live-load") if b.is_displayed())
    page.click(button)
    page.wait(lambda: page.state() == "failed")
    assert button.text == "Try again"
    said = page.part("loader").text
    assert "could not be loaded" in said
    assert "of 14.1 MB have come" in said
    driver.execute_script("mend()")
    page.click(button)
    page.wait(lambda: page.state() == "ready")


def test_the_readers_speed_is_measured(page):
    page.load_model()
    page.click(page.part("measure"))
    page.wait(lambda: len(page.all('[data-live="speed"] tbody tr')) == 3)
    page.wait(lambda: page.part("measure").is_enabled())
    assert page.all('[data-live="speed"] tbody th')[2].text == "500"


def test_axe_finds_nothing_light_or_dark(page, driver):
    def look():
        for theme, rules in (("light", None), ("dark", COLOUR_RULES)):
            driver.execute_script(f"document.documentElement.dataset.theme = '{theme}'")
            assert not axe_violations(driver, '[data-live="playground"]', rules), theme

    look()
    page.load_model()
    page.click(page.all('[data-live="playground"] .live-go')[0])
    page.wait(lambda: page.run().has_ended())
    page.click(page.run().tokens()[0])
    look()
    width = "return document.documentElement.scrollWidth <= innerWidth"
    assert driver.execute_script(width)


def test_the_keyboard_walks_along_the_text(page, driver):
    page.load_model()
    page.click(page.all('[data-live="playground"] .live-go')[0])
    page.wait(lambda: page.run().has_ended())
    tokens = page.run().tokens()
    stops = [t for t in tokens if t.get_attribute("tabindex") == "0"]
    assert stops == tokens[:1]
    stops[0].send_keys("\ue014\ue014")  # the right arrow, twice
    assert driver.switch_to.active_element == tokens[2]
    tokens[2].send_keys("\n")
    assert tokens[2].get_attribute("aria-expanded") == "true"
