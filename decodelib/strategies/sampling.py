"""Greedy decoding and sampling: one token at a time, one row for each prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_integer
from decodelib.decoding.generation import Generation
from decodelib.decoding.processing import chains_of, process
from decodelib.decoding.samplers import argmax, fetch, log_probs_of, sample, uniforms
from decodelib.decoding.search import Move, Search
from decodelib.decoding.transcript import Transcript
from decodelib.kernels.seeds import seeded
from decodelib.models.base import LanguageModel
from decodelib.processors.base import Chain, LogitsProcessor
from decodelib.processors.generation_config import (
    check_expressible,
    field,
    fields_of,
    processors_of,
)
from decodelib.processors.truncation import TopK


@dataclass(frozen=True)
class Greedy:
    """Always take the most probable token; of equals, the one with the lowest id.

    Deterministic: seeds change nothing. The same as `Sampling(TopK(1))`. Chapter 3.

    >>> lm = dl.TableLM({"": {"a": 0.6, "b": 0.4}})
    >>> dl.generate(lm, "a", dl.Greedy(), max_new_tokens=3).text
    ' a a a'
    """

    is_deterministic: ClassVar[bool] = True

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[TokenSearch]:
        return [TokenSearch(transcripts)]


@dataclass(frozen=True, init=False, repr=False)
class Sampling:
    """Draw each token from the model's distribution, changed by processors from left to right.

    `Sampling()` alone is random sampling, also called ancestral: the model's own distribution.

    Args:
        processors: Callables `p(input_ids, logits)`, such as `Temperature(0.7)`.
        num_return_sequences: How many continuations to draw, at least 1, of a prompt that is read
            once. The first is the Generation, the others are its `alternatives`: those that the
            seeds `seed + 2**32`, `seed + 2 * 2**32`, ... give alone.

    Raises:
        TypeError: For processors that are not callables.
        ValueError, TypeError: For a number out of range.

    Source: of each processor, its own. Chapters 5 to 9 and 12.

    >>> lm = dl.TableLM({"": {"a": 0.6, "b": 0.4}})
    >>> dl.generate(lm, "a", dl.Sampling(dl.TopP(0.9)), max_new_tokens=3, seed=3).text
    ' a a b'
    """

    processors: tuple[LogitsProcessor, ...]
    num_return_sequences: int

    def __init__(self, *processors: LogitsProcessor, num_return_sequences: int = 1) -> None:
        check_integer("num_return_sequences", num_return_sequences, 1)
        object.__setattr__(self, "processors", Chain(*processors).processors)
        object.__setattr__(self, "num_return_sequences", num_return_sequences)

    def __repr__(self) -> str:
        parts = [repr(processor) for processor in self.processors]
        if self.num_return_sequences > 1:
            parts.append(f"num_return_sequences={self.num_return_sequences}")
        return f"Sampling({', '.join(parts)})"

    @property
    def is_deterministic(self) -> bool:
        """Whether the last processor is `TopK(1)`, which leaves one token, and none draws."""
        return self.processors[-1:] == (TopK(1),) and not Chain(*self.processors).is_random

    @classmethod
    def from_generation_config(cls, config: Any) -> Sampling:
        """Return the sampling that a transformers GenerationConfig with do_sample=True describes.

        Its fields become processors in transformers' own order; a top_k of None is 50. Raises
        TypeError for what is no such configuration, and ValueError for one that does not sample or
        has settings without a counterpart here; the function `from_generation_config` says which.
        """
        check_expressible(config)
        if not field(config, "do_sample", False) or field(config, "num_beams", 1) != 1:
            raise ValueError(
                "config must have do_sample=True and num_beams=1, got one of another strategy: use "
                "from_generation_config()"
            )
        count = field(config, "num_return_sequences", 1)
        return cls(*processors_of(config), num_return_sequences=count)

    def to_generation_config(self) -> dict[str, Any]:
        """Return the fields of a GenerationConfig under which transformers samples alike.

        All that matter are there, top_k=0 against the hidden default of 50 included. Raises
        ValueError for processors that transformers does not have or applies in another order.
        """
        settings: dict[str, Any] = {"do_sample": True, "num_beams": 1}
        if self.num_return_sequences > 1:
            settings["num_return_sequences"] = self.num_return_sequences
        return settings | fields_of(self.processors)

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[TokenSearch]:
        copies = self.num_return_sequences
        own = seeds_of_copies(seeds, copies)
        generators = [seeded(seed) for seed in own]
        chains = chains_of(self.processors, own) if self.processors else None
        return [TokenSearch(transcripts, generators, chains, copies)]


def seeds_of_copies(seeds: Sequence[int], copies: int) -> list[int]:
    """Return a seed for each continuation of each prompt; the first is the prompt's own."""
    return [(seed + copy * 2**32) % 2**63 for seed in seeds for copy in range(copies)]


