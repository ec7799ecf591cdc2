"""The blind rating's data: the pairs, their numbers, their order, and what choices come to."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

import decodelib as dl
from decodelib.experiments import metrics
from decodelib.viz import explore_rating
from decodelib.viz.rating.pairs import Place, order
from decodelib.viz.shell.explorer import STATIC
from tests.helpers.explorer_page import stored_explorers

TOY = dl.TableLM({"": {"a": 0.5, "b": 0.3, "c": 0.2}, "a": {"b": 0.6, "a": 0.4}})
STRATEGIES = {"greedy": dl.Greedy(), "plain": dl.Sampling(), "top": dl.Sampling(dl.TopK(2))}
JUDGE = {name: [0.5 + place for place in range(3)] for name in STRATEGIES}
DATA = Path(__file__).resolve().parents[3] / "chapters" / "data"


@pytest.fixture(autouse=True)
def static_explorers(monkeypatch):
    monkeypatch.setenv("DECODELIB_STATIC", "1")


def toy(**options):
    given = {"num_tokens": 8, "judges": {"judge": JUDGE}} | options
    return explore_rating(TOY, ["a", "b", "c", "a b"], STRATEGIES, **given)


def test_every_two_strategies_meet_once_on_the_texts_that_generate_gives():
    explorer = toy()
    pairs = explorer.data["pairs"]
    names = list(STRATEGIES)
    met = [tuple(names[text["strategy"]] for text in pair["texts"]) for pair in pairs]
    assert met == [("greedy", "plain"), ("greedy", "top"), ("plain", "top")]
    for seed, pair in enumerate(pairs):
        for text in pair["texts"]:
            g = dl.generate(
                TOY,
                pair["opening"],
                STRATEGIES[names[text["strategy"]]],
                max_new_tokens=8,
                min_new_tokens=8,
                seed=seed,
            )
            assert text["text"] == g.text
            perplexity, distinct, loop, judged = text["numbers"]
            assert perplexity == pytest.approx(math.exp(-sum(g.logprobs) / 8), rel=1e-5)
            assert distinct == pytest.approx(metrics.distinct_n([g.token_ids], 2), rel=1e-5)
            assert loop == metrics.ends_in_repetition(g.token_ids)
            assert judged == 0.5 + seed


def test_an_order_is_a_shuffle_and_neighbouring_seeds_have_little_in_common():
    for seed in (0, 1, 77, 2**20):
        assert sorted(place.pair for place in order(seed, 10)) == list(range(10))
    first = Counter(order(seed, 10)[0].pair for seed in range(1000))
    turned = Counter(place.is_swapped for seed in range(1000) for place in order(seed, 10))
    assert min(first.values()) > 60
    assert abs(turned[True] - 5000) < 250


def test_the_page_draws_the_order_that_python_draws():
    if (node := shutil.which("node")) is None:
        pytest.skip("NO NODE: the order is then tested in Chromium only")
    seeds = [0, 1, 2, 3, 1000, 2**20 - 1, 2**20]
    script = (
        "globalThis.DecodeExplorer = {};"
        f"require({json.dumps(str(STATIC / 'rating' / 'ratings.js'))});"
        f"const all = {seeds}.map((s) => DecodeExplorer.rating.order(s, 10));"
        "console.log(JSON.stringify(all.map((o) => o.map((p) => [p.pair, p.isSwapped]))))"
    )
    done = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True)
    drawn = [[Place(*place) for place in one] for one in json.loads(done.stdout)]
    assert drawn == [order(seed, 10) for seed in seeds]


def test_nothing_is_named_before_the_last_pair_is_rated():
    explorer = toy()
    key = explorer.data["key"]
    for choices, rated in (("", 0), (f"{key}.a-t", 2)):
        explorer.choices = choices
        assert explorer.is_hidden
        assert explorer.summary().endswith(f"{rated} of 3 pairs are rated")
        assert not any(name in explorer.as_text() for name in ("greedy", "plain,", "perplexity"))
    explorer.choices = f"{key}.abt"
    assert not explorer.is_hidden
    assert "greedy" in explorer.as_text()
    assert "the choices agree with perplexity" in explorer.summary()
    explorer.choices, explorer.revealed = "", True
    assert "A, " in explorer.as_text()
    assert explorer.summary().endswith("0 of 3 pairs are rated")


def test_wins_and_agreement_count_the_choices():
    explorer = toy()
    explorer.choices = f"{explorer.data['key']}.abt"
    assert explorer.wins == {"greedy": (1, 1, 0), "plain": (0, 1, 1), "top": (1, 0, 1)}
    found = explorer.agreement
    assert found["judge"] == (0, 0)  # the same number for both texts of every pair
    assert found["judge"].share is None
    texts = [pair["texts"] for pair in explorer.data["pairs"]]
    prefers = [a["numbers"][0] < b["numbers"][0] for a, b in texts[:2]]
    decided = [a["numbers"][0] != b["numbers"][0] for a, b in texts[:2]]
    chosen = zip(decided, prefers, (True, False), strict=True)
    agreed = sum(is_decided and prefer == first for is_decided, prefer, first in chosen)
    assert found["perplexity"] == (agreed, sum(decided))


def test_its_data_is_json_and_its_limits_are_kept():
    explorer = toy()
    json.dumps(explorer.data, allow_nan=False)
    key = explorer.data["key"]
    for wrong in (f"{key}.ab", f"{key}.abx", "zzz.abt", "abt"):
        with pytest.raises(ValueError, match="choices must be '' or"):
            explorer.choices = wrong
    with pytest.raises(ValueError, match=r"place must be in \[1, 3\], got 4"):
        explorer.place = 4
    with pytest.raises(ValueError, match=r"seed must be in \[0, 1048576\], got -1"):
        explorer.seed = -1
    with pytest.raises(ValueError, match="openings must hold at least 3 for 3 strategies, got 1"):
        explore_rating(TOY, ["a"], STRATEGIES)
    with pytest.raises(ValueError, match="strategies must hold 2 to 8, got 1"):
        explore_rating(TOY, ["a"], {"greedy": dl.Greedy()})
    with pytest.raises(ValueError, match="judges must have 3 numbers of each strategy, got 0 of"):
        toy(judges={"judge": {"greedy": [1, 2, 3]}})
    with pytest.raises(TypeError, match="settings must be among seed, choices, place, prediction"):
        toy(colour="red")


def test_other_texts_have_another_key():
    assert toy().data["key"] == toy(title="Another").data["key"]
    assert toy().data["key"] != toy(num_tokens=9).data["key"]


def test_the_second_judge_of_chapter_14_has_read_the_very_texts_that_the_page_shows():
    """Its numbers are data: by the writer's own numbers one sees that they are of these texts."""
    (stored,) = [one for one in stored_explorers() if one.kind == "rating"]
    data = stored.state["data"]
    second = json.loads((DATA / "second_judge.json").read_text(encoding="utf-8"))
    place = [measure["name"] for measure in data["measures"]].index("second judge")
    for pair in data["pairs"]:
        for text in pair["texts"]:
            row = second["rows"][data["strategies"][text["strategy"]]["name"]]
            assert text["numbers"][place] == row["judge"][pair["seed"]]
            nats = math.log(text["numbers"][0]) * data["num_tokens"]
            by_writer = row["writer"][pair["seed"]]
            assert nats / len(text["text"]) == pytest.approx(by_writer, rel=0.02)
