"""The beam explorer on a page in a real browser: what it shows is what decodelib's search does."""

from __future__ import annotations

import numpy as np
import pytest

import decodelib as dl
from decodelib.viz import BeamExplorer, explore_beams
from tests.helpers.beams_cases import APPLY, ENDINGS, READ, RULES, STEPS, expected, shown, states
from tests.helpers.browser import browser, console_errors, open_disclosure, toggling
from tests.helpers.explorer_page import click, open_page, write_page
from tests.helpers.tables import TWO_STEPS, random_table

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def explorers() -> list[BeamExplorer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        toy = dl.TableLM(TWO_STEPS)
        endings = dl.TableLM(ENDINGS)
        return [
            explore_beams(endings, "", num_beams=(3, 1, 2), max_new_tokens=STEPS, title="Endings"),
            explore_beams(toy, "", num_beams=2, max_new_tokens=2, length_penalty=0.0, title="Toy"),
            explore_beams(
                toy, "", num_beams=2, max_new_tokens=2, title="Ask", predict="Which text?"
            ),
        ]


@pytest.fixture(scope="module")
def page(explorers, tmp_path_factory) -> str:
    return write_page(tmp_path_factory.mktemp("beams") / "page.html", explorers).as_uri()


@pytest.fixture(scope="module")
def driver():
    with browser() as chromium:
        yield chromium


def test_in_any_state_the_page_shows_what_decodelib_does(driver, page, explorers):
    root = open_page(driver, page)[0]
    assert driver.execute_script(READ, root) == expected(explorers[0], {})
    seen = set()
    for state in states(60):
        driver.execute_script(
            APPLY, root, state | {"early_stopping": str(state["early_stopping"]).lower()}
        )
        answer = expected(explorers[0], state)
        assert driver.execute_script(READ, root) == answer, state
        seen |= {row[2][:12] for row in answer["finished"]}
    assert len(seen) == 5  # returned, best so far, held, not reached, not among the best
    assert console_errors(driver) == []


def test_the_page_replays_1000_searches_as_python_does(driver, page):
    open_page(driver, page)
    rng = np.random.default_rng(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        some = [
            explore_beams(dl.TableLM(random_table(seed)), "", num_beams=(1, 2, 4), max_new_tokens=6)
            for seed in range(8)
        ]
    cases = []
    for number in range(1000):
        explorer = some[number % 8]
        explorer.num_beams = int(rng.choice([1, 2, 4]))
        explorer.length_penalty = float(rng.choice([-2, 0, 1, 3, rng.uniform(-10, 10)]))
        explorer.early_stopping = RULES[rng.integers(3)]
        until = int(rng.integers(0, 7))
        outcome = explorer.outcome(until)
        place = list(explorer.trees).index(explorer.num_beams)
        setting = [explorer.length_penalty, explorer.early_stopping, until]
        cases.append(([number % 8, place, *setting], outcome))
    results = driver.execute_script(
        """
        const { unpack, replay, score } = DecodeExplorer.beams;
        const [trees, cases] = arguments;
        return cases.map(([which, place, lengthPenalty, earlyStopping, until]) => {
          const tree = unpack(trees[which][place]);
          const { stop, finished } = replay(tree,
            { lengthPenalty, earlyStopping, maxNewTokens: 6, until });
          const index = (node) => tree.nodes.indexOf(node);
          return [stop, finished.map((node) => [score(node, lengthPenalty), index(node)])];
        });
        """,
        [explorer.data["trees"] for explorer in some],
        [case for case, _ in cases],
    )
    for (stop, finished), (case, outcome) in zip(results, cases, strict=True):
        assert stop == outcome.stop, case
        assert [index for _, index in finished] == [index for _, index in outcome.finished], case
        scores = [score for score, _ in outcome.finished]
        assert [score for score, _ in finished] == pytest.approx(scores, rel=1e-12), case


def test_the_tree_is_walked_with_the_arrow_keys(driver, page):
    from selenium.webdriver import ActionChains, Keys

    toy = open_page(driver, page)[1]

    def press(*keys: str) -> None:
        ActionChains(driver).send_keys(*keys).perform()

    def detail() -> str:
        return toy.find_element("css selector", '[data-dx="node"]').text

    stops = toy.find_elements("css selector", '.dx-beam-node[tabindex="0"]')
    assert len(stops) == 1  # one stop for the whole tree
    driver.execute_script("arguments[0].focus()", stops[0])
    assert detail().startswith("␣b␣x: p = 0.900 for the last token, sum of ln p −1.022, finished")
    press(Keys.ARROW_LEFT)
    assert detail().startswith("␣b: p = 0.400")
    press(Keys.ARROW_UP)
    assert detail().startswith("␣a: p = 0.500")
    assert "on greedy's path" in detail()
    press(Keys.ARROW_RIGHT)
    assert detail().startswith("␣a␣x: p = 0.400")
    press(Keys.ARROW_DOWN)
    assert "pruned at step 2" in detail()
    press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN)  # the last one stays
    assert detail().startswith("␣b␣y: p = 0.100")
    assert driver.switch_to.active_element.get_attribute("aria-label") == detail()


def test_the_best_finished_is_described_until_the_reader_picks_another(driver, page):
    root = open_page(driver, page)[0]

    def detail_after(penalty: float) -> str:
        driver.execute_script(APPLY, root, {"length_penalty": penalty})
        return root.find_element("css selector", '[data-dx="node"]').text

    assert detail_after(-2).startswith("␣<eos>:")
    assert detail_after(3).startswith("␣a␣a␣a␣a␣b␣c␣<eos>:")
    assert "the best finished" in detail_after(3)
    first = root.find_element("css selector", ".dx-beam-node")
    driver.execute_script("arguments[0].focus(); arguments[0].blur()", first)
    assert detail_after(-2).startswith("␣a: p = 0.400")


def test_every_control_works_from_the_keyboard(driver, page, explorers):
    from selenium.webdriver import ActionChains, Keys

    root = open_page(driver, page)[0]

    def use(selector: str, *keys: str) -> dict:
        driver.execute_script("arguments[0].querySelector(arguments[1]).focus()", root, selector)
        ActionChains(driver).send_keys(*keys).perform()
        return driver.execute_script(READ, root)

    state = dict(explorers[0].data["initial"])
    for selector, key, change in [
        ('[data-dx="step"]', Keys.ARROW_LEFT, {"step": STEPS - 1}),
        ('[data-dx="length_penalty"]', Keys.ARROW_LEFT, {"length_penalty": 0.9}),
        ('.dx-choice input[value="3"]', Keys.ARROW_RIGHT, {"num_beams": 1}),
        ('.dx-choice input[value="false"]', Keys.ARROW_RIGHT, {"early_stopping": True}),
    ]:
        state |= change
        assert use(selector, key) == expected(explorers[0], state), change
    click(driver, root, "Step back")
    state["step"] -= 1
    assert driver.execute_script(READ, root) == expected(explorers[0], state)
    click(driver, root, "Reset")
    initial = explorers[0].data["initial"]
    assert driver.execute_script(READ, root) == expected(explorers[0], initial)


def test_a_prediction_hides_all_but_the_first_step(driver, page, explorers):
    ask = open_page(driver, page)[2]
    for details in ask.find_elements("css selector", "details.dx-table"):
        open_disclosure(driver, details)
    hidden = driver.execute_script(READ, ask)
    assert hidden["facts"] == ["?"] * 4
    assert [node[1] for node in hidden["nodes"]] == ["␣a", "␣b", "␣c"]
    assert hidden["finished"] == []
    assert len(ask.find_elements("css selector", "tbody tr")) == 3
    words = driver.execute_script(
        "const copy = arguments[0].cloneNode(true); copy.querySelector('.dx-predict').remove();"
        "return copy.textContent",
        ask,
    )
    assert "b x" not in words
    controls = ask.find_elements(
        "css selector", ".dx-beam-controls input, .dx-beam-controls button"
    )
    assert not any(control.is_enabled() for control in controls)
    guess = ask.find_element("css selector", '.dx-predict input[value=" a x"]')
    driver.execute_script("arguments[0].click(); arguments[0].form.requestSubmit()", guess)
    verdict = ask.find_element("css selector", ".dx-verdict").text
    assert verdict.startswith("You predicted a x; it is b x.")
    assert driver.execute_script(READ, ask) == expected(explorers[2], {})


def test_the_table_holds_the_tree(driver, page, explorers):
    toy = open_page(driver, page)[1]
    with toggling(driver, toy.find_element("css selector", ".dx-table")):
        toy.find_element("css selector", ".dx-table summary").click()
    rows = [
        [cell.text for cell in row.find_elements("css selector", "td, th")]
        for row in toy.find_elements("css selector", "tbody tr")
    ]
    tree = explorers[1].tree
    assert [float(row[3]) for row in rows] == pytest.approx(
        [node.total for node in tree.nodes], abs=6e-5
    )
    assert [row[5].split(",")[0] for row in rows] == [node.fate for node in tree.nodes]
    assert rows[3][:2] == ["2", "␣b␣x"]


def test_the_code_that_is_copied_finds_what_the_page_shows(driver, page, capsys):
    root = open_page(driver, page)[0]
    driver.execute_script(APPLY, root, {"length_penalty": -0.5, "num_beams": 2})
    source = root.find_element("css selector", ".dx-code pre").get_attribute("textContent")
    exec(source, {})
    printed = capsys.readouterr().out.splitlines()
    rows = driver.execute_script(READ, root)["finished"]
    held = [row for row in rows if row[2] in ("held", "★ returned")]
    assert len(held) == 2
    for line, (score, text, _) in zip(printed, held, strict=False):
        number, found = line.split(" ", 1)
        assert shown(float(number)) == score
        assert eval(found) == text.removesuffix(" <eos>")
    assert printed[2].startswith("BeamTree(")


def test_a_link_brings_the_settings_back(driver, page, explorers):
    state = {"num_beams": 2, "step": 4, "length_penalty": -0.5, "early_stopping": True}
    root = open_page(driver, page)[0]
    driver.execute_script(APPLY, root, state | {"early_stopping": "true"})
    click(driver, root, "Copy link")
    link = root.find_element("css selector", '[data-dx="link"]').get_attribute("textContent")
    driver.get("about:blank")
    root = open_page(driver, link)[0]
    assert driver.execute_script(READ, root) == expected(explorers[0], state)
