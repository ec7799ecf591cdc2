"""Long rows on the CPU, one at a time in NumPy: the same answers as the definitions, sooner."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

# From this many tokens on, the work on a row takes longer than the calls that start it.
_LONG = 512
# In most rows the nucleus lies among the few tokens that are this many nats below the best.
_HEAD = 9.0
# Where more than one token in so many is near the best, one sort of the whole row costs less.
_FEW = 4


def are_long(logits: Float[Tensor, "*batch vocab"]) -> bool:
    """Return whether working row by row is faster: for long rows, on the CPU.

    The vocabulary alone decides, so that a row's result never depends on its neighbours. Compiled
    code takes the definitions, which `torch.compile` can read.
    """
    long = logits.device.type == "cpu" and logits.shape[-1] >= _LONG and logits.numel() > 0
    return long and not torch.compiler.is_compiling()


def as_arrays(logits: Float[Tensor, "*batch vocab"]) -> np.ndarray:
    """Return logits on the CPU as a NumPy array, whose comparisons are several times faster.

    The array shares the tensor's memory, except for half precision, which becomes float32.
    """
    plain = logits.detach()
    return (plain if plain.dtype in (torch.float32, torch.float64) else plain.float()).numpy()


def nucleus(logits: Float[Tensor, "*batch vocab"], enough: float) -> Bool[Tensor, "*batch vocab"]:
    """Return the smallest set of largest logits whose mass is `enough`, 6 to 45 times faster."""
    rows = as_arrays(logits).reshape(-1, logits.shape[-1])
    marks = [_down_to(row, *_end_of_nucleus(row, enough)) for row in rows]
    return torch.from_numpy(np.stack(marks)).view(logits.shape)


def largest(logits: Float[Tensor, "*batch vocab"], k: int) -> Bool[Tensor, "*batch vocab"]:
    """Return which tokens are the k largest of their row; of equals, the lower ids."""
    rows = as_arrays(logits).reshape(-1, logits.shape[-1])
    last = logits.topk(k).values[..., -1].flatten().tolist()
    marks = [_down_to(row, least, k) for row, least in zip(rows, last, strict=True)]
    return torch.from_numpy(np.stack(marks)).view(logits.shape)


def few_left(row: Float[Tensor, " vocab"]) -> Int[Tensor, " left"] | None:
    """Return the ids of the tokens that are not removed if these are few, else None."""
    stays = as_arrays(row) > -np.inf
    few = 8 * np.count_nonzero(stays) <= len(stays)
    return torch.from_numpy(np.flatnonzero(stays)) if few else None


def _end_of_nucleus(row: np.ndarray, enough: float) -> tuple[float, int]:
    """Return the least logit of a row's nucleus, and the number of tokens in the nucleus."""
    row = row.compress(row > -np.inf)
    best = row.max()
    near = row >= best - row.dtype.type(_HEAD)
    if _FEW * np.count_nonzero(near) <= len(row):
        head = np.sort(row.compress(near))[::-1]
        mass = np.exp(head - np.float64(best)).cumsum() * _softmax(row).max()
        if mass[-1] >= enough:
            return _crossing(head, mass, enough)
    ranked = np.sort(row)[::-1]
    return _crossing(ranked, _softmax(ranked).cumsum(), enough)


def _softmax(row: np.ndarray) -> np.ndarray:
    """Return softmax(row) in float64."""
    # PyTorch's exponentials of float64 are several times faster than NumPy's. Its other operations
    # would share a single row between threads, and waiting for these takes longer than the work.
    return torch.from_numpy(row.astype(np.float64)).softmax(-1).numpy()


def _crossing(ranked: np.ndarray, mass: np.ndarray, enough: float) -> tuple[float, int]:
    """Return the last of the ranked logits that are enough, and their number: one at least."""
    extra = int(mass[:-1].searchsorted(enough))
    return float(ranked[extra]), extra + 1


def _down_to(row: np.ndarray, last: float, count: int) -> np.ndarray:
    """Return which tokens are the `count` largest, the least of which has the logit `last`."""
    keep: np.ndarray = row >= row.dtype.type(last)
    excess = np.count_nonzero(keep) - count
    if excess:  # of those at the boundary only the first few
        keep[np.flatnonzero(row == row.dtype.type(last))[-excess:]] = False
    return keep
