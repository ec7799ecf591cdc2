"""A row's logits are the same to the last bit alone and in any batch, where kernels are packed."""

import random

import pytest
import torch
from test_gpt2 import save_random_gpt2

import decodelib as dl
from decodelib.linear import Linear, packs

CPU = torch.device("cpu")
# Of GPT-2's own matrices, the one that sums over most, and the one with most outputs.
SHAPES = [(768, 3072), (3072, 768), (1600, 1600), (256, 8192)]


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=str)
def dtype(request) -> torch.dtype:
    if not packs(CPU, request.param):
        pytest.skip("this processor's matrices are not packed")
    return request.param


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_row_of_a_product_does_not_depend_on_the_other_rows(dtype, shape, threads) -> None:
    generator = torch.Generator().manual_seed(0)
    width, out = shape
    weight = torch.randn(out, width, generator=generator).to(dtype)
    bias, x, to = (torch.randn(70, n, generator=generator).to(dtype) for n in (out, width, out))
    linear = Linear(weight, bias[0])
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for rows in (1, 2, 5, 9, 33):
            few, many = slice(20, 20 + rows), slice(None)
            assert torch.equal(linear(x[few]), linear(x[many])[few])
            assert torch.equal(linear.gelu(x[few]), linear.gelu(x[many])[few])
            assert torch.equal(linear.add(x[few], to[few]), linear.add(x[many], to[many])[few])
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("shape", [(48, 144), (3072, 64)], ids=str)
@pytest.mark.parametrize("biased", [True, False])
def test_packed_products_are_the_plain_ones(dtype, shape, biased) -> None:
    generator = torch.Generator().manual_seed(0)
    width, out = shape
    weight = (torch.randn(out, width, generator=generator) / width**0.5).to(dtype)
    bias, x, to = (torch.randn(7, n, generator=generator).to(dtype) for n in (out, width, out))
    plain = Linear(weight.double(), bias[0].double() if biased else None)
    packed = Linear(weight, bias[0] if biased else None)
    assert packed.is_packed
    assert not plain.is_packed
    near = {"atol": 1e-5, "rtol": 1e-5} if dtype == torch.float32 else {"atol": 0.03, "rtol": 0.03}
    wide, to_wide = x.double(), to.double()
    torch.testing.assert_close(packed(x).double(), plain(wide), **near)
    torch.testing.assert_close(packed.gelu(x).double(), plain.gelu(wide), **near)
    torch.testing.assert_close(packed.add(x, to).double(), plain.add(wide, to_wide), **near)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_model_gives_each_row_the_bits_it_gives_it_alone(dtype, tmp_path, threads) -> None:
    save_random_gpt2(tmp_path, n_embd=64)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        check_rows_alone(dl.load(tmp_path, device="cpu", dtype=dtype))
    finally:
        torch.set_num_threads(before)


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
