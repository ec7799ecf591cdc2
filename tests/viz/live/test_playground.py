"""The playground, driven from Python: its texts, its knobs, its button that stops, its errors."""

from __future__ import annotations

import html
import itertools
import re
import threading
import time

import ipywidgets
import pytest

import decodelib as dl
from decodelib.strategies.knobs import KNOBS, STRATEGIES
from decodelib.strategies.presets import PRESETS, preset
from decodelib.viz.live.dials import dials
from decodelib.viz.live.playground import CUSTOM, NOTE, Playground, playground
from decodelib.viz.race.explorer import RaceExplorer, explore_race

NEED_NO_MODEL = [
    name for name in STRATEGIES if not {"amateur", "draft", "answer"} & set(STRATEGIES[name].knobs)
]


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu", dtype="float64")


@pytest.fixture
def play(lm, monkeypatch) -> Playground:
    monkeypatch.delenv("DECODELIB_STATIC", raising=False)
    made = playground(lm, "Once upon a time")
    made.length.value = 8
    return made


def finish(play: Playground) -> str:
    """Press Generate, wait, and return the status."""
    play.run.click()
    play.decoding.join(60)
    assert not play.decoding.is_alive()
    return re.sub("<[^>]*>", "", html.unescape(play.status.value))


def shown(play: Playground) -> str:
    """The text on display, the prompt included."""
    inner = re.sub("<style>.*?</style>", "", play.output.value, flags=re.DOTALL)
    return html.unescape(re.sub("<[^>]*>", "", inner))


@pytest.mark.parametrize("name", NEED_NO_MODEL)
def test_every_strategy_gives_the_text_that_generate_gives(play, lm, name):
    play.strategy.value = name
    play.seed.value = 3
    status = finish(play)
    strategy = STRATEGIES[name].make({}, dl.load)
    expected = dl.generate(lm, "Once upon a time", strategy, max_new_tokens=8, seed=3)
    assert shown(play) == expected.full_text
    assert status.startswith("All the tokens asked for: 8 tokens, ")
    assert (play.run.disabled, play.stop.disabled, play.progress.value) == (False, True, 1.0)


def test_the_knobs_shown_are_the_strategys_and_start_where_they_change_nothing(play):
    for name in STRATEGIES:
        play.strategy.value = name
        assert tuple(play.dials) == STRATEGIES[name].knobs
        assert play.given == {}


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_slider_goes_to_both_ends_without_an_error(play, name):
    play.strategy.value = name
    for dial in play.dials.values():
        start = dial.widget.value
        for end in ends(dial.widget):
            dial.widget.value = end
            assert dial.given is None or dial.widget.value != start
            code = play.code.value
            if not code.startswith("# "):
                eval(re.search("strategy = (.*)", code)[1].replace("dl.load", "load"), SCOPE)
        dial.widget.value = start


SCOPE = {"dl": dl, "load": lambda name, **dtype: dl.load("storybook", **dtype)}


def ends(widget: ipywidgets.Widget) -> list:
    if isinstance(widget, ipywidgets.FloatRangeSlider):
        return [(widget.min, widget.min), (widget.min, widget.max), (widget.max, widget.max)]
    if isinstance(widget, ipywidgets.Checkbox):
        return [True, False]
    if isinstance(widget, ipywidgets.Text):
        return ["storybook", ""]
    return [widget.min, widget.max]


def test_what_the_ends_cannot_do_is_said_in_a_sentence_that_names_it(play):
    play.strategy.value = "diverse-beam"
    play.dials["num_beams"].set(5)
    refused = "Num_beams must be a multiple of num_beam_groups=3, got 5."
    assert play.code.value == f"# {refused}"
    assert finish(play) == refused
    play.strategy.value = "speculative"
    assert finish(play) == "Draft must name a model for this strategy, got none."
    play.strategy.value = "sampling"
    play.prompt.value = "word " * 700
    assert re.fullmatch("Prompt has .* tokens, more than .*: shorten it\\.", finish(play))
    play.prompt.value = ""
    assert finish(play).startswith("All the tokens asked for")  # an empty prompt begins a text


