"""The generation player on a page in a real browser: what it shows is what Python says it shows."""

from __future__ import annotations

import time

import numpy as np
import pytest

import decodelib as dl
from decodelib.viz import GenerationPlayer, explore_generation
from tests.helpers.browser import browser, console_errors, eventually, toggling
from tests.helpers.explorer_page import SET, click, open_page, write_page
from tests.helpers.player_page import GO, READ, expected, visible

pytestmark = pytest.mark.browser

PROMPT = "The sea"
TOKENS = 14


@pytest.fixture(scope="module")
def players() -> list[GenerationPlayer]:
    lm = dl.load("storybook", device="cpu", dtype="float64")
    ending = dl.TableLM({"": {"a": 0.4, "b": 0.3, "<eos>": 0.3}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        chain = dl.Sampling(dl.Temperature(0.8), dl.TopK(30), dl.TopP(0.7))
        hot = dl.EntropySampling(lost_heat=8.0, top_k=8192, top_p=1.0, min_p=0.0)
        run = {"max_new_tokens": TOKENS, "seed": 3}
        nested = explore_generation(lm, PROMPT, chain, branches=2, **run)
        step = nested.data["branches"][1]["steps"][1]
        other = next(c[0] for c in step["candidates"] if c[0] != step["id"])
        nested.regenerate(1, nested.data["branches"][1]["start"] + 2, other)
        nested.branch, nested.position = 0, 1
        return [
            nested,
            explore_generation(
                lm, PROMPT, dl.Greedy(), title="Guess", predict="Which token?", **run
            ),
            explore_generation(lm, PROMPT, hot, title="Entropy", **run),
            explore_generation(
                ending, "a", dl.Sampling(), title="Ends", branches=1, max_new_tokens=9, seed=2
            ),
        ]


@pytest.fixture(scope="module")
def page(players, tmp_path_factory) -> str:
    return write_page(tmp_path_factory.mktemp("player") / "page.html", players).as_uri()


@pytest.fixture(scope="module")
def driver():
    with browser() as chromium:
        yield chromium


def read(driver, root) -> dict:
    return driver.execute_script(READ, root)


def test_every_token_of_every_branch_shows_what_python_recorded(driver, page, players):
    roots = open_page(driver, page)
    for number in (0, 2, 3):
        root, player = roots[number], players[number]
        count = len(player.data["branches"])
        for branch in range(count):
            player.branch = branch
            for position in range(1, len(player.steps) + 1):
                driver.execute_script(GO, root, branch, position)
                shown = read(driver, root)
                assert shown == expected(player, branch, position), (number, branch, position)
                player.branch = branch
    assert console_errors(driver) == []


def test_a_candidate_with_a_branch_opens_it_at_the_same_token(driver, page, players):
    root, player = open_page(driver, page)[0], players[0]
    branch = player.data["branches"][1]
    driver.execute_script(GO, root, 0, branch["start"] + 1)
    token = branch["steps"][0]["candidates"]
    name = next(visible(c[1]) for c in token if c[0] == branch["steps"][0]["id"])
    see = root.find_element("css selector", f'[aria-label="See the text with “{name}”"]')
    driver.execute_script("arguments[0].click()", see)
    assert read(driver, root) == expected(player, 1, branch["start"] + 1)
    focused = driver.switch_to.active_element
    assert focused.get_attribute("aria-selected") == "true"


def test_it_plays_pauses_rewinds_and_stops_at_the_end(driver, page):
    # Playing is the reader's own wish, so it advances for readers who ask for less motion too.
    feature = {"name": "prefers-reduced-motion", "value": "reduce"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    root = open_page(driver, page)[0]
    play = root.find_element("css selector", '[data-dx="play"]')

    def place() -> int:
        return read(driver, root)["selected"]

    def wait_for(condition, what: str) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, what
            time.sleep(0.05)

    click(driver, root, "Play")
    assert play.text == "Pause"
    wait_for(lambda: place() >= 3, "playing")
    click(driver, root, "Pause")
    paused = place()
    time.sleep(1.0)
    assert (place(), play.text) == (paused, "Play")
    click(driver, root, "Step")
    assert place() == paused + 1
    click(driver, root, "Back")
    click(driver, root, "Back")
    assert place() == paused - 1
    click(driver, root, "Rewind")
    assert place() == 1
    driver.execute_script(SET, root, "position-box", TOKENS - 1)
    click(driver, root, "Play")
    wait_for(lambda: play.text == "Play", "the end")
    assert place() == TOKENS
    # At the end it begins anew; asked in the same task, before it plays on.
    assert driver.execute_script(f"arguments[1].click(); {READ}", root, play)["selected"] == 1
    click(driver, root, "Pause")


def test_everything_can_be_done_from_the_keyboard(driver, page):
    from selenium.webdriver import ActionChains, Keys

    root = open_page(driver, page)[0]

    def press(*keys: str) -> None:
        ActionChains(driver).send_keys(*keys).perform()

    def focused() -> str:
        return driver.switch_to.active_element.accessible_name

    driver.execute_script("arguments[0].querySelector('[data-dx=\"branch\"]').focus()", root)
    press(Keys.TAB)
    for keys, place in (
        ([Keys.ARROW_RIGHT], 2),
        ([Keys.ARROW_DOWN, Keys.ARROW_RIGHT], 4),
        ([Keys.ARROW_LEFT], 3),
        ([Keys.ARROW_UP], 2),
        ([Keys.END], TOKENS),
        ([Keys.ARROW_RIGHT], TOKENS),
        ([Keys.HOME], 1),
        ([Keys.ARROW_LEFT], 1),
    ):
        press(*keys)
        assert read(driver, root)["selected"] == place
        assert f", token {place}, p " in focused()
    for name in ("Rewind", "Back", "Play", "Step"):
        press(Keys.TAB)
        assert focused() == name
    press(Keys.ENTER)
    press(Keys.SPACE)
    assert read(driver, root)["selected"] == 3
    press(Keys.TAB)
    assert focused() == "Token"
    press(Keys.END)
    assert read(driver, root)["selected"] == TOKENS


def test_a_screen_reader_hears_where_it_is(driver, page, players):
    root = open_page(driver, page)[0]
    driver.execute_script(GO, root, 0, 5)
    live = root.find_element("css selector", '[data-dx="live"]')
    step = players[0].data["branches"][0]["steps"][4]
    start = f"Token 5 of {TOKENS}, “{visible(step['text'])}”: p "
    eventually(lambda: live.get_attribute("textContent")[: len(start)], start)
    said = live.get_attribute("textContent")
    assert f"entropy {step['entropy']:.3f} nats" in said


def test_a_prediction_hides_the_numbers_but_not_the_text(driver, page, players):
    root, player = open_page(driver, page)[1], players[1]
    steps = player.data["branches"][0]["steps"]
    shown = root.text
    assert read(driver, root)["facts"][1:] == ["?"] * 4
    assert root.find_elements("css selector", '[data-dx="candidate"]') == []
    assert "p " not in root.find_element("css selector", '[role="option"]').accessible_name
    assert f"{steps[0]['entropy']:.3f}" not in shown
    shade = "return getComputedStyle(arguments[0].querySelector('[role=option]')).backgroundColor"
    assert driver.execute_script(shade, root) == "rgba(0, 0, 0, 0)"
    driver.execute_script(SET, root, "prediction", 1)
    click(driver, root, "Reveal")
    least = 1 + int(np.argmin([step["p"] for step in steps]))
    verdict = root.find_element("css selector", ".dx-verdict").text
    assert f"token {least}, “{visible(steps[least - 1]['text'])}”" in verdict
    assert read(driver, root)["facts"] == expected(player, 0, 1)["facts"]


def test_the_table_holds_the_numbers_of_the_steps(driver, page, players):
    root, player = open_page(driver, page)[0], players[0]
    driver.execute_script(GO, root, 1, 1)
    with toggling(driver, root.find_element("css selector", ".dx-table")):
        root.find_element("css selector", ".dx-table summary").click()
    player.branch = 1
    cells = "[...row.cells].map((cell) => cell.textContent)"
    cells = f"return [...arguments[0].querySelectorAll('tbody tr')].map((row) => {cells})"
    rows = driver.execute_script(cells, root)
    assert len(rows) == len(player.steps)
    for place, (row, step) in enumerate(zip(rows, player.steps, strict=True), 1):
        assert row[:3] == [str(place), visible(step["text"]), str(step["id"])]
        assert float(row[3]) == pytest.approx(step["p"], rel=1e-5)
        assert (row[4], row[6]) == (str(step["rank"]), str(step["kept"]))
    assert [row[7] != "" for row in rows].index(True) == player.data["branches"][1]["start"]


def test_the_code_that_is_copied_gives_the_text_that_is_shown(driver, page, capsys, players):
    root, player = open_page(driver, page)[0], players[0]
    for branch in range(len(player.data["branches"])):
        driver.execute_script(GO, root, branch, 1)
        source = root.find_element("css selector", ".dx-code pre").get_attribute("textContent")
        exec(source, {})
        player.branch = branch
        assert capsys.readouterr().out == f"{PROMPT}{player.text}\n"


def test_a_link_brings_back_the_branch_and_the_token(driver, page, players):
    root = open_page(driver, page)[0]
    driver.execute_script(GO, root, 3, 9)
    click(driver, root, "Copy link")
    link = root.find_element("css selector", '[data-dx="link"]').get_attribute("textContent")
    driver.get("about:blank")
    root = open_page(driver, link)[0]
    assert read(driver, root) == expected(players[0], 3, 9)
