"""The generation player in Python: its steps are decodelib's, its branches what comes of them."""

from __future__ import annotations

import html
import json
import math
import re

import pytest
import torch

import decodelib as dl
from decodelib.viz import GenerationPlayer, explore_generation
from decodelib.viz.player.record import path_of

PROMPT = "Once upon a time"
CHAIN = (dl.Temperature(0.8), dl.TopK(20), dl.TopP(0.7))


@pytest.fixture(autouse=True)
def static_explorers(monkeypatch):
    monkeypatch.setenv("DECODELIB_STATIC", "1")


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu", dtype="float64")


@pytest.fixture
def player(lm) -> GenerationPlayer:
    strategy = dl.Sampling(*CHAIN)
    return explore_generation(lm, PROMPT, strategy, max_new_tokens=12, seed=3, branches=2)


def six(value: float) -> float:
    return float(f"{value:.6g}")


STRATEGIES = [
    dl.Greedy(),
    dl.Sampling(),
    dl.Sampling(*CHAIN),
    dl.Sampling(dl.Mirostat(3.0), dl.XTC(0.5, 0.1)),
    dl.EntropySampling(),
    dl.BeamSearch(3),
    dl.ContrastiveSearch(),
]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_every_step_is_the_trace_of_generate(lm, strategy):
    player = explore_generation(lm, PROMPT, strategy, max_new_tokens=9, seed=5, candidates=4)
    g = dl.generate(lm, PROMPT, strategy, max_new_tokens=9, seed=5, trace=True)
    assert player.generation.token_ids == g.token_ids
    assert player.text == g.text
    for shown, step, text in zip(player.steps, g.steps, g.tokens, strict=True):
        assert (shown["id"], shown["text"], shown["rank"]) == (step.token_id, text, step.rank)
        assert (shown["kept"], shown["decision"]) == (step.kept, step.decision)
        assert shown["p"] == six(math.exp(step.logprob))
        assert shown["entropy"] == six(step.entropy)
        chosen = [c for c in step.candidates[4:] if c.id == step.token_id]
        listed = [*step.candidates[:4], *chosen]
        expected = [(c.id, c.token, six(c.p_before), six(c.p_after)) for c in listed]
        assert [tuple(c[:4]) for c in shown["candidates"]] == expected


def test_each_removed_candidate_names_the_processor_that_removed_it(lm, player):
    ids = lm.encode(PROMPT).tolist() + player.generation.token_ids
    logits = lm.logits(ids)[len(ids) - 13 :]
    removers = set()
    for row, step in zip(logits, player.steps, strict=False):
        after, by = row[None], {}
        for place, processor in enumerate(CHAIN):
            after = processor(torch.tensor([ids]), after)
            for gone in (after[0] == -torch.inf).nonzero()[:, 0].tolist():
                by.setdefault(gone, place)
        assert [c[4] for c in step["candidates"]] == [by.get(c[0]) for c in step["candidates"]]
        assert all((c[3] == 0) is (c[4] is not None) for c in step["candidates"])
        removers |= {c[4] for c in step["candidates"]}
    assert removers >= {None, 2}
    assert player.data["processors"] == ["Temperature(0.8)", "TopK(20)", "TopP(0.7)"]


def test_every_processor_of_a_chain_can_be_the_one_that_removed(lm):
    strategy = dl.Sampling(dl.TopK(6), dl.MinP(0.3), dl.TopK(1))
    player = explore_generation(lm, PROMPT, strategy, max_new_tokens=12)
    removers = {c[4] for step in player.steps for c in step["candidates"]}
    assert removers == {None, 0, 1, 2}


def test_a_processor_with_a_memory_runs_as_it_does_without_being_watched(lm):
    strategy = dl.Sampling(dl.Mirostat(2.0, eta=0.5), dl.XTC(0.9, 0.05))
    player = explore_generation(lm, PROMPT, strategy, max_new_tokens=20, seed=8)
    plain = dl.generate(lm, PROMPT, strategy, max_new_tokens=20, seed=8)
    assert player.generation.token_ids == plain.token_ids
    assert {c[4] for step in player.steps for c in step["candidates"]} == {None, 0, 1}


def test_what_the_model_rules_out_was_removed_by_nothing():
    table = dl.TableLM({"": {"a": 0.7, "b": 0.3}})
    player = explore_generation(table, "a", dl.Sampling(dl.Temperature(2.0)), max_new_tokens=2)
    assert [c[2:] for c in player.step["candidates"] if c[2] == 0] == [[0.0, 0.0, None]] * 2


# ---- branches ---------------------------------------------------------------------------------


