"""The entropy map on a page in a real browser: what it shows is what Python says it shows."""

from __future__ import annotations

import numpy as np
import pytest

import decodelib as dl
from decodelib.viz import EntropyMap, explore_entropy
from decodelib.viz.entropy.explorer import QUADRANTS, THRESHOLDS
from tests.helpers.browser import browser, console_errors, open_disclosure
from tests.helpers.explorer_page import click, open_page, write_page

pytestmark = pytest.mark.browser

TEXTS = {
    "sea": "The sea was calm, and the old man’s boat lay still; all conversations had stopped.",
    "tale": "Once upon a time there was a king.",
}
APPLY = """
const [root, states, names] = arguments;
const set = (name, value) => {
  const box = root.querySelector(`[data-dx="${name}-box"]`);
  box.value = value;
  box.dispatchEvent(new Event("input", { bubbles: true }));
};
const text = (name) => root.querySelector(`[data-dx="${name}"]`).textContent;
const shapes = () => {
  const tally = {};
  for (const point of root.querySelectorAll(".dx-plot .dx-point")) {
    const key = point.dataset.quadrant + point.firstChild.getAttribute("d");
    tally[key] = (tally[key] || 0) + 1;
  }
  return Object.entries(tally).map(([key, n]) => [key.match(/^[a-z]+/)[0], n]);
};
return states.map((state) => {
  // Low ends first down, then up, so that no threshold takes its partner along.
  for (const kind of ["entropy", "varentropy"]) {
    set(`low_${kind}`, 0);
    set(`high_${kind}`, state[`high_${kind}`]);
    set(`low_${kind}`, state[`low_${kind}`]);
  }
  return { counts: names.map((name) => Number(text(`count-${name}`))), shapes: shapes() };
});
"""


@pytest.fixture(scope="module")
def maps() -> list[EntropyMap]:
    lm = dl.load("storybook", device="cpu", dtype="float64")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        return [
            explore_entropy(lm, TEXTS, position=4),
            explore_entropy(lm, TEXTS["sea"], title="Guess", predict="Where are most?"),
            explore_entropy(dl.TableLM({"": {"a": 0.5, "b": 0.4, "c": 0.1}}), "a b", title="Table"),
        ]


@pytest.fixture(scope="module")
def page(maps, tmp_path_factory) -> str:
    return write_page(tmp_path_factory.mktemp("entropy") / "page.html", maps).as_uri()


@pytest.fixture(scope="module")
def driver():
    with browser() as chromium:
        yield chromium


def thresholds(entropy_map: EntropyMap, count: int) -> list[dict[str, float]]:
    """Random pairs, both extremes, and pairs that are steps' own values."""
    rng = np.random.default_rng(0)
    axes, record = entropy_map.data["axes"], entropy_map.data["texts"][0]
    states = []
    for number in range(count):
        state = {}
        for kind in ("entropy", "varentropy"):
            drawn = rng.choice(record[kind], 2) if number % 2 else rng.uniform(0, axes[kind], 2)
            ends = [0, axes[kind]] if number % 10 == 4 else sorted(map(float, drawn))
            state |= {f"low_{kind}": ends[0], f"high_{kind}": ends[1]}
        states.append(state)
    return states


def text_of(root, name: str) -> str:
    return root.find_element("css selector", f'[data-dx="{name}"]').get_attribute("textContent")


def shown(token: str) -> str:
    return token.replace(" ", "␣").replace("\n", "↵") or "∅"


def assert_selected(root, entropy_map: EntropyMap) -> None:
    place = entropy_map.selected
    assert text_of(root, "token") == shown(place.token)
    assert text_of(root, "quadrant") == place.quadrant
    for name in ("surprisal", "entropy", "varentropy"):
        assert float(text_of(root, name)) == pytest.approx(getattr(place, name), abs=6e-4)
    adaptive = float(text_of(root, "adaptive").removesuffix(" (off)"))
    assert adaptive == pytest.approx(place.temperature, abs=6e-4)
    rows = root.find_elements("css selector", '[data-dx="candidates"] .dx-row:not([hidden])')
    cells = [row.find_elements("tag name", "span") for row in rows]
    tokens = [row[0].get_attribute("textContent") for row in cells]
    assert tokens == [shown(token) for token, _ in place.candidates]
    values = [float(row[-1].get_attribute("textContent")) for row in cells]
    assert values == pytest.approx([p for _, p in place.candidates], abs=6e-5)
    before = root.find_element("css selector", ".dx-selected .dx-prompt span")
    assert before.get_attribute("textContent").removeprefix("…") == place.context[-90:]


