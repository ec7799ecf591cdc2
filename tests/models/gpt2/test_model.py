"""decodelib.gpt2: its logits are those of transformers' GPT2LMHeadModel, in any batch and order."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2LMHeadModel

import decodelib as dl
from decodelib.models.gpt2.model import GPT2
from decodelib.models.hf import HFModel
from tests.helpers.gpt2 import PROMPTS, STORYBOOK, save_random_gpt2


@pytest.fixture(scope="module", params=["storybook", "random", "random, one layer and head"])
def pair(request, tmp_path_factory) -> tuple[dl.LanguageModel, GPT2LMHeadModel]:
    """A model of ours and the same weights in transformers, both in float32 on the CPU."""
    folder = STORYBOOK
    if request.param != "storybook":
        folder = tmp_path_factory.mktemp("gpt2")
        sizes = {"n_layer": 1, "n_head": 1} if "one" in request.param else {}
        save_random_gpt2(folder, **sizes)
    reference = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()
    lm = dl.load("storybook" if folder == STORYBOOK else folder, device="cpu", dtype="float32")
    assert isinstance(lm, GPT2)
    return lm, reference


def last_logits(reference: GPT2LMHeadModel, rows: list[list[int]]) -> torch.Tensor:
    """The reference's logits after each row, by a plain pass over the row alone."""
    with torch.no_grad():
        return torch.stack([reference(torch.tensor([row])).logits[0, -1] for row in rows])


def assert_close(logits: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)


def test_logits_of_a_full_pass_are_those_of_transformers(pair) -> None:
    lm, reference = pair
    for prompt in PROMPTS:
        ids = lm.encode(prompt)
        with torch.no_grad():
            expected = reference(ids[None]).logits[0]
        assert_close(lm.logits(ids), expected)
        assert_close(lm.next_logits(prompt), expected[-1])


def test_logits_of_a_full_context_are_those_of_transformers(pair) -> None:
    lm, reference = pair
    ids = torch.randint(lm.vocab_size, (lm.context_length,), generator=torch.Generator())
    with torch.no_grad():
        assert_close(lm.logits(ids), reference(ids[None]).logits[0])


def test_prefill_of_ragged_prompts_gives_the_logits_of_transformers(pair) -> None:
    lm, reference = pair
    rows = [lm.encode(prompt).tolist() for prompt in PROMPTS]
    logits, _ = lm.prefill([torch.tensor(row) for row in rows], 60)
    assert_close(logits, last_logits(reference, rows))


def test_steps_after_reordering_repeating_and_dropping_rows_give_the_logits_of_transformers(
    pair,
) -> None:
    lm, reference = pair
    rows = [lm.encode(prompt).tolist() for prompt in PROMPTS]
    _, cache = lm.prefill([torch.tensor(row) for row in rows], 60)
    ancestors = [[0, 1, 2, 3], [2, 0, 1, 3], [1, 1, 0, 3, 3, 3], [0, 5], [1], [0, 0], [1, 0]]
    for number, chosen in enumerate(ancestors):
        if chosen != list(range(len(rows))):
            cache = cache.select(torch.tensor(chosen))
        next_ids = [(311 * number + 97 * row) % lm.vocab_size for row in range(len(chosen))]
        rows = [rows[old] + [new] for old, new in zip(chosen, next_ids, strict=True)]
        assert_close(lm.step(torch.tensor(next_ids), cache), last_logits(reference, rows))


def test_float64_agrees_with_transformers_to_the_last_digits(tmp_path) -> None:
    save_random_gpt2(tmp_path)
    lm = dl.load(tmp_path, device="cpu", dtype="float64")
    reference = GPT2LMHeadModel.from_pretrained(tmp_path, dtype=torch.float64).eval()
    ids = lm.encode(PROMPTS[0])
    with torch.no_grad():
        expected = reference(ids[None]).logits[0]
    assert lm.logits(ids).dtype == torch.float64
    torch.testing.assert_close(lm.logits(ids), expected, atol=1e-10, rtol=0)


