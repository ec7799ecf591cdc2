"""What is left of a vocabulary once most of it is removed, and how much of it to take at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.distributions import as_arrays

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
