"""Searches that keep several rows for a prompt, decoded side by side."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from decodelib.generation import Generation, Step
from decodelib.types import Move


@runtime_checkable
class PromptSearch(Protocol):
    """The decoding of one prompt; it begins with one row and has ended when `live` is empty."""

    @property
    def live(self) -> Sized:
        """What goes on, one for each row of logits that `advance` is to be given."""
        ...

    def advance(self, logits: Float[Tensor, "rows vocab"]) -> list[tuple[int, int]]:
        """Take one step; return (ancestor row, token id) for each row that goes on."""
        ...

    def steps(self) -> list[Step]: ...

    def result(self) -> Generation: ...


class SideBySide:
    """The `Search` of several prompts, each with rows of its own."""

    def __init__(self, searches: Sequence[PromptSearch]) -> None:
        self.searches = searches

    def advance(self, logits: Float[Tensor, "rows vocab"]) -> Move:
        moves: list[tuple[int, int]] = []
        start = 0
        for search in self.searches:
            count = len(search.live)
            if count:
                own = search.advance(logits[start : start + count])
                moves += [(start + row, token_id) for row, token_id in own]
            start += count
        ids = torch.tensor(moves, dtype=torch.long, device=logits.device).reshape(-1, 2)
        return Move(next_ids=ids[:, 1], ancestors=ids[:, 0])

    def steps(self, index: int) -> list[Step]:
        return self.searches[index].steps()

    def results(self) -> list[Generation]:
        return [search.result() for search in self.searches]