class TokenSearch(Search):
    """Decoding one token at a time, one row for each continuation until it is finished.

    With generators it draws from the distribution that each row's chain leaves; without, it takes
    the argmax. Every prompt has `copies` continuations, which part with the first token.
    """

    def __init__(
        self,
        transcripts: list[Transcript],
        generators: Sequence[torch.Generator] | None = None,
        chains: Sequence[Chain] | None = None,
        copies: int = 1,
    ) -> None:
        self.transcripts, self.copies = transcripts, copies
        self.chains, self.generators = chains, generators
        self.sequences = transcripts
        if copies > 1:
            self.sequences = [
                t.fork() if copy else t for t in transcripts for copy in range(copies)
            ]
        self.running = list(range(len(self.sequences)))

    def advance(self, logits: Float[Tensor, "rows vocab"]) -> Move:
        running = [self.sequences[i] for i in self.running]
        copies = len(running) // len(logits)  # more than 1 at the first token alone
        if copies > 1:
            logits = logits.repeat_interleave(copies, 0)
        stopping, lengths = running[0].stopping, [len(t.token_ids) for t in running]
        after = stopping.forbid_early_end(logits, lengths)
        if self.chains:
            after = process([self.chains[i] for i in self.running], running, after)
        next_ids = sample(after, self.draws()) if self.generators else argmax(after)
        values = [next_ids, log_probs_of(logits, next_ids)]
        if self.generators:
            values += self.wanted(after, next_ids)
        token_ids, logprobs, *found = fetch(*values, checked=(logits, after))
        if found:
            self.take_note(*found)
        for transcript, *token in zip(running, token_ids, logprobs, logits, after, strict=True):
            transcript.append(*token)
        alive = [row for row, t in enumerate(running) if t.finish_reason is None]
        self.running = [self.running[row] for row in alive]
        places = torch.tensor(alive, dtype=torch.long)
        if len(alive) < len(running):
            next_ids = next_ids.index_select(0, places.to(next_ids.device))
        return Move(next_ids, places if copies == 1 else places // copies)

    def draws(self) -> Float[Tensor, " rows"]:
        """Return a number in [0, 1) for each running row."""
        assert self.generators is not None
        return uniforms([self.generators[i] for i in self.running])

    def wanted(
        self, after: Float[Tensor, "rows vocab"], next_ids: Int[Tensor, " rows"]
    ) -> Sequence[Float[Tensor, " rows"]]:
        """Return what else the search has to know of each running row's token; here nothing."""
        return ()

    def take_note(self, *found: list[float]) -> None:
        """Take note of what was wanted."""

    @property
    def is_over(self) -> bool:
        return not self.running

    def interrupt(self) -> None:
        for row in self.running:
            self.sequences[row].finish_reason = "interrupted"
        self.running = []

    def results(self) -> list[Generation]:
        found = [sequence.generation() for sequence in self.sequences]
        if self.copies == 1:
            return found
        return [
            replace(found[start], alternatives=found[start + 1 : start + self.copies])
            for start in range(0, len(found), self.copies)
        ]
