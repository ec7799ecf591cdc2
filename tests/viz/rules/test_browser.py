"""The explorers of rules on a page in a real browser: what they show is what Python says."""

from __future__ import annotations

import random

import pytest

import decodelib as dl
from decodelib import viz
from tests.helpers.browser import browser, console_errors
from tests.helpers.explorer_page import open_page, write_page

pytestmark = pytest.mark.browser

PROMPT = "Once upon a time"
TOKENS = 30
SET = """
const [root, name, value] = arguments;
const input = root.querySelector(`[data-dx="${name}"]`);
input.value = value;
for (const type of ["input", "change"]) input.dispatchEvent(new Event(type, { bubbles: true }));
"""
CLICK = "arguments[0].querySelector(arguments[1]).click()"
READ = """
const text = (name) => arguments[0].querySelector(`[data-dx="${name}"]`).textContent;
return Object.fromEntries(arguments[1].map((name) => [name, text(name)]));
"""


@pytest.fixture(scope="module")
def made():
    """A strip, an editor, and each of them with a question."""
    lm = dl.load("storybook", device="cpu", dtype="float64")
    no_e = dl.Constraint.from_dfa(lm, dl.DFA([{"e": None, "E": None, "": 0}], [0]))
    source = 'dl.Constraint.from_dfa(lm, dl.DFA([{"e": None, "E": None, "": 0}], [0]))'
    mark = dl.GreenListWatermark()
    way, free = dl.Sampling(no_e), dl.Sampling()
    forms = {
        name: dl.generate(lm, PROMPT, way, max_new_tokens=12, seed=seed).token_ids
        for name, seed in (("one", 1), ("two", 2))
    }
    texts = {
        name: dl.generate(lm, PROMPT, strategy, max_new_tokens=TOKENS, seed=1).token_ids
        for name, strategy in (("marked", dl.Sampling(mark)), ("free", free))
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        return [
            viz.explore_mass(lm, PROMPT, no_e, forms, source=source),
            viz.explore_watermark(lm, PROMPT, texts, mark),
            viz.explore_mass(lm, PROMPT, no_e, forms, source=source, title="a", predict="Which?"),
            viz.explore_watermark(lm, PROMPT, texts, mark, title="b", predict="How many?"),
        ]


@pytest.fixture(scope="module")
def driver():
    with browser() as chromium:
        yield chromium


@pytest.fixture
def roots(driver, made, tmp_path):
    for explorer in made:
        for name, value in explorer.data["initial"].items():
            setattr(explorer, name, value)
    return open_page(driver, write_page(tmp_path / "page.html", made).as_uri())


def test_the_strip_shows_the_masses_of_its_record(driver, roots, made):
    root, data = roots[0], made[0].data
    for record in data["texts"]:
        driver.execute_script(CLICK, root, f'input[value="{record["label"]}"]')
        product = 1.0
        for place, mass in enumerate(record["mass"], 1):
            product *= mass
            driver.execute_script(SET, root, "position", place)
            shown = driver.execute_script(READ, root, ["mass", "product", "allowed"])
            assert float(shown["mass"]) == pytest.approx(mass, abs=6e-5, rel=0.5)
            assert float(shown["product"]) == pytest.approx(product, rel=6e-3)
            assert shown["allowed"] == f"{record['allowed'][place - 1]:,}"
    assert console_errors(driver) == []


def test_the_editor_counts_as_python_does_whatever_is_edited(driver, roots, made):
    root, editor = roots[1], made[1]
    chance = random.Random(0)
    for _ in range(25):
        editor.text = chance.choice(["marked", "free"])
        editor.how = chance.choice(["replaced", "struck out"])
        driver.execute_script(CLICK, root, f'input[value="{editor.text}"]')
        driver.execute_script(CLICK, root, f'input[value="{editor.how}"]')
        editor.length = chance.randint(2, TOKENS)
        driver.execute_script(SET, root, "length", editor.length)
        record = next(r for r in editor.data["texts"] if r["label"] == editor.text)
        count = chance.randint(0, TOKENS - 1)
        driver.execute_script(SET, root, "random", count)
        edits = set(record["order"][:count])
        place = chance.randint(1, TOKENS)
        driver.execute_script(SET, root, "position", place)
        driver.execute_script(CLICK, root, '[data-dx="edit"]')
        editor.edits = sorted(edits ^ {place})
        scored, green, z, p_value = editor.count
        shown = driver.execute_script(READ, root, ["z", "p", "green"])
        assert float(shown["z"]) == pytest.approx(z, abs=6e-3)
        assert float(shown["p"]) == pytest.approx(p_value, rel=0.06)
        assert shown["green"] == f"{green} of {scored}"
    assert console_errors(driver) == []


def test_pressing_a_word_edits_it_and_takes_the_edit_back(driver, roots):
    root = roots[1]
    words = root.find_elements("css selector", ".dx-mark-word")
    before = driver.execute_script(READ, root, ["edits"])["edits"]
    word = words[4].text
    driver.execute_script("arguments[0].click()", words[4])
    assert driver.execute_script(READ, root, ["edits"])["edits"] != before
    assert words[4].text != word
    assert words[4].get_attribute("aria-pressed") == "true"
    driver.execute_script("arguments[0].click()", words[4])
    assert (driver.execute_script(READ, root, ["edits"])["edits"], words[4].text) == (before, word)


def test_a_question_hides_the_numbers_until_it_is_answered(driver, roots):
    strip, editor = roots[2:]
    assert driver.execute_script(READ, strip, ["mass", "product"]) == {"mass": "?", "product": "?"}
    assert driver.execute_script(READ, editor, ["z", "p"]) == {"z": "?", "p": "?"}
    assert editor.find_elements("css selector", ".dx-mark-green") == []
    line = editor.find_element("css selector", ".dx-z-line")
    assert line.get_attribute("points") == ""
    for root in (strip, editor):
        driver.execute_script(CLICK, root, '[data-dx="just-show"]')
    assert "?" not in driver.execute_script(READ, strip, ["mass"]).values()
    assert "?" not in driver.execute_script(READ, editor, ["z"]).values()


@pytest.mark.parametrize("place", [0, 1])
def test_the_code_to_copy_gives_what_is_shown(driver, roots, made, place, capsys):
    root = roots[place]
    source = driver.execute_script(
        "return arguments[0].querySelector('.dx-code pre').textContent", root
    )
    exec(source, {})
    printed = capsys.readouterr().out
    if place == 0:
        masses = [float(line.split()[0]) for line in printed.splitlines()]
        assert masses == pytest.approx(made[0].data["texts"][0]["mass"], abs=6e-5)
    else:
        scored, green, z, _ = made[1]._count(made[1].data["texts"][0], TOKENS, [], "replaced")
        assert printed == f"{green} of {scored} green, z = {z:.2f}\n"
