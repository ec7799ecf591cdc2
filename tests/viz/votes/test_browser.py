"""The vote explorer on a page in a real browser: what it shows is what Python says it shows."""

from __future__ import annotations

import pytest

import decodelib as dl
from decodelib.viz import explore_votes
from tests.helpers.browser import browser, console_errors
from tests.helpers.explorer_page import SET, open_page, write_page

pytestmark = pytest.mark.browser

TOY = dl.TableLM({"": {"a": 0.5, "b": 0.3, "c": 0.15, "<eos>": 0.05}, "a b": {"a": 1}})
PICK = """
arguments[0].querySelector(`[data-dx="picked"] input[value="${arguments[1]}"]`).click();
"""
READ = """
const line = (li) => [
  li.querySelector(":scope > p > .dx-count").textContent,
  li.querySelector(":scope > p > .dx-stretch-text").textContent,
  [...li.querySelectorAll(":scope > ul > li")].map(line),
];
const rows = [...arguments[0].querySelectorAll('[data-dx="votes"] li:not(.dx-quiet)')];
return {
  votes: rows.map((li) => [li.querySelector(".dx-vote-answer").textContent,
    Number(li.querySelector("b").textContent)]),
  tree: [...arguments[0].querySelectorAll('[data-dx="tree"] > li')].map(line),
};
"""


@pytest.fixture(scope="module")
def explorers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        settings = {"texts": 30, "max_new_tokens": 6, "seed": 2}
        asks = {"title": "Guess", "predict": "Which letter comes first in most texts?"}
        return [
            explore_votes(TOY, "c", "[abc]", **settings),
            explore_votes(TOY, "c", "^ ([abc])", **settings, **asks),
        ]


@pytest.fixture(scope="module")
def opened(explorers, tmp_path_factory):
    page = write_page(tmp_path_factory.mktemp("votes") / "page.html", explorers)
    with browser() as driver:
        yield driver, open_page(driver, page.as_uri())


def written(branches):
    def shown(token):
        return " ■" if "<" in token else token

    return [
        [f"{len(b.texts)}×", "".join(map(shown, b.tokens)), written(b.branches)] for b in branches
    ]


def test_in_any_state_the_page_shows_what_python_says(opened, explorers):
    driver, (root, _) = opened
    explorer = explorers[0]
    for texts in (30, 1, 2, 17):
        for picked in ("all", "a", "c"):
            explorer.texts, explorer.picked = texts, picked
            driver.execute_script(SET, root, "texts", texts)
            driver.execute_script(PICK, root, picked)
            shown = driver.execute_script(READ, root)
            assert shown["votes"] == [list(pair) for pair in explorer.votes]
            assert shown["tree"] == written(explorer.tree)
    assert console_errors(driver) == []


def test_a_prediction_comes_before_the_votes(opened, explorers):
    driver, (_, root) = opened
    assert driver.execute_script(READ, root)["votes"] == []
    assert len(driver.execute_script(READ, root)["tree"]) == 1
    wrong = next(
        a for a in explorers[1].data["predict"]["choices"] if a != explorers[1].votes[0][0]
    )
    driver.execute_script(
        "const f = arguments[0].querySelector('.dx-predict-form');"
        "f.querySelector(`input[value='${arguments[1]}']`).click(); f.requestSubmit();",
        root,
        wrong,
    )
    verdict = root.find_element("css selector", ".dx-verdict").text
    assert verdict.startswith(f"You predicted {wrong}; it is {explorers[1].votes[0][0]}.")
    assert driver.execute_script(READ, root)["votes"] == [list(v) for v in explorers[1].votes]
