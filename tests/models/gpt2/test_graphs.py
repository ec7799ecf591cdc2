"""The step that a GPU records is the plain step, whatever rows come, fork, move and end."""

import pytest
import torch

import decodelib as dl
from decodelib.models.gpt2 import graphs
from decodelib.models.gpt2.graphs import StepGraph

DEVICES = [
    "cpu",  # where it is computed step by step
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
    ),
]


@pytest.fixture(params=DEVICES)
def lm(request) -> dl.LanguageModel:
    return dl.load("storybook", device=request.param, dtype="float64")


def with_cache(lm: dl.LanguageModel, lengths: list[int]):
    generator = torch.Generator().manual_seed(0)
    prompts = [torch.randint(1, 500, (length,), generator=generator) for length in lengths]
    return lm.prefill([prompt.to(lm.device) for prompt in prompts], max(lengths) + 40)[1]


def test_a_recorded_step_is_the_plain_one_through_every_change_of_rows(lm) -> None:
    lengths = [5, 9, 3, 9]
    ours, theirs = with_cache(lm, lengths), with_cache(lm, lengths)
    graph = StepGraph(lm._hidden, lm._unembed, ours)
    generator = torch.Generator().manual_seed(1)
    # Same rows, moved ones, forks in the places of those that end, fewer, and as many again.
    for rows in ([0, 1, 2, 3], [2, 0, 3, 1], [1, 1, 3, 0], [3, 1], [0, 1], [1, 0, 0, 1], [2]):
        ours, theirs = ours.select(torch.tensor(rows)), theirs.select(torch.tensor(rows))
        assert graph.fits(ours)
        for _ in range(2):
            ids = torch.randint(1, 500, (len(rows),), generator=generator).to(lm.device)
            expected = lm.step(ids, theirs)
            hidden, logits = graph(ours.to_slots(ids), ours)
            ours.used += 1
            torch.testing.assert_close(ours.to_rows(logits), expected, atol=1e-9, rtol=0)
            torch.testing.assert_close(ours.to_rows(hidden), theirs.hidden[:, 0], atol=1e-9, rtol=0)
    ours.rewind(2)
    theirs.rewind(2)
    again = torch.tensor([7], device=lm.device)
    found = graph(ours.to_slots(again), ours)[1]
    torch.testing.assert_close(found, lm.step(again, theirs), atol=1e-9, rtol=0)


def test_a_slot_that_was_left_behind_spoils_nothing_when_the_others_are_rewound(lm) -> None:
    ours, theirs = with_cache(lm, [5, 4]), with_cache(lm, [5, 4])
    graph = StepGraph(lm._hidden, lm._unembed, ours)
    for cache in (ours, theirs):
        lm.extend(torch.full((2, 3), 9, device=lm.device), cache)
        cache.select(torch.tensor([0]))
    ids = torch.tensor([7], device=lm.device)
    for place in (3, 0):  # the other slot begins where the rows are now, and then they go back
        graph(ours.to_slots(ids), ours)
        ours.rewind(place)
        theirs.rewind(place)
    assert bool(ours.buffer.isfinite().all())
    ours, theirs = ours.select(torch.tensor([0, 0])), theirs.select(torch.tensor([0, 0]))
    ids = torch.tensor([7, 8], device=lm.device)
    found = graph(ours.to_slots(ids), ours)[1]
    torch.testing.assert_close(ours.to_rows(found), lm.step(ids, theirs), atol=1e-9, rtol=0)


def test_a_graph_ends_with_its_block_and_with_its_buffer(lm, monkeypatch) -> None:
    monkeypatch.setattr(graphs, "BLOCK", 8)
    cache = with_cache(lm, [5, 6])
    graph = StepGraph(lm._hidden, lm._unembed, cache)
    cache.used = 7
    assert graph.fits(cache)
    cache.used = 8
    assert not graph.fits(cache)
    cache.used = 6
    assert not graph.fits(cache.select(torch.tensor([0, 1, 1])))  # which needs a larger one


def test_without_a_gpu_nothing_is_recorded() -> None:
    lm = dl.load("storybook", device="cpu", dtype="float32")
    cache = with_cache(lm, [4])
    for _ in range(graphs.STEPS_BEFORE + 2):
        lm.step(torch.tensor([3]), cache)
        assert cache.graph is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_graph_is_recorded_once_it_pays_and_results_stay_as_they_were() -> None:
    lm = dl.load("storybook", device="cuda", dtype="float32")
    cache = with_cache(lm, [4, 6])
    ids = torch.tensor([3, 4], device=lm.device)
    for _ in range(graphs.STEPS_BEFORE):
        lm.step(ids, cache)
        assert cache.graph is None
    first = lm.step(ids, cache)
    graph, kept, hidden = cache.graph, first.clone(), cache.hidden.clone()
    assert graph is not None
    found = cache.hidden
    assert not torch.equal(lm.step(ids, cache), first)
    assert cache.graph is graph
    assert torch.equal(first, kept)
    assert torch.equal(found, hidden)
