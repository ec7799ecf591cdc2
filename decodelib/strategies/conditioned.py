"""Sampling from a model's distribution given that the text is of some form: no distortion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_choice, check_integer
from decodelib.decoding.generation import Generation
from decodelib.decoding.processing import process
from decodelib.decoding.samplers import fetch, log_probs_of, sample, systematic, uniforms
from decodelib.decoding.search import LateSearch, Move
from decodelib.decoding.transcript import Transcript
from decodelib.distributions import widen
from decodelib.kernels.gpu import integers_on, sent
from decodelib.kernels.seeds import WORD, seeded
from decodelib.models.base import Cache, LanguageModel
from decodelib.processors.base import Chain, LogitsProcessor, remove
from decodelib.processors.constraint import Constraint


@dataclass(frozen=True, init=False, repr=False)
class ConditionedSampling:
    """Draw a text from the model's own distribution, given that it satisfies a constraint.

    P(x | form) = p(x) / P(form) for the texts of the form, 0 for others. Masking step by step
    (`Sampling(constraint)`) draws x with probability p(x) / (Z_1 Z_2 ...) instead, where the
    feasible mass Z_t is the probability of all tokens allowed at step t: texts that lead through
    improbable places come too often. With `trace=True`, `Step.kept_mass` is Z_t.

    - "rejection" draws texts without the constraint until one satisfies it: exact, in 1 / P(form)
      tries on average. It takes the first of the texts that `Sampling(*processors)` draws with the
      seeds `seed`, `seed + 2**32`, `seed + 2 * 2**32`, ...
    - "smc" (sequential Monte Carlo) extends num_particles texts step by step under the mask,
      weights each by its Z_1 Z_2 ..., draws them anew by their weights where the weights have
      become unequal, and returns one: exact in the limit of many particles. One particle is
      `Sampling(*processors, constraint)`.

    A text that `max_new_tokens` cuts off satisfies the constraint if it begins one that does.

    Args:
        constraint: What the text must be.
        processors: What changes the model's distribution before it is conditioned, as in
            `Sampling`. Not processors that follow a sequence, such as Mirostat.
        method: "smc" or "rejection".
        num_particles: The texts that are drawn side by side, at least 1. Usual values: 8 to 64.
        max_tries: After how many texts rejection gives up, at least 1.

    Raises:
        ValueError, TypeError: For values outside these ranges; when decoding, if no text of
            max_tries satisfies the constraint, or no particle can go on.

    Source: Lew et al. 2023, arXiv 2306.03081, and Loula et al. 2025, arXiv 2504.13139, for the
    particles; systematic resampling is Kitagawa's of 1996. Chapter 19.

    >>> lm = dl.TableLM({"": {"a": 0.9, "b": 0.1}, "a": {"c": 0.1, "b": 0.9}, "b": {"c": 1}})
    >>> constraint = dl.Constraint.from_choices(lm, [" a c", " b c"], open_end=True)
    >>> strategy = dl.ConditionedSampling(constraint, method="rejection")
    >>> dl.generate(lm, "c", strategy, max_new_tokens=2).text
    ' b c'
    """

    is_deterministic: ClassVar[bool] = False

    constraint: Constraint
    processors: tuple[LogitsProcessor, ...]
    method: str
    num_particles: int
    max_tries: int

    def __init__(
        self,
        constraint: Constraint,
        *processors: LogitsProcessor,
        method: str = "smc",
        num_particles: int = 16,
        max_tries: int = 1000,
    ) -> None:
        if not isinstance(constraint, Constraint):
            raise TypeError(f"constraint must be a Constraint, got {constraint!r}")
        chain = Chain(*processors)
        if chain.is_sequence_bound:
            raise ValueError(
                "processors must not follow a sequence, because texts are drawn again and again, "
                f"got {chain!r}"
            )
        check_choice("method", method, ("smc", "rejection"))
        check_integer("num_particles", num_particles, 1)
        check_integer("max_tries", max_tries, 1)
        settings = (constraint, chain.processors, method, num_particles, max_tries)
        for field, value in zip(fields(self), settings, strict=True):
            object.__setattr__(self, field.name, value)

    def __repr__(self) -> str:
        parts = [repr(self.constraint), *map(repr, self.processors), f"method={self.method!r}"]
        return f"ConditionedSampling({', '.join(parts)}, num_particles={self.num_particles})"

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[_Conditioned]:
        kind = Particles if self.method == "smc" else Rejection
        pairs = zip(transcripts, seeds, strict=True)
        return [kind(self, lm, transcript, seed) for transcript, seed in pairs]


class _Conditioned(LateSearch):
    """Several continuations of one prompt, drawn side by side; each has its own seed.

    Attributes:
        places: Which of the continuations each row of the model's batch extends.
    """

    runs_itself = True

    def __init__(
        self, strategy: ConditionedSampling, lm: LanguageModel, transcript: Transcript, seed: int
    ) -> None:
        self.strategy, self.lm, self.seed = strategy, lm, seed
        self.transcripts = [transcript]
        self.chain = Chain(*strategy.processors)
        self.constraint = replace(strategy.constraint, skip=len(transcript.prompt_ids))
        self.chosen: Transcript | None = None
        self.places: list[int] = []
        self.rows: list[Transcript] = []
        self._generators: list[torch.Generator] = []
        self._logits: Tensor = torch.empty(0)
        self._cache: Cache | None = None

    @property
    def live(self) -> list[Transcript]:
        return [] if self.chosen else [*self.rows, *self.transcripts]

    def results(self) -> list[Generation]:
        assert self.chosen is not None
        return [self.chosen.generation()]

    def _begin(self, first: int, count: int) -> None:
        """Read the prompt, and begin `count` continuations of which this is the first."""
        [empty] = self.transcripts
        ids = integers_on(self.lm.device, empty.prompt_ids)
        room = len(ids) + empty.stopping.max_new_tokens
        logits, cache = self.lm.prefill([ids], room)
        self._generators = [seeded(self._seed(i)) for i in range(first, first + count)]
        self.rows = [empty.fork() for _ in range(count)]
        self.places = list(range(count))
        self._logits = logits.expand(count, -1)
        self._cache = cache.select(torch.zeros(count, dtype=torch.long))

    def _seed(self, copy: int) -> int:
        return (self.seed + copy * WORD) % 2**63

    def _distributions(self) -> tuple[Float[Tensor, "rows vocab"], Float[Tensor, "rows vocab"]]:
        """Return the logits of every row without the constraint, and with it."""
        rows = [self.rows[place] for place in self.places]
        stopping = rows[0].stopping
        lengths = [len(row.token_ids) for row in rows]
        free = stopping.forbid_early_end(self._logits, lengths)
        free = process([self.chain] * len(rows), rows, free)
        ids = torch.tensor([row.prompt_ids + row.token_ids for row in rows])
        return free, remove(free, sent(self.constraint.allowed(ids), free.device))

    def _draw(
        self, logits: Float[Tensor, "rows vocab"], lines: list[int]
    ) -> tuple[Int[Tensor, " some"], Float[Tensor, " some"]]:
        """Return a draw from each of these rows, by its continuation's generator; and its ln p."""
        rows = integers_on(self.lm.device, lines)
        chances = uniforms([self._generators[self.places[line]] for line in lines])
        ids = sample(logits[rows], chances)
        return ids, log_probs_of(self._logits[rows], ids)

    def _append(self, line: int, token_id: int, logprob: float, after: Tensor) -> None:
        """Append a token to the continuation of one of these rows."""
        row = self.rows[self.places[line]]
        row.append(token_id, logprob, self._logits[line], after[line])

    def _step(self, places: list[int], lines: list[int]) -> None:
        """Go on with these continuations, each of which extends one of the batch's rows."""
        self.places = places
        if places and self.chosen is None:
            assert self._cache is not None
            ids = torch.tensor([self.rows[place].token_ids[-1] for place in places])
            self._cache = self._cache.select(torch.tensor(lines))
            self._logits = self.lm.step(sent(ids, self.lm.device), self._cache)