def test_under_any_thresholds_the_counts_are_those_of_entropy_sampling(driver, page, maps):
    root, entropy_map = open_page(driver, page)[0], maps[0]
    states = thresholds(entropy_map, 300)
    results = driver.execute_script(APPLY, root, states, QUADRANTS)
    record = entropy_map.data["texts"][0]
    points = list(zip(record["entropy"], record["varentropy"], strict=True))
    seen = set()
    for state, result in zip(states, results, strict=True):
        names = [dl.EntropySampling(**state).quadrant(*point) for point in points]
        assert result["counts"] == [names.count(name) for name in QUADRANTS], state
        drawn = dict(result["shapes"])  # and each quadrant has one shape of its own
        assert drawn == {name: names.count(name) for name in set(names)}, state
        seen |= set(names)
    assert seen == set(QUADRANTS)
    assert console_errors(driver) == []


def test_arrow_keys_move_along_the_text(driver, page, maps):
    root, entropy_map = open_page(driver, page)[0], maps[0]
    plot = root.find_element("css selector", '[data-dx="plot"]')
    driver.execute_script("arguments[0].focus()", plot)
    last = len(entropy_map.data["texts"][0]["tokens"]) - 1
    keys = {
        "\ue014": 5, "\ue012": 4, "\ue013": 5, "\ue015": 4, "\ue00e": 14, "\ue00f": 4,
        "\ue010": last, "\ue011": 1,
    }  # fmt: skip
    for key, place in keys.items():
        driver.switch_to.active_element.send_keys(key)
        entropy_map.position = place
        assert int(plot.get_attribute("aria-valuenow")) == place
        assert_selected(root, entropy_map)
        assert shown(entropy_map.selected.token) in plot.get_attribute("aria-valuetext")
    entropy_map.position = 4


def test_a_table_model_has_its_step_too(driver, page, maps):
    entropy = maps[2].selected.entropy  # where the band of the adaptive temperature has just begun
    assert maps[2].data["temperature"]["band"][0] < entropy < 1
    assert_selected(open_page(driver, page)[2], maps[2])


def test_a_click_selects_a_point_or_a_word(driver, page, maps):
    root, entropy_map = open_page(driver, page)[0], maps[0]
    for place in (2, 9, 15):
        entropy_map.position = place
        driver.execute_script(
            "const [root, i] = arguments;"
            "const point = root.querySelectorAll('.dx-plot .dx-point path')[i];"
            "const box = point.getBoundingClientRect();"
            "root.querySelector('.dx-plot').dispatchEvent(new MouseEvent('click', { bubbles: true,"
            " clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 }));",
            root,
            place - 1,
        )
        assert_selected(root, entropy_map)
        entropy_map.position = place + 1
        word = root.find_elements("css selector", ".dx-reading span")[place + 1]
        driver.execute_script("arguments[0].click()", word)
        assert_selected(root, entropy_map)
        assert word.get_attribute("class").endswith("dx-here")
    entropy_map.position = 4


def test_a_slider_takes_its_partner_along_and_reset_brings_both_back(driver, page, maps):
    root = open_page(driver, page)[0]

    def boxes() -> list[float]:
        inputs = [
            root.find_element("css selector", f'[data-dx="{name}-box"]') for name in THRESHOLDS
        ]
        return [float(box.get_attribute("value")) for box in inputs]

    start = boxes()
    slide = (
        'const s = arguments[0].querySelector(`[data-dx="${arguments[1]}"]`);'
        "s.value = arguments[2]; s.dispatchEvent(new Event('input', { bubbles: true }));"
    )
    axes = maps[0].data["axes"]
    driver.execute_script(slide, root, "low_entropy", 200)
    assert boxes() == [axes["entropy"], axes["entropy"], *start[2:]]
    driver.execute_script(slide, root, "high_varentropy", 0)
    assert boxes() == [axes["entropy"], axes["entropy"], 0, 0]
    driver.execute_script(slide, root, "high_entropy", 100)
    assert boxes() == [axes["entropy"] / 4, axes["entropy"] / 4, 0, 0]
    click(driver, root, "Reset")
    exact = [getattr(dl.EntropySampling(), name) for name in THRESHOLDS]
    assert boxes() == start == [float(f"{value:.3g}") for value in exact]  # what fits


