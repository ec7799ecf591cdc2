"""The presets: strategies with reasons, for the tasks that chapter 15 names."""

import pytest

import decodelib as dl
from decodelib.strategies.presets import PRESETS, preset


def test_the_presets_are_the_strategies_that_their_sources_state():
    assert {name: preset(name) for name in PRESETS} == {
        "facts": dl.Greedy(),
        "code": dl.Sampling(dl.Temperature(0.2), dl.TopP(0.95)),
        "attempts": dl.Sampling(dl.Temperature(0.8), dl.TopP(0.95)),
        "chat": dl.Sampling(dl.Temperature(0.7), dl.TopK(20), dl.TopP(0.8)),
        "fiction": dl.Sampling(dl.TopP(0.95)),
        "ideas": dl.Sampling(dl.Temperature(1.5), dl.MinP(0.1)),
    }


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_says_what_it_is_for_and_where_it_comes_from(name):
    assert PRESETS[name].purpose
    assert "arXiv" in PRESETS[name].source or PRESETS[name].source.startswith("this book")


def test_an_unknown_preset_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"^name must be 'facts', .* or 'ideas', got 'poetry'$"):
        dl.preset("poetry")
