"""Beam search: keep the best few hypotheses, expand each by every token, keep the best few again.

Reference for every detail (how many candidates, which may finish, when to stop, what the length
penalty divides by): transformers' `generate(num_beams=...)`, whose token ids this reproduces.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.distributions import check_logits, widen
from decodelib.generation import Generation, Step, Transcript
from decodelib.processors import short_repr
from decodelib.search import SideBySide
from decodelib.stopping import Stopping
from decodelib.types import LanguageModel
from decodelib.validation import check_choice, check_integer, check_number


@dataclass(frozen=True, repr=False)
class BeamSearch:
    """Search for the continuation of highest score, keeping `num_beams` hypotheses at each step.

    score = (sum of ln p of the new tokens) / (number of new tokens)^length_penalty

    Log-probabilities are negative, so a positive length_penalty favours longer text, 0 ranks by
    the plain sum and a negative one favours shorter text. One beam is greedy. Deterministic.

    Args:
        num_beams: Hypotheses kept, at least 1. Usual values: 3 to 10. Time and memory grow with it.
        length_penalty: The exponent above; in [-10, 10]. Usual values: 0 to 2.
        early_stopping: When to stop with `num_beams` hypotheses finished. True: at once. False:
            when the best unfinished one, scored at its present length, cannot beat the worst
            finished one. "never": when not even at the best length it may still reach.
        num_return_sequences: How many to return, in [1, num_beams]: the best as the Generation,
            the others in its `alternatives`.

    Raises:
        ValueError, TypeError: For values outside these ranges.

    Source: Graves 2012, arXiv 1211.3711; length normalisation: Wu et al. 2016, arXiv 1609.08144.
    Chapter 4.
    """

    num_beams: int = 5
    length_penalty: float = 1.0
    early_stopping: bool | Literal["never"] = False
    num_return_sequences: int = 1

    def __post_init__(self) -> None:
        check_integer("num_beams", self.num_beams, 1)
        check_number("length_penalty", self.length_penalty, -10, 10)
        check_choice("early_stopping", self.early_stopping, (False, True, "never"))
        check_integer("num_return_sequences", self.num_return_sequences, 1, self.num_beams)

    def __repr__(self) -> str:
        return short_repr(self)

    def start(
        self,
        lm: LanguageModel,
        prompts: Sequence[Int[Tensor, " _seq"]],
        seeds: Sequence[int],
        stopping: Stopping,
        trace: bool,
    ) -> SideBySide:
        first = [Transcript(ids.tolist(), stopping, trace) for ids in prompts]
        return SideBySide([Beams(self, transcript) for transcript in first])

    def normalized(self, logprob: float, length: int) -> float:
        """Return the score of a hypothesis of `length` new tokens."""
        return logprob / length**self.length_penalty


@dataclass(frozen=True)
class Hypothesis:
    """A continuation and the sum of its tokens' log-probabilities, in nats."""

    transcript: Transcript
    logprob: float


class Beams:
    """The beams of one prompt: `live` hypotheses, best first, and the best `finished` ones."""

    def __init__(self, strategy: BeamSearch, transcript: Transcript) -> None:
        self.strategy = strategy
        self.live = [Hypothesis(transcript, 0.0)]
        self.finished: list[tuple[float, Hypothesis]] = []
        self.chosen: list[int] = []  # the token ids that the last step kept

    def advance(
        self,
        logits: Float[Tensor, "rows vocab"],
        penalty: Float[Tensor, " vocab"] | None = None,
    ) -> list[tuple[int, int]]:
        """Expand and prune once; return (ancestor, token id) of each hypothesis that lives on.

        A penalty is taken off the log-probability of every token it names.
        """
        survivors: list[tuple[int, int]] = []
        live: list[Hypothesis] = []
        self.chosen = []
        for rank, (row, token_id, hypothesis) in enumerate(self._expand(logits, penalty)):
            if hypothesis.transcript.finish_reason is None:
                live.append(hypothesis)
                survivors.append((row, token_id))
            elif rank < self.strategy.num_beams:
                self._finish(hypothesis)
            else:
                continue  # a candidate below the beam may not finish: it would not have been kept
            self.chosen.append(token_id)
            if len(live) == self.strategy.num_beams:
                break
        self.live = live
        if self._done():
            self.live = []
        return survivors[: len(self.live)]

    def _expand(
        self, logits: Tensor, penalty: Tensor | None
    ) -> Iterator[tuple[int, int, Hypothesis]]:
        """Yield the best continuations of all live hypotheses as (row, token id, hypothesis).

        At most twice as many as beams: even if every beam's best continuation is EOS, enough are
        left to fill the beam. Each is made when it is asked for, so the unused ones cost nothing.
        """
        stopping = self.live[0].transcript.stopping
        lengths = [len(h.transcript.token_ids) for h in self.live]
        check_logits(logits)
        logprobs = widen(logits).log_softmax(-1)
        allowed = stopping.forbid_early_eos(logprobs, lengths)
        so_far = torch.tensor([h.logprob for h in self.live], dtype=allowed.dtype)
        totals = allowed + so_far.to(allowed.device)[:, None]
        if penalty is not None:
            totals = totals - penalty.to(totals)
        totals = totals.flatten()
        check_logits(totals)
        best = totals.topk(min(2 * self.strategy.num_beams, len(totals)))
        steps = logprobs.flatten()[best.indices]
        for total, index, step in zip(*map(Tensor.tolist, (*best, steps)), strict=True):
            if total == -math.inf:
                return
            row, token_id = divmod(index, logits.shape[-1])
            transcript = self.live[row].transcript.fork()
            transcript.append(token_id, step, logits[row], allowed[row])
            yield row, token_id, Hypothesis(transcript, total)

    def _finish(self, hypothesis: Hypothesis) -> None:
        length = len(hypothesis.transcript.token_ids)
        score = self.strategy.normalized(hypothesis.logprob, length)
        self.finished.append((score, hypothesis))
        self.finished.sort(key=lambda pair: -pair[0])
        del self.finished[self.strategy.num_beams :]

    def _done(self) -> bool:
        """Return whether no live hypothesis may still change what is returned."""
        strategy = self.strategy
        if not self.live:
            return True
        if len(self.finished) < strategy.num_beams:
            return False
        if strategy.early_stopping is True or strategy.num_beams == 1:
            return True  # one beam has nothing to compare with: it is greedy
        best = self.live[0]
        length = len(best.transcript.token_ids)
        if strategy.early_stopping == "never" and strategy.length_penalty > 0:
            length = best.transcript.stopping.max_new_tokens
        return strategy.normalized(best.logprob, length) <= self.finished[-1][0]

    def steps(self) -> list[Step]:
        """Return the best hypothesis's steps, once no other may win."""
        return [] if self.live else self.result().steps

    def result(self) -> Generation:
        """Return the best finished hypothesis, with the next best as its alternatives."""
        wanted = self.finished[: self.strategy.num_return_sequences]
        best, *others = (h.transcript.generation(score) for score, h in wanted)
        return replace(best, alternatives=others)