class Rejection(_Conditioned):
    """Texts drawn without the constraint, until one satisfies it: the first of all tries."""

    tries = 0
    _hopes: Sequence[int] = ()  # the continuations that have not been rejected, ended ones included

    def advance(self, logits: Float[Tensor, "0 vocab"]) -> Move:
        if not self._hopes:
            self._try_again()
        free, masked = self._distributions()
        ids, logprobs = self._draw(free, list(range(len(free))))
        found = fetch(ids, logprobs, masked.gather(-1, ids[:, None]), checked=(free,))
        drawn = list(zip(*found, strict=True))
        kept = [line for line, (*_, allowed) in enumerate(drawn) if allowed > -math.inf]
        for line in kept:
            token_id, logprob, _ = drawn[line]
            self._append(line, token_id, logprob, masked)
        rejected = set(self.places) - {self.places[line] for line in kept}
        self._hopes = [place for place in self._hopes if place not in rejected]
        # Not the first to end, which would favour short texts: the first of all.
        if self._hopes and self.rows[self._hopes[0]].finish_reason is not None:
            self.chosen = self.rows[self._hopes[0]]
        lines = [line for line in kept if self.rows[self.places[line]].finish_reason is None]
        self._step([self.places[line] for line in lines], lines)
        return Move.of([])

    def _try_again(self) -> None:
        left = self.strategy.max_tries - self.tries
        if left == 0:
            raise ValueError(
                f"max_tries={self.tries} texts were drawn and none satisfies {self.constraint!r}: "
                "allow more, or use method='smc'"
            )
        count = min(self.strategy.num_particles, left)
        self._begin(self.tries, count)
        self.tries += count
        self._hopes = range(count)


