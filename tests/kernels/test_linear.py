"""Packed products are about the plain ones, in 16 bits where that loses nothing."""

import pytest
import torch

from decodelib.kernels.linear import HalfLinear, Linear, OneDNNLinear, fastest_linear
from tests.helpers.products import KINDS, names, random_weight


@pytest.mark.parametrize("kind", KINDS, ids=names)
@pytest.mark.parametrize("shape", [(48, 144), (3072, 64)], ids=str)
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("rows", [7, 24])
def test_packed_products_are_the_plain_ones(kind, shape, biased, rows) -> None:
    linear_kind, dtype = kind[0], getattr(torch, kind[1])
    generator = torch.Generator().manual_seed(1)
    width, out = shape
    weight = random_weight(shape, linear_kind, dtype)
    bias, x, to = (torch.randn(rows, n, generator=generator).to(dtype) for n in (out, width, out))
    plain = Linear(weight.double(), bias[0].double() if biased else None)
    packed = linear_kind(weight, bias[0] if biased else None)
    near = {"atol": 1e-5, "rtol": 1e-5} if dtype == torch.float32 else {"atol": 0.03, "rtol": 0.03}
    wide, to_wide = x.double(), to.double()
    torch.testing.assert_close(packed(x).double(), plain(wide), **near)
    torch.testing.assert_close(packed.gelu(x).double(), plain.gelu(wide), **near)
    torch.testing.assert_close(packed.add(x, to).double(), plain.add(wide, to_wide), **near)


def test_weights_are_stored_in_16_bits_only_where_that_loses_nothing() -> None:
    exact = random_weight((48, 144), HalfLinear, torch.float32)
    inexact, large = exact.clone(), exact.clone()
    inexact[0, 0] = 0.1
    large[0, 0] = 1e6  # infinite in float16
    assert fastest_linear([exact, exact]) is HalfLinear
    for weight in (inexact, large, exact.bfloat16()):
        assert fastest_linear([exact, weight]) in (OneDNNLinear, Linear)
    assert fastest_linear([exact.double()]) is Linear
    assert fastest_linear([exact.to("meta")]) is Linear


def test_without_the_deprecated_function_products_are_the_same(monkeypatch) -> None:
    weight = random_weight((256, 768), HalfLinear, torch.float32)
    generator = torch.Generator().manual_seed(1)
    x, bias = torch.randn(3, 256, generator=generator), torch.randn(768, generator=generator)
    packed = HalfLinear(weight, bias)
    assert packed._small is not None  # or there would be nothing to compare
    found = packed(x)
    monkeypatch.setattr("decodelib.kernels.linear._pack_for_one_thread", None)
    monkeypatch.setattr("decodelib.kernels.linear._multiply_in_one_thread", None)
    assert torch.equal(HalfLinear(weight, bias)(x), found)
