"""The opening of the front page: nothing before the reader asks, then a text that follows."""

from __future__ import annotations

import pytest

import decodelib as dl
from tests.helpers.browser import axe_violations, requests
from tests.helpers.engine import storybook

pytestmark = pytest.mark.browser

PAGE = "index.html"

PROMPT = "The old lighthouse keeper"


def shown(page):
    read = """return document.querySelector('[data-live-part="text"]').textContent"""
    return page.driver.execute_script(read)


def written(temperature, seed=0):
    strategy = dl.Sampling(dl.Temperature(temperature)) if temperature else dl.Greedy()
    g = dl.generate(storybook(), PROMPT, strategy, max_new_tokens=40, seed=seed)
    return g.full_text


def test_one_button_loads_the_model_and_continues_the_sentence(page, driver):
    assert not [url for url in requests(driver)[0] if "storybook-" in url]
    button = page.all('[data-live="opening"] .live-go')[0]
    assert button.text == "Load the model (14 MB) and continue it"
    page.click(button)
    page.wait(lambda: shown(page) == written(0.8))

    # The slider writes another text at once.
    driver.execute_script(
        "arguments[0].value = 0; arguments[0].dispatchEvent(new Event('input'))",
        page.part("temperature"),
    )
    page.wait(lambda: shown(page) == written(0))
    assert not axe_violations(driver, '[data-live="opening"]')
    assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
