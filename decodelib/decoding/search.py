"""What a strategy is, and what it starts: a `Search`, the decoding in progress of some prompts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.decoding.generation import Generation, Step
from decodelib.decoding.transcript import Transcript
from decodelib.models.base import LanguageModel


class Move(NamedTuple):
    """One step of a search: row i of the next step continues row `ancestors[i]` with `next_ids[i]`.

    No rows means that none of the search goes on. `next_ids` are best on the model's device, where
    they are read, and `ancestors` on the CPU.
    """

    next_ids: Int[Tensor, " rows"]
    ancestors: Int[Tensor, " rows"]

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> Move:
        """Return the move to these (ancestor, token id) pairs, one for each row that goes on."""
        table = torch.tensor(list(pairs), dtype=torch.long).reshape(-1, 2)
        return cls(table[:, 1], table[:, 0])


class Search(ABC):
    """The decoding in progress of one prompt, or of several that share a strategy.

    A search begins with one row of logits for each of its transcripts. After every step, `advance`
    says how the rows go on: they may be repeated (beams, branches) or dropped (finished).

    Attributes:
        transcripts: The continuations so far, one for each prompt.
        runs_itself: Whether the search runs its models itself, since it needs more of them than the
            logits of a step. `advance` is then given no rows, returns none, and takes a round.
    """

    transcripts: list[Transcript]
    runs_itself: bool = False

    @abstractmethod
    def advance(self, logits: Float[Tensor, "rows vocab"]) -> Move:
        """Take one step.

        On a GPU no check looks at numbers meanwhile: what is fetched from there is checked by
        `samplers.fetch`, before anything is decided.
        """

    @property
    def is_over(self) -> bool:
        """Whether all continuations have ended."""
        return None not in [transcript.finish_reason for transcript in self.transcripts]

    def take_steps(self) -> list[Step]:
        """Return the steps decided since the last call, of a search of a single prompt."""
        [transcript] = self.transcripts
        return transcript.take_steps()

    def interrupt(self) -> None:
        """End every continuation where it is, with the finish_reason "interrupted".

        Raises KeyboardInterrupt if nothing is decided that could be returned.
        """
        for transcript in self.transcripts:
            transcript.finish_reason = transcript.finish_reason or "interrupted"

    def results(self) -> list[Generation]:
        """Return one Generation for each prompt, once the search is over."""
        return [transcript.generation() for transcript in self.transcripts]


class LateSearch(Search):
    """A search that keeps several hypotheses of one prompt and chooses among them in the end.

    Its transcript is the empty one that all hypotheses begin as.
    """

    @property
    @abstractmethod
    def live(self) -> Sequence[object]:
        """The hypotheses that go on, one for each row of logits."""

    @property
    def is_over(self) -> bool:
        return not self.live

    def take_steps(self) -> list[Step]:
        return self.results()[0].steps if self.is_over else []

    def interrupt(self) -> None:
        if not self.is_over:
            raise KeyboardInterrupt

    @abstractmethod
    def results(self) -> list[Generation]: ...


@runtime_checkable
class Strategy(Protocol):
    """A whole decoding procedure such as `Greedy()`; hashable, so that equal ones share a batch."""

    @property
    def is_deterministic(self) -> bool:
        """Whether a prompt has one continuation, whatever the seed."""
        ...

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> Sequence[Search]:
        """Begin the continuations, each with draws from its own seed alone.

        Returns one search for all transcripts, or one for each, or anything between: in order.
        Raises ValueError or TypeError for a model that the strategy cannot work with.
        """
        ...


def check_room(name: str, model: LanguageModel, transcripts: Sequence[Transcript]) -> None:
    """Raise ValueError unless a second model's context holds all prompts and their new tokens."""
    longest = max(len(transcript.prompt_ids) for transcript in transcripts)
    wanted = longest + transcripts[0].stopping.max_new_tokens
    if wanted > model.context_length:
        raise ValueError(
            f"{name} must have room for the prompt's {longest} tokens and max_new_tokens="
            f"{wanted - longest}, got {model.name} with a context of {model.context_length}"
        )
