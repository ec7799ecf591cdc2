"""Long rows on the CPU, one at a time in NumPy: the same answers as the definitions, sooner."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

# In most rows the nucleus lies among the few tokens that are this many nats below the best.
_HEAD = 9.0
# Where they are more than one in so many, sorting the whole row costs less than looking twice.
_FEW = 4
_LONG = 512
# The largest tokens are looked for in blocks of this many.
_BLOCK = 64


def alone(logits: Float[Tensor, "rows vocab"]) -> bool:
    """Return whether it pays to look at the rows one by one: at long ones, on the CPU.

    Of short rows, all at once, it is the number of calls that costs time. The vocabulary alone
    decides, so that a row's neighbours never change the way it goes.
    """
    return logits.device.type == "cpu" and logits.shape[-1] >= _LONG


def as_arrays(logits: Float[Tensor, "rows vocab"]) -> np.ndarray:
    """Return logits on the CPU for NumPy, whose comparisons are several times faster there.

    They share the tensor's memory, except that of types of half precision, which become float32.
    """
    plain = logits.detach()
    return (plain if plain.dtype in (torch.float32, torch.float64) else plain.float()).numpy()


def _end_of_nucleus(row: np.ndarray, enough: float) -> tuple[float, int]:
    """Return the least logit of a row's nucleus, and how many tokens belong to it."""
    best = row.max()
    near = row >= best - row.dtype.type(_HEAD)
    if _FEW * np.count_nonzero(near) <= len(row):
        head = np.sort(row.compress(near))[::-1]
        mass = np.exp(head - np.float64(best)).cumsum() * probabilities(row).max()
        if mass[-1] >= enough:
            return _crossing(head, mass, enough)
    ranked = np.sort(row)[::-1]
    return _crossing(ranked, probabilities(ranked).cumsum(), enough)


def probabilities(row: np.ndarray) -> np.ndarray:
    """Return softmax(row) in float64."""
    # PyTorch's exponentials of float64 are several times faster than NumPy's. Its other operations
    # would share a single row between threads, and waiting for these takes longer than the work.
    return torch.from_numpy(row.astype(np.float64)).softmax(-1).numpy()


def _crossing(ranked: np.ndarray, mass: np.ndarray, enough: float) -> tuple[float, int]:
    """Return the last of the ranked logits that are enough, and their number: one at least."""
    extra = int(mass[:-1].searchsorted(enough))
    return float(ranked[extra]), extra + 1


def _nth_largest(row: np.ndarray, n: int) -> float:
    blocks = len(row) // _BLOCK
    if n <= blocks:
        tops = row[: blocks * _BLOCK].reshape(_BLOCK, blocks).max(0)
        # n blocks have a token that is no less than the n-th largest of their tops.
        row = row.compress(row >= np.partition(tops, -n)[-n])
    return float(np.partition(row, -n)[-n])


def _down_to(row: np.ndarray, last: float, count: int) -> np.ndarray:
    """Return which tokens are the `count` largest, the least of which has the logit `last`."""
    keep: np.ndarray = row >= row.dtype.type(last)
    excess = np.count_nonzero(keep) - count
    if excess:  # of those at the boundary only the first few
        keep[np.flatnonzero(row == row.dtype.type(last))[-excess:]] = False
    return keep


def _draw_from_row(row: np.ndarray, uniform: float) -> int:
    """Draw alike on the CPU; if most tokens are removed, look only at the others."""
    stays = row > -np.inf
    few = are_few(int(np.count_nonzero(stays)), len(row))
    ids = np.flatnonzero(stays) if few else None
    cdf = probabilities(row if ids is None else row[ids]).cumsum()
    target = min(uniform * cdf[-1], np.nextafter(cdf[-1], 0))
    place = int(cdf.searchsorted(target, side="right"))
    return place if ids is None else int(ids[place])


CHUNK = 2**18
"""How many logits are worked on at once: their float64 copies fit into a processor's cache."""


class Survivors(NamedTuple):
    """The tokens of each row that are not removed: their ids, in order, and their logits.

    Shorter rows are padded with id 0 and a logit of -inf.
    """

    ids: Int[Tensor, "rows most"]
    logits: Float[Tensor, "rows most"]


def survivors(logits: Float[Tensor, "rows vocab"]) -> Survivors | None:
    """Return the tokens that are not removed if these are few, on the CPU; else None."""
    if logits.numel() == 0:
        return None
    rows = as_arrays(logits)
    stays = rows > -np.inf
    most = max(int(np.count_nonzero(flags)) for flags in stays)
    if not are_few(most, logits.shape[-1]):
        return None
    ids = np.zeros((len(rows), most), np.int64)
    few = np.full(ids.shape, -np.inf, rows.dtype)
    for row, flags in enumerate(stays):
        places = np.flatnonzero(flags)
        ids[row, : len(places)], few[row, : len(places)] = places, rows[row, places]
    return Survivors(torch.from_numpy(ids), torch.from_numpy(few).to(logits.dtype))


def are_few(count: int, vocab: int) -> bool:
    """Return whether it pays to go on with the survivors alone."""
    return 8 * count <= vocab