def test_bfloat16_computes_in_bfloat16_and_gives_float32_logits() -> None:
    dtype = torch.bfloat16
    lm = dl.load("storybook", device="cpu", dtype=dtype)
    exact = dl.load("storybook", device="cpu", dtype="float32").next_logits(PROMPTS[0])
    logits = lm.next_logits(PROMPTS[0])
    assert (lm.dtype, logits.dtype) == (dtype, torch.float32)
    assert 0 < (logits - exact).abs().max() < 0.5


def test_a_step_beyond_the_cache_is_refused() -> None:
    lm = dl.load("storybook", device="cpu")
    _, cache = lm.prefill([torch.tensor([5, 6, 7])], 4)
    lm.step(torch.tensor([8]), cache)
    with pytest.raises(ValueError, match="cache is full: it has room for 4 positions a row"):
        lm.step(torch.tensor([9]), cache)


@pytest.mark.parametrize(
    "variant",
    [
        {"scale_attn_by_inverse_layer_idx": True},
        {"activation_function": "relu"},
        {"n_inner": 100},
        {"scale_attn_weights": False},
        {"tie_word_embeddings": False},
    ],
    ids=lambda variant: next(iter(variant)),
)
def test_variants_that_our_forward_pass_does_not_compute_go_through_transformers(
    tmp_path, variant
) -> None:
    save_random_gpt2(tmp_path, **variant)
    lm = dl.load(tmp_path, device="cpu", dtype="float32")
    assert isinstance(lm, HFModel)
    reference = GPT2LMHeadModel.from_pretrained(tmp_path, dtype=torch.float32).eval()
    rows = [lm.encode(prompt).tolist() for prompt in PROMPTS]
    logits, _ = lm.prefill([torch.tensor(row) for row in rows], 60)
    assert_close(logits, last_logits(reference, rows))


def test_weights_may_carry_the_prefix_of_the_language_model_or_not(tmp_path) -> None:
    save_random_gpt2(tmp_path)
    weights = tmp_path / "model.safetensors"
    tensors = load_file(weights)
    assert any(name.startswith("transformer.") for name in tensors)
    with_prefix = dl.load(tmp_path, device="cpu", dtype="float32").next_logits("The")
    bare = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    save_file(bare, weights)  # as OpenAI's own checkpoints are
    assert torch.equal(
        dl.load(tmp_path, device="cpu", dtype="float32").next_logits("The"), with_prefix
    )


def test_weights_of_another_shape_than_the_configuration_are_refused(tmp_path) -> None:
    save_random_gpt2(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"n_positions": 65}))
    with pytest.raises(ValueError, match=r"wpe\.weight of shape \(65, 48\) .* got \(64, 48\)"):
        dl.load(tmp_path)


def test_weights_that_lack_a_tensor_are_refused(tmp_path) -> None:
    save_random_gpt2(tmp_path)
    weights = tmp_path / "model.safetensors"
    tensors = load_file(weights)
    del tensors["transformer.h.1.ln_2.bias"]
    save_file(tensors, weights)
    with pytest.raises(ValueError, match=r"weights lack the tensor h\.1\.ln_2\.bias"):
        dl.load(tmp_path)


@pytest.mark.parametrize("loader", [GPT2, HFModel])
@pytest.mark.parametrize(
    ("config", "generation", "ends"),
    [
        (0, None, (0,)),
        ([0, 308], None, (0, 308)),
        (0, [7, 308, 0], (7, 308, 0)),  # where both say something, the latter decides
        ([5, 6], 0, (0,)),
    ],
)
def test_every_end_is_read_from_both_files(tmp_path, loader, config, generation, ends) -> None:
    save_random_gpt2(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token_id": config}))
    path = tmp_path / "generation_config.json"
    path.unlink()
    if generation is not None:
        path.write_text(json.dumps({"eos_token_id": generation}))
    lm = loader.from_folder(tmp_path, "random", torch.device("cpu"), torch.float32)
    assert (lm.eos_token_ids, lm.eos_token_id) == (ends, ends[0])
