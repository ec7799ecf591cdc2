"""What a page remembers of its reader: a quiz's score, exercises solved, and chapters read."""

import pytest

from tests.helpers.browser import (
    axe_violations,
    browser,
    console_errors,
    eventually,
    serve,
    toggling,
)
from tests.helpers.site_pages import set_theme, visit

pytestmark = pytest.mark.browser
PAGE = "chapters/08_top_p.html"


@pytest.fixture(scope="module")
def base(site):
    with serve(site) as address:
        yield address


@pytest.fixture
def driver():
    with browser() as chromium:
        yield chromium


def score(driver):
    return driver.find_element("css selector", ".quiz-score").text


def marks(driver):
    """What the sidebar says of the chapters, but for that they were read."""
    found = "[...document.querySelectorAll('nav.bd-links .reading-mark')].map((m) => m.textContent)"
    shown = [mark.removeprefix("\u2713 read").lstrip(", ") for mark in run(driver, found)]
    return [mark for mark in shown if mark]


def run(driver, expression):
    return driver.execute_script(f"return {expression}")


def choose(driver, question, kind):
    """Open a choice with the keyboard, as anyone may who has no pointer."""
    selector = f".quiz li:nth-child({question}) details.quiz-{kind}:not([open])"
    details = driver.find_element("css selector", selector)
    with toggling(driver, details):
        driver.execute_script("arguments[0].querySelector('summary').focus()", details)
        driver.switch_to.active_element.send_keys(" ")


def test_first_choices_count_and_are_remembered_until_forgotten(driver, base):
    visit(driver, f"{base}/{PAGE}")
    assert (score(driver), marks(driver)) == ("", [])
    choose(driver, 1, "wrong")
    choose(driver, 1, "right")
    assert score(driver) == "0 of 5 right at the first try so far."
    for question in (2, 3, 4, 5):
        choose(driver, question, "right")
    assert score(driver) == "4 of 5 right at the first try."
    assert marks(driver) == ["quiz 4 of 5"]
    assert axe_violations(driver, ".quiz") == []
    set_theme(driver, "dark")
    assert axe_violations(driver, ".quiz") == []

    visit(driver, f"{base}/{PAGE}")
    assert score(driver) == "4 of 5 right at the first try."
    assert len(driver.find_elements("css selector", ".quiz details[open]")) == 5

    visit(driver, f"{base}/chapters/09_min_p.html")
    assert (score(driver), marks(driver)) == ("", ["quiz 4 of 5"])
    forget = driver.find_element("css selector", ".reading-forget button")
    driver.execute_script("arguments[0].click()", forget)
    assert marks(driver) == []
    visit(driver, f"{base}/{PAGE}")
    assert score(driver) == ""
    assert console_errors(driver) == []


def test_start_again_clears_the_quiz_and_nothing_else(driver, base):
    visit(driver, f"{base}/{PAGE}")
    box = driver.find_element("css selector", ".exercise-mark input")
    driver.execute_script("arguments[0].click()", box)
    choose(driver, 1, "right")
    assert marks(driver) == ["quiz 1 of 5, 1 solved"]
    again = driver.find_element("css selector", ".quiz .book-button")
    driver.execute_script("arguments[0].click()", again)
    assert (score(driver), marks(driver)) == ("", ["1 solved"])
    assert driver.find_elements("css selector", ".quiz details[open]") == []


SECONDS_BY_HAND = """
const later = globalThis.setInterval;
globalThis.ticks = [];
globalThis.setInterval = (act, ms, ...rest) =>
  ms === 1000 ? ticks.push(act) : later(act, ms, ...rest);
"""
"""A page whose seconds pass when the test says so."""
SECTIONS = (
    "[...document.querySelectorAll('article.bd-article > section > section')].map((s) => s.id)"
)
SIDEBAR = "document.querySelector('nav.bd-links .reading-mark')?.textContent"
KEPT = "JSON.parse(localStorage.getItem('decodelib:reading:08_top_p') ?? '{}')"


def look_at(driver, section, seconds=5):
    """Scroll to a section and let seconds pass once the page has noticed."""
    where = "globalThis.found = new Promise((done) => new IntersectionObserver((_, observer) => {"
    where += "observer.disconnect(); setTimeout(done); }).observe(document.body))"
    driver.execute_script(
        f"document.getElementById(arguments[0]).scrollIntoView(); {where}", section
    )
    driver.execute_async_script("found.then(arguments[0])")
    driver.execute_script(
        "for (let i = 0; i < arguments[0]; i++) for (const t of ticks) t()", seconds
    )


@pytest.fixture
def by_hand(driver):
    new_page = {"source": SECONDS_BY_HAND}
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", new_page)
    return driver


def test_a_chapter_is_read_when_most_of_its_sections_were_in_sight_for_seconds(by_hand, base):
    driver = by_hand
    visit(driver, f"{base}/{PAGE}")
    sections = run(driver, SECTIONS)
    assert sections[-1] == "summary"
    for section in sections[:3]:
        look_at(driver, section)
    assert set(sections[:3]) <= set(run(driver, KEPT)["seen"])
    assert run(driver, SIDEBAR) is None
    visit(driver, f"{base}/{PAGE}")  # another sitting
    for section in sections[3:]:
        look_at(driver, section)
    eventually(lambda: run(driver, SIDEBAR), "\u2713 read")
    visit(driver, f"{base}/chapters/index.html")
    row = "document.querySelector('table a[href=\"08_top_p.html\"] .reading-mark').textContent"
    assert run(driver, row) == "\u2713 read"
    assert console_errors(driver) == []


def test_neither_a_jump_to_the_end_nor_a_quick_look_reads_a_chapter(by_hand, base):
    driver = by_hand
    visit(driver, f"{base}/{PAGE}#summary")
    look_at(driver, "summary", 60)
    assert "summary" in run(driver, KEPT)["seen"]
    assert run(driver, SIDEBAR) is None
    for section in run(driver, SECTIONS):
        look_at(driver, section, 1)
    assert not run(driver, KEPT)["read"]
    driver.execute_script("Object.defineProperty(document, 'hidden', { value: true })")
    for section in run(driver, SECTIONS):  # in a tab that nobody looks at
        look_at(driver, section, 60)
    assert run(driver, SIDEBAR) is None
