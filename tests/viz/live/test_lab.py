"""The playground in JupyterLab with a real kernel: text streams, Stop stops, errors are told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.helpers.browser import external, requests
from tests.helpers.lab import open_notebook, wait_for

pytestmark = pytest.mark.browser

# Each pass takes 0.05 s, so that the test has time to watch and to stop.
MAKE = """\
import time
import decodelib as dl
from decodelib.viz import playground
lm = dl.load("storybook", device="cpu")
step = type(lm).step
type(lm).step = lambda *arguments: (time.sleep(0.05), step(*arguments))[1]
play = playground(lm, "The sea")
play"""
ASK = "print(play.dials['temperature'].widget.value, len(play.decoding.steps))"


def test_text_streams_stop_stops_and_errors_are_told(tmp_path):
    from selenium.webdriver import Keys
    from selenium.webdriver.support.ui import Select

    with open_notebook(tmp_path, [MAKE, "play"], 1600) as notebook:
        driver = notebook.driver
        notebook.run(0)

        def find(selector: str):
            found = driver.find_elements("css selector", f".jp-OutputArea-output {selector}")
            return found[0] if found else None

        def button(name: str):
            buttons = driver.find_elements("css selector", ".jp-OutputArea-output button")
            return next(b for b in buttons if b.text == name)

        def text() -> str:
            shown = find(".dl-generation")
            return shown.get_attribute("textContent") if shown else ""

        def status() -> str:
            return find('[role="status"]').text

        prompt = wait_for(lambda: find("textarea"), 120, "the playground")
        press_into(driver, prompt, "Once upon a time")

        # The text grows while the model works, and Stop is heard although it does.
        length = driver.find_elements("css selector", ".jp-OutputArea-output .widget-readout")[-1]
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
        assert notebook.python(ASK) == f"1.0 {tokens}"
        assert text() == stopped
        assert button("Generate").is_enabled()

        # A slider moves by the keyboard, which Lab leaves alone; temperature 0 is greedy.
        slider = find(".widget-hslider")
        assert slider.find_element("css selector", "label").text == "Temperature"
        handle = slider.find_element("css selector", '[role="slider"]')
        readout = slider.find_element("css selector", ".widget-readout")
        notebook.focus(0, handle)
        for key, value in (
            (Keys.ARROW_RIGHT, "1.05"),
            (Keys.ARROW_UP, "1.10"),
            (Keys.ARROW_LEFT, "1.05"),
            (Keys.ARROW_DOWN, "1.00"),
            (Keys.HOME, "0.00"),
        ):
            notebook.press(key)
            wait_for(lambda value=value: readout.text == value, 10, f"the slider at {value}")
            assert driver.switch_to.active_element == handle
            assert notebook.active == 0
        code = driver.find_elements("css selector", ".jp-OutputArea-output textarea")[-1]
        wait_for(lambda: "dl.Greedy()" in code.get_attribute("value"), 20, "greedy code")

        # What cannot be done is told in a sentence.
        strategies = driver.find_elements("css selector", ".jp-OutputArea-output select")[
            2
        ]  # after model and preset
        Select(strategies).select_by_visible_text("speculative")
        wait_for(lambda: "Draft must name" in code.get_attribute("value"), 20, "the code's answer")
        button("Generate").click()
        wait_for(lambda: status().startswith("Draft must name a model"), 30, "the sentence")

        assert external(requests(driver)[0]) == []
        if shots := os.environ.get("DECODELIB_SCREENSHOTS"):
            driver.save_screenshot(str(Path(shots) / "playground.png"))


def press_into(driver, node, *keys: str) -> None:
    """Replace the text of a field by typing."""
    from selenium.webdriver import ActionChains, Keys

    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", node)
    node.click()
    chain = ActionChains(driver).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL)
    chain.send_keys(*keys).perform()
