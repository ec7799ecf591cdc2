"""A row of a product has the same bits in any batch, and about those of a plain product."""

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F

from decodelib.kernels.linear import HalfLinear, Linear, OneDNNLinear, fastest_linear
from decodelib.kernels.steady import InPieces, InTiles, steady

# Of GPT-2's own matrices, the one that sums over most, and the one with most outputs.
SHAPES = [(768, 3072), (3072, 768), (1600, 1600), (256, 8192), (256, 768)]
LAYOUTS = [(kind, dtype) for kind in (InPieces, InTiles) for dtype in ("float32", "bfloat16")]
KINDS = [(HalfLinear, "float32"), (OneDNNLinear, "float32"), (OneDNNLinear, "bfloat16")]


def random_weight(shape: tuple[int, int], kind: type[Linear], dtype: torch.dtype) -> torch.Tensor:
    width, out = shape
    weight = torch.randn(out, width, generator=torch.Generator().manual_seed(0)) / width**0.5
    weight = weight.half().to(dtype) if kind is HalfLinear else weight.to(dtype)
    if not kind.serves(weight):
        pytest.skip("this machine lacks these kernels")
    return weight


@pytest.fixture(params=[1, 2, 5])
def threads(request) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def names(kind: tuple[type[Linear], str]) -> str:
    return f"{kind[0].__name__}, {kind[1]}"


@pytest.fixture(params=KINDS, ids=names)
def kind(request) -> tuple[type[Linear], torch.dtype]:
    linear, dtype = request.param
    return linear, getattr(torch, dtype)


def padded(x: torch.Tensor, kind: type[Linear]) -> torch.Tensor:
    return F.pad(x, (0, 0, 0, kind.fitting(len(x)) - len(x)))


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


@pytest.mark.parametrize("kind", [*KINDS, *LAYOUTS], ids=names)
@pytest.mark.parametrize("shape", [(48, 144), (3072, 64), (40, 1700)], ids=str)
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


@pytest.mark.parametrize("layout", [InPieces, InTiles])
def test_a_layout_gives_its_weights_back(layout) -> None:
    weight = random_weight((40, 1700), layout, torch.float32)
    assert torch.equal(layout(weight).weight, weight)


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