def test_branches_leave_the_two_most_uncertain_tokens_for_the_best_other_candidates(player):
    steps = player.data["branches"][0]["steps"]
    places = sorted(sorted(range(12), key=lambda i: -steps[i]["entropy"])[:2])
    left = [(b["start"], b["steps"][0]["id"]) for b in player.data["branches"][1:]]
    expected = []
    for place in places:
        possible = [c for c in steps[place]["candidates"] if c[3] > 0]
        others = [c[0] for c in possible if c[0] != steps[place]["id"]]
        expected += [(place, other) for other in others[:2]]
    assert left == expected
    assert len(left) == 4
    assert (player.branch, player.position) == (0, 1)


def test_no_branch_is_recorded_for_what_the_strategy_would_never_choose(lm):
    for k, count in ((1, 0), (2, 6), (3, 12)):
        strategy = dl.Sampling(dl.TopK(k))
        player = explore_generation(lm, PROMPT, strategy, max_new_tokens=6, branches=6)
        assert len(player.data["branches"]) == 1 + count


def test_branches_can_be_recorded_at_chosen_positions(lm):
    player = explore_generation(lm, PROMPT, dl.Greedy(), max_new_tokens=6, branches=[2, 6])
    assert [branch["start"] for branch in player.data["branches"][1:]] == [1, 1, 5, 5]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_a_branch_is_what_the_strategy_makes_of_the_text_up_to_it(lm, strategy):
    player = explore_generation(lm, PROMPT, strategy, max_new_tokens=9, seed=4)
    original = player.steps
    other = next(c[0] for c in original[3]["candidates"] if c[0] != original[3]["id"])
    assert player.regenerate(0, 4, other) == 1
    ids = [step["id"] for step in original[:3]] + [other]
    prompt = lm.prompt_ids(PROMPT).tolist() + ids
    g = dl.generate(lm, prompt, strategy, max_new_tokens=5, seed=4, trace=True)
    assert [step["id"] for step in player.steps] == ids + g.token_ids
    assert player.steps[:3] == original[:3]
    assert player.steps[4]["p"] == six(math.exp(g.steps[0].logprob))
    assert player.data["branches"][1]["end"] == g.finish_reason
    assert player.text == lm.decode(ids) + g.text


def test_the_candidate_taken_has_its_own_probability_and_rank(player):
    index = next(i for i, c in enumerate(player.steps[2]["candidates"]) if c[3] == 0)
    wanted = player.steps[2]["candidates"][index]
    player.regenerate(0, 3, wanted[0])  # the strategy itself would never take it
    assert player.step["id"] == wanted[0]
    assert (player.step["p"], player.step["rank"]) == (wanted[2], index + 1)
    assert wanted in player.step["candidates"]
    assert player.step["text"] == wanted[1]


def test_a_branch_can_grow_branches_and_is_not_generated_twice(player):
    count, branch = len(player.data["branches"]), player.data["branches"][1]
    other, start = branch["steps"][0]["id"], branch["start"]
    assert player.regenerate(0, start + 1, other) == 1
    assert len(player.data["branches"]) == count
    after = player.steps[start + 1]
    deeper = next(c[0] for c in after["candidates"] if c[0] != after["id"])
    new = player.regenerate(1, start + 2, deeper)
    assert new == count
    assert player.data["branches"][new]["parent"] == 1
    ids = [step["id"] for step in path_of(player.data["branches"], new)]
    assert ids[start : start + 2] == [other, deeper]
    # Back at the first fork, the way of the original is the original.
    assert player.regenerate(new, start + 1, player.data["branches"][0]["steps"][start]["id"]) == 0
    assert player.limits()["branch"]["max"] == player.data["limits"]["branch"]["max"] == new


def test_a_branch_may_end_at_once():
    table = dl.TableLM({"": {"a": 0.6, "<eos>": 0.3, "b": 0.1}})
    player = explore_generation(table, "a", dl.Greedy(), max_new_tokens=4)
    assert player.data["branches"][0]["end"] == "length"
    player.regenerate(0, 2, table.eos_token_id)
    assert player.data["branches"][1]["end"] == "eos"
    assert (player.text, len(player.steps)) == (" a", 2)
    player.regenerate(0, 4, player.data["branches"][0]["steps"][3]["candidates"][2][0])
    assert player.data["branches"][2]["end"] == "length"
    assert player.text == " a a a b"


def test_a_request_is_fulfilled_and_its_failure_is_said_in_a_sentence(player):
    step = player.steps[4]
    other = next(c[0] for c in step["candidates"] if c[0] != step["id"])
    player.request = [0, 5, other]
    assert player.request == []
    assert player.message == ""
    assert player.step["id"] == other
    for request, message in [
        ([99, 1, 0], r"No new branch: branch must be in \[0, \d+\], got 99"),
        ([0, 13, 0], r"No new branch: position must be in \[1, 12\], got 13"),
        ([0, 1, -1], r"No new branch: token_id must be .*, got -1"),
    ]:
        before, player.request = player.data, request
        assert player.request == []
        assert re.fullmatch(message, player.message)
        assert player.data is before
    player.request = [0, 5, other]
    assert player.message == ""


