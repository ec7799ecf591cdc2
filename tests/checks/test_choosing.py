"""Prompts are chosen by what is measured on the model at hand, not by what one model finds."""

import math

import pytest

import decodelib as dl
from decodelib import checks

UNSURE = {"": {"a": 0.5, "b": 0.5}, "a": {"a": 1.0}, "b": {"a": 0.9, "b": 0.1}}


@pytest.fixture
def toy():
    return dl.TableLM(UNSURE)


@pytest.fixture(scope="module")
def storybook():
    return dl.load("storybook")


def test_contexts_are_ordered_by_the_entropy_of_what_follows(toy):
    entropies = checks.by_entropy(toy, ["b", "", "a"])
    assert list(entropies) == ["a", "b", ""]
    assert entropies[""] == pytest.approx(math.log(2))
    assert checks.settled_and_open(toy, ["b", "", "a"]) == ("a", "")


def test_no_contexts_is_an_error(toy):
    with pytest.raises(ValueError, match="at least one text"):
        checks.by_entropy(toy, [])


def test_the_stated_contexts_differ_much_on_the_book_s_model(storybook):
    settled, open_ended = checks.settled_and_open(storybook)
    entropies = checks.by_entropy(storybook)
    assert {settled, open_ended} <= set(checks.CONTEXTS)
    assert entropies[settled] < 1 < 5 < entropies[open_ended]


def test_looping_finds_the_prompts_after_which_greedy_text_repeats_itself():
    table = {"": {"a": 1.0}, "a": {"b": 1.0}, "b": {"a": 1.0}, "c": {"<eos>": 1.0}}
    assert checks.looping(dl.TableLM(table), ["a", "c", "b"], max_new_tokens=12) == ["a", "b"]


@pytest.mark.parametrize("text", ["Once upon a time there was a king.", "naïve café society"])
def test_a_straddling_string_is_in_the_text_and_in_no_token(storybook, text):
    tokens = [storybook.decode([i]) for i in storybook.encode(text).tolist()]
    piece = checks.straddling(tokens)
    assert piece in text
    assert not any(piece in storybook.decode([i]) for i in storybook.encode(text).tolist())


def test_nothing_straddles_tokens_of_one_character(storybook):
    assert checks.straddling(["x", "q", "z"]) is None
