"""The strategy race on a page in a real browser: what it shows is what Python says it shows."""

from __future__ import annotations

import time

import numpy as np
import pytest

from decodelib.viz.race.explorer import AS_GIVEN, RaceExplorer
from decodelib.viz.race.scores import METRICS
from tests.helpers.browser import browser, console_errors, eventually, open_disclosure
from tests.helpers.explorer_page import open_page, write_page
from tests.helpers.race_cases import APPLY, PROMPT, READ, STRATEGIES, TOKENS, expected, make_races

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def races() -> list[RaceExplorer]:
    return make_races()


@pytest.fixture(scope="module")
def page(races, tmp_path_factory) -> str:
    return write_page(tmp_path_factory.mktemp("race") / "page.html", races).as_uri()


@pytest.fixture(scope="module")
def driver():
    with browser() as chromium:
        yield chromium


def states(race: RaceExplorer, count: int) -> list[dict]:
    rng = np.random.default_rng(0)
    names = list(race.numbers)
    return [
        {
            "sort": str(rng.choice([AS_GIVEN, *METRICS])),
            "sample": int(rng.integers(1, 4)),
            "step": int(rng.integers(1, TOKENS + 1)),
            "shown": [n for n in names if rng.random() < 0.6] or names,
        }
        for _ in range(count)
    ]


def read(driver, root) -> list[dict]:
    return driver.execute_script(READ, root)


def test_in_any_state_the_page_shows_what_python_says(driver, page, races):
    first, _, ends, _ = open_page(driver, page)
    for race, root in ((races[0], first), (races[2], ends)):
        assert read(driver, root) == expected(race, race.data["initial"])
        for state in states(race, 40):
            driver.execute_script(APPLY, root, state)
            assert read(driver, root) == expected(race, state), state
    assert console_errors(driver) == []


def test_some_text_of_the_test_ends_on_its_own(races):
    assert "eos" in {g.finish_reason for g in races[2].generations["Sampling"]}


def test_clearing_the_last_strategy_brings_all_back(driver, page, races):
    root = open_page(driver, page)[0]
    driver.execute_script(APPLY, root, {**races[0].data["initial"], "shown": ["Beams"]})
    assert [lane["name"] for lane in read(driver, root)] == ["Beams"]
    box = root.find_element("css selector", '[data-dx="shown"] input[value="Beams"]')
    driver.execute_script("arguments[0].click()", box)
    assert [lane["name"] for lane in read(driver, root)] == list(STRATEGIES)
    assert box.is_selected()


def test_two_strategies_stand_side_by_side(driver, page):
    root = open_page(driver, page)[0]

    def press(name: str) -> None:
        button = root.find_element("css selector", f'[data-dx="{name}"]')
        driver.execute_script("arguments[0].click()", button)

    choose = (
        "const s = arguments[0].querySelector('[data-dx=\"compare-2\"]'); s.value = arguments[1];"
    )
    driver.execute_script(choose, root, list(STRATEGIES)[-1])
    press("compare")
    names = list(STRATEGIES)
    pair = [names[0], names[-1]]
    assert [lane["name"] for lane in read(driver, root)] == pair
    lanes = root.find_elements("css selector", '[data-dx="lane"]')
    assert len({lane.rect["y"] for lane in lanes}) == 1
    parts = [
        [part.rect["y"] for part in lane.find_elements("css selector", ":scope > *")]
        for lane in lanes
    ]
    assert parts[0] == parts[1]  # heads, texts and numbers each in a line
    press("show-all")
    assert [lane["name"] for lane in read(driver, root)] == list(STRATEGIES)


def test_a_prediction_hides_the_numbers_the_order_and_the_shades(driver, page, races):
    root = open_page(driver, page)[1]
    lanes = read(driver, root)
    assert {number for lane in lanes for number in lane["numbers"]} == {"?"}
    assert {bar for lane in lanes for bar in lane["bars"]} == {0}
    shade = "return getComputedStyle(arguments[0].querySelector('.dx-word')).backgroundColor"
    assert driver.execute_script(shade, root) == "rgba(0, 0, 0, 0)"
    assert not root.find_element("css selector", '[data-dx="sort"] input').is_enabled()
    for details in root.find_elements("css selector", "details"):
        open_disclosure(driver, details)
    cells = root.find_elements("css selector", ".dx-table td:last-child")
    assert {cell.text for cell in cells} == {"?"}

    wrong = root.find_element("css selector", '.dx-predict input[value="Ancestral"]')
    driver.execute_script("arguments[0].click()", wrong)
    driver.execute_script("arguments[0].closest('form').requestSubmit()", wrong)
    verdict = root.find_element("css selector", ".dx-verdict").text
    winner = min(STRATEGIES, key=lambda name: races[1].numbers[name]["surprisal"])
    assert verdict.startswith(f"You predicted Ancestral; it is {winner}.")
    assert read(driver, root)[0]["numbers"] == expected(races[1], {})[0]["numbers"]


