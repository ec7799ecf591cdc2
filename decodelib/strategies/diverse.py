"""Diverse beam search: groups of beams that are kept from choosing the same tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from decodelib.arguments import check_integer, check_number, named_repr
from decodelib.decoding.generation import Generation
from decodelib.decoding.processing import chains_of
from decodelib.decoding.search import LateSearch, Move
from decodelib.decoding.transcript import Transcript
from decodelib.models.base import LanguageModel
from decodelib.processors.base import Chain, Processors
from decodelib.strategies.beam import Beams, BeamSearch, Hypothesis


@dataclass(frozen=True, repr=False)
class DiverseBeamSearch:
    """Beam search in groups; a token costs more the more earlier groups chose it at this step.

    The groups take turns within every step. For a group's hypotheses, ln p(v) is reduced by
    diversity_penalty times the number of hypotheses of earlier groups that have just been extended
    by v (Hamming diversity), and the reduced values are what its scores add up. The first group is
    an ordinary beam search with num_beams / num_beam_groups beams.

    Args:
        num_beams: Beams in all groups together.
        num_beam_groups: At least 1; must divide `num_beams`.
        diversity_penalty: At least 0; 0 makes all groups equal. Usual values: 0.2 to 0.8.
        length_penalty, early_stopping: As in `BeamSearch`, for every group.
        num_return_sequences: How many to return, in [1, num_beams], best first over all groups.
        processors: As in `BeamSearch`; the diversity penalty is taken off what they leave.

    Raises:
        ValueError, TypeError: For values outside these ranges.

    Source: Vijayakumar et al. 2018, arXiv 1610.02424. Chapter 17.

    >>> lm = dl.TableLM({"": {"a": 6, "b": 4}, "a": {"a": 1, "b": 1, "c": 1}, "b": {"d": 1}})
    >>> g = dl.generate(
    ...     lm, "c", dl.DiverseBeamSearch(2, 2, num_return_sequences=2), max_new_tokens=2
    ... )
    >>> g.text, g.alternatives[0].text
    (' b d', ' a a')
    """

    num_beams: int = 6
    num_beam_groups: int = 3
    diversity_penalty: float = 0.5
    length_penalty: float = 1.0
    early_stopping: bool | Literal["never"] = False
    num_return_sequences: int = 1
    processors: Processors = ()

    def __post_init__(self) -> None:
        check_integer("num_beams", self.num_beams, 1)
        check_integer("num_beam_groups", self.num_beam_groups, 1, self.num_beams)
        if self.num_beams % self.num_beam_groups:
            raise ValueError(
                f"num_beams must be a multiple of num_beam_groups={self.num_beam_groups}, "
                f"got {self.num_beams}"
            )
        check_number("diversity_penalty", self.diversity_penalty, 0, math.inf, open_high=True)
        check_integer("num_return_sequences", self.num_return_sequences, 1, self.num_beams)
        shared = self.group()  # checks what the groups share
        object.__setattr__(self, "processors", shared.processors)

    def __repr__(self) -> str:
        return named_repr(self)

    @property
    def is_deterministic(self) -> bool:
        """Whether no processor draws, as XTC does."""
        return self.group().is_deterministic

    def group(self) -> BeamSearch:
        """Return the beam search that one group does."""
        size = self.num_beams // self.num_beam_groups
        return BeamSearch(size, self.length_penalty, self.early_stopping, size, self.processors)

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[BeamGroups]:
        chains = chains_of(self.processors, seeds)
        return [BeamGroups(self, *pair) for pair in zip(transcripts, chains, strict=True)]


class BeamGroups(LateSearch):
    """The groups of one prompt; its rows are those of the groups, one group after the other."""

    def __init__(self, strategy: DiverseBeamSearch, first: Transcript, chain: Chain) -> None:
        self.strategy, self.transcripts = strategy, [first]
        group, count = strategy.group(), strategy.num_beam_groups
        self.groups = [Beams(group, first, chain) for _ in range(count)]
        self._begun = False

    @property
    def live(self) -> list[Hypothesis]:
        if not self._begun:
            return self.groups[0].live  # all groups begin with the same row, the prompt's
        return [hypothesis for group in self.groups for hypothesis in group.live]

    def advance(self, logits: Float[Tensor, "rows vocab"]) -> Move:
        chosen = torch.zeros(logits.shape[-1], dtype=torch.float64)
        moves: list[tuple[int, int]] = []
        start = 0
        for group in self.groups:
            count = len(group.live)
            if not count:
                continue
            own = group.expand_and_prune(
                logits[start : start + count], self.strategy.diversity_penalty * chosen
            )
            moves += [(start + row, token_id) for row, token_id in own]
            for token_id in group.chosen:
                chosen[token_id] += 1
            if self._begun:
                start += count
        self._begun = True
        return Move.of(moves)

    def results(self) -> list[Generation]:
        found = [
            generation
            for group in self.groups
            for result in group.results()
            for generation in (replace(result, alternatives=[]), *result.alternatives)
        ]
        found.sort(key=lambda generation: -generation.score)
        best, *others = found[: self.strategy.num_return_sequences]
        return [replace(best, alternatives=others)]
