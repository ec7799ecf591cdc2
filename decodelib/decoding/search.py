"""Searches of several prompts made from searches of one: side by side, or in turn."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from decodelib.generation import Generation, Step, Transcript
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
        ancestors, ids = torch.tensor(moves, dtype=torch.long).reshape(-1, 2).unbind(-1)
        return Move(ids.to(logits.device), ancestors)

    def steps(self, index: int) -> list[Step]:
        return self.searches[index].steps()

    def results(self) -> list[Generation]:
        return [search.result() for search in self.searches]


@runtime_checkable
class PromptRounds(Protocol):
    """The decoding of one prompt by a search that runs its models itself."""

    transcript: Transcript

    def run_round(self) -> None:
        """Append at least one token."""
        ...


class InTurn:
    """The `OwnSearch` of several prompts, one after the other in every round."""

    def __init__(self, searches: Sequence[PromptRounds]) -> None:
        self.searches = searches

    def run_round(self) -> bool:
        for search in self.searches:
            if search.transcript.finish_reason is None:
                search.run_round()
        return any(search.transcript.finish_reason is None for search in self.searches)

    def steps(self, index: int) -> list[Step]:
        return self.searches[index].transcript.steps

    def results(self) -> list[Generation]:
        return [search.transcript.generation() for search in self.searches]