def test_the_race_runs_to_its_end_and_can_be_stopped(driver, page):
    root = open_page(driver, page)[0]
    play = root.find_element("css selector", '[data-dx="play"]')
    box = root.find_element("css selector", '[data-dx="step-box"]')

    def step() -> int:
        return int(box.get_attribute("value"))

    start = "const [play, box] = arguments; play.click(); return [box.value, play.textContent]"
    assert driver.execute_script(start, play, box) == ["1", "Stop the race"]
    # In the page: while a test asks from outside, a short race may end.
    stopped = driver.execute_async_script(
        "const [play, box, done] = arguments; const look = () => {"
        " if (box.value === '1') return setTimeout(look, 5);"
        " play.click(); done(Number(box.value)); }; look()",
        play,
        box,
    )
    assert 1 < stopped < TOKENS
    time.sleep(0.3)
    assert (step(), play.text) == (stopped, "Run the race")
    driver.execute_script("arguments[0].click()", play)
    eventually(lambda: (step(), play.text), (TOKENS, "Run the race"))


def test_readers_who_ask_for_less_motion_get_no_running_race(driver, page):
    for preference, still in (("reduce", True), ("no-preference", False)):
        feature = {"name": "prefers-reduced-motion", "value": preference}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        root = open_page(driver, page)[0]
        play = root.find_element("css selector", '[data-dx="play"]')
        assert play.is_displayed() is not still


def test_everything_can_be_done_from_the_keyboard(driver, page, races):
    from selenium.webdriver import ActionChains, Keys

    root = open_page(driver, page)[0]

    def press(*keys: str) -> None:
        ActionChains(driver).send_keys(*keys).perform()

    def focus(selector: str) -> None:
        driver.execute_script("arguments[0].querySelector(arguments[1]).focus()", root, selector)

    focus('[data-dx="sort"] input:checked')
    press(Keys.ARROW_RIGHT)  # the next radio button: surprisal
    assert read(driver, root) == expected(
        races[0], {**races[0].data["initial"], "sort": "surprisal"}
    )
    focus('[data-dx="shown"] input[value="Greedy"]')
    press(Keys.SPACE)
    assert "Greedy" not in [lane["name"] for lane in read(driver, root)]
    focus('[data-dx="step"]')
    press(Keys.HOME)
    assert {len(lane["text"].split()) <= 1 for lane in read(driver, root)} == {True}
    focus('[data-dx="lane"]:last-child .dx-pick')
    name = read(driver, root)[-1]["name"]
    press(Keys.ENTER)
    assert driver.switch_to.active_element.text == f"The tokens of {name}"
    press(Keys.TAB)  # into the table, which opened
    assert driver.switch_to.active_element.get_attribute("aria-label") == f"The tokens of {name}"


def test_the_tables_hold_the_numbers_and_the_tokens(driver, page, races):
    root = open_page(driver, page)[0]
    pick = root.find_element("css selector", '[aria-label="Tokens and code of Top-p"]')
    driver.execute_script("arguments[0].click()", pick)
    numbers, tokens = root.find_elements("css selector", ".dx-table")
    open_disclosure(driver, numbers)
    rows = [row.text for row in numbers.find_elements("css selector", "tbody tr")]
    assert [row.split()[0] for row in rows] == list(STRATEGIES)
    assert f"{races[0].numbers['Greedy']['surprisal']:.2f}" in rows[0]
    g = races[0].generations["Top-p"][0]
    cells = [row.text.split() for row in tokens.find_elements("css selector", "tbody tr")]
    assert [float(row[-1]) for row in cells] == pytest.approx([-x for x in g.logprobs], abs=6e-4)
    assert cells[0][1] == g.tokens[0].replace(" ", "␣").replace("\n", "↵")


def test_the_code_that_is_copied_gives_the_text_that_is_shown(driver, page, capsys):
    root = open_page(driver, page)[0]
    second = {"sort": AS_GIVEN, "sample": 2, "step": TOKENS, "shown": list(STRATEGIES)}
    driver.execute_script(APPLY, root, second)
    for name in ("Beams", "Top-p"):
        pick = root.find_element("css selector", f'[aria-label="Tokens and code of {name}"]')
        driver.execute_script("arguments[0].click()", pick)
        source = root.find_element("css selector", ".dx-code pre").get_attribute("textContent")
        exec(source, {})
        lane = next(lane for lane in read(driver, root) if lane["name"] == name)
        assert capsys.readouterr().out == f"{PROMPT}{lane['text']}\n"


def copied_link(driver, root) -> str:
    button = next(b for b in root.find_elements("tag name", "button") if b.text == "Copy link")
    driver.execute_script("arguments[0].click()", button)
    return root.find_element("css selector", '[data-dx="link"]').get_attribute("textContent")


def test_a_link_brings_back_the_lanes_the_order_and_the_text(driver, page, races):
    state = {"sort": "length", "sample": 3, "step": 7, "shown": ["Greedy", "Top-p"]}
    root = open_page(driver, page)[0]
    driver.execute_script(APPLY, root, state)
    link = copied_link(driver, root)
    driver.get("about:blank")
    root = open_page(driver, link)[0]
    assert read(driver, root) == expected(races[0], state)


@pytest.mark.parametrize("shown", [["a, b"], ["a", " b"], ["100%2C"], ["100%", "<&=+#>"]])
def test_a_link_keeps_difficult_names_apart(driver, page, shown):
    root = open_page(driver, page)[3]
    for box in root.find_elements("css selector", '[data-dx="shown"] input'):
        if box.get_attribute("value") not in shown:
            driver.execute_script("arguments[0].click()", box)
    link = copied_link(driver, root)
    driver.get("about:blank")
    root = open_page(driver, link)[3]
    assert [lane["name"] for lane in read(driver, root)] == shown
