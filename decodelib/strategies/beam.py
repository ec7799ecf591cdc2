"""Beam search: keep the best few hypotheses, expand each by every token, keep the best few again.

Reference for every detail (how many candidates, which may finish, when to stop, what the length
penalty divides by): transformers' `generate(num_beams=...)`, whose token ids this reproduces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from decodelib.arguments import check_choice, check_integer, check_number, short_repr
from decodelib.decoding.beam_tree import NUM_PRUNED, Fate, Growth, TreeRecorder
from decodelib.decoding.generation import Generation
from decodelib.decoding.processing import chains_of, process_hypotheses
from decodelib.decoding.samplers import fetch, without_replacement
from decodelib.decoding.search import LateSearch, Move
from decodelib.decoding.transcript import Transcript
from decodelib.distributions import check_logits, widen
from decodelib.kernels.gpu import sent
from decodelib.kernels.seeds import seeded
from decodelib.models.base import LanguageModel
from decodelib.processors.base import Chain, Processors, chain_of, given_processors


@dataclass(frozen=True, repr=False)
class BeamSearch:
    """Search for the continuation of highest score, keeping `num_beams` hypotheses at each step.

    score = (sum of ln p of the new tokens) / (number of new tokens)^length_penalty

    Log-probabilities are negative, so a positive length_penalty favours longer text, 0 ranks by
    the plain sum and a negative one favours shorter text. One beam is greedy. Deterministic, unless
    `do_sample` is set or a processor draws.

    Args:
        num_beams: Hypotheses kept, at least 1. Usual values: 3 to 10. Time and memory grow with it.
        length_penalty: The exponent above; in [-10, 10]. Usual values: 0 to 2.
        early_stopping: When to stop with `num_beams` hypotheses finished. True: at once. False:
            when the best unfinished one, scored at its present length, cannot beat the worst
            finished one. "never": when not even at the best length it may still reach.
        num_return_sequences: How many to return, in [1, num_beams]: the best as the Generation,
            the others in its `alternatives`.
        processors: One or several, applied to every hypothesis's log-probabilities, which are not
            renormalised afterwards: `score` adds up what the processors leave. Not processors that
            follow a sequence, such as Mirostat.
        do_sample: Whether each step draws its candidates instead of taking the best: without
            replacement, from the softmax of all hypotheses' extended sums. The best of the drawn
            ones live on, so the texts are neither the model's own distribution (`Sampling`,
            `StochasticBeamSearch`) nor the best. Not for one beam, which would be sampling.

    Raises:
        ValueError, TypeError: For values outside these ranges.

    Source: Graves 2012, arXiv 1211.3711; length normalisation: Wu et al. 2016, arXiv 1609.08144.
    Chapter 4.

    Greedy would begin with a, of probability 0.6, after which no text reaches 0.4:

    >>> lm = dl.TableLM({"": {"a": 6, "b": 4}, "a": {"a": 1, "b": 1, "c": 1}, "b": {"d": 1}})
    >>> dl.generate(lm, "c", dl.BeamSearch(num_beams=2), max_new_tokens=2).text
    ' b d'
    """

    num_beams: int = 5
    length_penalty: float = 1.0
    early_stopping: bool | Literal["never"] = False
    num_return_sequences: int = 1
    processors: Processors = ()
    do_sample: bool = False

    def __post_init__(self) -> None:
        check_integer("num_beams", self.num_beams, 1)
        check_number("length_penalty", self.length_penalty, -10, 10)
        check_choice("early_stopping", self.early_stopping, (False, True, "never"))
        check_integer("num_return_sequences", self.num_return_sequences, 1, self.num_beams)
        processors = given_processors(self.processors, "a pruned hypothesis is")
        object.__setattr__(self, "processors", processors)
        check_choice("do_sample", self.do_sample, (False, True))
        if self.do_sample and self.num_beams == 1:
            raise ValueError("num_beams must be at least 2 with do_sample, got 1: use Sampling")

    @property
    def is_deterministic(self) -> bool:
        """Whether neither the search draws nor a processor, as XTC does."""
        return not self.do_sample and not chain_of(self.processors).is_random

    def __repr__(self) -> str:
        return short_repr(self)

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[Beams]:
        rows = zip(transcripts, chains_of(self.processors, seeds), seeds, strict=True)
        return [
            Beams(self, transcript, chain, seeded(seed) if self.do_sample else None)
            for transcript, chain, seed in rows
        ]

    def normalized(self, logprob: float, length: int) -> float:
        """Return the score of a hypothesis of `length` new tokens."""
        return logprob / length**self.length_penalty

    def is_decided(
        self, finished: Sequence[float], logprob: float, length: int, max_new_tokens: int
    ) -> bool:
        """Return whether the search stops while hypotheses are unfinished.

        Args:
            finished: The scores of the best finished hypotheses, `num_beams` at most, best first.
            logprob, length: Of the best unfinished hypothesis.
            max_new_tokens: The most tokens it may come to have.
        """
        if len(finished) < self.num_beams:
            return False
        if self.early_stopping is True or self.num_beams == 1:
            return True  # one beam has nothing to compare with: it is greedy
        if self.early_stopping == "never" and self.length_penalty > 0:
            length = max_new_tokens
        return self.normalized(logprob, length) <= finished[-1]


@dataclass(frozen=True)
class Hypothesis:
    """A continuation and the sum of its tokens' log-probabilities, in nats; its place in a tree.

    The log-probabilities are those that the processors have left.
    """

    transcript: Transcript
    logprob: float
    node: int | None = None


class Extension(NamedTuple):
    """A live hypothesis's row, one more token, its logprob, and the sum that ranks it, in nats.

    Its place is that in the order in which the step drew its candidates, else by falling sum.
    """

    row: int
    token_id: int
    logprob: float
    total: float
    place: int


class Beams(LateSearch):
    """The beams of one prompt: `live` hypotheses, best first, and the best `finished` ones."""

    def __init__(
        self,
        strategy: BeamSearch,
        transcript: Transcript,
        chain: Chain,
        generator: torch.Generator | None = None,
    ) -> None:
        self.strategy, self.transcripts = strategy, [transcript]
        self.chain, self.generator = chain, generator
        self._live = [Hypothesis(transcript, 0.0)]
        self.finished: list[tuple[float, Hypothesis]] = []
        self.chosen: list[int] = []  # the token ids that the last step kept
        self.stopping = transcript.stopping
        # Enough candidates to fill the beam even if each of its hypotheses may end in every way.
        self._enough = max(2, 1 + len(self.stopping.ends)) * strategy.num_beams
        self.recorder = TreeRecorder() if transcript.trace else None

    @property
    def live(self) -> list[Hypothesis]:
        return self._live

    def advance(self, logits: Float[Tensor, "rows vocab"]) -> Move:
        return Move.of(self.expand_and_prune(logits))

    def expand_and_prune(
        self,
        logits: Float[Tensor, "rows vocab"],
        penalty: Float[Tensor, " vocab"] | None = None,
    ) -> list[tuple[int, int]]:
        """Expand and prune once; return (ancestor, token id) of each hypothesis that lives on.

        A penalty is taken off the log-probability of every token it names, after the processors.
        """
        width = self.strategy.num_beams
        survivors: list[tuple[int, int]] = []
        live: list[Hypothesis] = []
        self.chosen = []
        allowed, candidates = self._expand(logits, penalty)
        for candidate in candidates:
            row, token_id, logprob, total, place = candidate
            fate: Fate = "pruned"
            # A drawn candidate may finish though better ones have filled the beam.
            if place < (self._enough if len(live) < width else width):
                transcript = self.live[row].transcript.fork()
                transcript.append(token_id, logprob, logits[row], allowed[row])
                if transcript.finish_reason is None:
                    fate = "kept" if len(live) < width else "pruned"
                elif place < width:  # below the beam it would not have been kept: it may not finish
                    fate = "finished"
            node = self._record(candidate, fate)
            if fate == "pruned":
                continue
            self.chosen.append(token_id)
            hypothesis = Hypothesis(transcript, total, node)
            if fate == "kept":
                live.append(hypothesis)
                survivors.append((row, token_id))
            else:
                self._finish(hypothesis)
        self._live = live
        if self._done():
            self._live = []
        return survivors[: len(self.live)]

    def _expand(
        self, logits: Tensor, penalty: Tensor | None
    ) -> tuple[Float[Tensor, "rows vocab"], list[Extension]]:
        """Return the processed logprobs, and the best continuations of all live hypotheses.

        These are the best, as many as are enough; more, below them, only to be recorded.
        """
        lengths = [len(h.transcript.token_ids) for h in self.live]
        check_logits(logits)
        logprobs = widen(logits).log_softmax(-1)
        allowed = self.stopping.forbid_early_end(logprobs, lengths, dead_rows="keep")
        allowed = process_hypotheses(self.chain, [h.transcript for h in self.live], allowed)
        so_far = torch.tensor([h.logprob for h in self.live], dtype=allowed.dtype)
        totals = allowed + sent(so_far, allowed.device)[:, None]
        if penalty is not None:
            totals = totals - sent(penalty.to(totals.dtype), totals.device)
        totals = totals.flatten()
        self.stopping.check_way_on(totals, lengths[0])
        check_logits(totals)
        count = min(self._enough, len(totals))
        chosen = (
            totals.topk(count).indices
            if self.generator is None
            else without_replacement(totals, count, self.generator)
        )
        if self.recorder is not None:
            more = totals.topk(min(count + NUM_PRUNED, len(totals))).indices
            chosen = torch.cat([chosen, more])
        rows, ids = chosen // logits.shape[-1], chosen % logits.shape[-1]
        values = rows, ids, logprobs.flatten()[chosen], totals[chosen]
        found = fetch(*values, checked=(logits, totals))
        once = {(row, token_id): sums for row, token_id, *sums in zip(*found, strict=True)}
        candidates = [
            Extension(*extended, logprob, total, place)
            for place, (extended, (logprob, total)) in enumerate(once.items())
            if total > -math.inf
        ]
        if self.generator is not None:
            candidates.sort(key=lambda candidate: -candidate.total)
        return allowed, candidates

    def _record(self, candidate: Extension, fate: Fate) -> int | None:
        if self.recorder is None:
            return None
        row, token_id, logprob, total, _ = candidate
        parent = self.live[row]
        length = len(parent.transcript.token_ids) + 1
        return self.recorder.add(Growth(parent.node, length, token_id, logprob, total, fate))

    def _finish(self, hypothesis: Hypothesis) -> None:
        length = len(hypothesis.transcript.token_ids)
        score = self.strategy.normalized(hypothesis.logprob, length)
        self.finished.append((score, hypothesis))
        self.finished.sort(key=lambda pair: -pair[0])
        del self.finished[self.strategy.num_beams :]

    def _done(self) -> bool:
        """Return whether no live hypothesis may still change what is returned."""
        if not self.live:
            return True
        best = self.live[0]
        return self.strategy.is_decided(
            [score for score, _ in self.finished],
            best.logprob,
            len(best.transcript.token_ids),
            self.stopping.max_new_tokens,
        )

    def results(self) -> list[Generation]:
        """Return the best finished hypothesis, with the next best as its alternatives."""
        tree = None if self.recorder is None else self.recorder.tree(self.stopping.lm)
        wanted = self.finished[: self.strategy.num_return_sequences]
        best, *others = (
            replace(hypothesis.transcript.generation(score), tree=tree)
            for score, hypothesis in wanted
        )
        return [replace(best, alternatives=others)]
