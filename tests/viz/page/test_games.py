"""The games: the model's own numbers, bets paid exactly, and the same texts for a seed."""

from __future__ import annotations

import json
import math

import pytest

import decodelib as dl
from decodelib.viz.page.games import OPTIONS, STRATEGIES, texts_to_tell, words_to_guess
from tests.helpers.engine import storybook
from tools.book import ROOT

PASSAGES = [
    passage
    for passage in json.loads((ROOT / "chapters/data/passages.json").read_text(encoding="utf-8"))
    if not passage["in_storybook"]
]


@pytest.fixture(scope="module")
def told():
    return texts_to_tell(storybook(), PASSAGES[:2])


def test_a_place_has_the_models_probabilities_and_the_passages_token():
    lm = storybook()
    for place in words_to_guess(lm, PASSAGES[:4]):
        p, ids = lm.next_logits(place["before"]).softmax(-1).topk(OPTIONS)
        assert place["options"] == [lm.decode([i]) for i in ids.tolist()]
        assert place["p"] == pytest.approx([*p.tolist(), 1 - float(p.sum())], rel=1e-4)
        text = next(one["text"] for one in PASSAGES if one["title"] in place["source"])
        assert lm.decode(lm.encode(text)).startswith(place["before"] + place["came"])
        if place["answer"] < OPTIONS:
            assert place["came"].startswith(place["options"][place["answer"]])
        else:
            first = lm.decode(lm.encode(text)[len(lm.encode(place["before"])) :][:1])
            assert first not in place["options"]


def test_texts_are_what_their_strategies_write(told):
    lm = storybook()
    for text in told["texts"][::3]:
        strategy = STRATEGIES[text["strategy"]]
        seed = [one["before"] for one in told["texts"]].index(text["before"])
        g = dl.generate(
            lm, text["before"], strategy, max_new_tokens=40, min_new_tokens=20, seed=seed
        )
        assert g.text == text["text"]
        assert text["surprisal"] == pytest.approx(-g.score / len(g.token_ids), rel=1e-5)


def test_the_measures_tell_most_texts(ask, told):
    names = list(STRATEGIES)
    right = 0
    for text in told["texts"]:
        shares = ask(told=[list(told["strategies"].values()), text])
        assert sum(shares) == pytest.approx(1)
        assert 0.0099 < min(shares) <= max(shares) < 0.9701
        right += names[shares.index(max(shares))] == text["strategy"]
    assert right >= 0.75 * len(told["texts"])


def test_a_share_is_bayes_rule(ask):
    def typical(mean):
        return {"surprisal": [mean, 0.5], "distinct_2": [0.9, 0.1], "repetition": 0.1}

    text = {"surprisal": 2.25, "distinct_2": 0.9, "repetition": 0}
    got = ask(told=[[typical(2.0), typical(3.0)], text])
    odds = math.exp((0.75**2 - 0.25**2) / (2 * 0.5**2))
    assert got == pytest.approx([0.96 * odds / (1 + odds) + 0.02, 0.96 / (1 + odds) + 0.02])


def test_a_bet_is_paid_in_bits(ask):
    bet = {"seed": "1", "count": 4, "choice": 2, "confidence": 0.75, "options": 6}
    won, lost = ask(game=bet | {"answer": 2}), ask(game=bet | {"answer": 0})
    assert won["p"] == pytest.approx([0.05, 0.05, 0.75, 0.05, 0.05, 0.05])
    assert won["bits"] == pytest.approx(-math.log2(0.75))
    assert lost["bits"] == pytest.approx(-math.log2(0.05))


def test_a_seed_gives_everybody_the_same_texts(ask):
    bet = {"count": 50, "choice": 0, "confidence": 0.5, "options": 2, "answer": 0}
    orders = [ask(game=bet | {"seed": seed})["order"] for seed in ("7", "7", "8")]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(50))
