"""The line of all texts in a browser, from disk: by buttons, keys and touch, words and model."""

from __future__ import annotations

import re

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

import decodelib as dl
from decodelib.models.toy import PROBS, WORDS
from tests.helpers.browser import axe_violations, requests
from tests.helpers.engine import storybook

pytestmark = pytest.mark.browser

PAGE = "line.html"


def here(page):
    return page.part("line-here").text


def bits(page):
    return float(re.search(r"([\d.]+) bits", here(page))[1])


def first_row(page):
    """The texts and the shares of the intervals of the topmost row."""
    read = """
        return Array.from(document.querySelectorAll(".live-interval"))
          .filter((one) => one.style.top === "0rem")
          .map((one) => [one.title, parseFloat(one.style.left), parseFloat(one.style.width)]);"""
    return page.driver.execute_script(read)


def set_slider(page, part, value):
    page.driver.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))",
        page.part(part),
        value,
    )


def choose(page, part, label):
    page.part(part).find_element(By.XPATH, f"option[contains(text(), '{label}')]").click()


def test_the_eight_words_need_no_model(page, driver):
    row = first_row(page)
    assert [name.strip("␣") for name, _, _ in row] == list(WORDS)
    assert [share for _, _, share in row] == pytest.approx([100 * p for p in PROBS], abs=1e-3)
    asked = " ".join(requests(driver)[0])
    assert "storybook-" not in asked


def test_temperature_stretches_and_top_p_closes(page):
    set_slider(page, "line-temperature", 0.5)
    squares = [p * p for p in PROBS]
    shares = [share for _, _, share in first_row(page)]  # but those too short to be seen
    expected = [100 * s / sum(squares) for s in squares]
    assert shares == pytest.approx([share for share in expected if share > 0.25], abs=1e-3)
    set_slider(page, "line-temperature", 1)
    set_slider(page, "line-top-p", 0.7)
    assert [name.strip("␣") for name, _, _ in first_row(page)] == list(WORDS[:3])


def test_the_widest_is_greedy_and_bits_are_surprisal(page):
    for _ in range(6):
        page.click(page.part("widest"))
    assert "mat mat mat mat mat" in here(page)
    assert bits(page) > 6
    page.click(page.part("whole"))
    assert here(page).startswith("In view: the whole line")
    assert bits(page) == 0


def test_keys_move_it(page, driver):
    line = page.part("line")
    page.driver.execute_script("arguments[0].focus()", line)
    line.send_keys("+++")
    zoomed = bits(page)
    assert zoomed > 1.5
    before = first_row(page)
    line.send_keys("\ue014")  # the right arrow
    assert first_row(page) != before
    assert bits(page) == pytest.approx(zoomed, abs=0.06)
    line.send_keys("-")
    assert bits(page) < zoomed
    line.send_keys("\ue011")  # Home
    assert bits(page) == 0


def test_a_tap_goes_to_a_word_and_a_drag_moves(page, driver):
    page.click(page.all('.live-interval[title="␣floor"]')[0])
    page.wait(lambda: " floor" in here(page))
    before = first_row(page)
    ActionChains(driver).drag_and_drop_by_offset(page.part("line"), -60, 0).perform()
    assert first_row(page) != before


def test_the_marks_are_the_draws_of_the_seeds(page):
    lm = dl.TableLM({"": dict(zip(WORDS, PROBS, strict=True))})
    read = """
        return Array.from(document.querySelectorAll(".live-mark"),
          (mark) => [mark.title, parseFloat(mark.style.left)]);"""
    row = first_row(page)
    for label, left in page.driver.execute_script(read):
        (word,) = (name for name, start, share in row if start <= left < start + share)
        seed = int(label.removeprefix("seed "))
        drawn = dl.generate(lm, "mat", dl.Sampling(), max_new_tokens=1, seed=seed)
        assert drawn.text.strip() == word.strip("␣")


def test_on_the_model_the_widest_is_what_greedy_decoding_writes(page):
    choose(page, "line-on", "storybook")
    page.load_model()
    page.wait(lambda: first_row(page))
    for length in range(1, 5):
        page.click(page.part("widest"))
        text = dl.generate(storybook(), "Once upon a time", dl.Greedy(), max_new_tokens=length).text
        page.wait(lambda text=text: f"“{text}”" in here(page))
        page.wait(lambda: page.driver.execute_script("return !DecodeLive.model.isBusy"))


def test_axe_finds_nothing_and_nothing_overflows(page, driver):
    assert not axe_violations(driver, '[data-live="line"]')
    width = "return document.documentElement.scrollWidth <= innerWidth"
    assert driver.execute_script(width)
