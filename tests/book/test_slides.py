"""A chapter as slides: ?slides at the end of its address, with no server and no network."""

import pytest
from selenium.webdriver import ActionChains, Keys

from tests.helpers.browser import browser, console_errors, external, requests
from tests.helpers.lab import wait_for

SHOWN = "return document.querySelector('.slide.is-shown')?.innerText"
COUNT = "return document.querySelectorAll('.slide').length"


@pytest.fixture(scope="module")
def page(site):
    with browser(1280, 720) as driver:
        driver.get(f"{(site / 'chapters' / '08_top_p.html').as_uri()}?slides")
        wait_for(lambda: driver.execute_script(COUNT), 30, "slides")
        yield driver


def press(driver, *keys):
    ActionChains(driver).send_keys(*keys).perform()
    return driver.execute_script(SHOWN)


@pytest.mark.browser
def test_a_chapter_is_shown_as_slides_that_keys_turn(page):
    count = page.execute_script(COUNT)
    assert 8 <= count <= 30
    first = page.execute_script(SHOWN)
    assert "Top-p: keep as many tokens as it takes" in first
    assert len({first, press(page, Keys.ARROW_RIGHT), press(page, Keys.PAGE_DOWN)}) == 3
    assert press(page, Keys.HOME) == first
    last = press(page, Keys.END)
    assert last.startswith("Summary")
    assert press(page, Keys.ARROW_RIGHT) == last
    assert press(page, Keys.ARROW_LEFT) != last
    assert page.current_url.endswith(f"#slide-{count - 1}")


@pytest.mark.browser
def test_slides_have_the_hook_the_toy_the_explorers_and_the_failure_and_no_solution(page):
    heads = (
        "[...document.querySelectorAll('.slide')].map(s => s.querySelector('h1, h2').textContent)"
    )
    slides = {text.rstrip("#") for text in page.execute_script(f"return {heads}")}
    assert {"Eight words", "Try it", "Where it fails", "Summary"} <= slides
    assert "Exercises" not in slides
    count = "return document.querySelectorAll(arguments[0]).length"
    assert page.execute_script(count, ".slide .tag_solution") == 0
    assert page.execute_script(count, ".slide .dx") >= 2


@pytest.mark.browser
def test_an_explorer_on_a_slide_is_alive_and_nothing_is_fetched(page):
    turn = """
        const slides = [...document.querySelectorAll('.slide')];
        const at = slides.findIndex(s => s.querySelector('.dx [data-dx="top_p"]'));
        document.querySelector('#slides').dispatchEvent(new CustomEvent('turn', {detail: at + 1}));
        return at"""
    assert page.execute_script(turn) > 0
    move = """
        const slide = document.querySelector('.slide.is-shown');
        [...slide.querySelectorAll('button, a')].find(b => /just show/i.test(b.innerText))?.click();
        const before = slide.innerText, knob = slide.querySelector('[data-dx="top_p"]');
        knob.value = 0.3;
        knob.dispatchEvent(new Event('input', {bubbles: true}));
        return [before, slide.innerText]"""
    before, after = page.execute_script(move)
    assert before != after
    assert console_errors(page) == []
    assert external(requests(page)[0]) == []
