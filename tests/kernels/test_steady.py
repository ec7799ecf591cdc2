"""A row of a product has the same bits in any batch, on whatever processor this is."""

from collections.abc import Iterator

import pytest
import torch

from decodelib.kernels.linear import Linear, OneDNNLinear
from decodelib.kernels.steady import InPieces, InTiles, steady
from tests.helpers.products import KINDS, names, padded, random_weight

# Of GPT-2's own matrices, the one that sums over most, and the one with most outputs.
SHAPES = [(768, 3072), (3072, 768), (1600, 1600), (256, 8192), (256, 768)]


@pytest.fixture(params=[1, 2, 5])
def threads(request) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=KINDS, ids=names)
def kind(request) -> tuple[type[Linear], torch.dtype]:
    linear, dtype = request.param
    return linear, getattr(torch, dtype)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_row_of_a_product_does_not_depend_on_the_other_rows(kind, shape) -> None:
    linear_kind, dtype = kind
    generator = torch.Generator().manual_seed(1)
    width, out = shape
    bias, x, to = (torch.randn(70, n, generator=generator).to(dtype) for n in (out, width, out))
    linear = steady(linear_kind, random_weight(shape, linear_kind, dtype), bias[0])
    every, every_to = padded(x, linear_kind), padded(to, linear_kind)
    # What is left of a sum when its rounded self is taken off shows every change of order.
    off = -linear.add(every, torch.zeros_like(every_to))
    for rows in (1, 2, 5, 9, 16, 19, 33):
        few = slice(20, 20 + rows)
        some, some_to = padded(x[few], linear_kind), padded(to[few], linear_kind)
        assert torch.equal(linear(some)[:rows], linear(every)[few])
        assert torch.equal(linear.gelu(some)[:rows], linear.gelu(every)[few])
        assert torch.equal(linear.add(some, some_to)[:rows], linear.add(every, every_to)[few])
        some_off = padded(off[few], linear_kind)
        assert torch.equal(linear.add(some, some_off)[:rows], linear.add(every, off)[few])


@pytest.mark.parametrize("layout", [InPieces, InTiles])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("rows", [7, 24])
def test_a_layout_changes_no_product(layout, dtype, biased, rows) -> None:
    generator = torch.Generator().manual_seed(1)
    weight = random_weight((1100, 1700), layout, dtype)
    bias, x, to = (torch.randn(rows, n, generator=generator).to(dtype) for n in (1700, 1100, 1700))
    whole, laid_out = (kind(weight, bias[0] if biased else None) for kind in (OneDNNLinear, layout))
    near = {"atol": 1e-5, "rtol": 1e-5} if dtype == torch.float32 else {"atol": 0.03, "rtol": 0.03}
    torch.testing.assert_close(laid_out(x), whole(x), **near)
    torch.testing.assert_close(laid_out.gelu(x), whole.gelu(x), **near)
    torch.testing.assert_close(laid_out.add(x, to), whole.add(x, to), **near)
    assert laid_out.num_bytes == whole.num_bytes
    assert torch.equal(laid_out.weight, weight)


@pytest.mark.parametrize("layout", [InPieces, InTiles])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_where_kernels_differ_a_matrix_is_laid_out_so_that_they_do_not(
    monkeypatch, layout, dtype
) -> None:
    """A processor is pretended whose kernels for few rows differ from those for many."""
    whole = OneDNNLinear.add

    def differing(self: OneDNNLinear, x: torch.Tensor, to: torch.Tensor) -> torch.Tensor:
        is_steady = layout is InPieces and self.weight.shape[0] <= InPieces.WIDEST
        return whole(self, x, to if is_steady or len(x) > 16 else to * 1.25)

    monkeypatch.setattr(OneDNNLinear, "add", differing)
    monkeypatch.setattr("decodelib.kernels.steady._layouts", {})
    weight = random_weight((64, 1700), OneDNNLinear, dtype)
    zeros = steady(OneDNNLinear, torch.zeros_like(weight))
    assert type(zeros) is OneDNNLinear  # and says nothing of other matrices of the shape
    for _ in range(2):  # tried, then known
        linear = steady(OneDNNLinear, weight)
        assert type(linear) is layout
    generator = torch.Generator().manual_seed(1)
    x, to = (torch.randn(70, n, generator=generator).to(dtype) for n in (64, 1700))
    every = linear.add(x, to)
    for rows in (1, 5, 16, 33):
        few = slice(20, 20 + rows)
        assert torch.equal(linear.add(x[few], to[few]), every[few])