class Particles(_Conditioned):
    """Sequential Monte Carlo: weighted texts that all satisfy the constraint so far.

    Attributes:
        log_weights: Of each particle, since they were last drawn anew.
        log_evidence: The logarithm of the estimate of P(form), which is right on average.
    """

    log_evidence = 0.0

    def advance(self, logits: Float[Tensor, "0 vocab"]) -> Move:
        count = self.strategy.num_particles
        if not self.rows:
            self._begin(0, count)
            self.log_weights = torch.zeros(count, dtype=torch.float64)
            self._chance = seeded(self._seed(count))
        free, masked = self._distributions()
        [masses] = fetch(widen(masked).logsumexp(-1) - widen(free).logsumexp(-1), checked=(free,))
        self.log_weights[self.places] += torch.tensor(masses, dtype=torch.float64)
        if bool((self.log_weights == -torch.inf).all()):
            raise ValueError(
                f"{self.constraint!r} leaves no token in any of num_particles={count} texts: all "
                "that it allows have probability 0 there"
            )
        lines = [line for line, mass in enumerate(masses) if mass > -math.inf]
        if lines:
            token_ids, logprobs = fetch(*self._draw(masked, lines))
            for line, token_id, logprob in zip(lines, token_ids, logprobs, strict=True):
                self._append(line, token_id, logprob, masked)
        sources = list(range(count))
        if effective_number(self.log_weights) < count / 2:
            sources = self._resample()
        line_of = {place: line for line, place in enumerate(self.places)}
        alive = (self.log_weights > -torch.inf).tolist()
        going = [i for i, row in enumerate(self.rows) if alive[i] and not row.finish_reason]
        if not going:
            u = float(uniforms([self._chance]))
            self.chosen = self.rows[systematic(self.log_weights, 1, u)[0]]
            self._settle()
        self._step(going, [line_of[sources[place]] for place in going])
        return Move.of([])

    def _resample(self) -> list[int]:
        """Draw the particles anew by their weights; return which of them each one was."""
        count = len(self.rows)
        sources = systematic(self.log_weights, count, float(uniforms([self._chance])))
        self.rows = [self.rows[source].fork() for source in sources]
        for row in self.rows:
            row.revise(len(row.token_ids) - 1, f"resampled: {len(set(sources))} of {count} kept")
        self._settle()
        return sources

    def _settle(self) -> None:
        """Let the mean weight go into the estimate, and all weights be equal again."""
        count = len(self.rows)
        self.log_evidence += float(self.log_weights.logsumexp(0)) - math.log(count)
        self.log_weights = torch.zeros(count, dtype=torch.float64)


def effective_number(log_weights: Float[Tensor, " particles"]) -> float:
    """Return (sum w)^2 / sum w^2: how many equal weights would be worth as much as these."""
    return float((2 * log_weights.logsumexp(0) - (2 * log_weights).logsumexp(0)).exp())
