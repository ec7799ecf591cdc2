"""The vote explorer's data: the texts that sampling draws, their answers, and the tree of both."""

from __future__ import annotations

import json

import pytest

import decodelib as dl
from decodelib.viz import explore_votes

TOY = dl.TableLM(
    {
        "": {"so": 0.5, "thus": 0.5},
        "so": {"one": 0.5, "two": 0.5},
        "thus": {"two": 1},
        "one": {"<eos>": 1},
        "two": {"<eos>": 0.7, "so": 0.3},
    }
)
ANSWER = "one|two"


@pytest.fixture(autouse=True)
def static_explorers(monkeypatch):
    monkeypatch.setenv("DECODELIB_STATIC", "1")


def toy(**options):
    return explore_votes(TOY, "so", ANSWER, **{"texts": 20, "max_new_tokens": 5} | options)


def test_the_texts_and_votes_are_those_of_self_consistency():
    explorer = toy(seed=3)
    strategy = dl.SelfConsistency(ANSWER, dl.Sampling(num_return_sequences=20))
    g = dl.generate(TOY, "so", strategy, max_new_tokens=5, seed=3)
    answers = strategy.answers([g, *g.alternatives])
    assert explorer.votes[0] == (answers[0], pytest.approx(g.score * 20))
    assert sum(count for _, count in explorer.votes) == sum(a is not None for a in answers)
    drawn = dl.Sampling(num_return_sequences=20)
    texts = dl.generate(TOY, "so", drawn, max_new_tokens=5, seed=3)
    assert [t["tokens"] for t in explorer.data["texts"]] == [
        text.tokens for text in (texts, *texts.alternatives)
    ]


def test_fewer_texts_are_the_first_of_them():
    explorer = toy(seed=5)
    for count in (1, 7, 20):
        explorer.texts = count
        strategy = dl.SelfConsistency(ANSWER, dl.Sampling(num_return_sequences=count))
        g = dl.generate(TOY, "so", strategy, max_new_tokens=5, seed=5)
        assert explorer.votes[0][1] == pytest.approx(g.score * count)


def leaves(branches, before=()):
    for branch in branches:
        path = (*before, *branch.tokens)
        inside = sum(len(onward.texts) for onward in branch.branches)
        for _ in range(len(branch.texts) - inside):
            yield path
        yield from leaves(branch.branches, path)


def test_the_tree_holds_every_text_once_and_branches_where_they_part():
    explorer = toy()
    for picked in ("all", "one", "two"):
        explorer.picked = picked
        texts = [
            tuple(text["tokens"])
            for text in explorer.data["texts"]
            if picked in ("all", text["answer"])
        ]
        assert sorted(leaves(explorer.tree)) == sorted(texts)

    def check(branches):
        counts = [len(branch.texts) for branch in branches]
        assert counts == sorted(counts, reverse=True)
        assert len({branch.tokens[0] for branch in branches}) == len(branches)
        for branch in branches:
            # one branch alone goes on only where a text has ended
            assert len(branch.branches) != 1 or len(branch.branches[0].texts) < len(branch.texts)
            check(branch.branches)

    check(explorer.tree)


def test_its_text_tells_the_votes_and_the_tree_once_they_are_predicted():
    explorer = toy(predict="Which answer wins?")
    asked = explorer.data["predict"]
    assert asked["choices"] == ["one", "two"]
    assert "Which answer wins?" in explorer.as_text()
    assert "×" not in explorer.as_text()
    assert asked["answer"] not in explorer.summary().removeprefix(repr(explorer))
    explorer.prediction = "two"
    assert f"{asked['answer']} {explorer.votes[0][1]}" in explorer.summary()
    assert "[one]" in explorer.as_text()


def test_its_data_is_json_and_its_limits_are_kept():
    explorer = toy()
    json.dumps(explorer.data, allow_nan=False)
    with pytest.raises(ValueError, match=r"texts must be in \[1, 20\], got 21"):
        explorer.texts = 21
    with pytest.raises(ValueError, match="picked must be 'all', 'one' or 'two', got 'three'"):
        explorer.picked = "three"
    with pytest.raises(ValueError, match=r"texts must be in \[2, 100\], got 1"):
        toy(texts=1)
    silent = explore_votes(TOY, "so", "zebra", texts=3, max_new_tokens=2, predict="Which?")
    assert (silent.data["predict"], silent.votes) == (None, [])
    assert silent.summary().endswith("votes of the first 3: none")
    with pytest.raises(TypeError, match="settings must be among texts, picked, prediction"):
        toy(colour="red")
