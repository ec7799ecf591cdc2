"""How many threads compute on the CPU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# A step of a smaller model is over before several threads have met, and where other programs use
# the processor the threads wait for each other: a hundred times as long has been measured.
SMALL = 30_000_000


def sensible_threads(num_parameters: int, device: torch.device) -> int | None:
    """Return 1 for a small model on the CPU, unless the reader has said how many; else None."""
    is_small = num_parameters < SMALL and device.type == "cpu"
    return 1 if is_small and "OMP_NUM_THREADS" not in os.environ else None


@contextmanager
def limited_to(count: int | None) -> Iterator[None]:
    """Compute in so many threads, and leave PyTorch's number as it was; None changes nothing.

    The number is the calling thread's own. Another one that uses PyTorch for the first time in the
    meantime begins with it.
    """
    before = torch.get_num_threads()
    if count is None or count == before:
        yield
        return
    if count < 1:
        raise ValueError(f"num_threads must be at least 1, got {count}")
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
