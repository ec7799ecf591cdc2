"""Random matrices and rows for packed products, where the machine has them."""

import pytest
import torch
import torch.nn.functional as F

from decodelib.kernels.linear import HalfLinear, Linear, OneDNNLinear

KINDS = [(HalfLinear, "float32"), (OneDNNLinear, "float32"), (OneDNNLinear, "bfloat16")]


def names(kind: tuple[type[Linear], str]) -> str:
    return f"{kind[0].__name__}, {kind[1]}"


def random_weight(shape: tuple[int, int], kind: type[Linear], dtype: torch.dtype) -> torch.Tensor:
    width, out = shape
    weight = torch.randn(out, width, generator=torch.Generator().manual_seed(0)) / width**0.5
    weight = weight.half().to(dtype) if kind is HalfLinear else weight.to(dtype)
    if not kind.serves(weight):
        pytest.skip("this machine lacks these kernels")
    return weight


def padded(x: torch.Tensor, kind: type[Linear]) -> torch.Tensor:
    return F.pad(x, (0, 0, 0, kind.fitting(len(x)) - len(x)))
