"""Products in which a row never depends on the other rows, whatever processor this is.

oneDNN chooses among its kernels by the matrix, the number of rows and the processor, and they do
not all add up in the same order. On an Intel Xeon with AMX a row of a 768 by 3,072 product in
float32 had other bits among 4, 16 and 70 rows, on an AMD EPYC never. Nothing says beforehand which
kernels agree, so a matrix of each shape is tried when a model is laid out: whole, in narrow pieces,
and at last in tiles of always as many rows.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from decodelib.kernels.linear import Linear, OneDNNLinear

TRIED = (1, 16, 33)
"""Numbers of rows that are compared with `MANY`; that Xeon changes kernels between each two."""
MANY = 96

_layouts: dict[tuple[torch.Size, torch.dtype], type[Linear]] = {}


class InPieces(Linear):
    """A packed product whose outputs are computed some hundred at a time.

    Narrow matrices get a kernel of their own, which on that Xeon is the same for any number of
    rows, and faster.
    """

    WIDEST = 800

    def __init__(
        self, weight: Float[Tensor, "out width"], bias: Float[Tensor, " out"] | None = None
    ) -> None:
        self._bias = bias
        count = -(-weight.shape[0] // self.WIDEST)
        weights = weight.chunk(count)
        self._sizes = [len(piece) for piece in weights]
        biases = [None] * len(weights) if bias is None else bias.split(self._sizes)
        self._pieces = [OneDNNLinear(w, b) for w, b in zip(weights, biases, strict=True)]
        self.num_bytes = sum(piece.num_bytes for piece in self._pieces)

    @staticmethod
    def serves(weight: Tensor) -> bool:
        return OneDNNLinear.serves(weight)

    @property
    def weight(self) -> Float[Tensor, "out width"]:
        return torch.cat([piece.weight for piece in self._pieces])

    def __call__(self, x: Float[Tensor, "rows width"]) -> Float[Tensor, "rows out"]:
        return torch.cat([piece(x) for piece in self._pieces], dim=1)

    def gelu(self, x: Float[Tensor, "rows width"]) -> Float[Tensor, "rows out"]:
        return torch.cat([piece.gelu(x) for piece in self._pieces], dim=1)

    def add(
        self, x: Float[Tensor, "rows width"], to: Float[Tensor, "rows out"]
    ) -> Float[Tensor, "rows out"]:
        parts = zip(self._pieces, to.split(self._sizes, dim=1), strict=True)
        return torch.cat([piece.add(x, part) for piece, part in parts], dim=1)


class InTiles(OneDNNLinear):
    """A packed product of sixteen rows at a time, never more or fewer, and so always one kernel."""

    ROWS = 16

    def __call__(self, x: Float[Tensor, "rows width"]) -> Float[Tensor, "rows out"]:
        return torch.cat([super(InTiles, self).__call__(tile) for tile in _tiles(x)])[: len(x)]

    def gelu(self, x: Float[Tensor, "rows width"]) -> Float[Tensor, "rows out"]:
        return torch.cat([super(InTiles, self).gelu(tile) for tile in _tiles(x)])[: len(x)]

    def add(
        self, x: Float[Tensor, "rows width"], to: Float[Tensor, "rows out"]
    ) -> Float[Tensor, "rows out"]:
        pairs = zip(_tiles(x), _tiles(to), strict=True)
        return torch.cat([super(InTiles, self).add(*pair) for pair in pairs])[: len(x)]


def steady(
    kind: type[Linear],
    weight: Float[Tensor, "out width"],
    bias: Float[Tensor, " out"] | None = None,
) -> Linear:
    """Return the product of a kind, laid out so that no row depends on the others."""
    if kind is not OneDNNLinear:
        return kind(weight, bias)
    shape = weight.shape, weight.dtype
    if shape in _layouts:
        return _layouts[shape](weight, bias)
    for layout in (OneDNNLinear, InPieces, InTiles):
        product = layout(weight, bias)
        if layout is InTiles or _rows_agree(product, weight):
            break
    if weight.any():  # products with zeros agree by any kernel
        _layouts[shape] = layout
    return product


def _rows_agree(product: Linear, weight: Tensor) -> bool:
    """Return whether a row has the same bits among few as among many, and in every place."""
    generator = torch.Generator().manual_seed(0)
    row = torch.randn(1, weight.shape[1], generator=generator, device="cpu").to(weight.dtype)
    x = row.repeat(MANY, 1)
    # Rounded to bfloat16, one sum in ten thousand shows that it was added up in another order. What
    # is left when the sum itself is taken off shows it in most.
    sums = product.add(x, x.new_zeros(MANY, len(weight)))
    rest = product.add(x, -sums)
    counts = [OneDNNLinear.fitting(count) for count in TRIED]
    few = [product.add(x[:count], -sums[:count]) for count in counts]
    return all(torch.equal(some, rest[:1].expand_as(some)) for some in (rest, *few))


def _tiles(x: Float[Tensor, "rows width"]) -> tuple[Tensor, ...]:
    missing = -len(x) % InTiles.ROWS
    return F.pad(x, (0, 0, 0, missing)).split(InTiles.ROWS)
