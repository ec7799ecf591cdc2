"""The site's own search, offline: it finds every chapter by the words of its title."""

import json
import re
from urllib.parse import quote

import pytest

from tests.helpers.browser import browser, console_errors, serve
from tools.book import chapter_notebooks

pytestmark = pytest.mark.browser

NOTEBOOKS = chapter_notebooks()


def title(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "".join(cells[0]["source"]).splitlines()[0].lstrip("# ").split(":")[0]


@pytest.fixture(scope="module")
def driver():
    with browser() as driver:
        yield driver


def found(driver, site, words):
    """The pages that the search lists, in its order."""
    from selenium.webdriver.support.ui import WebDriverWait

    driver.get(f"{(site / 'search.html').as_uri()}?q={quote(words)}")
    summary = "return document.querySelector('#search-results p.search-summary')?.textContent"
    over = re.compile("finished|did not match")
    WebDriverWait(driver, 30).until(lambda d: over.search(d.execute_script(summary) or ""))
    links = "return [...document.querySelectorAll('#search-results li a')].map((a) => a.href)"
    return [link.split("/")[-1].split(".html")[0] for link in driver.execute_script(links)]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_search_finds_every_chapter_by_its_title(driver, site, notebook):
    assert notebook.stem in found(driver, site, title(notebook))
    assert not console_errors(driver)


def test_search_finds_terms_in_the_text(driver, site):
    pages = found(driver, site, "nucleus")
    assert {"08_top_p", "glossary"} <= set(pages)


def test_search_for_what_is_not_there_says_so(driver, site):
    assert found(driver, site, "xylophonist") == []
    assert "Did you mean" not in driver.find_element("id", "search-results").text


def test_a_misspelt_search_offers_the_word_that_was_meant(driver, site):
    assert found(driver, site, "temprature") == []
    assert "Did you mean temperature?" in driver.find_element("id", "search-results").text


def test_excerpts_are_the_text_and_not_the_furniture_of_pages(driver, site):
    from selenium.webdriver.support.ui import WebDriverWait

    with serve(site) as address:
        driver.get(f"{address}/search.html?q=nucleus")
        excerpts = "return [...document.querySelectorAll('#search-results p.context')]"
        texts = WebDriverWait(driver, 30).until(
            lambda d: d.execute_script(f"{excerpts}.map((p) => p.textContent)")
        )
    assert any("nucleus" in text.lower() for text in texts)
    assert not [text for text in texts if ".ipynb" in text or "import " in text]
