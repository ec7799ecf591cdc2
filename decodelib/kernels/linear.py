"""Matrices laid out in memory as the device's fastest kernel wants them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

# Both are deprecated, so they may be gone in another version of PyTorch.
_pack_for_one_thread = getattr(torch, "fbgemm_pack_gemm_matrix_fp16", None)
_multiply_in_one_thread = getattr(torch, "fbgemm_linear_fp16_weight_fp32_activation", None)


class Linear:
    """x -> x W^T + b, with what follows it in a transformer done alongside.

    This is PyTorch's own product; `fastest_linear` returns a faster kind where there is one.

    Args:
        weight: W, (out, in).
        bias: b, (out,), or None.

    Attributes:
        num_bytes: What one product reads of W and b.
    """

    num_bytes: int

    def __init__(
        self, weight: Float[Tensor, "out width"], bias: Float[Tensor, " out"] | None = None
    ) -> None:
        self._weight, self._bias = weight, bias
        self.num_bytes = weight.nbytes + _nbytes(bias)

    @property
    def weight(self) -> Float[Tensor, "out width"]:
        """W, unpacked: to the last bit what was given."""
        return self._weight

    @property
    def bias(self) -> Float[Tensor, " out"] | None:
        """b, or None."""
        return self._bias

    def __call__(self, x: Float[Tensor, "rows width"]) -> Float[Tensor, "rows out"]:
        """Return x W^T + b."""
        return F.linear(x, self._weight, self._bias)

    def gelu(self, x: Float[Tensor, "rows width"]) -> Float[Tensor, "rows out"]:
        """Return GELU(x W^T + b), in the approximation by tanh that GPT-2 was trained with."""
        return F.gelu(self(x), approximate="tanh")

    def add(
        self, x: Float[Tensor, "rows width"], to: Float[Tensor, "rows out"]
    ) -> Float[Tensor, "rows out"]:
        """Return to + x W^T + b."""
        return to + self(x)

    @staticmethod
    def serves(weight: Tensor) -> bool:
        """Return whether this machine has the kernels for this matrix."""
        return True

    @staticmethod
    def fitting(rows: int) -> int:
        """Return the number of rows, at least `rows`, that are to be given at a time."""
        return rows


class OneDNNLinear(Linear):
    """A product whose weights are repacked once for oneDNN's kernels; it keeps its own copy.

    At 4 to 64 rows these take half the time of those behind `F.linear`, and a row's result is the
    same to the last bit whatever other rows there are.
    """

    # oneDNN packs for one row differently than for several, and splits longer sums than this one
    # way for few rows and another way for many.
    ROWS_TO_PACK_FOR = 16
    LONGEST_SUM = 1024

    def __init__(
        self, weight: Float[Tensor, "out width"], bias: Float[Tensor, " out"] | None = None
    ) -> None:
        self._bias, self.num_bytes = bias, weight.nbytes + _nbytes(bias)
        count = -(-weight.shape[1] // self.LONGEST_SUM)
        self._parts = [(w.shape[1], self._packed(w)) for w in weight.chunk(count, dim=1)]

    @property
    def weight(self) -> Float[Tensor, "out width"]:
        return torch.cat([part.to_dense() for _, part in self._parts], dim=1)

    @staticmethod
    def serves(weight: Tensor) -> bool:
        if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():
            return False
        if not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
            return False
        if weight.dtype == torch.bfloat16:
            return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
        return weight.dtype == torch.float32

    @staticmethod
    def fitting(rows: int) -> int:
        # With AVX-512, reading a packed matrix for one row takes longer than for four.
        least = 4 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 1
        return max(rows, least)

    def __call__(self, x: Float[Tensor, "rows width"]) -> Float[Tensor, "rows out"]:
        (width, weight), *more = self._parts
        result = _pointwise(x[:, :width], weight, self._bias, "none", [], "")
        return self._added(x[:, width:], result, None, more) if more else result

    def gelu(self, x: Float[Tensor, "rows width"]) -> Float[Tensor, "rows out"]:
        if len(self._parts) > 1:
            return _gelu_alike(self(x))
        return _pointwise(x, self._parts[0][1], self._bias, "gelu", [], "tanh")

    def add(
        self, x: Float[Tensor, "rows width"], to: Float[Tensor, "rows out"]
    ) -> Float[Tensor, "rows out"]:
        return self._added(x, to, self._bias, self._parts)

    def _added(
        self, x: Tensor, to: Tensor, bias: Tensor | None, parts: list[tuple[int, Tensor]]
    ) -> Tensor:
        begin = 0
        for width, weight in parts:
            part = x[:, begin : begin + width]
            to = _pointwise_binary(part, to, weight, bias, "add")
            begin, bias = begin + width, None
        return to

    def _packed(self, weight: Tensor) -> Tensor:
        packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(
            weight.contiguous(), self.ROWS_TO_PACK_FOR
        )
        return packed


class HalfLinear(Linear):
    """A product of float32 rows with weights that are stored in 16 bits, by FBGEMM's kernels.

    Sums are in float32. Weights that float16 holds exactly, such as storybook's, lose nothing and
    take half the time to read. A row's result is the same whatever other rows there are, as long as
    their number is `fitting`.
    """

    # A few rows of a small matrix are done before a second thread would have begun.
    LARGEST_FOR_ONE_THREAD = 2**20
    MOST_ROWS_FOR_ONE_THREAD = 18

    def __init__(
        self, weight: Float[Tensor, "out width"], bias: Float[Tensor, " out"] | None = None
    ) -> None:
        self._bias, self.num_bytes = bias, 2 * weight.numel() + _nbytes(bias)
        self._packed = torch.ops.quantized.linear_prepack_fp16(weight, bias)
        self._small = None
        small = weight.numel() <= self.LARGEST_FOR_ONE_THREAD and bias is not None
        if small and _pack_for_one_thread is not None:  # PyTorch 2.8 wants a bias here
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "fbgemm.* is deprecated")
                self._small = _pack_for_one_thread(weight)
                self(weight.new_zeros(1, weight.shape[1]))  # it warns at the first call alone

    @property
    def weight(self) -> Float[Tensor, "out width"]:
        unpacked: Tensor = torch.ops.quantized.linear_unpack_fp16(self._packed)[0]
        return unpacked

    @staticmethod
    def serves(weight: Tensor) -> bool:
        if weight.device.type != "cpu" or weight.dtype != torch.float32:
            return False
        if torch.backends.quantized.engine not in ("fbgemm", "x86"):
            return False
        return torch.equal(weight.half().float(), weight)

    @staticmethod
    def fitting(rows: int) -> int:
        # The kernels for one and two rows round otherwise than those for more. Rows are taken in
        # tiles, and multiples of three never leave a tile of one or two.
        return rows + -rows % 3

    def __call__(self, x: Float[Tensor, "rows width"]) -> Float[Tensor, "rows out"]:
        result: Tensor
        if self._small is not None and x.shape[0] <= self.MOST_ROWS_FOR_ONE_THREAD:
            assert _multiply_in_one_thread is not None
            result = _multiply_in_one_thread(x, self._small, self._bias)
        else:
            result = torch.ops.quantized.linear_dynamic_fp16(x, self._packed)
        return result

    def gelu(self, x: Float[Tensor, "rows width"]) -> Float[Tensor, "rows out"]:
        return _gelu_alike(self(x))

    def add(
        self, x: Float[Tensor, "rows width"], to: Float[Tensor, "rows out"]
    ) -> Float[Tensor, "rows out"]:
        return self(x).add_(to)


def fastest_linear(weights: Iterable[Tensor]) -> type[Linear]:
    """Return the kind of product that serves all matrices of a model best."""
    matrices = list(weights)
    for kind in (HalfLinear, OneDNNLinear):
        if all(kind.serves(matrix) for matrix in matrices):
            return kind
    return Linear


def _nbytes(bias: Tensor | None) -> int:
    return 0 if bias is None else bias.nbytes


def _gelu_alike(x: Float[Tensor, "rows out"]) -> Float[Tensor, "rows out"]:
    """Compute GELU in place, by the same instructions for every row."""
    # PyTorch shares larger pieces between threads, and computes the odd numbers at the end of a
    # share by another tanh: a row's result would depend on where it stands.
    for piece in [x] if x.numel() <= 2**14 else x.split(max(1, 2**14 // x.shape[1])):
        torch.ops.aten.gelu_(piece, approximate="tanh")
    return x


def _pointwise(x: Tensor, *rest: object) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise.default(x, *rest)
    return result


def _pointwise_binary(x: Tensor, *rest: object) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, *rest)
    return result
