"""What is left of a vocabulary once most of it is removed, and how much of it to take at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

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
    stays = logits > -torch.inf
    count = int(stays.sum(-1).max())
    if 8 * count > logits.shape[-1]:
        return None
    ids = torch.zeros(len(logits), count, dtype=torch.long)
    few = logits.new_full(ids.shape, -torch.inf)
    for row, flags in enumerate(stays.numpy()):
        places = torch.from_numpy(np.flatnonzero(flags))
        ids[row, : len(places)], few[row, : len(places)] = places, logits[row, places]
    return Survivors(ids, few)
