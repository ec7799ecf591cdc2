"""Predict, then reveal: shown to whoever asks, remembered by the browser, and true afterwards."""

from __future__ import annotations

import math

import pytest

import decodelib as dl
from decodelib.viz import DistributionExplorer, explore_beams
from tests.helpers.browser import browser, console_errors
from tests.helpers.explorer_page import READ, SET, click, open_page, write_page

pytestmark = pytest.mark.browser

TOY = [math.log(p) for p in (0.4, 0.2, 0.15, 0.1, 0.06, 0.05, 0.03, 0.01)]
WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "ran"]
TABLE = {"": {"a": 0.5, "b": 0.4, "c": 0.1}, "a": {"x": 0.4, "y": 0.6}, "b": {"x": 0.9, "y": 0.1}}
LOCKED = "return [...arguments[0].querySelectorAll('input[type=range]')].every((e) => e.disabled)"


@pytest.fixture(scope="module")
def driver():
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        rows = {"one": TOY, "two": [3 * x for x in TOY]}
        explorers = [
            DistributionExplorer.from_logits(
                rows, WORDS, title="Guess", predict="How many tokens are kept?", top_p=0.9
            ),
            explore_beams(
                dl.TableLM(TABLE), "", num_beams=2, max_new_tokens=2, predict="Which text?"
            ),
        ]
    return write_page(tmp_path_factory.mktemp("page") / "page.html", explorers).as_uri()


def verdict(root) -> str:
    return root.find_element("css selector", ".dx-verdict").text


def is_locked(driver, root) -> bool:
    return driver.execute_script(LOCKED, root)


@pytest.mark.parametrize(("which", "answer"), [(0, "The answer: 5."), (1, "The answer:  b x.")])
def test_a_reader_who_asks_is_shown_the_answer_without_predicting(driver, page, which, answer):
    root = open_page(driver, page)[which]
    assert is_locked(driver, root)
    click(driver, root, "Just show me")
    shown = root.find_element("css selector", ".dx-verdict")
    assert driver.execute_script("return arguments[0].textContent", shown).startswith(answer)
    assert driver.switch_to.active_element == shown
    assert not is_locked(driver, root)
    assert console_errors(driver) == []


def test_a_prediction_is_remembered_until_the_reader_forgets_it(driver, page):
    guess, beams = open_page(driver, page)
    guess.find_element("css selector", "[data-dx='prediction']").send_keys("4\n")
    click(driver, beams, "Just show me")
    guess, beams = open_page(driver, page, as_new=False)
    assert verdict(guess) == "You predicted 4; it is 5. Now move the sliders."
    assert verdict(beams).startswith("The answer:")
    driver.execute_script(SET, guess, "top_k-box", 2)
    click(driver, guess, "Forget my prediction")
    assert is_locked(driver, guess)
    box = guess.find_element("css selector", "[data-dx='prediction']")
    assert driver.switch_to.active_element == box
    click(driver, beams, "Hide the answer")
    for root in open_page(driver, page, as_new=False):
        assert is_locked(driver, root)
    click(driver, guess := open_page(driver, page, as_new=False)[0], "Just show me")
    assert driver.execute_script(READ, guess)["kept"] == "5 of 8"  # with the settings at the start


def test_what_is_said_of_a_prediction_stays_true_when_settings_change(driver, page):
    guess = open_page(driver, page)[0]
    guess.find_element("css selector", "[data-dx='prediction']").send_keys("4\n")
    assert verdict(guess).startswith("You predicted 4; it is 5.")
    guess.find_elements("css selector", ".dx-choice input")[1].send_keys(" ")
    assert driver.execute_script(READ, guess)["kept"] != "5 of 8"
    assert verdict(guess) == "You predicted 4; it was 5 with the settings at the start."
    click(driver, guess, "Reset")
    assert verdict(guess).startswith("You predicted 4; it is 5.")


def test_a_browser_that_keeps_nothing_still_reveals(driver, page):
    refuse = (
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied'); } })"
    )
    script = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": refuse})
    try:
        guess = open_page(driver, page)[0]
        guess.find_element("css selector", "[data-dx='prediction']").send_keys("4\n")
        assert verdict(guess).startswith("You predicted 4; it is 5.")
        click(driver, guess, "Forget my prediction")
        assert is_locked(driver, guess)
        assert console_errors(driver) == []
    finally:
        driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
