"""Speculative sampling on real models: the target's own text, in fewer of its passes."""

import copy
from functools import cache

import pytest
import torch
from safetensors.torch import load_file
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

import decodelib as dl
from decodelib.models.gpt2.model import GPT2
from decodelib.models.hf import HFModel
from tests.helpers.gpt2 import PROMPTS, STORYBOOK
from tests.helpers.hf_models import CONFIGS, byte_tokenizer, random_model
from tests.helpers.hf_models import PROMPTS as IDS

NEW = 24
CPU, SINGLE = torch.device("cpu"), torch.float32


@cache
def noisy_weights(scale: float) -> dict[str, torch.Tensor]:
    """Storybook's weights, each moved by noise of a part of its own spread."""
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, tensor in sorted(load_file(STORYBOOK / "model.safetensors").items()):
        noise = torch.randn(tensor.shape, generator=generator) * tensor.float().std()
        weights[name.removeprefix("transformer.")] = tensor.float() + scale * noise
    return weights


def ours(scale: float) -> GPT2:
    return copy.copy(packed(scale))


@cache
def packed(scale: float) -> GPT2:
    lm = dl.load("storybook", device="cpu", dtype="float32")
    return GPT2(lm.config, noisy_weights(scale), lm.tokenizer, f"noise {scale}", CPU, SINGLE)


@cache
def theirs(scale: float) -> HFModel:
    model = GPT2LMHeadModel.from_pretrained(STORYBOOK, dtype=SINGLE)
    model.transformer.load_state_dict(noisy_weights(scale))
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(STORYBOOK / "tokenizer.json"))
    return HFModel(model, tokenizer, f"noise {scale}")


@pytest.fixture(scope="module")
def target() -> GPT2:
    return ours(0.0)


@pytest.fixture(scope="module")
def draft() -> GPT2:
    """Near enough to the target to be right often, and wrong often as well."""
    return ours(0.15)


def assert_same_text(found: dl.Generation, expected: dl.Generation) -> None:
    assert found.token_ids == expected.token_ids
    assert (found.text, found.finish_reason) == (expected.text, expected.finish_reason)
    # A pass over several positions rounds differently from one over a single position.
    assert found.logprobs == pytest.approx(expected.logprobs, abs=1e-4)


def ids_of(generations: list[dl.Generation]) -> list[list[int]]:
    return [g.token_ids for g in generations]


@pytest.mark.parametrize(
    ("target_kind", "draft_kind", "length"),
    [
        (ours, ours, 1),
        (theirs, theirs, 5),
        (theirs, ours, 1),
        (ours, theirs, 5),
        pytest.param(ours, ours, 5, marks=pytest.mark.long),
        pytest.param(theirs, theirs, 1, marks=pytest.mark.long),
        pytest.param(theirs, ours, 5, marks=pytest.mark.long),
        pytest.param(ours, theirs, 1, marks=pytest.mark.long),
    ],
)
def test_with_one_token_to_choose_from_it_is_greedy(target_kind, draft_kind, length: int) -> None:
    lm, draft = target_kind(0.0), draft_kind(0.15)
    strategy = dl.SpeculativeSampling(draft, dl.TopK(1), num_draft_tokens=length)
    found = dl.generate_batch(lm, PROMPTS, strategy, max_new_tokens=NEW, trace=True)
    greedy = dl.generate_batch(lm, PROMPTS, dl.Greedy(), max_new_tokens=NEW)
    assert ids_of(found) == ids_of(greedy)
    decisions = {step.decision.split(":")[0] for g in found for step in g.steps}
    assert {"accepted", "rejected"} <= decisions  # or the draft would have been beside the point


@pytest.mark.parametrize("name", CONFIGS)
def test_with_one_token_to_choose_from_it_is_greedy_on_any_model_of_transformers(name) -> None:
    lm = HFModel(random_model(CONFIGS[name]), byte_tokenizer(), name)
    draft_model = random_model(CONFIGS[name])
    with torch.no_grad():
        for parameter in draft_model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    draft = HFModel(draft_model, byte_tokenizer(), "draft")
    strategy = dl.SpeculativeSampling(draft, dl.TopK(1), num_draft_tokens=3)
    found = dl.generate_batch(lm, IDS, strategy, max_new_tokens=20, min_new_tokens=20, trace=True)
    greedy = dl.generate_batch(lm, IDS, dl.Greedy(), max_new_tokens=20, min_new_tokens=20)
    assert ids_of(found) == ids_of(greedy)
    decisions = {step.decision.split(":")[0] for g in found for step in g.steps}
    assert {"accepted", "rejected"} <= decisions