# ---- settings, text, html ---------------------------------------------------------------------


def test_characters_of_several_tokens_are_shown_whole(lm):
    player = explore_generation(
        lm, "\u4e2d\u6587", dl.Sampling(dl.Temperature(5.0)), max_new_tokens=40
    )
    assert "".join(step["text"] for step in player.steps) == lm.decode(player.generation.token_ids)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("branch", 5, r"branch must be in \[0, 4\], got 5"),
        ("branch", -1, r"branch must be in \[0, 4\], got -1"),
        ("position", 0, r"position must be in \[1, 12\], got 0"),
        ("position", 13, r"position must be in \[1, 12\], got 13"),
    ],
)
def test_a_setting_out_of_range_is_refused_in_one_sentence(player, name, value, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        setattr(player, name, value)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"candidates": 1}, ValueError, r"candidates must be in \[2, 10\], got 1"),
        ({"candidates": 11}, ValueError, r"candidates must be in \[2, 10\], got 11"),
        ({"branches": -1}, ValueError, "branches must be at least 0, got -1"),
        ({"branches": [3]}, ValueError, r"branches must be in \[1, 2\], got 3"),
        ({"answer": "luck"}, ValueError, "answer must be 'least_probable', .*, got 'luck'"),
        ({"speed": 2}, TypeError, "settings must be among .*, got speed"),
    ],
)
def test_arguments_out_of_range_are_refused_in_one_sentence(lm, change, error, message):
    arguments = {"prompt": PROMPT, "strategy": dl.Greedy(), "max_new_tokens": 2} | change
    with pytest.raises(error, match=message):
        explore_generation(lm, **arguments)


def test_a_position_beyond_the_end_is_the_last_token():
    table = dl.TableLM({"": {"a": 0.4, "<eos>": 0.6}, "a": {"<eos>": 1}})
    player = explore_generation(table, "a", dl.Greedy(), max_new_tokens=5, position=4)
    assert len(player.steps) == 1
    assert player.step["id"] == table.eos_token_id
    assert "token 1 of 1" in player.summary()


def test_the_answers_are_those_of_the_steps(lm):
    def asked(name: str, **settings: int) -> float:
        player = explore_generation(
            lm, PROMPT, dl.Sampling(), max_new_tokens=10, predict="?", answer=name, **settings
        )
        return player.data["predict"]["answer"]["value"]

    g = dl.generate(lm, PROMPT, dl.Sampling(), max_new_tokens=10, trace=True)
    assert asked("least_probable") == g.logprobs.index(min(g.logprobs)) + 1
    entropies = [step.entropy for step in g.steps]
    assert asked("most_uncertain") == entropies.index(max(entropies)) + 1
    assert asked("unlikely") == sum(logprob < math.log(0.5) for logprob in g.logprobs)
    assert asked("rank", position=4) == g.steps[3].rank
    assert asked("p", position=4) == six(math.exp(g.logprobs[3]))
    assert asked("entropy", position=4) == six(g.steps[3].entropy)
    assert asked("kept", position=4) == 8192


def test_an_unanswered_prediction_hides_the_numbers_in_every_form(lm):
    player = explore_generation(lm, PROMPT, dl.Greedy(), max_new_tokens=6, predict="Which token?")
    shown = player._repr_mimebundle_()
    for text in (shown["text/plain"], shown["text/html"].split("<pre")[1]):
        assert "Which token?" in text
        assert f"{player.step['p']:.4g}" not in text
        assert f"{player.step['entropy']:.3f}" not in text
    player.prediction = 1
    assert f"has p {player.step['p']:.4g}, rank 1" in player.summary()
    assert f"{player.steps[5]['entropy']:.3f}" in player.as_text()


def test_the_html_is_the_same_every_time_and_holds_the_text_version(lm):
    def page() -> str:
        strategy = dl.Sampling(dl.TopP(0.9))
        return explore_generation(lm, PROMPT, strategy, max_new_tokens=8, branches=1).as_html()

    assert page() == page()
    state = json.loads(html.unescape(page().split("data-dx='")[1].split("'")[0]))
    assert state["data"]["initial"] == {"branch": 0, "position": 1}
    assert state["data"]["load"] == "dl.load('storybook', dtype='float64')"
    text = html.unescape(page().split('<pre class="dx-fallback">')[1])
    assert {"2 branches are recorded."} <= set(text.splitlines())
