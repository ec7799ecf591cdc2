"""What a strategy and its search are, and searches of several prompts from searches of one."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.decoding.generation import Generation, Step
from decodelib.decoding.stopping import Stopping
from decodelib.decoding.transcript import Transcript
from decodelib.models.base import LanguageModel


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


class Move(NamedTuple):
    """One step of a search: row i of the next step continues row `ancestors[i]` with `next_ids[i]`.

    No rows means that the search has ended. `next_ids` are on the model's device; `ancestors` are
    best on the CPU, where they are read.
    """

    next_ids: Int[Tensor, " rows"]
    ancestors: Int[Tensor, " rows"]


@runtime_checkable
class Search(Protocol):
    """The decoding in progress of some prompts that share a strategy.

    It begins with one row for each prompt, in order. The decoding loop hands it the logits of its
    rows; it answers with a `Move`, which may repeat rows (beams, branches) or drop them (finished).
    """

    def advance(self, logits: Float[Tensor, "rows vocab"]) -> Move: ...

    def steps(self, index: int) -> list[Step]:
        """Return the steps decided so far for prompt `index`; they never change afterwards."""
        ...

    def results(self) -> list[Generation]:
        """Return one Generation for each prompt, once the search has ended."""
        ...


@runtime_checkable
class OwnSearch(Protocol):
    """A search that runs its models itself, needing more of them than one step's logits."""

    def run_round(self) -> bool:
        """Take one round of tokens for every prompt; return whether any goes on."""
        ...

    def steps(self, index: int) -> list[Step]: ...

    def results(self) -> list[Generation]: ...


@runtime_checkable
class Strategy(Protocol):
    """A whole decoding procedure such as `Greedy()`; hashable, so that equal ones share a batch."""

    def start(
        self,
        lm: LanguageModel,
        prompts: Sequence[Int[Tensor, " _seq"]],
        seeds: Sequence[int],
        stopping: Stopping,
        trace: bool,
    ) -> Search | OwnSearch:
        """Begin decoding `prompts`, each with draws from its own seed alone."""
        ...
