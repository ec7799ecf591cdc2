"""The chain explorer's data: what power sampling records of its moves, at every alpha."""

from __future__ import annotations

import json
import math

import pytest

import decodelib as dl
from decodelib.viz import explore_chain
from tests.helpers.exact import TREE

LENGTH = 3
MOVES = 12


@pytest.fixture(autouse=True)
def static_explorers(monkeypatch):
    monkeypatch.setenv("DECODELIB_STATIC", "1")


def toy(**options):
    settings = {"alphas": (1, 3), "num_moves": MOVES, "max_new_tokens": LENGTH, "seed": 2}
    return explore_chain(TREE, "", **settings | options)


@pytest.mark.parametrize("temperature", [None, 1.0])
def test_the_moves_are_those_of_power_sampling(temperature):
    explorer = toy(temperature=temperature)
    for alpha in (1.0, 3.0):
        explorer.alpha = alpha
        strategy = dl.PowerSampling(alpha, MOVES, temperature=temperature)
        g = dl.generate(TREE, "", strategy, max_new_tokens=LENGTH, seed=2)
        assert explorer.accepted == sum(move.accepted for move in g.moves[1:])
        for record, move in zip(explorer.proposals, g.moves, strict=True):
            assert "".join(record["tokens"]) == move.text
            assert record["place"] == (move.place or 0)
            assert record["accepted"] == move.accepted
            told = [record[name] for name in ("logprob", "ratio", "acceptance", "drawn")]
            was = [move.logprob, move.log_ratio, move.acceptance, move.drawn or 0]
            assert told == pytest.approx(was, abs=1e-6)


def test_a_proposal_is_compared_with_the_text_that_was_accepted_last():
    explorer = toy()
    explorer.alpha = 3
    last = 0
    for place, move in enumerate(explorer.proposals):
        assert move["before"] == last
        before = explorer.proposals[last]
        assert move["tokens"][: move["place"]] == before["tokens"][: move["place"]]
        assert move["power"] == pytest.approx(3 * (move["logprob"] - before["logprob"]), abs=1e-5)
        assert move["power"] + move["proposals"] == pytest.approx(move["ratio"], abs=1e-5)
        assert move["acceptance"] == pytest.approx(min(1, math.exp(move["ratio"])), abs=1e-5)
        last = place if move["accepted"] else last
    assert 0 < explorer.accepted < MOVES


def test_its_text_tells_the_moves_once_they_are_predicted():
    explorer = toy(alpha=3.0, predict="How many will be accepted?")
    assert explorer.data["predict"]["answer"] == explorer.accepted
    assert "How many will be accepted?" in explorer.as_text()
    assert "rejected" not in explorer.as_text()
    explorer.prediction = 3
    assert f"at alpha = 3, {explorer.accepted} are accepted" in explorer.summary()
    assert explorer.as_text().count("accepted ") == explorer.accepted + 1  # and the first text
    assert explorer.as_text().count("rejected ") == MOVES - explorer.accepted


def test_its_data_is_json_and_its_limits_are_kept():
    explorer = toy(move=2)
    json.dumps(explorer.data, allow_nan=False)
    assert (explorer.alpha, explorer.move) == (1.0, 2)
    assert explore_chain(TREE, "", num_moves=1, max_new_tokens=1).alpha == 4.0
    with pytest.raises(ValueError, match=r"alpha must be 1.0 or 3.0, got 2"):
        explorer.alpha = 2
    with pytest.raises(ValueError, match=r"move must be in \[1, 12\], got 13"):
        explorer.move = 13
    for alphas in ((), (2, 1), (2, 2)):
        with pytest.raises(ValueError, match="alphas must be rising numbers, at least one, got"):
            toy(alphas=alphas)
    with pytest.raises(TypeError, match="settings must be among alpha, move, prediction"):
        toy(colour="red")
