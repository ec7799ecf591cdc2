"""decodelib.graphs.model: replayed steps are the model's own steps, whatever was in the buffers.

On the CPU the function that a GPU would capture is called, so that all but the capture is tested.
"""

import random

import pytest
import torch

import decodelib as dl
from decodelib.graphs import model as cuda_graph
from decodelib.graphs.model import GraphedGPT2, graphed
from decodelib.graphs.step import WARM_UPS, Called
from decodelib.graphs.strategy import InGraph
from decodelib.models.gpt2.model import GPT2
from tests.helpers.gpt2 import PROMPTS, random_gpt2
from tests.helpers.graphed import Pair, ragged

STRATEGIES = [
    dl.Greedy(),
    dl.Sampling(dl.Temperature(0.8), dl.TopP(0.9)),
    dl.Sampling(dl.RepetitionPenalty(1.3)),
    dl.BeamSearch(num_beams=3),
]


@pytest.fixture(scope="module")
def lm(tmp_path_factory) -> GPT2:
    return random_gpt2(tmp_path_factory.mktemp("gpt2"))


@pytest.mark.parametrize("seed", range(3))
def test_steps_on_reordered_forked_dropped_and_rewound_rows_are_the_models_own(lm, seed) -> None:
    chance = random.Random(seed)
    fast = graphed(lm, rows=6)
    for text in range(3):  # one after the other in the same buffers
        prompts = chance.sample(ragged(lm), 4 - text)
        pair = Pair(lm, fast, prompts, 60)
        for _ in range(12):
            pair.step(chance)
            if chance.random() < 0.7:
                count = chance.randint(1, 6)
                pair.select([chance.randrange(pair.rows) for _ in range(count)])
            if chance.random() < 0.3:
                pair.step(chance)
                pair.rewind(chance.randint(1, 2))
            if chance.random() < 0.3:
                pair.extend(chance, 2)
        assert pair.in_buffer


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_every_strategy_gives_the_same_texts(lm, strategy) -> None:
    fast = graphed(lm, rows=12, capacity=40)
    for _ in range(2):
        settings = {"max_new_tokens": 12, "min_new_tokens": 3}
        expected = dl.generate_batch(lm, ragged(lm), strategy, **settings)
        found = dl.generate_batch(fast, ragged(lm), strategy, **settings)
        assert [g.token_ids for g in found] == [g.token_ids for g in expected]
        for one, other in zip(found, expected, strict=True):
            assert one.logprobs == pytest.approx(other.logprobs, abs=1e-9)


def test_storybook_streams_the_same_steps() -> None:
    storybook = dl.load("storybook", device="cpu", dtype="float32")
    arguments = (PROMPTS[0], dl.Sampling(dl.TopK(40)))
    expected = dl.stream(storybook, *arguments, max_new_tokens=12, seed=3)
    found = dl.stream(graphed(storybook), *arguments, max_new_tokens=12, seed=3)
    assert [step.token_id for step in found] == [step.token_id for step in expected]


def test_a_graph_is_recorded_once_for_each_power_of_two_up_to_the_most_rows(
    lm, monkeypatch
) -> None:
    recorded, kind = [], cuda_graph.Called
    monkeypatch.setattr(cuda_graph, "Called", lambda step: recorded.append(step) or kind(step))
    fast = graphed(lm, rows=6)
    for count in [4, 3, 1, 2]:
        dl.generate_batch(fast, ragged(lm)[:count], dl.Greedy(), max_new_tokens=5)
    assert sorted(rows for rows, _ in fast._graphs) == [1, 2, 4]
    dl.generate(fast, "The", dl.BeamSearch(num_beams=5), max_new_tokens=5)
    dl.generate(fast, "The", dl.BeamSearch(num_beams=6), max_new_tokens=5)
    assert sorted(rows for rows, _ in fast._graphs) == [1, 2, 4, 6]
    assert len(recorded) == 4


def addresses(fast: GraphedGPT2) -> list[int]:
    tensors = [value for value in vars(fast._static).values() if isinstance(value, torch.Tensor)]
    assert len(tensors) > 5
    return [tensor.data_ptr() for tensor in tensors]


def test_the_buffers_stay_where_they_are(lm) -> None:
    fast = graphed(lm, rows=4)
    before = addresses(fast)
    for strategy in STRATEGIES:
        dl.generate_batch(fast, ragged(lm), strategy, max_new_tokens=5)
    assert addresses(fast) == before


def test_a_batch_that_another_displaces_goes_on_as_before(lm) -> None:
    chance = random.Random(0)
    fast = graphed(lm, rows=4)
    first = Pair(lm, fast, ragged(lm), 60)
    first.step(chance)
    second = Pair(lm, fast, ragged(lm)[:2], 60)
    assert second.in_buffer
    assert not first.in_buffer
    for _ in range(20):
        first.step(chance)
        second.step(chance)


def test_a_batch_with_too_many_rows_or_positions_goes_on_by_the_models_own_steps(lm) -> None:
    chance = random.Random(1)
    fast = graphed(lm, rows=2, capacity=30)
    for prompts, capacity in [(ragged(lm), 30), (ragged(lm)[:2], 31)]:
        pair = Pair(lm, fast, prompts, capacity)
        assert not pair.in_buffer
        pair.step(chance)
    pair = Pair(lm, fast, ragged(lm)[:2], 30)
    pair.select([0, 1, 1])
    pair.step(chance)
    assert not pair.in_buffer


