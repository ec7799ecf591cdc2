"""The reader's own prompt in every kind of explorer on one page, from disk, on a phone, offline."""

from __future__ import annotations

import math
import shutil

import pytest

import decodelib as dl
from decodelib.viz.page.pack import write_scripts
from decodelib.viz.shell.explorer import STATIC
from tests.helpers.browser import axe_violations, browser, console_errors, external, requests
from tests.helpers.engine import storybook
from tests.helpers.explorer_page import open_page, stored_explorers
from tests.helpers.live_page import LivePage
from tools.explorer_assets import bundle

pytestmark = pytest.mark.browser

PROMPT = "A small boat left the harbour"
OWN = ("beams", "distribution", "entropy", "mass", "player", "race", "votes", "watermark")
KINDS = {one.kind: one for one in reversed(stored_explorers()) if one.kind in OWN}


class OwnPage(LivePage):
    """A page with one explorer of each kind."""

    def __init__(self, driver, url: str) -> None:
        self.driver = driver
        self.roots = dict(zip(KINDS, open_page(driver, url), strict=True))

    def open(self, kind: str) -> None:
        door = self.find(kind, '[data-dx="own"]')
        if door.get_attribute("aria-expanded") == "false":
            self.click(door)
        self.wait(lambda: self.roots[kind].find_elements("css selector", ".live-form"))

    def find(self, kind: str, selector: str):
        return self.roots[kind].find_element("css selector", selector)

    def own(self, kind: str, part: str):
        return self.find(kind, f'[data-live-part="own-{part}"]')

    def ask(self, kind: str, prompt: str = PROMPT, **fields: int) -> None:
        """Put in a prompt and numbers, and press the button."""
        for name, value in {"prompt": prompt, **fields}.items():
            self.driver.execute_script(
                "arguments[0].value = arguments[1]", self.own(kind, name), value
            )
        self.click(self.find(kind, ".live-go"))

    def shown(self, kind: str, name: str) -> str:
        """What a part of the explorer below the form shows."""
        return self.own(kind, "result").find_element("css selector", f'[data-dx="{name}"]').text

    def is_computed(self, kind: str) -> bool:
        return self.own(kind, "status").text.startswith("Computed by storybook in")

    def trouble(self, kind: str) -> str:
        return self.find(kind, ".live-trouble").text


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    shutil.copytree(STATIC / "live", folder / "live")
    write_scripts(folder / "live" / "model")
    for kind, name in (("scripts", "explorers.js"), ("styles", "explorers.css")):
        (folder / name).write_text(bundle(STATIC, kind), encoding="utf-8")
    body = "".join(explorer.as_html() for explorer in KINDS.values())
    (folder / "page.html").write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Explorers</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="explorers.css">'
        '<script src="explorers.js" data-dx-live="live/start.js"></script>'
        f"</head><body><main><h1>Explorers</h1>{body}</main></body></html>",
        encoding="utf-8",
    )
    with browser(390, 844, mobile=True) as driver:
        requests(driver)
        page = OwnPage(driver, (folder / "page.html").as_uri())
        asked = " ".join(requests(driver)[0])
        assert "live/" not in asked  # nothing of the model before the reader asks
        page.open("distribution")
        assert "storybook-" not in " ".join(requests(driver)[0])
        page.load_model()
        yield page
        addresses, failed = requests(driver)
        assert not external(addresses)
        assert not failed
        assert not console_errors(driver)


def test_the_distribution_after_an_own_prompt(page):
    page.ask("distribution")
    page.wait(lambda: page.is_computed("distribution"))
    result = page.own("distribution", "result")
    assert "storybook, computed in this page" in result.text
    read = """return Array.from(arguments[0].querySelectorAll(".dx-row:not(.dx-head)"))
      .filter((row) => !row.hidden)
      .map((row) => Number(row.querySelector(".dx-before").textContent))"""
    seen = page.driver.execute_script(read, result)
    probs = storybook().next_logits(PROMPT).softmax(-1).sort(descending=True).values
    assert len(seen) == 8
    assert seen == pytest.approx(probs[:8].tolist(), abs=5.1e-5)


def test_a_text_is_stepped_through_and_branched_at_any_token(page):
    page.open("player")
    page.driver.execute_script("arguments[0].value = 'Sampling'", page.own("player", "strategy"))
    page.ask("player", length=8, seed=4)
    page.wait(lambda: page.is_computed("player"))
    result = page.own("player", "result")
    read = "return Array.from(arguments[0].querySelectorAll('.dx-tok'), (t) => t.textContent)"
    want = dl.generate(storybook(), PROMPT, dl.Sampling(), max_new_tokens=8, seed=4)
    assert page.driver.execute_script(read, result) == want.tokens

    page.click(result.find_elements("css selector", ".dx-tok")[2])
    button = next(b for b in result.find_elements("css selector", ".dx-take") if b.is_displayed())
    page.click(button)
    texts = lambda: result.find_elements("css selector", '[data-dx="branch"] option')  # noqa: E731
    page.wait(lambda: len(texts()) == 2)
    branched = page.driver.execute_script(read, result)
    token = next(i for i in range(storybook().vocab_size) if storybook().decode([i]) == branched[2])
    ids = [*storybook().prompt_ids(PROMPT).tolist(), *want.token_ids[:2], token]
    rest = dl.generate(storybook(), ids, dl.Sampling(), max_new_tokens=5, seed=4)
    assert branched == [*want.tokens[:2], storybook().decode([token]), *rest.tokens]


def test_a_beam_tree(page):
    page.open("beams")
    page.ask("beams", width=2, length=4)
    page.wait(lambda: page.is_computed("beams"))
    want = dl.generate(storybook(), PROMPT, dl.BeamSearch(2), max_new_tokens=4)
    assert page.shown("beams", "returned") == want.text.strip()


