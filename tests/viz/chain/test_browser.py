"""The chain explorer on a page in a real browser: what it shows is what Python recorded."""

from __future__ import annotations

import pytest

from decodelib.viz import explore_chain
from tests.helpers.browser import browser, console_errors
from tests.helpers.exact import TREE
from tests.helpers.explorer_page import SET, open_page, write_page

pytestmark = pytest.mark.browser

MOVES = 12
FACTS = ("kept", "power", "proposals", "ratio", "acceptance", "drawn", "fate", "count")
READ = """
const [root, names] = arguments;
const text = (name) => root.querySelector(`[data-dx="${name}"]`).textContent;
return {
  facts: Object.fromEntries(names.map((name) => [name, text(name)])),
  texts: ["now", "next"].map((name) =>
    [...root.querySelector(`[data-dx="${name}"]`).children].map((part) => part.textContent)),
  dots: [...root.querySelectorAll(".dx-chain-dot")].map(
    (dot) => !dot.classList.contains("dx-chain-rejected")),
  isChartShown: root.querySelector(".dx-chain-strip").checkVisibility(),
};
"""
PRESS = "arguments[0].querySelector(`[data-dx='${arguments[1]}']`).click()"


@pytest.fixture(scope="module")
def explorers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        settings = {"alphas": (1, 3), "num_moves": MOVES, "max_new_tokens": 3, "seed": 2}
        asks = {"alpha": 3.0, "title": "Guess", "predict": "How many will be accepted?"}
        return [explore_chain(TREE, "", **settings), explore_chain(TREE, "", **settings, **asks)]


@pytest.fixture(scope="module")
def opened(explorers, tmp_path_factory):
    page = write_page(tmp_path_factory.mktemp("chain") / "page.html", explorers)
    with browser() as driver:
        yield driver, open_page(driver, page.as_uri())


def written(tokens):
    return "".join(" ■" if "eos" in token else token for token in tokens)


def signed(value: float) -> str:
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def test_at_every_move_of_every_alpha_the_page_shows_the_record(opened, explorers):
    driver, (root, _) = opened
    explorer = explorers[0]
    for alpha in (1, 3):
        explorer.alpha = alpha
        driver.execute_script(SET, root, "alpha-box", alpha)
        for place, move in enumerate(explorer.proposals[1:], 1):
            driver.execute_script(SET, root, "move", place)
            shown = driver.execute_script(READ, root, FACTS)
            before = explorer.proposals[move["before"]]
            taken = sum(one["accepted"] for one in explorer.proposals[1 : place + 1])
            assert shown["facts"] == {
                "kept": f"{move['place']} of {len(before['tokens'])}",
                **{name: signed(move[name]) for name in ("power", "proposals", "ratio")},
                "acceptance": f"{move['acceptance']:.4f}",
                "drawn": f"{move['drawn']:.4f}",
                "fate": "accepted" if move["accepted"] else "rejected",
                "count": f"{taken} of {place}",
            }
            assert shown["texts"] == [
                [written(one["tokens"][: move["place"]]), written(one["tokens"][move["place"] :])]
                for one in (before, move)
            ]
        assert shown["dots"] == [one["accepted"] for one in explorer.proposals]
    assert console_errors(driver) == []


def test_an_alpha_that_was_not_recorded_becomes_the_nearest(opened):
    driver, (root, _) = opened
    for given, nearest in ((2.9, "3"), (1.2, "1")):
        driver.execute_script(SET, root, "alpha-box", given)
        box = root.find_element("css selector", '[data-dx="alpha-box"]')
        assert box.get_attribute("value") == nearest


def test_a_prediction_comes_before_the_moves(opened, explorers):
    driver, (_, root) = opened
    shown = driver.execute_script(READ, root, FACTS)
    assert (shown["facts"]["fate"], shown["facts"]["acceptance"]) == ("?", "?")
    assert not shown["isChartShown"]
    driver.execute_script(PRESS, root, "step")  # goes nowhere yet
    driver.execute_script(
        "const f = arguments[0].querySelector('.dx-predict-form');"
        "f.querySelector('input').value = 99; f.requestSubmit();",
        root,
    )
    verdict = root.find_element("css selector", ".dx-verdict").text
    assert verdict.startswith(f"You predicted 99; it is {explorers[1].accepted}.")
    driver.execute_script(SET, root, "alpha-box", 1)
    verdict = root.find_element("css selector", ".dx-verdict").text
    assert f"was {explorers[1].accepted} with the settings at the start" in verdict
    driver.execute_script(PRESS, root, "step")
    shown = driver.execute_script(READ, root, FACTS)
    assert shown["isChartShown"]
    assert shown["facts"]["count"].endswith(" of 2")


def test_the_code_to_copy_gives_the_moves_shown(opened, explorers, capsys):
    driver, (root, _) = opened
    driver.execute_script(SET, root, "alpha-box", 3)
    explorers[0].alpha = 3
    source = "return arguments[0].querySelector('.dx-code pre').textContent"
    exec(driver.execute_script(source, root), {})
    printed = [line.split(" ", 2) for line in capsys.readouterr().out.splitlines()]
    assert printed == [
        [
            f"{move['acceptance']:.4f}",
            "accepted" if move["accepted"] else "rejected",
            repr("".join(move["tokens"])),
        ]
        for move in explorers[0].proposals[1:]
    ]