@pytest.mark.parametrize("more", [1, 2])
def test_short_rows_may_go_on_where_the_buffer_ends(lm, more: int) -> None:
    chance = random.Random(2)
    fast = graphed(lm, rows=2, capacity=20)
    pair = Pair(lm, fast, [torch.arange(17), torch.arange(3)], 20)
    for _ in range(3):
        pair.step(chance)
    assert pair.in_buffer
    pair.select([1] * more)  # of the long row there is nothing more; this one has 6 of 20 tokens
    for _ in range(2):
        pair.extend(chance, 2)
    for _ in range(10):
        pair.step(chance)
    assert not pair.in_buffer
    with pytest.raises(ValueError, match="cache is full: it has room for 20 positions a row"):
        fast.step(torch.tensor([1] * more), pair.fast_cache)


def test_nothing_of_a_spoiled_text_is_left_for_the_next(lm) -> None:
    fast = graphed(lm, rows=2)
    _, cache = fast.prefill([torch.arange(9)], 30)
    cache.buffer.fill_(torch.nan)
    assert fast.step(torch.tensor([1]), cache).isnan().all()
    pair = Pair(lm, fast, ragged(lm)[:2], 60)
    pair.step(random.Random(3))
    assert pair.in_buffer


@pytest.mark.parametrize("prompts", [[3, 5], [5, 3]], ids=["rows in order of slots", "not"])
def test_what_a_step_returned_is_not_changed_by_the_next(lm, prompts) -> None:
    fast = graphed(lm, rows=2)
    may_end = torch.tensor([True, True])
    _, cache = fast.prefill([torch.arange(length) for length in prompts], 60)
    kept = [fast.step(torch.tensor([5, 6]), cache), cache.hidden]
    kept += fast.step_and_pick(torch.tensor([5, 6]), cache, may_end)
    before = [tensor.clone() for tensor in kept]
    fast.step_and_pick(torch.tensor([7, 8]), cache, may_end)
    for found, expected in zip(kept, before, strict=True):
        assert torch.equal(found, expected)


def test_warming_up_in_the_middle_of_a_text_leaves_no_trace(lm, monkeypatch) -> None:
    def warmed_up(step, restore, device):
        for _ in range(WARM_UPS):
            step()
            restore()
        return Called(step)

    monkeypatch.setattr(cuda_graph, "captured", warmed_up)
    fast = graphed(lm, rows=4, capacity=22)
    pair = Pair(lm, fast, ragged(lm), 22)
    fast.device = torch.device("cuda")
    for rows in [[3, 1, 2, 0], [1, 0, 3], [2, 1], [0], [0, 0, 0, 0]]:
        pair.select(rows)
        pair.step(random.Random(4))
    assert len(fast._graphs) == 3  # of 4, 2 and 1 rows
    assert pair.in_buffer


def test_what_it_says_of_itself_is_what_the_model_says(lm) -> None:
    fast = graphed(lm)
    for name in ["name", "device", "dtype", "vocab_size", "context_length", "eos_token_ids"]:
        assert getattr(fast, name) == getattr(lm, name)
    ids = fast.encode("Once upon")
    assert fast.decode(ids) == "Once upon"
    assert torch.equal(fast.logits(ids), lm.logits(ids))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rows": 0}, "rows must be .*, got 0"),
        ({"capacity": 0}, "capacity must be .*, got 0"),
        ({"capacity": 65}, "capacity must be .*64.*, got 65"),
    ],
)
def test_sizes_out_of_range_are_refused(lm, settings, message) -> None:
    with pytest.raises(ValueError, match=message):
        graphed(lm, **settings)


def test_another_kind_of_model_is_refused(lm) -> None:
    with pytest.raises(TypeError, match="lm must be a GPT-2 model of this package"):
        graphed(graphed(lm))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize(
    "strategy", [*STRATEGIES, InGraph(dl.Greedy()), InGraph(dl.Sampling())], ids=repr
)
def test_a_gpu_replays_the_same_tokens_and_captures_nothing_twice(strategy, monkeypatch) -> None:
    lm = dl.load("storybook", device="cuda", dtype="float64")
    fast = graphed(lm, rows=12, capacity=80)
    captures, capture = [], cuda_graph.captured
    monkeypatch.setattr(cuda_graph, "captured", lambda *a: captures.append(a) or capture(*a))
    for count in [4, 3, 4]:
        settings = {"max_new_tokens": 30, "seeds": range(count)}
        eager = strategy.strategy if isinstance(strategy, InGraph) else strategy
        expected = dl.generate_batch(lm, PROMPTS[:count], eager, **settings)
        found = dl.generate_batch(fast, PROMPTS[:count], strategy, **settings)
        assert [g.token_ids for g in found] == [g.token_ids for g in expected]
    assert len(captures) == len(fast._graphs)
    assert all(isinstance(graph, torch.cuda.CUDAGraph) for graph in fast._graphs.values())