def test_an_entropy_map(page):
    page.open("entropy")
    page.ask("entropy", "Once upon a time there was")
    page.wait(lambda: page.is_computed("entropy"))
    lm, (first, second) = storybook(), storybook().prompt_ids("Once upon").tolist()
    surprisal = -float(lm.next_logits([first]).log_softmax(-1)[second])
    assert float(page.shown("entropy", "surprisal")) == pytest.approx(surprisal, abs=6e-4)


def test_a_race(page):
    page.open("race")
    page.ask("race", samples=2, length=4)
    page.wait(lambda: page.is_computed("race"))
    result = page.own("race", "result")
    assert len(result.find_elements("css selector", ".dx-lane")) > 3


def test_votes(page):
    page.open("votes")
    page.ask("votes", "When the mother came home,", texts=3, length=5, seed=7)
    page.wait(lambda: page.is_computed("votes"))
    several = dl.Sampling(num_return_sequences=3)
    g = dl.generate(storybook(), "When the mother came home,", several, max_new_tokens=5, seed=7)
    shown = page.own("votes", "result").find_elements("css selector", ".dx-tree .dx-badge")
    assert len(shown) == len({other.text for other in (g, *g.alternatives)})
    spelled = page.own("votes", "result").find_element("css selector", ".dx-tree").text
    for other in (g, *g.alternatives):
        assert other.tokens[-1].strip() in spelled


def test_the_mass_along_a_masked_text(page):
    page.open("mass")
    page.ask("mass", length=6, seed=3)
    page.wait(lambda: page.is_computed("mass"))
    source = KINDS["mass"].state["data"]["source"]
    constraint = eval(source, {"dl": dl, "lm": storybook()})
    way = dl.Sampling(constraint)
    g = dl.generate(storybook(), PROMPT, way, max_new_tokens=6, seed=3, trace=True)
    shown = page.own("mass", "result").find_elements("css selector", ".dx-mass-token")
    assert len(shown) == len(g.tokens)
    product = math.prod(step.kept_mass for step in g.steps)
    read = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))"
    position = page.own("mass", "result").find_element(
        "css selector", 'input[type="range"][data-dx="position"]'
    )
    page.driver.execute_script(read, position, len(g.tokens))
    assert float(page.shown("mass", "product")) == pytest.approx(product, rel=6e-3)


def test_a_watermark_of_an_own_prompt(page):
    page.open("watermark")
    page.ask("watermark", length=30, seed=2, delta=3, key=7)
    page.wait(lambda: page.is_computed("watermark"))
    mark = dl.GreenListWatermark(key=7, gamma=KINDS["watermark"].state["data"]["gamma"], delta=3)
    rules = {"max_new_tokens": 30, "min_new_tokens": 30, "seed": 2}
    g = dl.generate(storybook(), PROMPT, dl.Sampling(mark), **rules)
    found = mark.detect(storybook(), g.token_ids)
    assert page.shown("watermark", "green") == f"{found.statistic:.0f} of {found.num_tokens}"
    assert float(page.shown("watermark", "z")) == pytest.approx(found.z, abs=6e-3)
    code = page.own("watermark", "result").find_element("css selector", ".dx-code pre")
    assert f"ids = {g.token_ids}".replace(", ", ",") in code.get_attribute("textContent")


def test_stop_ends_at_once_and_keeps_what_was_written(page):
    page.driver.execute_script("arguments[0].value = 'Greedy'", page.own("player", "strategy"))
    page.ask("player", length=200)
    page.wait(lambda: page.own("player", "status").text[0].isdigit())
    page.click(page.own("player", "stop"))
    assert page.own("player", "status").text.startswith("Stopped after")
    assert not page.own("player", "stop").is_displayed()

    # A branch can be stopped as well.
    take = page.own("player", "result").find_elements("css selector", ".dx-take")
    page.click(next(button for button in take if button.is_displayed()))
    page.wait(lambda: page.own("player", "status").text[0].isdigit())
    page.click(page.own("player", "stop"))
    page.wait(lambda: "stopped after" in page.own("player", "status").text)
    assert not page.own("player", "stop").is_displayed()


@pytest.mark.parametrize(
    ("kind", "prompt", "fields", "said"),
    [
        ("distribution", "word " * 600, {}, "The prompt has 602 tokens, more than the 512"),
        ("entropy", "The", {}, "An entropy map needs a text of at least two tokens"),
        ("beams", PROMPT, {"width": 99}, "Beams must be a whole number from 1 to 6, got 99."),
        ("player", "word " * 400, {"length": 150}, "The prompt's 402 tokens plus 150 new ones"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(page, kind, prompt, fields, said):
    page.open(kind)
    page.ask(kind, prompt, **fields)
    page.wait(lambda: page.trouble(kind))
    assert page.trouble(kind).startswith(said)
    assert page.trouble(kind).count(". ") == 0


def test_axe_finds_nothing_and_nothing_overflows(page):
    assert not axe_violations(page.driver, ".dx-own")
    width = "return document.documentElement.scrollWidth <= innerWidth"
    assert page.driver.execute_script(width)
    page.driver.execute_script(
        "document.documentElement.dataset.theme = 'dark';"
        "document.documentElement.style.cssText = "
        "'--pst-color-background:#121212;--pst-color-text-base:#ced6dd;background:#121212'"
    )
    assert not axe_violations(page.driver, ".dx-own", ("color-contrast",))
    page.driver.execute_script(
        "delete document.documentElement.dataset.theme; document.documentElement.style = ''"
    )
