"""The games: the model's own numbers, bets paid exactly, watermarks judged as in Python."""

from __future__ import annotations

import itertools
import json
import math
import random
import statistics

import pytest
import torch

import decodelib as dl
from decodelib.viz.page import games
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


@pytest.fixture(scope="module")
def marked():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(games, "MARKED_LENGTH", 40)
        return games.texts_to_edit(storybook(), PASSAGES[:2])


def test_a_marked_text_is_found_and_offers_the_models_next_best_tokens(marked):
    lm = storybook()
    for text in marked["texts"]:
        assert games.MARK.detect(lm, text["ids"]).z >= games.LEAST_Z
        assert lm.encode(text["before"]).tolist() == text["before_ids"]
        logprobs = lm.logits([*text["before_ids"], *text["ids"]][:-1]).log_softmax(-1)[-40:]
        own = logprobs.gather(-1, torch.tensor(text["ids"])[:, None])
        assert text["surprisal"] == pytest.approx(-float(own.mean()), rel=1e-5)
        for row, token_id, others in zip(logprobs, text["ids"], text["others"], strict=True):
            assert len(others) == games.OTHERS
            assert token_id not in others
            assert row[others].tolist() == sorted(row[others].tolist(), reverse=True)
            assert (row > row[others[-1]]).sum() < 2 * games.OTHERS
        assert {int(i) for i in text["names"]} >= set(text["ids"])
        assert all(name == lm.decode([int(i)]) for i, name in text["names"].items())


def test_the_page_judges_edited_texts_as_pythons_detector_does(ask, marked):
    r = random.Random(0)
    for text in marked["texts"]:
        versions = [text["ids"]]
        for _ in range(12):
            places = set(r.sample(range(40), r.randint(1, 40)))
            versions.append(
                [
                    r.choice(others) if place in places else own
                    for place, (own, others) in enumerate(
                        zip(text["ids"], text["others"], strict=True)
                    )
                ]
            )
        answer = ask(marks=[marked, text, versions])
        for ids, got in zip(versions, answer["judged"], strict=True):
            want = games.MARK.detect(storybook(), ids)
            assert (got["scored"], got["green"]) == (want.num_tokens, want.statistic)
            assert got["z"] == pytest.approx(want.z)
            assert got["p"] == pytest.approx(want.p_value, rel=1e-9)
            assert got["bits"] == pytest.approx(-math.log2(want.p_value))
            assert got["isFound"] == (want.z >= games.THRESHOLD)
            green = [one["isGreen"] for one in got["found"] if one["isScored"]]
            assert green == [score == 1 for score in want.scores.values()]


def test_the_key_needs_fewer_replacements_than_chance(ask, marked):
    for text in marked["texts"]:
        answer = ask(marks=[marked, text, []])
        ids = list(text["ids"])
        for number, edit in enumerate(answer["withKey"]):
            assert games.MARK.detect(storybook(), ids).z >= games.THRESHOLD, number
            assert edit["id"] in text["others"][edit["place"]]
            ids[edit["place"]] = edit["id"]
        assert games.MARK.detect(storybook(), ids).z < games.THRESHOLD
        chance = answer["atRandom"]
        assert len(answer["withKey"]) < chance["edits"] < len(ids)
        assert 0 < chance["bits"] < -math.log2(games.MARK.detect(storybook(), text["ids"]).p_value)


def test_what_chance_needs_is_its_mean_over_many_orders(ask, marked):
    text, r = marked["texts"][0], random.Random(1)
    green = {int(i): set(games.MARK.green(int(i), 8192).tolist()) for i in text["names"]}

    def z(ids):
        pairs = set(itertools.pairwise(ids))
        hits = sum(b in green[a] for a, b in pairs)
        return games.MARK.judged(hits, len(pairs))[0]

    counts = []
    for _ in range(200):
        ids, order = list(text["ids"]), r.sample(range(40), 40)
        while z(ids) >= games.THRESHOLD:
            place = order.pop()
            ids[place] = r.choice(text["others"][place])
        counts.append(40 - len(order))
    error = statistics.stdev(counts) * math.sqrt(1 / 200 + 1 / 300)
    got = ask(marks=[marked, text, []])["atRandom"]["edits"]
    assert abs(got - statistics.fmean(counts)) < 4 * error
