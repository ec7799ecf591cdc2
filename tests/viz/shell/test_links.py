"""A link to a page opens an explorer with the settings it names, and with nothing but those."""

from __future__ import annotations

import math
from urllib.parse import parse_qs, urlsplit

import pytest

from decodelib.viz import DistributionExplorer
from tests.helpers.browser import browser, console_errors, serve
from tests.helpers.explorer_page import READ, SET, click, open_page, write_page

pytestmark = pytest.mark.browser

TOY = [math.log(p) for p in (0.4, 0.2, 0.15, 0.1, 0.06, 0.05, 0.03, 0.01)]
WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "ran"]


@pytest.fixture(scope="module")
def driver():
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        make = DistributionExplorer.from_logits
        explorers = [
            make(TOY, WORDS, title="Flat, or peaked?", top_p=0.9),
            make(TOY, WORDS, title="Flat, or peaked?"),
            make({"one & all": TOY, "two": [3 * x for x in TOY]}, WORDS, title="Two"),
            make(TOY, WORDS, title="Guess", predict="How many tokens are kept?", top_p=0.9),
        ]
    return write_page(tmp_path_factory.mktemp("page") / "page.html", explorers)


def settings_of(driver, root) -> dict:
    names = "[...arguments[0].querySelectorAll('.dx-step')].map((e) => e.dataset.dx)"
    order = driver.execute_script(f"return {names}", root)
    chosen = root.find_elements("css selector", ".dx-choice input:checked")
    return driver.execute_script(READ, root)["values"] | {
        "order": [name.removesuffix("-step") for name in order],
        "context": chosen[0].get_attribute("value") if chosen else None,
    }


def link_of(driver, root) -> str:
    click(driver, root, "Copy link")
    return root.find_element("css selector", "[data-dx='link']").text


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_a_copied_link_opens_the_page_with_the_same_settings(driver, page, scheme):
    with serve(page.parent) as base:
        url = page.as_uri() if scheme == "file" else f"{base}/{page.name}"
        two = open_page(driver, url)[2]
        for name, value in (("temperature-box", 0.7), ("top_k-box", 5), ("seed", 12)):
            driver.execute_script(SET, two, name, value)
        two.find_elements("css selector", ".dx-choice input")[1].send_keys(" ")
        later = two.find_element("css selector", '[aria-label="Apply Temperature later"]')
        driver.execute_script("arguments[0].click()", later)
        copied, before = link_of(driver, two), settings_of(driver, two)
        assert before["order"][:2] == ["top_k", "temperature"]
        driver.get("about:blank")
        one, _, two, _ = open_page(driver, copied)
        assert settings_of(driver, two) == before
        assert settings_of(driver, one)["top_p"] == 0.9
        assert driver.switch_to.active_element == two
        top = driver.execute_script("return arguments[0].getBoundingClientRect().top", two)
        assert 0 <= top < 200
        assert console_errors(driver) == []


def test_a_link_says_only_what_differs_and_tells_explorers_of_one_title_apart(driver, page):
    first, second, two, _ = open_page(driver, page.as_uri())
    driver.execute_script(SET, first, "top_k-box", 3)
    two.find_elements("css selector", ".dx-choice input")[1].send_keys(" ")
    fragments = [urlsplit(link_of(driver, root)).fragment for root in (first, second, two)]
    assert fragments == ["dx=flat-or-peaked&top_k=3", "dx=flat-or-peaked-2", "dx=two&context=two"]
    driver.execute_script(SET, first, "top_k-box", 4)
    assert not first.find_element("css selector", "[data-dx='link']").is_displayed()


def test_a_link_followed_on_its_own_page_moves_only_its_explorer(driver, page):
    url = page.as_uri()
    first, second, *_ = open_page(driver, url)
    driver.execute_script(SET, first, "min_p-box", 0.3)
    driver.execute_script(SET, second, "min_p-box", 0.3)
    driver.get(f"{url}#dx=flat-or-peaked&top_k=2")
    values = settings_of(driver, first)
    assert (values["top_k"], values["min_p"], values["top_p"]) == (2, 0, 0.9)
    assert settings_of(driver, second)["min_p"] == 0.3


def test_a_link_shows_the_answer_that_was_shown_but_carries_no_prediction(driver, page):
    url = page.as_uri()
    asked = link_of(driver, open_page(driver, url)[3])
    guess = open_page(driver, url)[3]
    guess.find_element("css selector", "[data-dx='prediction']").send_keys("4\n")
    copied = link_of(driver, guess)
    assert set(parse_qs(urlsplit(asked).fragment)) == {"dx"}
    assert set(parse_qs(urlsplit(copied).fragment)) == {"dx", "shown"}
    seen = {}
    for link in (asked, copied, f"{asked}&top_k=1", f"{asked}&top_k=-1&prediction=4"):
        driver.get("about:blank")
        guess = open_page(driver, link)[3]
        verdict = guess.find_element("css selector", ".dx-verdict").text
        seen[link.split("#dx=guess")[1]] = (driver.execute_script(READ, guess)["kept"], verdict)
    assert seen == {
        "": ("? of 8", ""),
        "&shown=yes": ("5 of 8", "The answer: 5. Now move the sliders."),
        "&top_k=1": ("1 of 8", "It was 5 with the settings at the start."),
        "&top_k=-1&prediction=4": ("? of 8", ""),
    }


@pytest.mark.parametrize(
    "nonsense",
    [
        "dx=flat-or-peaked&temperature=0&top_k=1.5&top_p=NaN&min_p=Infinity&seed=-1&draws=1e9",
        "dx=flat-or-peaked&temperature=&top_k=&top_p=&order=&context=nowhere&no_such=1",
        "dx=flat-or-peaked&order=top_k,top_k,top_p,min_p&min_p=<b>&kind=x&data=x",
        "dx=flat-or-peaked&order=top_k&title=x&__proto__=x&constructor=x",
        "dx=flat-or-peaked&temperature=%E0%A4%A&%=%",
        "dx=constructor&temperature=2",
        "dx=__proto__",
        "dx",
        "dx=&dx=two",
        "%E0%A4%A",
        "&&&=",
    ],
)
def test_a_link_of_nonsense_changes_nothing_and_reports_nothing(driver, page, nonsense):
    url = page.as_uri()
    usual = [settings_of(driver, root) for root in open_page(driver, url)]
    driver.get(f"{url}#{nonsense}")
    roots = driver.find_elements("css selector", ".dx")
    assert [settings_of(driver, root) for root in roots] == usual
    driver.get("about:blank")
    roots = open_page(driver, f"{url}#{nonsense}")
    assert [settings_of(driver, root) for root in roots] == usual
    assert roots[0].find_element("css selector", "[data-dx='seed']").get_attribute("value") == "0"
    assert console_errors(driver) == []


def test_the_way_to_a_linked_explorer_is_still_for_readers_who_ask(driver, page):
    record = """
    window.ways = [];
    Element.prototype.scrollIntoView = function (options) { window.ways.push(options.behavior); };
    """
    for preference, way in (("reduce", "instant"), ("no-preference", "smooth")):
        feature = {"name": "prefers-reduced-motion", "value": preference}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        open_page(driver, page.as_uri())
        driver.execute_script(record)
        driver.get(f"{page.as_uri()}#dx=two")
        assert driver.execute_script("return window.ways") == [way]
