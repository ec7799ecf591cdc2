"""Prompt lookup: proposals for speculative sampling that are copied from the text so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from decodelib.arguments import check_integer, short_repr
from decodelib.decoding.transcript import Transcript
from decodelib.models.base import LanguageModel

Drafted: TypeAlias = list[tuple[int, Tensor]]
"""The tokens of a proposal, each with the distribution that it was drawn from."""


@dataclass(frozen=True, repr=False)
class PromptLookup:
    """A draft for `SpeculativeSampling` that takes no model: what followed the last tokens before.

    The last n tokens are looked for in the text so far, prompt included, first with n =
    max_matching_ngram_size, then with fewer; what followed their first occurrence is the proposal.
    A proposal of this kind is certain, q(v) = 1, so that the target accepts v with probability
    p(v), and the text is distributed as without it. Much is accepted where a text repeats its
    prompt (a summary, an edited program) or itself (a loop), and next to nothing elsewhere.

    Args:
        max_matching_ngram_size: The largest n, at least 1. Usual values: 2 and 3.

    Raises:
        ValueError, TypeError: For other values.

    Source: Saxena 2023, github.com/apoorvumang/prompt-lookup-decoding; transformers'
    `prompt_lookup_num_tokens`, whose proposals these are. Chapter 17.

    >>> dl.PromptLookup().propose([5, 6, 7, 8, 5, 6], 2)
    [7, 8]
    """

    max_matching_ngram_size: int = 2

    def __post_init__(self) -> None:
        check_integer("max_matching_ngram_size", self.max_matching_ngram_size, 1)

    def __repr__(self) -> str:
        return short_repr(self)

    def propose(self, ids: Sequence[int], count: int) -> list[int]:
        """Return at most `count` tokens that may follow `ids`; none if nothing matches."""
        ids = list(ids)
        for n in range(min(self.max_matching_ngram_size, len(ids) - 1), 0, -1):
            last = ids[-n:]
            for end in range(n, len(ids)):
                if ids[end - n : end] == last:
                    return ids[end : end + count]
        return []


class Copying:
    """A lookup in the text so far, which is as sure of its proposals as can be."""

    def __init__(self, lookup: PromptLookup, transcript: Transcript, target: LanguageModel) -> None:
        self.lookup, self.transcript, self.target = lookup, transcript, target

    def begin(self, ids: Sequence[int], room: int) -> None:
        pass

    def propose(self, count: int) -> Drafted:
        transcript, target = self.transcript, self.target
        drafted: Drafted = []
        for token_id in self.lookup.propose(transcript.prompt_ids + transcript.token_ids, count):
            certain = torch.zeros(target.vocab_size, device=target.device)
            certain[token_id] = 1
            drafted.append((token_id, certain))
            if token_id in transcript.stopping.ends:
                break
        return drafted

    def settle(self, drafted: Drafted, accepted: int) -> None:
        pass