def test_another_text_has_its_own_points(driver, page, maps):
    root, entropy_map = open_page(driver, page)[0], maps[0]
    driver.execute_script("arguments[0].querySelector('[data-dx=plot]').focus()", root)
    driver.switch_to.active_element.send_keys("\ue010")
    driver.execute_script("arguments[0].querySelector('input[value=tale]').click()", root)
    entropy_map.text, entropy_map.position = "tale", len(entropy_map.data["texts"][1]["tokens"]) - 1
    assert_selected(root, entropy_map)
    points = root.find_elements("css selector", ".dx-plot .dx-point")
    assert len(points) == sum(entropy_map.counts.values())
    entropy_map.text, entropy_map.position = "sea", 4


def test_a_prediction_hides_points_counts_and_table(driver, page, maps):
    root = open_page(driver, page)[1]
    assert not root.find_element("css selector", ".dx-plot g").is_displayed()
    assert not root.find_element("css selector", ".dx-selected").is_displayed()
    assert {text_of(root, f"count-{name}") for name in QUADRANTS} == {"?"}
    assert not root.find_elements("css selector", ".dx-reading [class^=dx-read]")
    open_disclosure(driver, root.find_element("css selector", ".dx-table"))
    cells = root.find_elements("css selector", ".dx-table td:nth-child(n + 3)")
    assert {cell.text for cell in cells} == {"?"}
    guess = root.find_element("css selector", '.dx-predict input[value="wide"]')
    driver.execute_script("arguments[0].click(); arguments[0].form.requestSubmit()", guess)
    right = maps[1].data["predict"]["answer"]
    verdict = root.find_element("css selector", ".dx-verdict").text
    assert verdict.startswith(f"You predicted wide; it is {right}.")
    assert int(text_of(root, f"count-{right}")) == maps[1].counts[right]
    assert root.find_element("css selector", ".dx-plot g").is_displayed()


def test_the_table_holds_every_step(driver, page, maps):
    root = open_page(driver, page)[0]
    open_disclosure(driver, root.find_element("css selector", ".dx-table"))
    rows = [row.text.split() for row in root.find_elements("css selector", ".dx-table tbody tr")]
    record = maps[0].data["texts"][0]
    for column, name in ((-5, "surprisal"), (-4, "entropy"), (-3, "varentropy")):
        assert [float(row[column]) for row in rows] == pytest.approx(record[name], abs=6e-4)


def test_the_code_that_is_copied_computes_the_map_that_is_shown(
    driver, page, maps, capsys, monkeypatch
):
    monkeypatch.setenv("DECODELIB_DTYPE", "float64")
    root, found = open_page(driver, page)[0], {}
    exec(root.find_element("css selector", ".dx-code pre").get_attribute("textContent"), found)
    assert found["strategy"] == dl.EntropySampling()
    printed = [line.rsplit(maxsplit=3) for line in capsys.readouterr().out.splitlines()]
    open_disclosure(driver, root.find_element("css selector", ".dx-table"))
    rows = [row.text.split()[-4:-1] for row in root.find_elements("css selector", "tbody tr")]
    assert [words[1:] for words in printed] == rows
    tokens = [eval(words[0]) for words in printed]
    shown = maps[0].data["texts"][0]["tokens"][1:]
    whole = [pair for pair in zip(tokens, shown, strict=True) if "\ufffd" not in pair[0]]
    assert len(whole) > len(shown) - 4
    assert all(token == text for token, text in whole)


def test_a_link_brings_back_thresholds_and_place(driver, page, maps):
    root = open_page(driver, page)[0]
    driver.execute_script(APPLY, root, thresholds(maps[0], 1), [])
    click(driver, root, "Copy link")
    link, code = text_of(root, "link"), root.find_element("css selector", ".dx-code pre")
    source = code.get_attribute("textContent")
    driver.get("about:blank")
    root = open_page(driver, link)[0]
    again = root.find_element("css selector", ".dx-code pre").get_attribute("textContent")
    assert again == source
    driver.get("about:blank")  # a link made by hand may ask for low above high
    root = open_page(driver, link.split("&")[0] + "&low_entropy=3&high_entropy=2")[0]
    code = root.find_element("css selector", ".dx-code pre").get_attribute("textContent")
    assert "low_entropy=3,\n    high_entropy=3," in code
