"""All explorers in JupyterLab with a real kernel: readers move traits, traits move the page."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from selenium.webdriver import Keys

from tests.helpers.browser import console_errors, external, requests
from tests.helpers.explorer_page import READ
from tests.helpers.lab import open_notebook, wait_for
from tests.helpers.player_page import READ as READ_PLAYER

pytestmark = pytest.mark.browser

RIGHT, LEFT, UP, DOWN = Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.ARROW_UP, Keys.ARROW_DOWN

SETUP = """\
import math
import decodelib as dl
from decodelib import viz
lm = dl.load("storybook", device="cpu", dtype="float64")
toy = dl.TableLM({"": {"a": 0.5, "b": 0.3, "c": 0.2}, "a": {"b": 0.6, "a": 0.4}})
logits = [math.log(p) for p in (0.4, 0.2, 0.15, 0.1, 0.06, 0.05, 0.03, 0.01)]
words = "the cat sat on a mat and ran".split()
plain = dl.Sampling()
strategies = {"Greedy": dl.Greedy(), "Plain, pure": plain, "Top": dl.Sampling(dl.TopK(2))}"""

MAKE = {
    "distribution": "viz.DistributionExplorer.from_logits(logits, words)",
    "player": "viz.explore_generation(lm, 'The sea', dl.Sampling(dl.TopK(3)), max_new_tokens=8, "
    "seed=1)",
    "beams": "viz.explore_beams(toy, '', num_beams=(2, 1), max_new_tokens=4)",
    "entropy": "viz.explore_entropy(toy, {'one': 'a b a b a', 'two': 'b a b'})",
    "race": "viz.explore_race(toy, 'a', strategies, samples=3, max_new_tokens=9)",
    "votes": "viz.explore_votes(toy, 'a', 'a|b', texts=6, max_new_tokens=2, seed=1)",
    "mass": "viz.explore_mass(toy, 'a', dl.Constraint.from_choices(toy, [' a b', ' b a'], True), "
    "{'one': [2, 3, 2], 'two': [3, 2, 2]}, source='form')",
    "chain": "viz.explore_chain(toy, 'a', alphas=(1, 2), num_moves=3, max_new_tokens=2)",
    "watermark": "viz.explore_watermark(lm, 'The sea', {'one': list(range(100, 110))}, "
    "dl.GreenListWatermark())",
    "rating": "viz.explore_rating(toy, ['a', 'b', 'c'], strategies, num_tokens=6, seed=4)",
}
CELLS = {kind: place for place, kind in enumerate(MAKE, 1)}
LATER = '[aria-label="Apply Temperature later"]'

MOVES = {
    "distribution": [
        ('[data-dx="temperature"]', RIGHT, "temperature", 1.05),
        ('[data-dx="temperature"]', UP, "temperature", 1.1),
        ('[data-dx="temperature"]', LEFT, "temperature", 1.05),
        ('[data-dx="temperature"]', DOWN, "temperature", 1.0),
        ('[data-dx="temperature"]', Keys.HOME, "temperature", 0.05),
        ('[data-dx="temperature"]', Keys.END, "temperature", 3.0),
        ('[data-dx="top_k-box"]', "3", "top_k", 3),
        (LATER, Keys.ENTER, "order[0]", "top_k"),
    ],
    "player": [
        ('[role="option"][tabindex="0"]', RIGHT, "position", 2),
        ('[role="option"][tabindex="0"]', DOWN, "position", 3),
        ('[role="option"][tabindex="0"]', UP, "position", 2),
        ('[role="option"][tabindex="0"]', LEFT, "position", 1),
        ('[data-dx="position"]', Keys.END, "position", 8),
        ('[data-dx="back"]', Keys.ENTER, "position", 7),
    ],
    "beams": [
        ('[data-dx="step"]', LEFT, "step", 3),
        ('[data-dx="step"]', DOWN, "step", 2),
        ('[data-dx="length_penalty"]', RIGHT, "length_penalty", 1.1),
        (".dx-choice input:checked", RIGHT, "num_beams", 1),
        ('input[value="false"]', RIGHT, "early_stopping", True),
    ],
    "entropy": [
        ('[data-dx="plot"]', RIGHT, "position", 2),
        ('[data-dx="plot"]', UP, "position", 3),
        ('[data-dx="plot"]', LEFT, "position", 2),
        ('[data-dx="plot"]', DOWN, "position", 1),
        ('[data-dx="low_entropy"]', Keys.HOME, "low_entropy", 0.0),
        ('input[value="one"]', RIGHT, "text", "two"),
    ],
    "race": [
        ('[data-dx="sort"] input:checked', RIGHT, "sort", "surprisal"),
        ('[data-dx="step"]', LEFT, "step", 8),
        ('[data-dx="sample"]', UP, "sample", 2),
        ('[data-dx="shown"] input', Keys.SPACE, "shown", ["Plain, pure", "Top"]),
        ('[aria-label="Tokens and code of Top"]', Keys.ENTER, "picked", "Top"),
    ],
    "votes": [
        ('[data-dx="texts"]', LEFT, "texts", 5),
        ('[data-dx="picked"] input:checked', RIGHT, "picked", "a"),
    ],
    "mass": [
        ('[data-dx="position"]', RIGHT, "position", 2),
        ('input[value="one"]', RIGHT, "text", "two"),
    ],
    "chain": [
        ('[data-dx="move"]', RIGHT, "move", 2),
        ('[data-dx="alpha"]', RIGHT, "alpha", 2.0),
        ('[data-dx="step"]', Keys.ENTER, "move", 3),
    ],
    "watermark": [
        ('[data-dx="position"]', RIGHT, "position", 2),
        ('[data-dx="edit"]', Keys.ENTER, "edits", [2]),
        ('[data-dx="length"]', LEFT, "length", 9),
    ],
    "rating": [
        ('[data-dx="next"]', Keys.ENTER, "place", 2),
        ('[data-dx="back"]', Keys.ENTER, "place", 1),
        ('[data-dx="choose-t"]', Keys.ENTER, "letters.count('t')", 1),
        ('[data-dx="just-show"]', Keys.ENTER, "is_hidden", False),
    ],
}
"""What a reader does by keyboard, and what a trait then is: (control, key, trait, value)."""

TOLD = {
    "distribution": [
        ("top_p", 0.6, '[data-dx="top_p-box"]', "value", "0.6"),
        ("temperature", 2.0, '[data-dx="temperature-box"]', "value", "2"),
        ("order", ["top_p", "temperature"], ".dx-step", "data-dx", "top_p-step"),
        ("seed", 7, '[data-dx="seed"]', "value", "7"),
    ],
    "player": [
        ("position", 4, '[data-dx="position-box"]', "value", "4"),
        ("position", 4, '[aria-selected="true"] ~ [role="option"]', "tabIndex", -1),
    ],
    "beams": [
        ("num_beams", 2, ".dx-choice input:checked", "value", "2"),
        ("step", 4, '[data-dx="step-box"]', "value", "4"),
        ("length_penalty", -0.5, '[data-dx="length_penalty-box"]', "value", "-0.5"),
        ("early_stopping", "never", 'input[value="never"]', "checked", True),
    ],
    "entropy": [
        ("text", "one", 'input[value="one"]', "checked", True),
        ("position", 3, '[data-dx="plot"]', "aria-valuenow", "3"),
        ("high_entropy", 4.5, '[data-dx="high_entropy-box"]', "value", "4.5"),
    ],
    "race": [
        ("sort", "length", '[data-dx="sort"] input:checked', "value", "length"),
        ("sample", 3, '[data-dx="sample-box"]', "value", "3"),
        ("step", 2, '[data-dx="step-box"]', "value", "2"),
        ("shown", ["Plain, pure"], '[data-dx="lane"] strong', "textContent", "Plain, pure"),
        ("picked", "Plain, pure", '[aria-label$="Plain, pure"]', "aria-pressed", "true"),
    ],
    "votes": [
        ("texts", 4, '[data-dx="texts-box"]', "value", "4"),
        ("picked", "b", '[data-dx="picked"] input:checked', "value", "b"),
    ],
    "mass": [
        ("position", 3, '[data-dx="position-box"]', "value", "3"),
        ("text", "one", 'input[value="one"]', "checked", True),
    ],
    "chain": [
        ("move", 1, '[data-dx="move-box"]', "value", "1"),
        ("alpha", 1.0, '[data-dx="alpha-box"]', "value", "1"),
    ],
    "watermark": [
        ("length", 5, '[data-dx="length-box"]', "value", "5"),
        ("edits", [1, 2], '[data-dx="random-box"]', "value", "2"),
    ],
    "rating": [
        ("place", 3, '[data-dx="progress"]', "textContent", "Pair 3 of 3"),
        ("revealed", True, '[data-dx="just-show"]', "hidden", True),
    ],
}
"""What Python sets, and what the page then shows: (trait, value, element, property, value)."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A notebook in which each kind of explorer is alive, in a cell of its own."""
    cells = [f"{kind} = {source}\n{kind}" for kind, source in MAKE.items()]
    with open_notebook(tmp_path_factory.mktemp("lab"), [SETUP, *cells], 6400) as notebook:
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
        lab.driver.execute_script("arguments[0].select()", part("own-prompt"))
        lab.focus(index, part("own-prompt"))
        lab.press(Keys.CONTROL + "a" + Keys.NULL, typed)
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
