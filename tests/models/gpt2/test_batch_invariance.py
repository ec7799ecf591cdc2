"""A row's logits are the same to the last bit alone and in any batch, where kernels are packed."""

import random
import warnings
from collections.abc import Iterator

import pytest
import torch

import decodelib as dl
from decodelib.kernels.linear import Linear, fastest_linear
from tests.helpers.gpt2 import STORYBOOK, save_random_gpt2


@pytest.fixture(params=[1, 2, 5])
def threads(request, monkeypatch) -> Iterator[None]:
    monkeypatch.setenv("OMP_NUM_THREADS", str(request.param))  # else a small model takes one
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def test_loading_and_decoding_give_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dl.generate(dl.load("storybook", device="cpu", dtype="float32"), "A dog", dl.Greedy())


def test_float16_on_the_cpu_rounds_the_weights_alone(tmp_path) -> None:
    save_random_gpt2(tmp_path, n_embd=64)
    ids = [5, 300, 8, 1]
    half = dl.load(tmp_path, device="cpu", dtype="float16")
    assert half.dtype == torch.float16
    exact = dl.load(tmp_path, device="cpu", dtype="float64")
    found, expected = half.logits(ids), exact.logits(ids)
    assert found.dtype == torch.float32
    error = (found - expected).abs().max() / expected.abs().max()
    assert 1e-6 < error < 3e-3  # more than float32's, and about what 11 bits are good for
    # Storybook's weights are such numbers already.
    same, plain = (dl.load(STORYBOOK, device="cpu", dtype=d) for d in ("float16", "float32"))
    assert torch.equal(same.logits(ids), plain.logits(ids))


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_model_gives_each_row_the_bits_it_gives_it_alone(tmp_path, dtype) -> None:
    weight = torch.full((1, 1), 0.1)  # which, like a random weight, loses something in 16 bits
    weight = weight.half().float() if dtype == "float16" else weight.to(getattr(torch, dtype))
    if fastest_linear([weight]) is Linear:
        pytest.skip("this machine lacks kernels that are packed")
    save_random_gpt2(tmp_path, n_embd=64)
    check_rows_alone(dl.load(tmp_path, device="cpu", dtype=dtype))


def check_rows_alone(lm: dl.LanguageModel) -> None:
    chance = random.Random(3)
    lengths = [7, 1, 20, 7, 3]
    prompts = [torch.tensor([chance.randrange(8192) for _ in range(n)]) for n in lengths]
    logits, cache = lm.prefill(prompts, 40)
    alone = [lm.prefill([ids], 40) for ids in prompts]
    for number in range(12):
        for row, (expected, _) in zip(logits, alone, strict=True):
            assert torch.equal(row, expected[0]), number
        chosen = [4, 0, 1, 2] if number == 4 else range(len(alone))  # one leaves, others move
        cache = cache.select(torch.tensor(chosen))
        alone = [alone[row] for row in chosen]
        next_ids = torch.tensor([chance.randrange(8192) for _ in alone])
        logits = lm.step(next_ids, cache)
        alone = [
            (lm.step(next_id[None], own), own)
            for next_id, (_, own) in zip(next_ids, alone, strict=True)
        ]
