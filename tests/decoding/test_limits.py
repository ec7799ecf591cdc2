"""Where decoding cannot go on, and long runs: errors in a sentence, level memory, steady work."""

import gc
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import decodelib as dl

END_ONLY = dl.TableLM({"": {"a": 1}, "a": {"<eos>": 1}})
STRATEGIES = {
    "greedy": dl.Greedy(),
    "sampling": dl.Sampling(),
    "beams": dl.BeamSearch(3),
    "diverse beams": dl.DiverseBeamSearch(4, 2),
    "stochastic beams": dl.StochasticBeamSearch(3),
    "entropix": dl.EntropySampling(),
    "contrastive decoding": dl.ContrastiveDecoding(dl.TableLM(END_ONLY.table)),
    "speculative": dl.SpeculativeSampling(dl.TableLM(END_ONLY.table)),
    "power": dl.PowerSampling(num_moves=2),
    "arithmetic": dl.ArithmeticSampling(num_return_sequences=2),
    "best of n": dl.BestOfN(lambda g: g.score),
}
each_strategy = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)


@each_strategy
def test_a_text_that_can_only_end_and_must_not_is_an_error_that_says_so(strategy) -> None:
    sentence = r"min_new_tokens=3 cannot be had: after 1 new tokens the model can only end the text"
    with pytest.raises(ValueError, match=sentence):
        dl.generate(END_ONLY, "", strategy, max_new_tokens=5, min_new_tokens=3)
    assert dl.generate(END_ONLY, "", strategy, max_new_tokens=5, min_new_tokens=1).text == " a"


ONE_DEAD_END = dl.TableLM(
    {"": {"a": 0.6, "b": 0.4}, "a": {"<eos>": 1}, "b": {"b": 0.6, "c": 0.4}, "c": {"b": 1}}
)


@pytest.mark.parametrize(
    "strategy",
    [
        dl.BeamSearch(3),
        dl.DiverseBeamSearch(4, 2),
        dl.StochasticBeamSearch(3),
        dl.EntropySampling(
            high_entropy=9.0, low_varentropy=0.0, high_varentropy=0.0, min_p=0.0, top_p=1.0
        ),
    ],
    ids=lambda strategy: type(strategy).__name__,
)
def test_where_one_hypothesis_can_only_end_the_others_go_on(strategy) -> None:
    for seed in range(20):
        g = dl.generate(ONE_DEAD_END, "", strategy, max_new_tokens=4, min_new_tokens=4, seed=seed)
        assert g.text.startswith(" b")
        assert len(g.token_ids) == 4


def test_a_draft_that_would_only_end_does_not_end_the_text() -> None:
    lm = dl.TableLM({"": {"a": 0.6, "b": 0.4, "<eos>": 1e-9}})
    draft = dl.TableLM({"": {"<eos>": 1, "a": 0, "b": 0}})
    strategy = dl.SpeculativeSampling(draft)
    found = [
        dl.generate(lm, "a", strategy, max_new_tokens=4, min_new_tokens=4, seed=seed).token_ids
        for seed in range(40)
    ]
    assert {len(ids) for ids in found} == {4}
    share = sum(ids.count(2) for ids in found) / 160
    assert 0.45 < share < 0.75  # the target's own 0.6


@pytest.mark.parametrize("make", [dl.SpeculativeSampling, dl.ContrastiveDecoding])
def test_a_second_model_with_too_short_a_context_is_refused_before_anything_is_decoded(make):
    table = {"": {"a": 1}}
    lm, short = dl.TableLM(table), dl.TableLM(table, context_length=8)
    name = "draft" if make is dl.SpeculativeSampling else "amateur"
    for decode in (dl.generate, dl.stream):
        with pytest.raises(ValueError, match=f"{name} must have room for the prompt's 3 tokens"):
            decode(lm, "a a a", make(short), max_new_tokens=6)
        decode(lm, "a a a", make(short), max_new_tokens=5)


def test_text_that_has_no_bytes_is_refused_in_a_sentence() -> None:
    lm = dl.load("storybook", device="cpu", dtype="float32")
    for prompt in ("abc \udcff", "\ud83e"):
        with pytest.raises(ValueError, match=r"prompt must be text that UTF-8 can write, got "):
            dl.generate(lm, prompt, dl.Greedy(), max_new_tokens=1)
        with pytest.raises(ValueError, match=r"stop must be text that UTF-8 can write, got "):
            dl.generate(lm, "a", dl.Greedy(), max_new_tokens=1, stop=prompt)
        with pytest.raises(ValueError, match=r"prompt must be text that UTF-8 can write, got "):
            lm.next_logits(prompt)


@dataclass
class Louder:
    """A processor as a reader would write it: a plain dataclass, which has no hash."""

    factor: float

    def __call__(self, input_ids, logits):
        return logits * self.factor


def test_a_plain_dataclass_is_a_processor() -> None:
    lm = dl.TableLM({"": {"a": 0.6, "b": 0.4}})
    strategy = dl.Sampling(Louder(50.0))
    found = dl.generate_batch(lm, ["a", "b", "a"], strategy, max_new_tokens=3)
    assert [g.text for g in found] == [" a a a"] * 3
    mixed = dl.generate_batch(lm, ["a", "b"], [strategy, dl.Sampling(Louder(50.0))])
    assert [g.text for g in mixed] == [" a" * 50] * 2
    assert next(dl.stream(lm, "a", strategy)).token == " a"


def tensors() -> int:
    gc.collect()
    return sum(isinstance(item, torch.Tensor) for item in gc.get_objects())


def test_a_stream_keeps_no_logits() -> None:
    lm = dl.TableLM({"": {"a": 0.6, "b": 0.4}}, context_length=2000)
    steps = dl.stream(lm, "a", dl.Sampling(dl.TopP(0.9)), max_new_tokens=1500)
    counts = []
    for number, _ in enumerate(steps):
        if number in (50, 250):
            counts.append(tensors())
        if number == 250:
            break
    assert counts[0] == counts[1]


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ten_thousand_tokens_are_streamed_in_level_memory() -> None:
    words = {str(number): 1.0 for number in range(20_000)}
    lm = dl.TableLM({"": words}, context_length=20_000)

    def megabytes() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

    seen = []
    for number, _ in enumerate(dl.stream(lm, "1", dl.Sampling(), max_new_tokens=10_000)):
        if number in (1000, 9999):
            seen.append(megabytes())
    assert seen[1] - seen[0] < 10
