"""All explorers, and the playground, in JupyterLab with a real kernel.

Readers move traits, traits move the page; in the playground text streams, and Stop stops.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from selenium.webdriver import Keys

from tests.helpers.browser import console_errors, external, requests
from tests.helpers.explorer_page import READ
from tests.helpers.lab import CELL, open_notebook, wait_for
from tests.helpers.lab_cases import CELLS, MAKE, MOVES, SETUP, TOLD
from tests.helpers.player_page import READ as READ_PLAYER

pytestmark = pytest.mark.browser

# Each pass takes 0.05 s, so that the test has time to watch and to stop.
PLAY = """\
import time
slow = dl.load("storybook", device="cpu")
step = slow.step
slow.step = lambda *arguments: (time.sleep(0.05), step(*arguments))[1]
play = viz.playground(slow, "The sea")
play"""
PLAYED = "print(play.dials['temperature'].widget.value, len(play.decoding.steps))"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A notebook in which each kind of explorer is alive in its own cell; the last is PLAY."""
    cells = [f"{kind} = {source}\n{kind}" for kind, source in MAKE.items()]
    with open_notebook(tmp_path_factory.mktemp("lab"), [SETUP, *cells, PLAY], 8000) as notebook:
        for index in range(len(cells) + 1):
            notebook.run(index)
        for kind, index in CELLS.items():
            wait_for(lambda index=index: notebook.find(index, ".dx-root"), 60, kind)
        yield notebook
        assert external(requests(notebook.driver)[0]) == []


@pytest.mark.parametrize("kind", MAKE)
def test_the_keys_of_a_reader_move_traits_and_no_cell(lab, kind):
    index = CELLS[kind]
    for selector, keys, trait, value in MOVES[kind]:
        control = wait_for(lambda s=selector: lab.find(index, s), 10, selector)
        lab.focus(index, control)
        lab.press(keys)
        assert lab.active == index, (selector, keys)
        inside = "return arguments[0].contains(document.activeElement)"
        assert lab.driver.execute_script(inside, lab.find(index, ".dx-root")), (selector, keys)
        ask = f"print(repr({kind}.{trait}))"
        wait_for(lambda a=ask, v=value: lab.python(a) == repr(v), 10, f"{kind}.{trait} at {value}")
    assert console_errors(lab.driver) == []


@pytest.mark.parametrize("kind", MAKE)
def test_traits_set_in_python_move_the_page(lab, kind):
    shows = "const [e, name] = arguments; return e[name] ?? e.getAttribute(name)"
    for trait, value, selector, name, shown in TOLD[kind]:
        assert lab.python(f"{kind}.{trait} = {value!r}") == ""

        def seen(selector=selector, name=name, shown=shown) -> bool:
            return lab.driver.execute_script(shows, lab.find(CELLS[kind], selector), name) == shown

        wait_for(seen, 10, f"the page showing {trait} = {value}")
    assert console_errors(lab.driver) == []


def test_page_and_python_agree_on_the_distribution(lab):
    for setting in ("temperature = 2.0", "top_k = 3", "top_p = 0.6"):
        lab.python(f"distribution.{setting}")
    root = lab.find(CELLS["distribution"], ".dx-root")
    wait_for(lambda: lab.driver.execute_script(READ, root)["values"]["top_p"] == 0.6, 10, "top-p")
    shown = lab.driver.execute_script(READ, root)
    asked = "d = distribution.distribution(); print(d.kept, round(d.entropy, 3))"
    kept, entropy = lab.python(asked).split()
    assert shown["kept"] == f"{kept} of 8"
    assert float(shown["entropy"].split()[-1]) == float(entropy)


def test_a_notebook_offers_code_but_no_link(lab):
    for index in CELLS.values():
        root = lab.find(index, ".dx-root")
        buttons = [button.text for button in root.find_elements("tag name", "button")]
        assert "Copy as decodelib code" in buttons
        assert "Copy link" not in buttons  # a notebook has no address that would open like this


def test_a_candidate_of_the_player_generates_from_there_and_failure_is_told(lab):
    index = CELLS["player"]
    root = lab.find(index, ".dx-root")

    def read() -> dict:
        return lab.driver.execute_script(READ_PLAYER, root)

    def generate(row: int) -> str:
        """Press the button of the candidate in this row; return its token."""
        button = root.find_elements("css selector", '[data-dx="candidate"] button')[row]
        assert button.get_attribute("textContent") == "Generate"
        name = button.accessible_name.split("“")[1].rstrip("”")
        lab.focus(index, button)
        lab.press(Keys.ENTER)
        return name

    lab.python("player.branch, player.position = 0, 3")
    wait_for(lambda: read()["selected"] == 3, 10, "the third token")
    before = read()["text"]
    removed = [row[2] for row in read()["candidates"]].index("✕ TopK(3)")
    taken = generate(removed)  # a candidate that top-k removed can be taken all the same
    wait_for(lambda: read()["text"] != before, 30, "a new text")
    shown = read()
    assert shown["selected"] == 3
    assert shown["facts"][0] == taken
    assert shown["note"].startswith("taken here instead of")
    heard = f"2 1 3 {shown['text'].replace('↵', '')!r}"
    ask = "print(len(player.data['branches']), player.branch, player.position, repr(player.text))"
    wait_for(lambda: lab.python(ask) == heard, 20, f"Python saying {heard}")

    lab.python("player._recorder.branch = lambda *_: 1 / 0")
    lab.python("player.branch, player.position = 0, 7")
    wait_for(lambda: read()["selected"] == 7, 10, "the first text")
    assert read()["text"] == before
    removed = [row[2] for row in read()["candidates"]].index("✕ TopK(3)")
    generate(removed)
    status = root.find_element("css selector", '[data-dx="status"]')
    wait_for(lambda: "No new branch: division by zero" in status.text, 20, "the reason")
    assert read()["text"] == before
    assert console_errors(lab.driver) == []