def count_passes(lm: GPT2, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows with every forward pass by the number of positions read."""
    passes: list[int] = []
    forward = lm._hidden

    def counted(ids: torch.Tensor, *rest: object) -> torch.Tensor:
        passes.append(len(ids))
        return forward(ids, *rest)

    monkeypatch.setattr(lm, "_hidden", counted)
    return passes


def test_a_good_draft_saves_passes_of_the_target(target, monkeypatch) -> None:
    strategy = dl.SpeculativeSampling(ours(0.02), dl.TopK(1), num_draft_tokens=4)
    passes = count_passes(target, monkeypatch)
    g = dl.generate(target, PROMPTS[0], strategy, max_new_tokens=NEW)
    assert len(g.token_ids) == NEW
    assert len(passes) <= NEW / 3


def test_a_draft_that_is_the_target_takes_one_pass_for_each_proposal(target, monkeypatch) -> None:
    strategy = dl.SpeculativeSampling(ours(0.0), dl.Temperature(0.8), num_draft_tokens=4)
    passes = count_passes(target, monkeypatch)
    g = dl.generate(target, PROMPTS[0], strategy, max_new_tokens=41, seed=3)
    assert len(g.token_ids) == 41
    # The prompt's pass gives one token, each of the others four accepted ones and one more.
    assert passes == [len(target.encode(PROMPTS[0]))] + [5] * 8


def test_a_useless_draft_takes_no_more_passes_than_there_are_tokens(target, monkeypatch) -> None:
    strategy = dl.SpeculativeSampling(ours(3.0), dl.TopK(1), num_draft_tokens=4)
    passes = count_passes(target, monkeypatch)
    g = dl.generate(target, PROMPTS[0], strategy, max_new_tokens=NEW)
    assert g.token_ids == dl.generate(target, PROMPTS[0], dl.Greedy(), max_new_tokens=NEW).token_ids
    assert NEW - 3 <= len(passes) - NEW <= NEW  # the greedy text took as many passes again


SAMPLED = (dl.Temperature(0.9), dl.TopP(0.95))


@pytest.mark.parametrize("processors", [SAMPLED, (*SAMPLED, dl.RepetitionPenalty(1.3))], ids=repr)
def test_texts_are_the_same_alone_and_in_a_batch_streamed_and_not(target, draft, processors):
    strategy = dl.SpeculativeSampling(draft, *processors)
    seeds = [5, 6, 7, 8]
    settings = {"max_new_tokens": 12, "stop": ["captain"]}
    batch = dl.generate_batch(target, PROMPTS, strategy, seeds=seeds, **settings)
    backwards = dl.generate_batch(
        target, PROMPTS[::-1], [strategy, dl.Greedy(), strategy, strategy], seeds=seeds[::-1],
        **settings,
    )  # fmt: skip
    for row, (prompt, seed) in enumerate(zip(PROMPTS, seeds, strict=True)):
        alone = dl.generate(target, prompt, strategy, seed=seed, trace=True, **settings)
        steps = list(dl.stream(target, prompt, strategy, seed=seed, **settings))
        assert batch[row].token_ids == alone.token_ids == [step.token_id for step in steps]
        assert "".join(step.text for step in steps) == alone.text == batch[row].text
        assert steps == alone.steps
        if row != 2:
            assert backwards[3 - row] == batch[row]


def test_another_seed_gives_another_text(target, draft) -> None:
    strategy = dl.SpeculativeSampling(draft)
    texts = {
        dl.generate(target, PROMPTS[0], strategy, seed=seed, max_new_tokens=12).text
        for seed in range(4)
    }
    assert len(texts) == 4


def test_a_stop_string_ends_the_text_where_greedy_would_end_it(target, draft) -> None:
    strategy = dl.SpeculativeSampling(draft, dl.TopK(1), num_draft_tokens=6)
    free = dl.generate(target, PROMPTS[0], dl.Greedy(), max_new_tokens=NEW)
    for start in (3, 16, 38):
        stop = free.text[start : start + 3]
        found = dl.generate(target, PROMPTS[0], strategy, max_new_tokens=NEW, stop=stop)
        greedy = dl.generate(target, PROMPTS[0], dl.Greedy(), max_new_tokens=NEW, stop=stop)
        assert_same_text(found, greedy)
        assert found.finish_reason == "stop"
        assert found.text == free.text[: free.text.index(stop)]


def ending(scale: float, after: int) -> dl.LanguageModel:
    """Return storybook with noise, whose EOS is the greedy text's token at the place `after`."""
    lm = ours(scale)
    greedy = dl.generate(ours(0.0), PROMPTS[0], dl.Greedy(), max_new_tokens=NEW).token_ids
    lm.eos_token_id = greedy[after]
    return lm


@pytest.mark.parametrize("after", [0, 4, 5, 11])
@pytest.mark.parametrize("scale", [0.0, 0.15])
def test_eos_ends_the_text_even_in_the_middle_of_a_proposal(after: int, scale: float) -> None:
    lm = ending(0.0, after)
    strategy = dl.SpeculativeSampling(ending(scale, after), dl.TopK(1), num_draft_tokens=5)
    found = dl.generate(lm, PROMPTS[0], strategy, max_new_tokens=NEW)
    assert found.finish_reason == "eos"
    assert_same_text(found, dl.generate(lm, PROMPTS[0], dl.Greedy(), max_new_tokens=NEW))


@pytest.mark.parametrize("scale", [0.0, 0.15])
def test_eos_does_not_come_before_min_new_tokens(scale: float) -> None:
    lm = ending(0.0, 3)
    strategy = dl.SpeculativeSampling(ending(scale, 3), dl.TopK(1), num_draft_tokens=5)
    settings = {"max_new_tokens": NEW, "min_new_tokens": 17}
    found = dl.generate(lm, PROMPTS[0], strategy, **settings)
    assert_same_text(found, dl.generate(lm, PROMPTS[0], dl.Greedy(), **settings))
    assert lm.eos_token_id not in found.token_ids[:17]
