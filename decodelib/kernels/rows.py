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
# Where more than one token in so many is near the best, steps cost less than sorting the near ones.
_FEW = 16
# Into how many steps of the logit a row is divided to find where its mass reaches a bound.
_STEPS = 2048
# A token so many nats below the best has a probability of 0 even in float64.
_DEEPEST = 800.0


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
    """Return the smallest set of largest logits whose mass is `enough`, sorting little of a row."""
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
    """Return the least logit of a row's nucleus, and the number of tokens in the nucleus.

    The tokens near the best are sorted if they are few and enough. Else the mass of each step of
    the logit takes one pass, and only the step in which it reaches `enough` is sorted.
    """
    left = row > -np.inf
    if not left.all():  # the copy takes a quarter of the time
        row = row.compress(left)
    probs, best = _softmax(row), row.max()
    near = row >= best - row.dtype.type(_HEAD)
    if _FEW * np.count_nonzero(near) <= len(row):
        head = np.sort(row.compress(near))[::-1]
        reached = np.exp(head - np.float64(best)).cumsum() * probs.max()
        if reached[-1] >= enough:
            extra = int(reached[:-1].searchsorted(enough))
            return float(head[extra]), extra + 1
    with np.errstate(over="ignore"):
        depths = np.minimum(best - row.astype(np.float64), _DEEPEST)
    steps = (depths * (_STEPS / max(depths.max(), 1e-9))).astype(np.int64)
    mass = np.bincount(steps, probs).cumsum()
    last = min(int(mass.searchsorted(enough)), len(mass) - 1)
    ahead = np.count_nonzero(steps < last)
    inside = steps == last
    ranked, share = np.sort(row[inside])[::-1], np.sort(probs[inside])[::-1]
    before = mass[last - 1] if last else 0.0
    extra = int((before + share[:-1].cumsum()).searchsorted(enough))
    return float(ranked[extra]), int(ahead) + extra + 1


def _softmax(row: np.ndarray) -> np.ndarray:
    """Return softmax(row) in float64."""
    # PyTorch's exponentials of float64 are several times faster than NumPy's. Its other operations
    # would share a single row between threads, and waiting for these takes longer than the work.
    return torch.from_numpy(row.astype(np.float64)).softmax(-1).numpy()


def _down_to(row: np.ndarray, last: float, count: int) -> np.ndarray:
    """Return which tokens are the `count` largest, the least of which has the logit `last`."""
    keep: np.ndarray = row >= row.dtype.type(last)
    excess = np.count_nonzero(keep) - count
    if excess:  # of those at the boundary only the first few
        keep[np.flatnonzero(row == row.dtype.type(last))[-excess:]] = False
    return keep
