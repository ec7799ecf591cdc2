"""decodelib.cuda_graph: replayed steps are the model's own steps, whatever was in the buffers.

On the CPU the function that a GPU would capture is called, so that all but the capture is tested.
"""

import contextlib
import random
from typing import ClassVar, get_args

import pytest
import torch
from test_gpt2 import PROMPTS, save_random_gpt2
from torch._subclasses.fake_tensor import FakeTensorMode

import decodelib as dl
from decodelib import cuda_graph
from decodelib.cuda_graph import GraphedGPT2, graphed
from decodelib.gpt2 import GPT2
from decodelib.in_graph import InGraph
from decodelib.static_step import WARM_UPS, Called, Picking, StaticStep, captured, pick

STRATEGIES = [
    dl.Greedy(),
    dl.Sampling(dl.Temperature(0.8), dl.TopP(0.9)),
    dl.Sampling(dl.RepetitionPenalty(1.3)),
    dl.BeamSearch(num_beams=3),
]


@pytest.fixture(scope="module")
def lm(tmp_path_factory) -> GPT2:
    """A small random model in float64, where other orders of summing change only last digits."""
    folder = tmp_path_factory.mktemp("gpt2")
    save_random_gpt2(folder)
    return dl.load(folder, device="cpu", dtype="float64")


def ragged(lm: dl.LanguageModel) -> list[torch.Tensor]:
    prompts = [lm.encode(prompt)[:17] for prompt in PROMPTS]
    assert len(set(map(len, prompts))) > 2
    return prompts


def assert_close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)


class Pair:
    """The same rows in a model and in its graphed twin, held to give the same."""

    def __init__(self, lm: GPT2, fast: GraphedGPT2, prompts: list[torch.Tensor], capacity: int):
        self.lm, self.fast = lm, fast
        expected, self.cache = lm.prefill(prompts, capacity)
        found, self.fast_cache = fast.prefill(prompts, capacity)
        self.rows = len(prompts)
        assert_close(found, expected)

    def step(self, chance: random.Random) -> None:
        ids = torch.tensor([chance.randrange(8192) for _ in range(self.rows)])
        expected = self.lm.step(ids, self.cache)
        assert_close(self.fast.step(ids, self.fast_cache), expected)
        assert_close(self.fast_cache.hidden, self.cache.hidden)

    def extend(self, chance: random.Random, count: int) -> None:
        ids = torch.tensor([[chance.randrange(8192)] * count for _ in range(self.rows)])
        expected = self.lm.extend(ids, self.cache)
        assert_close(self.fast.extend(ids, self.fast_cache), expected)

    def select(self, rows: list[int]) -> None:
        self.cache = self.cache.select(torch.tensor(rows))
        self.fast_cache = self.fast_cache.select(torch.tensor(rows))
        self.rows = len(rows)

    def rewind(self, count: int) -> None:
        self.cache.rewind(count)
        self.fast_cache.rewind(count)

    @property
    def in_buffer(self) -> bool:
        return self.fast_cache.buffer is self.fast._static.buffer


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


@pytest.mark.parametrize("picking", get_args(Picking))
def test_a_step_needs_no_value_on_the_host(lm, picking: str) -> None:
    # Tensors without contents: to read one, or to take a shape from it, is an error.
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True):
        StaticStep(lm, 3, 20).run(2, picking)


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


class Recording(contextlib.nullcontext):
    """Stands in for whatever torch.cuda has, and notes what happens to graphs."""

    log: ClassVar[list[str]] = []

    def wait_stream(self, stream) -> None:
        self.log.append("wait")

    def replay(self) -> None:
        self.log.append("replay")


@contextlib.contextmanager
def recording(graph, stream):
    Recording.log.append("begin")
    yield
    Recording.log.append("end")


def test_a_step_is_captured_after_warming_up_on_a_stream_of_its_own(monkeypatch) -> None:
    for name in ["device", "Stream", "stream", "current_stream", "CUDAGraph"]:
        monkeypatch.setattr(torch.cuda, name, Recording)
    monkeypatch.setattr(torch.cuda, "graph", recording)
    log, modes = Recording.log, set()

    def step() -> None:
        log.append("step")
        modes.add((torch.is_inference_mode_enabled(), torch.is_grad_enabled()))

    with torch.inference_mode():
        captured(step, lambda: log.append("restore"), torch.device("cuda")).replay()
    assert log == [
        "wait",
        *["step", "restore"] * WARM_UPS,
        "wait",
        "begin",
        "step",
        "end",
        "replay",
    ]
    assert modes == {(False, False)}


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
        assert_close(picked, pick(logits, lm.eos_token_id, may_end, draws))
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
        picked = pick(logits, 0, may_end, uniforms)
        assert picked[:, 0].tolist() == [0, 2]
        assert picked[:, 2].tolist() == [9, 1]
        logprobs = logits[0].double().log_softmax(-1)[[0, 2]]  # of the model, which may end
        torch.testing.assert_close(picked[:, 1], logprobs)


@pytest.mark.parametrize("uniforms", [None, torch.full((1,), 0.5, dtype=torch.float64)])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_logits_that_are_no_distribution_show_in_what_was_picked(bad, uniforms) -> None:
    logits = torch.tensor([[bad] * 3])
    token_id, _, best = pick(logits, None, torch.tensor([True]), uniforms)[0].tolist()
    assert 0 <= token_id < 3
    assert best - best != 0


def test_broken_logits_are_refused_in_the_words_of_every_strategy(lm, monkeypatch) -> None:
    fast = graphed(lm)
    step = fast.step_and_pick

    def broken(next_ids, cache, may_end, uniforms):
        logits, _ = step(next_ids, cache, may_end, uniforms)
        logits[0, 5] = torch.nan
        return logits, pick(logits, fast.eos_token_id, may_end, uniforms)

    monkeypatch.setattr(fast, "step_and_pick", broken)
    with pytest.raises(ValueError, match=r"logits must .* NaN"):
        dl.generate(fast, "The", InGraph(dl.Greedy()))


def test_processors_are_not_for_the_graph() -> None:
    with pytest.raises(ValueError, match=r"Sampling\(\) without processors, got .*TopP\(0.9\)"):
        InGraph(dl.Sampling(dl.TopP(0.9)))


def test_picking_in_the_graph_needs_a_graphed_model(lm) -> None:
    with pytest.raises(TypeError, match=r"lm must be a model from graphed\(\), got GPT2"):
        dl.generate(lm, "The", InGraph(dl.Greedy()))


def test_what_it_says_of_itself_is_what_the_model_says(lm) -> None:
    fast = graphed(lm)
    for name in ["name", "device", "dtype", "vocab_size", "context_length", "eos_token_id"]:
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
