"""Matrices laid out in memory as the device's fastest kernel wants them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

# oneDNN packs for one row differently than for several, and splits longer sums than this one way
# for few rows and another way for many.
_ROWS_TO_PACK_FOR = 16
_LONGEST_SUM = 1024


class Linear:
    """x -> x W^T + b, with what follows it in a transformer done in the same pass over memory.

    On x86 CPUs, in float32 and bfloat16, the weights are repacked once for oneDNN's kernels. At 4
    to 64 rows these take half the time of those behind `F.linear`, and a row's result is the same
    to the last bit whatever other rows there are.

    Args:
        weight: W, (out, in). A packed matrix keeps a copy of its own.
        bias: b, (out,), or None.
    """

    def __init__(
        self, weight: Float[Tensor, "out width"], bias: Float[Tensor, " out"] | None = None
    ) -> None:
        self.is_packed = packs(weight.device, weight.dtype)
        self.bias = bias
        if self.is_packed:
            count = -(-weight.shape[1] // _LONGEST_SUM)
            self._parts = [(w.shape[1], _packed(w)) for w in weight.chunk(count, dim=1)]
        else:
            self._weight = weight

    def __call__(self, x: Float[Tensor, "rows width"]) -> Float[Tensor, "rows out"]:
        """Return x W^T + b."""
        if not self.is_packed:
            return F.linear(x, self._weight, self.bias)
        (width, weight), *more = self._parts
        result = _pointwise(x[:, :width], weight, self.bias, "none", [], "")
        return self._added(x[:, width:], result, None, more) if more else result

    def gelu(self, x: Float[Tensor, "rows width"]) -> Float[Tensor, "rows out"]:
        """Return GELU(x W^T + b), in the approximation by tanh that GPT-2 was trained with."""
        if self.is_packed and len(self._parts) == 1:
            return _pointwise(x, self._parts[0][1], self.bias, "gelu", [], "tanh")
        return F.gelu(self(x), approximate="tanh")

    def add(
        self, x: Float[Tensor, "rows width"], to: Float[Tensor, "rows out"]
    ) -> Float[Tensor, "rows out"]:
        """Return to + x W^T + b."""
        if not self.is_packed:
            return to + F.linear(x, self._weight, self.bias)
        return self._added(x, to, self.bias, self._parts)

    def _added(
        self, x: Tensor, to: Tensor, bias: Tensor | None, parts: list[tuple[int, Tensor]]
    ) -> Tensor:
        begin = 0
        for width, weight in parts:
            part = x[:, begin : begin + width]
            to = _pointwise_binary(part, to, weight, bias, "add")
            begin, bias = begin + width, None
        return to


def packs(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether matrices of this kind are repacked for oneDNN."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    if not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        return False
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32


def _packed(weight: Tensor) -> Tensor:
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _ROWS_TO_PACK_FOR)
    return packed


def _pointwise(x: Tensor, *rest: object) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise.default(x, *rest)
    return result


def _pointwise_binary(x: Tensor, *rest: object) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, *rest)
    return result
