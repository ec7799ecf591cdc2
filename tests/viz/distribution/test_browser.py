"""One page of explorers in a real browser: arithmetic, speed, keyboard, prediction, draws, text.

Every number read from the page is compared with decodelib's processors on the data in the page.
"""

from __future__ import annotations

import json
import math

import pytest

from decodelib.viz import DistributionExplorer
from tests.helpers.browser import browser, console_errors, toggling
from tests.helpers.explorer_cases import (
    ANSWER,
    ORDER,
    assert_all_agree,
    explorers_of,
    model_like_logits,
    rows_and_settings,
    words,
)
from tests.helpers.explorer_page import (
    READ,
    SET,
    assert_shows,
    click,
    open_page,
    reveal,
    state_of,
    write_page,
)

pytestmark = pytest.mark.browser

TOY = [math.log(p) for p in (0.4, 0.2, 0.15, 0.1, 0.06, 0.05, 0.03, 0.01)]
WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "ran"]


@pytest.fixture(scope="module")
def driver():
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    """A page with four explorers and nothing else, as a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        make = DistributionExplorer.from_logits
        explorers = [
            make(TOY, WORDS, title="Toy", bars=8),
            make(model_like_logits(50_257), words(50_257), title="Large"),
            make(TOY, WORDS, title="Predict", top_p=0.9, predict="How many tokens are kept?"),
            make({"one": TOY, "two": [3 * x for x in TOY]}, WORDS, title="Two"),
        ]
    return write_page(tmp_path_factory.mktemp("page") / "page.html", explorers).as_uri()


@pytest.mark.parametrize("count", [300, pytest.param(1000, marks=pytest.mark.long)])
def test_chromium_computes_what_decodelib_computes(driver, page, monkeypatch, count):
    monkeypatch.setenv("DECODELIB_STATIC", "1")
    open_page(driver, page)
    rows, cases = rows_and_settings(seed=1, count=count)
    explorers = explorers_of(rows)
    question = {"records": [e.data["contexts"][0] for e in explorers], "cases": cases}
    script = ANSWER + "return JSON.stringify(answer(JSON.parse(arguments[0])))"
    results = json.loads(driver.execute_script(script, json.dumps(question)))["results"]
    assert_all_agree(results, explorers, cases)


def test_everything_can_be_done_from_the_keyboard(driver, page):
    from selenium.webdriver import ActionChains, Keys

    toy, _, predict, two = open_page(driver, page)

    def press(*keys: str) -> None:
        ActionChains(driver).send_keys(*keys).perform()

    def focus(root, selector: str) -> None:
        driver.execute_script("arguments[0].querySelector(arguments[1]).focus()", root, selector)

    def read(root) -> dict:
        return driver.execute_script(READ, root)

    focus(toy, '[data-dx="temperature"]')
    press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert read(toy)["values"]["temperature"] == 0.9
    press(Keys.TAB)
    press(Keys.CONTROL, "a")
    press("2.5")
    assert read(toy)["values"]["temperature"] == 2.5
    focus(toy, '[data-dx="top_k"]')
    press(Keys.HOME)
    assert read(toy)["kept"] == "1 of 8"
    press(Keys.END)
    assert read(toy)["kept"] == "8 of 8"

    focus(toy, '[data-dx="temperature-step"] button:last-child')
    press(Keys.ENTER)
    press(Keys.ENTER)  # the focus has moved with the button
    order = "return [...arguments[0].querySelectorAll('.dx-step')].map((e) => e.dataset.dx)"
    assert driver.execute_script(order, toy)[2] == "temperature-step"

    assert read(predict)["kept"].startswith("?")
    focus(predict, '[data-dx="prediction"]')
    press("4", Keys.ENTER)
    verdict = predict.find_element("css selector", ".dx-verdict")
    assert verdict.text.startswith("You predicted 4; it is 5.")
    assert driver.switch_to.active_element == verdict

    focus(two, ".dx-choice input:checked")
    before = read(two)["entropy"]
    press(Keys.ARROW_RIGHT)
    assert read(two)["entropy"] != before


def test_a_prediction_hides_every_number_after_the_steps(driver, page):
    predict = open_page(driver, page)[2]
    shown = driver.execute_script(READ, predict)
    assert (shown["kept"], shown["mass"]) == ("? of 8", "?")
    assert [row["after"] for row in shown["rows"]] == ["?"] * 8
    assert {row["width"] for row in shown["rows"]} == {0}
    assert not any(row["cut"] for row in shown["rows"])
    assert all(
        not e.is_enabled()
        for e in predict.find_elements("css selector", "input[type=range], .dx-draws button")
    )
    label = predict.find_element("css selector", ".dx-chart").get_attribute("aria-label")
    assert "after" not in label
    reveal(driver, predict)
    settings = {"top_p": 0.9, "order": ORDER}
    record = state_of(predict)["data"]["contexts"][0]
    assert_shows(driver.execute_script(READ, predict), record, settings, "revealed")


def test_a_step_that_the_reader_adds_joins_the_list_and_stays_until_reset(driver, page):
    toy = open_page(driver, page)[0]
    record = state_of(toy)["data"]["contexts"][0]

    def shown() -> list[str]:
        steps = toy.find_elements("css selector", ".dx-step")
        return [step.get_attribute("data-dx").removesuffix("-step") for step in steps]

    usual = ["temperature", "top_k", "top_p", "min_p"]
    assert shown() == usual
    add = toy.find_element("css selector", '[data-dx="add-typical_p"]')
    add.send_keys("\n")
    slider = toy.find_element("css selector", '[data-dx="typical_p"]')
    assert driver.switch_to.active_element == slider
    assert shown() == [*usual, "typical_p"]
    assert not add.is_displayed()
    driver.execute_script(SET, toy, "typical_p-box", 0.2)
    read = driver.execute_script(READ, toy)
    assert_shows(read, record, {"typical_p": 0.2, "order": ORDER}, "typical")
    assert read["rows"][0]["after"] == "✕ typical"
    driver.execute_script(SET, toy, "typical_p-box", 1)
    assert shown() == [*usual, "typical_p"]
    for name in ("top_n_sigma", "eta"):
        toy.find_element("css selector", f'[data-dx="add-{name}"]').click()
    assert shown() == ORDER
    assert not toy.find_element("css selector", ".dx-add").is_displayed()
    settings = {"top_n_sigma": 1, "eta": 0.002, "order": ORDER}
    assert_shows(driver.execute_script(READ, toy), record, settings, "two added")
    click(driver, toy, "Reset")
    assert shown() == usual


def test_the_steps_apply_in_the_readers_order_and_reset_returns(driver, page):
    toy = open_page(driver, page)[0]
    record = state_of(toy)["data"]["contexts"][0]
    driver.execute_script(SET, toy, "temperature-box", 3)
    driver.execute_script(SET, toy, "top_p-box", 0.55)
    values = {"temperature": 3.0, "top_p": 0.55}
    warm_first = driver.execute_script(READ, toy)
    assert_shows(warm_first, record, values | {"order": ORDER}, "temperature first")
    for _ in range(2):
        later = toy.find_element("css selector", '[aria-label="Apply Temperature later"]')
        driver.execute_script("arguments[0].click()", later)
    top_p_first = driver.execute_script(READ, toy)
    order = ["top_k", "top_p", "temperature", "min_p"]
    assert_shows(top_p_first, record, values | {"order": order}, "top-p first")
    assert top_p_first["kept"] != warm_first["kept"]
    click(driver, toy, "Reset")
    assert_shows(driver.execute_script(READ, toy), record, {"order": ORDER}, "reset")


def test_a_number_out_of_range_is_brought_back_into_it(driver, page):
    toy = open_page(driver, page)[0]
    typed = [("temperature", 0), ("temperature", 1e9), ("top_k", -3), ("top_k", 2.6), ("top_p", 0)]
    typed += [("top_p", 7), ("min_p", -1), ("min_p", 2), ("top_k", "")]
    kept = [driver.execute_script(SET, toy, f"{name}-box", value) for name, value in typed]
    assert kept == [0.01, 10, 0, 3, 0.001, 1, 0, 1, 3]
    assert console_errors(driver) == []


def test_draws_are_tallied_and_repeat_with_their_seed(driver, page):
    toy = open_page(driver, page)[0]

    def drawn() -> list[float]:
        cells = toy.find_elements("css selector", ".dx-row:not(.dx-head) .dx-drawn")
        return [float(cell.text) for cell in cells if cell.text]

    click(driver, toy, "Draw 100")
    first = drawn()
    assert sum(first) == pytest.approx(1)
    assert "100 drawn" in toy.find_element("css selector", ".dx-tally").text
    driver.execute_script(SET, toy, "seed", 7)
    other = drawn()
    driver.execute_script(SET, toy, "seed", 0)
    assert drawn() == first != other
    driver.execute_script(SET, toy, "top_k-box", 2)
    assert len(drawn()) == 2
    assert sum(drawn()) == pytest.approx(1)


@pytest.mark.parametrize(("which", "first"), [(0, "the"), (1, None)])
def test_the_code_that_is_copied_computes_what_the_page_shows(driver, page, capsys, which, first):
    root = open_page(driver, page)[which]
    driver.execute_script(SET, root, "temperature-box", 1.3)
    driver.execute_script(SET, root, "top_p-box", 0.9)
    source = root.find_element("css selector", ".dx-code pre").get_attribute("textContent")
    exec(source, {})
    printed = eval(capsys.readouterr().out)
    rows = driver.execute_script(READ, root)["rows"]
    shown = [0.0 if row["cut"] else float(row["after"]) for row in rows]
    tokens = state_of(root)["data"]["contexts"][0]["tokens"]
    assert [printed[token] for token in tokens[: len(rows)]] == pytest.approx(shown, abs=6e-5)
    assert next(iter(printed)) == (first or tokens[0])


def test_the_table_holds_the_numbers_of_the_chart(driver, page):
    toy = open_page(driver, page)[0]
    driver.execute_script(SET, toy, "top_k-box", 3)
    with toggling(driver, toy.find_element("css selector", ".dx-table")):
        toy.find_element("css selector", ".dx-table summary").click()
    rows = [row.text.split() for row in toy.find_elements("css selector", "tbody tr")]
    assert [row[1] for row in rows] == WORDS
    after = [float(row[4]) for row in rows[:3]]
    assert after == pytest.approx([0.4 / 0.75, 0.2 / 0.75, 0.2], abs=1e-6)
    assert all("removed by top-k" in " ".join(row) for row in rows[3:])


def test_where_no_script_runs_the_text_version_is_shown(driver, page):
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver.get(page)
        text = driver.find_element("css selector", ".dx-fallback").text
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert "keeps 8 of 8 tokens" in text
    assert "'cat'" in text


def test_explorers_do_not_disturb_each_other(driver, page):
    toy, large, *_ = open_page(driver, page)
    before = driver.execute_script(READ, large)
    driver.execute_script(SET, toy, "top_k-box", 2)
    assert driver.execute_script(READ, large) == before
