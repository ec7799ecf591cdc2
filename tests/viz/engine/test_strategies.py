"""Every strategy and processor of the pages gives decodelib's token ids, seed by seed."""

from __future__ import annotations

import math

import pytest

import decodelib as dl
from decodelib.strategies.knobs import STRATEGIES
from tests.helpers import engine_requests as requests
from tests.helpers.engine import expected, request


def assert_same_texts(ask, asked):
    for one, got, want in zip(asked, ask(generate=asked), expected(asked), strict=True):
        assert got["tokenIds"] == want.token_ids, one
        assert got["text"] == want.text, one
        assert got["tokens"] == want.tokens, one
        assert got["finishReason"] == want.finish_reason, one
        assert got["score"] == pytest.approx(want.score, abs=1e-9), one
        assert got["logprobs"] == pytest.approx(want.logprobs, abs=1e-10), one


MAKERS = {
    "greedy": requests.greedy,
    "plain": requests.plain_sampling,
    "beam": requests.beam_search,
    "entropy": requests.entropy_sampling,
    "marked": requests.marked_sampling,
}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_strategy_gives_the_same_tokens(ask, kind):
    assert_same_texts(ask, MAKERS[kind](4, seed=1, block=2))


def test_each_processor_gives_the_same_tokens(ask):
    """Alone and beside others; those of a quarter of the processors share the rules of a text."""
    every = [requests.sampling_with(knob, 2, seed=i % 4) for i, knob in enumerate(requests.KNOBS)]
    assert_same_texts(ask, [one for i in range(4) for two in every[i::4] for one in two])


PARTS = range(5)  # of 100 requests each, so that one takes seconds


@pytest.mark.long
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", MAKERS)
def test_a_strategy_gives_the_same_tokens_500_times(ask, kind, part):
    assert_same_texts(ask, MAKERS[kind](100, seed=100 + part))


@pytest.mark.long
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("knob", requests.KNOBS)
def test_a_processor_gives_the_same_tokens_500_times(ask, knob, part):
    assert_same_texts(ask, requests.sampling_with(knob, 100, seed=100 + part))


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind != "marked"])
def test_the_source_that_the_page_shows_makes_the_same_strategy(ask, kind):
    asked = MAKERS[kind](40, seed=3)
    for one, source in zip(asked, ask(sources=asked), strict=True):
        made = STRATEGIES[one["strategy"]].make(one["given"], dl.load)
        assert eval(source, {"dl": dl}) == made, source


def test_the_engine_has_every_processor_of_the_command_line():
    assert tuple(requests.KNOBS) == STRATEGIES["sampling"].knobs


def test_a_temperature_of_zero_is_greedy(ask):
    asked = [
        request("Once upon a time", strategy, {"temperature": 0})
        for strategy in ("sampling", "entropy")
    ]
    assert_same_texts(ask, asked)


def test_the_record_of_a_step_is_decodelibs(ask):
    asked = request(
        "The old lighthouse keeper", given={"temperature": 0.8, "top_p": 0.9}, seed=3, stop=["."]
    )
    (got,) = ask(generate=[asked])
    [want] = expected([asked], trace=True)
    assert len(got["steps"]) == len(want.steps)
    for mine, theirs in zip(got["steps"], want.steps, strict=True):
        assert mine["text"] == theirs.text
        assert (mine["tokenId"], mine["token"]) == (theirs.token_id, theirs.token)
        assert (mine["rank"], mine["kept"]) == (theirs.rank, theirs.kept)
        for name in ("logprob", "entropy", "varentropy"):
            assert mine[name] == pytest.approx(getattr(theirs, name), abs=1e-9)
        assert [c["id"] for c in mine["candidates"]] == [c.id for c in theirs.candidates]
        for candidate, (_, token, before, after) in zip(
            mine["candidates"], theirs.candidates, strict=True
        ):
            assert candidate["token"] == token
            assert math.isclose(candidate["before"], before, abs_tol=1e-12)
            assert math.isclose(candidate["after"], after, abs_tol=1e-12)


def test_beam_search_returns_the_other_finished_texts_too(ask):
    asked = request("Once upon a time", "beam", {"num_beams": 4}, max_new_tokens=8)
    (got,) = ask(generate=[asked])
    scores = [got["score"], *(other["score"] for other in got["alternatives"])]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)
