"""Sampling that changes its mind: what to do next depends on the entropy and the varentropy.

The idea is that of the entropix project (sampler of October 2024): four quadrants of (entropy,
varentropy), each with its own action. This is the idea, not that code, whose branches never fork
and whose top-p cumulates upwards; chapter 11 compares them. Attention statistics, which entropix
also reads, are left out, so that any language model will do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_integer, check_number, short_repr
from decodelib.decoding.processing import chains_of, process
from decodelib.decoding.samplers import argmax, fetch, log_probs_of, sample, uniforms
from decodelib.decoding.search import Move, Search
from decodelib.decoding.transcript import Transcript
from decodelib.distributions import entropy_and_varentropy
from decodelib.kernels.seeds import seeded
from decodelib.models.base import LanguageModel
from decodelib.processors.base import Chain, Processors, given_processors
from decodelib.processors.temperatures import Temperature
from decodelib.processors.truncation import MinP, TopK, TopP

Quadrant: TypeAlias = Literal["certain", "wide", "forked", "lost", "between"]

BITS = math.log(2)
"""One bit in nats. entropix states its thresholds in bits; these are the same numbers in nats."""


@dataclass(frozen=True, repr=False)
class EntropySampling:
    """Choose how to choose, at every token, from the entropy H and the varentropy W.

    | quadrant | where | action |
    |---|---|---|
    | certain | H < low_entropy, W < low_varentropy | take the most probable token |
    | wide | H > high_entropy, W < low_varentropy | emit the pause token, or sample hotter |
    | forked | H <= high_entropy, W > high_varentropy | follow several branches, keep the best |
    | lost | H > high_entropy, W > high_varentropy | sample much hotter |
    | between | everywhere else | sample |

    To sample is to apply temperature, top-k, top-p and min-p, in this order, and draw. A fork draws
    `num_branches` different first tokens, continues each by sampling for `branch_length` tokens in
    all, and keeps the one with the highest mean log-probability. The pause token never comes twice
    in a row. `Step.decision` says what was done.

    Args:
        low_entropy, high_entropy: Thresholds in nats, 0 <= low <= high.
        low_varentropy, high_varentropy: Thresholds in square nats, 0 <= low <= high.
        temperature, top_k, top_p, min_p: Of the sampling, with the ranges of their processors.
        wide_heat, lost_heat: What the temperature is multiplied by there; greater than 0.
        num_branches, branch_length: Of a fork, each at least 1.
        pause_token_id: A token that buys time to think, if the model knows one; else None.
        processors: One or several, applied before everything that is chosen from; H and W stay
            those of the model's own distribution. Not processors that follow a sequence, such as
            Mirostat.

    Raises:
        ValueError, TypeError: For values outside these ranges.

    Source: entropix, github.com/xjdr-alt/entropix, whose thresholds are the defaults. Chapter 11.

    >>> lm = dl.TableLM({"": {"a": 0.6, "b": 0.4}, "b": {"d": 1}})
    >>> g = dl.generate(lm, "a", dl.EntropySampling(), max_new_tokens=2, trace=True)
    >>> [step.decision for step in g.steps]
    ['between: sample, heat 1', 'certain: greedy']
    """

    is_deterministic: ClassVar[bool] = False

    low_entropy: float = 0.1 * BITS
    high_entropy: float = 5.0 * BITS
    low_varentropy: float = 0.1 * BITS**2
    high_varentropy: float = 5.0 * BITS**2
    temperature: float = 0.666
    top_k: int = 27
    top_p: float = 0.90
    min_p: float = 0.03
    wide_heat: float = 1.3
    lost_heat: float = 2.0
    num_branches: int = 3
    branch_length: int = 4
    pause_token_id: int | None = None
    processors: Processors = ()

    def __post_init__(self) -> None:
        for kind in ("entropy", "varentropy"):
            low, high = getattr(self, f"low_{kind}"), getattr(self, f"high_{kind}")
            check_number(f"high_{kind}", high, 0, math.inf, open_high=True)
            check_number(f"low_{kind}", low, 0, high)
        for name in ("wide_heat", "lost_heat"):
            check_number(name, getattr(self, name), 0, math.inf, True, True)
        check_integer("num_branches", self.num_branches, 1)
        check_integer("branch_length", self.branch_length, 1)
        if self.pause_token_id is not None:
            check_integer("pause_token_id", self.pause_token_id, 0)
        for heat in (1.0, self.wide_heat, self.lost_heat):
            self.sampler(heat)  # checks the temperature and the truncations
        processors = given_processors(self.processors, "a branch that is not kept is")
        object.__setattr__(self, "processors", processors)

    def __repr__(self) -> str:
        return short_repr(self)

    def quadrant(self, entropy: float, varentropy: float) -> Quadrant:
        """Return the quadrant of a distribution, from nats and square nats."""
        if varentropy > self.high_varentropy:
            return "lost" if entropy > self.high_entropy else "forked"
        if varentropy < self.low_varentropy and entropy < self.low_entropy:
            return "certain"
        if varentropy < self.low_varentropy and entropy > self.high_entropy:
            return "wide"
        return "between"

    def sampler(self, heat: float = 1.0) -> Chain:
        """Return the chain that is sampled from, with the temperature multiplied by `heat`."""
        truncations = TopK(self.top_k) | TopP(self.top_p) | MinP(self.min_p)
        return Temperature(self.temperature * heat) | truncations

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[Walk]:
        if self.pause_token_id is not None:
            check_integer("pause_token_id", self.pause_token_id, 0, lm.vocab_size - 1)
        rows = zip(transcripts, seeds, chains_of(self.processors, seeds), strict=True)
        return [Walk(self, transcript, seeded(seed), chain) for transcript, seed, chain in rows]


class Walk(Search):
    """The decoding of one prompt: what is settled, and the branches while it follows a fork."""

    def __init__(
        self,
        strategy: EntropySampling,
        transcript: Transcript,
        generator: torch.Generator,
        chain: Chain,
    ) -> None:
        self.strategy, self.generator, self.chain = strategy, generator, chain
        self.transcripts = [transcript]
        self.branches: list[Transcript] = []

    @property
    def settled(self) -> Transcript:
        """The continuation up to any fork that is still open."""
        return self.transcripts[0]

    @property
    def live(self) -> list[Transcript]:
        """The transcripts that go on, one for each row of logits."""
        return [t for t in self.branches or [self.settled] if t.finish_reason is None]

    @property
    def is_over(self) -> bool:
        return not self.live

    def advance(self, logits: Float[Tensor, "rows vocab"]) -> Move:
        live = self.live
        if self.branches:
            self._follow(live, logits)
            ancestors = {id(t): row for row, t in enumerate(live)}
        else:
            self._decide(logits)
            ancestors = {id(t): 0 for t in self.branches or [self.settled]}
        if self.branches:
            self._settle_if_done()
        return Move.of((ancestors[id(t)], t.token_ids[-1]) for t in self.live)

    def _decide(self, logits: Float[Tensor, "1 vocab"]) -> None:
        allowed, entropy, varentropy, can_pause = self._measured(logits)
        quadrant = self.strategy.quadrant(entropy, varentropy)
        if quadrant == "forked":
            self._fork(logits, self._sampled_from(allowed))
            return
        if quadrant == "certain":
            after, ids, action = allowed, argmax(allowed), "greedy"
        elif quadrant == "wide" and can_pause:
            pause = torch.tensor([self.strategy.pause_token_id], device=logits.device)
            after, ids, action = allowed, pause, "pause"
        else:
            heats = {"wide": self.strategy.wide_heat, "lost": self.strategy.lost_heat}
            heat = heats.get(quadrant, 1.0)
            after, action = self._sampled_from(allowed, heat), f"sample, heat {heat:g}"
            ids = self._drawn(after)
        [token_id], [logprob] = fetch(ids, log_probs_of(logits, ids))
        self.settled.append(token_id, logprob, logits[0], after[0], f"{quadrant}: {action}")

    def _measured(self, logits: Float[Tensor, "1 vocab"]) -> tuple[Tensor, float, float, bool]:
        """Return the logits to choose from, H and W, and whether the pause token may come next."""
        allowed = self._allowed(logits, self.settled)
        pause = self.strategy.pause_token_id
        values = *entropy_and_varentropy(logits), allowed[:, pause or 0]
        [h], [w], [pausing] = fetch(*values, checked=(logits, allowed))
        is_due = pause is not None and self.settled.token_ids[-1:] != [pause]
        return allowed, h, w, is_due and pausing > -torch.inf  # EOS may not be due yet

    def _fork(self, logits: Float[Tensor, "1 vocab"], after: Float[Tensor, "1 vocab"]) -> None:
        [[count]] = fetch((after > -torch.inf).sum())
        left, drawn = after, []
        for _ in range(min(self.strategy.num_branches, count)):
            drawn.append(self._drawn(left))
            # The next branch begins with another token.
            left = left.scatter(-1, drawn[-1][:, None], -torch.inf)
        ids = torch.cat(drawn)
        logprobs = log_probs_of(logits.expand(len(ids), -1), ids)
        for token_id, logprob in zip(*fetch(ids, logprobs), strict=True):
            branch = self.settled.fork()
            branch.append(token_id, logprob, logits[0], after[0], "forked")
            self.branches.append(branch)

    def _follow(self, live: Sequence[Transcript], logits: Float[Tensor, "rows vocab"]) -> None:
        lengths = [len(branch.token_ids) for branch in live]
        stopping = self.settled.stopping
        allowed = stopping.forbid_early_end(logits, lengths, dead_rows="keep")
        if allowed is not logits:
            [alive] = fetch(allowed.amax(-1) != -torch.inf)
            if not any(alive):
                raise stopping.dead_end(lengths[0])
            dead = [branch for branch, goes_on in zip(live, alive, strict=True) if not goes_on]
            self.branches = [branch for branch in self.branches if branch not in dead]
            live = [branch for branch in live if branch not in dead]
            rows = [row for row, goes_on in enumerate(alive) if goes_on]
            logits, allowed = logits[rows], allowed[rows]
        after = self._sampled_from(process([self.chain] * len(live), live, allowed))
        ids = self._drawn(after)
        found = fetch(ids, log_probs_of(logits, ids), checked=(logits, after))
        for branch, *token in zip(live, *found, logits, after, strict=True):
            branch.append(*token, "branch")

    def _settle_if_done(self) -> None:
        """Keep the best branch once all have reached their length or ended."""
        start = len(self.settled.token_ids)
        if any(len(t.token_ids) - start < self.strategy.branch_length for t in self.live):
            return
        means = [math.fsum(t.logprobs[start:]) / len(t.logprobs[start:]) for t in self.branches]
        best = means.index(max(means))
        self.transcripts = [self.branches[best]]
        scores = ", ".join(f"{mean:.2f}" for mean in means)
        decision = f"forked: kept branch {best + 1} of mean log-probabilities {scores}"
        self.settled.revise(start, decision)
        self.branches = []

    def _allowed(self, logits: Float[Tensor, "1 vocab"], transcript: Transcript) -> Tensor:
        length = len(transcript.token_ids)
        allowed = transcript.stopping.forbid_early_end(logits, [length])
        return process([self.chain], [transcript], allowed)

    def _sampled_from(self, allowed: Tensor, heat: float = 1.0) -> Tensor:
        return self.strategy.sampler(heat)(allowed.new_empty(len(allowed), 0).long(), allowed)

    def _drawn(self, after: Float[Tensor, "rows vocab"]) -> Int[Tensor, " rows"]:
        return sample(after, uniforms([self.generator] * len(after)))
