"""decodelib.in_graph: tokens picked within a model's graph are those that the strategy picks."""

import pytest
import torch

import decodelib as dl
from decodelib.graphs.model import graphed
from decodelib.graphs.step import pick
from decodelib.graphs.strategy import InGraph
from decodelib.models.gpt2.model import GPT2
from tests.helpers.gpt2 import PROMPTS, random_gpt2
from tests.helpers.graphed import Pair, assert_close, ragged


@pytest.fixture(scope="module")
def lm(tmp_path_factory) -> GPT2:
    return random_gpt2(tmp_path_factory.mktemp("gpt2"))


@pytest.mark.parametrize("strategy", [dl.Greedy(), dl.Sampling()], ids=repr)
def test_tokens_picked_in_the_graph_are_those_of_the_strategy(lm, strategy) -> None:
    fast = graphed(lm, rows=4, capacity=60)
    seen = set()
    for rows in [4, 3, 4]:
        settings = {"max_new_tokens": 30, "min_new_tokens": 3, "trace": True}
        settings |= {"seeds": [7 * row for row in range(rows)], "stop": [" the", "er", "an"]}
        expected = dl.generate_batch(lm, ragged(lm)[:rows], strategy, **settings)
        found = dl.generate_batch(fast, ragged(lm)[:rows], InGraph(strategy), **settings)
        for one, other in zip(found, expected, strict=True):
            assert one.token_ids == other.token_ids
            assert one.finish_reason == other.finish_reason
            assert one.logprobs == pytest.approx(other.logprobs, abs=1e-9)
            for step, same in zip(one.steps, other.steps, strict=True):
                assert (step.rank, step.kept) == (same.rank, same.kept)
                assert step.entropy == pytest.approx(same.entropy, abs=1e-9)
            seen.add(len(one.token_ids))
    picking = "argmax" if strategy == dl.Greedy() else "draw"
    assert {key[1] for key in fast._graphs} == {picking}
    assert len(seen) > 2 or strategy == dl.Greedy()  # so that rows left at different times


def test_each_row_is_picked_for_by_its_own_number_and_rule(lm) -> None:
    fast = graphed(lm, rows=4)
    pair = Pair(lm, fast, ragged(lm), 60)
    ids, may_end = torch.tensor([5, 6, 7, 8]), torch.tensor([True, False, True, True])
    draws = torch.tensor([0, 0, 0.4, 0.9], dtype=torch.float64)  # EOS is the first token
    for rows in [[0, 1, 2, 3], [3, 1, 0, 2]]:
        pair.select(rows)
        logits = lm.step(ids, pair.cache)
        found, picked = fast.step_and_pick(ids, pair.fast_cache, may_end, draws)
        assert_close(found, logits)
        assert_close(picked, pick(logits, lm.eos_token_ids, may_end, draws))
        assert picked[:2, 0].tolist() == [0, 1]


def test_tokens_are_picked_as_well_where_the_buffers_are_too_small() -> None:
    lm = dl.load("storybook", device="cpu", dtype="float32")
    expected = dl.generate_batch(lm, PROMPTS, dl.Sampling(), max_new_tokens=9)
    for rows in [2, 4]:
        fast = graphed(lm, rows=rows)
        found = dl.generate_batch(fast, PROMPTS, InGraph(dl.Sampling()), max_new_tokens=9)
        assert [g.token_ids for g in found] == [g.token_ids for g in expected]
        assert bool(fast._graphs) == (rows == 4)


def test_eos_is_not_picked_before_a_row_may_end() -> None:
    logits = torch.tensor([[9.0, 0, 1], [9, 0, 1]])
    may_end = torch.tensor([True, False])
    for uniforms in [None, torch.full((2,), 0.5, dtype=torch.float64)]:
        picked = pick(logits, (0,), may_end, uniforms)
        assert picked[:, 0].tolist() == [0, 2]
        assert picked[:, 2].tolist() == [9, 1]
        logprobs = logits[0].double().log_softmax(-1)[[0, 2]]  # of the model, which may end
        torch.testing.assert_close(picked[:, 1], logprobs)


@pytest.mark.parametrize("uniforms", [None, torch.full((1,), 0.5, dtype=torch.float64)])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_logits_that_are_no_distribution_show_in_what_was_picked(bad, uniforms) -> None:
    logits = torch.tensor([[bad] * 3])
    token_id, _, best = pick(logits, (), torch.tensor([True]), uniforms)[0].tolist()
    assert 0 <= token_id < 3
    assert best - best != 0


def test_broken_logits_are_refused_in_the_words_of_every_strategy(lm, monkeypatch) -> None:
    fast = graphed(lm)
    step = fast.step_and_pick

    def broken(next_ids, cache, may_end, uniforms):
        logits, _ = step(next_ids, cache, may_end, uniforms)
        logits[0, 5] = torch.nan
        return logits, pick(logits, fast.eos_token_ids, may_end, uniforms)

    monkeypatch.setattr(fast, "step_and_pick", broken)
    with pytest.raises(ValueError, match=r"logits must .* NaN"):
        dl.generate(fast, "The", InGraph(dl.Greedy()))


def test_processors_are_not_for_the_graph() -> None:
    with pytest.raises(ValueError, match=r"Sampling\(\) without processors, got .*TopP\(0.9\)"):
        InGraph(dl.Sampling(dl.TopP(0.9)))


def test_picking_in_the_graph_needs_a_graphed_model(lm) -> None:
    with pytest.raises(TypeError, match=r"lm must be a model from graphed\(\), got GPT2"):
        dl.generate(lm, "The", InGraph(dl.Greedy()))
