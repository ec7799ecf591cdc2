"""The first use of a glossary term in a chapter links to it, and shows what it means."""

import json
import re

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from selenium.webdriver.common.keys import Keys

from tests.helpers.browser import axe_violations, browser, console_errors, serve
from tests.helpers.site_pages import narrow, set_theme, visit
from tools.book_terms import link_first_uses

TERMS = {"top-p": "term-top-p", "top-p sampler": "term-sampler", "token": "term-token", "EOS": "e"}


def page(*paragraphs):
    document = nodes.document("", "")
    document += [p if isinstance(p, nodes.Node) else nodes.paragraph("", p) for p in paragraphs]
    return document


def links(document):
    found = document.findall(nodes.reference)
    return [(link.astext(), link["refuri"]) for link in found if "term" in link["classes"]]


def test_only_the_first_use_is_linked_plural_or_at_the_start_of_a_sentence():
    document = page("Tokens, a token.", "A token and top-p.")
    assert link_first_uses(document, TERMS, "g") == 2
    assert links(document) == [("Tokens", "g#term-token"), ("top-p", "g#term-top-p")]
    assert document.astext() == "Tokens, a token.\n\nA token and top-p."


def test_the_longest_term_wins_and_words_that_only_begin_alike_are_left_alone():
    document = page("A top-p sampler, tokenizer, eos, non-token.")
    link_first_uses(document, TERMS, "g")
    assert links(document) == [("top-p sampler", "g#term-sampler")]


def test_titles_code_and_links_are_left_alone():
    code = nodes.paragraph("", "", nodes.literal("", "token"))
    link = nodes.paragraph("", "", nodes.reference("", "token", refuri="x"))
    document = page(nodes.title("", "Top-p"), code, link)
    assert link_first_uses(document, TERMS, "g") == 0


def test_each_chapter_links_terms_that_the_glossary_has(site):
    glossary = BeautifulSoup((site / "chapters/glossary.html").read_text("utf-8"), "html.parser")
    script = (site / "_static/terms-data.js").read_text("utf-8")
    definitions = json.loads(re.fullmatch(r"globalThis\.BookTerms = (.*);\n", script)[1])
    assert set(definitions) == {term["id"] for term in glossary.select("dt[id^=term-]")}
    assert all(len(text) > 15 for text in definitions.values())
    for file in sorted((site / "chapters").glob("[0-9]*.html")):
        chapter = BeautifulSoup(file.read_text("utf-8"), "html.parser")
        names = [link["href"].split("#")[1] for link in chapter.select("a.term")]
        assert len(names) == len(set(names)) > 5, file.name
        assert set(names) <= set(definitions)


@pytest.mark.browser
def test_a_definition_shows_in_focus_under_the_pointer_and_at_a_tap_and_can_be_dismissed(site):
    with serve(site) as base, browser() as driver:
        visit(driver, f"{base}/chapters/08_top_p.html")
        driver.execute_script("document.querySelector('h1 ~ p a').focus()")
        driver.switch_to.active_element.send_keys(Keys.TAB)
        while "term" not in driver.switch_to.active_element.get_attribute("class").split():
            driver.switch_to.active_element.send_keys(Keys.TAB)
        tip = driver.find_element("css selector", ".term-tip")
        wait(driver, "!document.querySelector('.term-tip').hidden")
        link = driver.switch_to.active_element
        assert link.get_attribute("aria-describedby") == "term-tip"
        assert len(tip.text) > 15
        for theme in ("light", "dark"):
            set_theme(driver, theme)
            assert axe_violations(driver, ".bd-article > .term-tip") == []
        link.send_keys(Keys.ESCAPE)
        assert not tip.is_displayed()

        narrow(driver, 390)
        first = driver.execute_script(
            "const link = document.querySelectorAll('a.term')[3]; link.blur();"
            "link.scrollIntoView({ block: 'center' });"
            "link.dispatchEvent(new PointerEvent('click', { pointerType: 'touch', bubbles: true,"
            " cancelable: true })); return location.pathname"
        )
        wait(driver, "!document.querySelector('.term-tip').hidden")
        assert driver.execute_script("return location.pathname") == first, (
            "the first tap only shows"
        )
        edge = driver.execute_script(
            "return document.querySelector('.term-tip').getBoundingClientRect().right"
        )
        assert edge <= 390
        assert console_errors(driver) == []


def wait(driver, condition):
    driver.execute_async_script(
        f"const done = arguments[0]; const holds = () => {condition};"
        "const look = () => holds() ? done() : setTimeout(look, 50); look()"
    )


@pytest.mark.browser
def test_tables_are_cards_on_a_phone_and_stay_tables_for_screen_readers(site):
    with serve(site) as base, browser() as driver:
        narrow(driver, 390)
        visit(driver, f"{base}/chapters/15_playground.html")
        shown = driver.execute_script(
            "const cell = document.querySelectorAll('table.cards tbody td')[1];"
            "const { display } = getComputedStyle(cell);"
            "return [display, cell.dataset.column, cell.getAttribute('role')]"
        )
        assert shown == ["block", "start with", "cell"]
        assert axe_violations(driver, "table.cards") == []
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        wide = "return getComputedStyle(document.querySelector('table.cards td')).display"
        assert driver.execute_script(wide) == "table-cell"
