"""The reader's own prompt where a kernel runs: what Python answers, and what the page shows."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import decodelib as dl
from decodelib import viz
from decodelib.viz.shell.explorer import Explorer
from tests.helpers.browser import browser, console_errors
from tests.helpers.explorer_page import open_page, write_page

TOP = dl.Sampling(dl.TopK(3))


def ids(lm, text):
    return lm.encode(text).tolist()


NO_E = dl.DFA([{"e": None, "": 0}], [0])
MAKE = {
    "distribution": lambda lm: viz.explore_distribution(lm, "The sea", top_k=5),
    "player": lambda lm: viz.explore_generation(lm, "The sea", TOP, max_new_tokens=4),
    "beams": lambda lm: viz.explore_beams(lm, "The sea", num_beams=2, max_new_tokens=3),
    "entropy": lambda lm: viz.explore_entropy(lm, {"one": "The sea was blue."}, high_entropy=4.0),
    "race": lambda lm: viz.explore_race(
        lm, "The sea", {"Greedy": dl.Greedy(), "Top": TOP}, samples=2, max_new_tokens=6
    ),
    "votes": lambda lm: viz.explore_votes(lm, "Then", "he|she", texts=3, max_new_tokens=4),
    "mass": lambda lm: viz.explore_mass(
        lm, "The sea", dl.Constraint.from_dfa(lm, NO_E), {"a": ids(lm, " was")}, source=""
    ),
    "watermark": lambda lm: viz.explore_watermark(
        lm, "The sea", {"a": ids(lm, " was blue and")}, dl.GreenListWatermark()
    ),
}
OWN = "A wolf and a fox"


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu", dtype="float64")


@pytest.fixture(scope="module")
def explorers(lm) -> Iterator[dict[str, Explorer]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        yield {kind: make(lm) for kind, make in MAKE.items()}


def ask(explorer, **asked) -> dict:
    """What a page is told that asks for these."""
    explorer.answered = {}
    explorer.asked = asked
    assert explorer.asked == {}
    return explorer.answered


@pytest.mark.parametrize("kind", MAKE)
def test_a_prompt_is_answered_with_the_explorer_that_python_makes_of_it(explorers, kind):
    state = ask(explorers[kind], prompt=OWN)["state"]
    made = explorers[kind].with_prompt(OWN)
    assert type(made) is type(explorers[kind])
    assert made.title == state["title"] == "Your own prompt"
    assert json.loads(json.dumps(state["data"], allow_nan=False)) == json.loads(
        json.dumps(made.data)
    )
    assert state["data"]["predict"] is None
    assert set(made.settings) < set(state)


@pytest.mark.parametrize("kind", MAKE)
def test_a_bad_prompt_is_answered_with_one_sentence(explorers, kind):
    for prompt, said in (
        (" \n", "Prompt must hold some text, got "),
        ("word " * 600, "Prompt has "),
        ("\ud800", "Prompt must be text that UTF-8 can write"),
    ):
        answer = ask(explorers[kind], prompt=prompt)
        assert list(answer) == ["message"]
        assert answer["message"].startswith(said)
        assert answer["message"].endswith(".")


def test_numbers_are_held_to_their_ranges(explorers):
    votes = explorers["votes"]
    assert len(votes.with_prompt(OWN, texts=5, max_new_tokens=2).data["texts"]) == 5
    assert ask(votes, prompt=OWN, texts=1)["message"] == "Texts must be in [2, 100], got 1."
    assert ask(votes, prompt=OWN, texts=None)["message"] == "Texts must be an integer, got None."
    with pytest.raises(TypeError, match="numbers must be among texts, max_new_tokens, seed, got x"):
        votes.with_prompt(OWN, x=1)
    assert ask(votes, prompt=5)["message"] == "Prompt must be text, got 5."


def test_settings_of_now_go_along_where_they_are_not_about_the_prompt(explorers):
    explorers["distribution"].temperature = 0.5
    made = explorers["distribution"].with_prompt(OWN)
    assert (made.temperature, made.top_k) == (0.5, 5)
    assert explorers["entropy"].with_prompt(OWN).high_entropy == 4.0


def test_a_table_has_no_form_and_stored_pages_hold_none(explorers):
    toy = dl.TableLM({"": {"a": 0.5, "b": 0.5}})
    table = viz.explore_votes(toy, "a", "b", texts=2)
    assert table.own == {}
    with pytest.raises(TypeError, match="prompt must be for an explorer with a model"):
        table.with_prompt("a b")
    assert all("asked" not in one.as_html() for one in explorers.values())


# A kernel's model is that of a page, and can send messages; Python's answer is put in by hand.
WITH_KERNEL = """
const [kind, root] = arguments;
const state = JSON.parse(root.dataset.dx);
const model = DecodeExplorer.localModel({ ...state, kind, own: JSON.parse(arguments[2]) });
model.send = () => {};
globalThis.kernels = { ...globalThis.kernels, [kind]: model };
root.replaceChildren();
DecodeExplorer.render({ model, el: root });
"""
ASK = """
const [kind, root, prompt] = arguments;
const find = (name) => root.querySelector(`[data-dx="${name}"]`);
find("own").click();
find("own-prompt").value = prompt;
find("own-go").closest("form").requestSubmit();
return [kernels[kind].get("asked"), find("own-go").disabled, find("own-status").textContent];
"""
ANSWER = """
const [kind, root, answer] = arguments;
kernels[kind].set("answered", JSON.parse(answer));
const find = (name) => root.querySelector(`[data-dx="${name}"]`);
const result = find("own-result");
return [find("own-go").disabled, find("own-trouble").textContent,
  result.querySelectorAll(".dx-root").length, result.innerText, result.querySelector(".dx-own")];
"""


@pytest.mark.browser
def test_the_page_asks_and_shows_the_answer_below(explorers, tmp_path):
    page = write_page(tmp_path / "page.html", list(explorers.values()))
    with browser() as driver:
        roots = open_page(driver, page.as_uri())
        for (kind, explorer), root in zip(explorers.items(), roots, strict=True):
            driver.execute_script(WITH_KERNEL, kind, root, json.dumps(explorer.own))
            asked, waits, status = driver.execute_script(ASK, kind, root, OWN)
            numbers = {name: field.value for name, field in explorer._form.fields.items()}
            assert asked == {"prompt": OWN, **numbers}
            assert waits
            assert status == "The kernel computes …"

            def answer(said, kind=kind, root=root):
                return driver.execute_script(ANSWER, kind, root, json.dumps(said))

            assert answer({"message": "No."}) == [False, "No.", 0, "", None]
            waits, trouble, shown, text, door = answer(ask(explorer, prompt=OWN))
            assert (waits, trouble, shown, door) == (False, "", 1, None)
            assert "Your own prompt" in text
            answer({})
            assert answer(ask(explorer, prompt=OWN))[2] == 1  # in the place of the last
        assert console_errors(driver) == []
