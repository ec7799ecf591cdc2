"""What a GPU needs to be told: numbers sent while it works, and attention without cuDNN."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Int
from torch import Tensor


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on the device, without waiting for what a GPU has yet to do.

    From ordinary memory PyTorch copies when the GPU is done. From memory that stays in its place
    the GPU copies by itself, in its turn.
    """
    if device.type != "cuda" or tensor.device.type != "cpu" or not tensor.numel():
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def integers_on(device: torch.device, ids: Sequence[int]) -> Int[Tensor, " ids"]:
    """Return token ids, rows or positions as a tensor on the device; sent like any other."""
    return sent(torch.tensor(ids, dtype=torch.long, device="cpu"), device)


@contextmanager
def without_cudnn_attention() -> Iterator[None]:
    """Leave cuDNN out of attention, and PyTorch's setting as it was.

    cuDNN plans its attention anew for every length of a text, for 50 ms on an H100, where a step of
    a small model takes one or two; the other kernels are as fast.
    """
    before = torch.backends.cuda.cudnn_sdp_enabled()
    torch.backends.cuda.enable_cudnn_sdp(False)
    try:
        yield
    finally:
        torch.backends.cuda.enable_cudnn_sdp(before)