def test_the_readers_own_prompt_is_computed_by_the_kernel(lab):
    index = CELLS["player"]

    def part(name: str):
        return lab.find(index, f'[data-dx="{name}"]')

    lab.focus(index, part("own"))
    lab.press(Keys.ENTER)
    for typed, name, said in (
        (" ", "own-trouble", "Prompt must hold some text, got ' '."),
        ("The wolf", "own-result", "Your own prompt"),
    ):
        lab.focus(index, part("own-prompt"))
        lab.driver.execute_script("arguments[0].select()", part("own-prompt"))
        lab.press(typed)
        assert lab.active == index
        lab.focus(index, part("own-go"))
        lab.press(Keys.ENTER)
        wait_for(lambda n=name, s=said: s in part(n).text, 30, said)
    text = lab.python("print(repr(player.with_prompt('The wolf').text))")
    shown = lab.find(index, '[data-dx="own-result"]').get_attribute("textContent")
    assert "The wolf" in shown
    assert eval(text).split()[0] in shown
    assert lab.find(CELLS["votes"], '[data-dx="own"]') is None  # a table's
    assert console_errors(lab.driver) == []


def test_screenshots_are_taken_where_they_are_asked_for(lab):
    shots = os.environ.get("DECODELIB_SCREENSHOTS")
    if not shots:
        pytest.skip("set DECODELIB_SCREENSHOTS to a folder")
    for theme in ("Light", "Dark"):
        change = "jupyterapp.commands.execute('apputils:change-theme', {theme: arguments[0]})"
        lab.driver.execute_async_script(f"{change}.then(arguments[1])", f"JupyterLab {theme}")
        time.sleep(2)
        lab.driver.save_screenshot(str(Path(shots) / f"lab_{theme.lower()}.png"))


def test_in_the_playground_text_streams_stop_stops_and_errors_are_told(lab):
    from selenium.webdriver.support.ui import Select

    index = len(MAKE) + 1
    lab.run(index)
    driver = lab.driver
    area = driver.execute_script(f"return {CELL}.outputArea.node", index)

    def find(selector: str):
        found = area.find_elements("css selector", selector)
        return found[0] if found else None

    def button(name: str):
        buttons = area.find_elements("tag name", "button")
        return next(b for b in buttons if b.text == name)

    def text() -> str:
        shown = find(".dl-generation")
        return shown.get_attribute("textContent") if shown else ""

    def status() -> str:
        return find('[role="status"]').text

    prompt = wait_for(lambda: find("textarea"), 120, "the playground")
    press_into(driver, prompt, "Once upon a time")

    # The text grows while the model works, and Stop is heard although it does.
    length = area.find_elements("css selector", ".widget-readout")[-1]
    press_into(driver, length, "200", Keys.ENTER)
    button("Generate").click()
    first = wait_for(lambda: len(text()) > 40 and text(), 60, "some text")
    assert first.startswith("Once upon a time")
    wait_for(lambda: len(text()) > len(first) and text().startswith(first), 60, "more text")
    assert not button("Generate").is_enabled()
    button("Stop").click()
    wait_for(lambda: status().startswith("Stopped after "), 30, "the end")
    stopped = text()
    tokens = int(status().split()[2])
    assert 0 < tokens < 200
    assert lab.python(PLAYED) == f"1.0 {tokens}"
    assert text() == stopped
    assert button("Generate").is_enabled()

    # A slider moves by the keyboard, which Lab leaves alone; temperature 0 is greedy.
    slider = find(".widget-hslider")
    assert slider.find_element("css selector", "label").text == "Temperature"
    handle = slider.find_element("css selector", '[role="slider"]')
    readout = slider.find_element("css selector", ".widget-readout")
    lab.focus(index, handle)
    for key, value in (
        (Keys.ARROW_RIGHT, "1.05"),
        (Keys.ARROW_UP, "1.10"),
        (Keys.ARROW_LEFT, "1.05"),
        (Keys.ARROW_DOWN, "1.00"),
        (Keys.HOME, "0.00"),
    ):
        lab.press(key)
        wait_for(lambda value=value: readout.text == value, 10, f"the slider at {value}")
        assert driver.switch_to.active_element == handle
        assert lab.active == index
    code = area.find_elements("css selector", "textarea")[-1]
    wait_for(lambda: "dl.Greedy()" in code.get_attribute("value"), 20, "greedy code")

    # What cannot be done is told in a sentence.
    strategies = area.find_elements("css selector", "select")[2]  # after model and preset
    Select(strategies).select_by_visible_text("speculative")
    wait_for(lambda: "Draft must name" in code.get_attribute("value"), 20, "the code's answer")
    button("Generate").click()
    wait_for(lambda: status().startswith("Draft must name a model"), 30, "the sentence")

    if shots := os.environ.get("DECODELIB_SCREENSHOTS"):
        driver.save_screenshot(str(Path(shots) / "playground.png"))


def press_into(driver, node, *keys: str) -> None:
    """Replace the text of a field by typing."""
    from selenium.webdriver import ActionChains

    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", node)
    node.click()
    chain = ActionChains(driver).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL)
    chain.send_keys(*keys).perform()