def test_an_unexpected_error_is_told_as_well(play, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(type(play.lm), "prefill", broken)
    assert finish(play) == "ZeroDivisionError: A bug."
    assert not play.run.disabled


def test_temperature_0_is_greedy(play, lm):
    play.dials["temperature"].set(0)
    assert "strategy = dl.Greedy()" in play.code.value
    finish(play)
    greedy = dl.generate(lm, "Once upon a time", dl.Greedy(), max_new_tokens=8)
    assert shown(play) == greedy.full_text


def test_the_code_gives_the_text(play, monkeypatch, capsys):
    monkeypatch.setenv("DECODELIB_DTYPE", "float64")
    play.prompt.value = 'She said "no",\n'
    play.dials["temperature"].set(0.7)
    play.dials["top_p"].set(0.9)
    play.seed.value = 11
    finish(play)
    assert "dl.Sampling(dl.Temperature(0.7), dl.TopP(0.9))" in play.code.value
    exec(play.code.value, {})
    assert capsys.readouterr().out == shown(play) + "\n"


class Gate:
    """Lets a model take a number of passes, and then holds it until it is opened."""

    def __init__(self, monkeypatch, lm, passes: int) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        step, left = type(lm).step, [passes]

        def gated(model, *arguments):
            left[0] -= 1
            if left[0] < 0:
                self.reached.set()
                assert self.open.wait(30)
            return step(model, *arguments)

        monkeypatch.setattr(type(lm), "step", gated)


def test_stop_keeps_the_text_so_far(play, lm, monkeypatch):
    gate = Gate(monkeypatch, lm, passes=3)
    play.run.click()
    assert gate.reached.wait(30)
    assert (play.run.disabled, play.stop.disabled) == (True, False)
    play.stop.click()  # the callback returns while the model is at work
    gate.open.set()
    play.decoding.join(30)
    expected = dl.generate(lm, "Once upon a time", dl.Sampling(), max_new_tokens=5)
    assert shown(play) == expected.full_text
    assert "Stopped after 5 tokens." in play.status.value
    assert (play.run.disabled, play.stop.disabled) == (False, True)


@pytest.mark.parametrize("name", ["beam", "stochastic-beam", "contrastive-search"])
def test_stop_works_on_strategies_that_decide_late(play, lm, monkeypatch, name):
    gate = Gate(monkeypatch, lm, passes=2)
    play.strategy.value = name
    play.length.value = 100
    play.run.click()
    assert gate.reached.wait(30)
    if name == "beam":
        assert "the model has been asked 4 times" in play.status.value
    play.stop.click()
    gate.open.set()
    play.decoding.join(30)
    assert not play.decoding.is_alive()
    assert "Stopped after " in play.status.value


def test_a_second_click_starts_nothing_while_a_text_grows(play, lm, monkeypatch):
    gate = Gate(monkeypatch, lm, passes=1)
    play.run.click()
    assert gate.reached.wait(30)
    first = play.decoding
    play.run.click()
    assert play.decoding is first
    gate.open.set()
    first.join(30)
    play.run.click()
    assert play.decoding is not first
    play.decoding.join(30)


def test_the_text_grows_on_display(play, lm, monkeypatch):
    seen = []
    play.output.observe(lambda change: seen.append(shown(play)), "value")
    step = type(lm).step

    def slow(model, *arguments):
        time.sleep(0.1)
        return step(model, *arguments)

    monkeypatch.setattr(type(lm), "step", slow)
    finish(play)
    grown = [text for text in seen if text]
    assert len(grown) > 3
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(grown))


def test_what_a_text_is_made_of_cannot_become_markup(play):
    play.prompt.value = "<img src=x onerror=alert(1)>"
    finish(play)
    assert "<img" not in play.output.value
    assert shown(play).startswith("<img src=x")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sets_the_strategy_and_its_knobs(play, name):
    play.dials["top_k"].set(7)  # what was set before is not part of a preset
    play.preset.value = name
    source = re.search("strategy = (.*)", play.code.value)[1]
    assert eval(source, {"dl": dl}) == preset(name)
    play.preset.value = CUSTOM


def test_every_knob_of_every_strategy_has_a_dial_with_its_own_help():
    for strategy in STRATEGIES:
        for dial in dials(strategy):
            assert dial.widget.tooltip == KNOBS[dial.name].help
            assert dial.widget.description


def test_without_a_kernel_there_is_a_recorded_race_that_says_how_to_run_the_playground(
    lm, monkeypatch
):
    monkeypatch.setenv("DECODELIB_STATIC", "1")
    race = explore_race(lm, "Once", {"Greedy": dl.Greedy()}, samples=2, max_new_tokens=3)
    stand_in = playground(lm, "Once", race)
    assert stand_in is race
    assert "application/vnd.jupyter.widget-view+json" not in stand_in._repr_mimebundle_()
    assert NOTE in html.unescape(stand_in.as_html().split("<pre")[1])
    default = playground(lm, "Once")
    assert isinstance(default, RaceExplorer)
    assert [name.lower() for name in default.numbers] == list(PRESETS)


def test_another_model_can_be_picked_and_the_first_one_again(play, lm, monkeypatch):
    other = dl.load("storybook", device="cpu", dtype="float32")
    other.name = "distilgpt2"
    monkeypatch.setattr("decodelib.viz.live.playground.load", lambda *_: other)
    play.model.value = "distilgpt2"
    assert play.lm is other
    assert "distilgpt2 is loaded, on the cpu." in play.status.value
    assert "dl.load('distilgpt2')" in play.code.value
    assert "8 tokens" in finish(play)
    play.model.value = "storybook"
    assert play.lm is lm


def test_a_model_that_cannot_be_had_is_said_in_a_sentence_and_the_one_at_hand_stays(
    play, lm, monkeypatch
):
    def unreachable(*_):
        raise OSError("gpt2 is not here")

    monkeypatch.setattr("decodelib.viz.live.playground.load", unreachable)
    play.model.value = "gpt2"
    assert (play.lm, play.model.value, play.run.disabled) == (lm, "storybook", False)
    assert "Gpt2 is not here." in play.status.value


def test_the_text_stands_beside_the_controls(play):
    (row,) = play.children
    controls, result = row.children
    assert row.layout.flex_flow == "row wrap"
    assert play.prompt in controls.children
    assert {play.output, play.code} <= set(result.children)
