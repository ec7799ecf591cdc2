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
from jaxtyping import Float
from torch import Tensor

from decodelib.arguments import check_integer, check_number, short_repr
from decodelib.decoding.processing import chains_of, process
from decodelib.decoding.samplers import argmax, sample, uniforms
from decodelib.decoding.search import Move, Search
from decodelib.decoding.transcript import Transcript
from decodelib.distributions import entropy_and_varentropy, log_probs, widen
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
        entropy, varentropy = (float(value) for value in entropy_and_varentropy(logits))
        quadrant = self.strategy.quadrant(entropy, varentropy)
        allowed = self._allowed(logits, self.settled)
        if quadrant == "certain":
            after, action = allowed, "greedy"
            token_id = int(argmax(allowed))
        elif quadrant == "wide" and self._may_pause(allowed):
            after, action = allowed, "pause"
            token_id = int(self.strategy.pause_token_id)  # type: ignore[arg-type]
        elif quadrant == "forked":
            self._fork(logits, self._sampled_from(allowed))
            return
        else:
            heats = {"wide": self.strategy.wide_heat, "lost": self.strategy.lost_heat}
            heat = heats.get(quadrant, 1.0)
            after, action = self._sampled_from(allowed, heat), f"sample, heat {heat:g}"
            token_id = self._draw(after)
        logprob = float(log_probs(widen(logits))[0, token_id])
        self.settled.append(token_id, logprob, logits[0], after[0], f"{quadrant}: {action}")

    def _may_pause(self, allowed: Float[Tensor, "1 vocab"]) -> bool:
        pause = self.strategy.pause_token_id
        if pause is None or self.settled.token_ids[-1:] == [pause]:
            return False
        return bool(allowed[0, pause] > -torch.inf)  # EOS may not be due yet

    def _fork(self, logits: Float[Tensor, "1 vocab"], after: Float[Tensor, "1 vocab"]) -> None:
        logprobs, left = log_probs(widen(logits)), after.clone()
        for _ in range(min(self.strategy.num_branches, int((after > -torch.inf).sum()))):
            token_id = self._draw(left)
            left[0, token_id] = -torch.inf  # the next branch begins with another token
            branch = self.settled.fork()
            branch.append(token_id, float(logprobs[0, token_id]), logits[0], after[0], "forked")
            self.branches.append(branch)

    def _follow(self, live: Sequence[Transcript], logits: Float[Tensor, "rows vocab"]) -> None:
        logprobs = log_probs(widen(logits))
        lengths = [len(branch.token_ids) for branch in live]
        stopping = self.settled.stopping
        allowed = stopping.forbid_early_end(logits, lengths, dead_rows="keep")
        dead = (allowed.amax(-1) == -torch.inf).tolist()
        if all(dead):
            raise stopping.dead_end(lengths[0])
        for row, branch in enumerate(live):
            own = logits[row : row + 1]
            if dead[row]:  # the others go on
                self.branches = [other for other in self.branches if other is not branch]
                continue
            after = self._sampled_from(self._processed(allowed[row : row + 1], branch))
            token_id = self._draw(after)
            branch.append(token_id, float(logprobs[row, token_id]), own[0], after[0], "branch")

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
        return self._processed(allowed, transcript)

    def _processed(self, allowed: Float[Tensor, "1 vocab"], transcript: Transcript) -> Tensor:
        return process([self.chain], [transcript], allowed)

    def _sampled_from(self, allowed: Tensor, heat: float = 1.0) -> Tensor:
        return self.strategy.sampler(heat)(allowed.new_empty(1, 0).long(), allowed)

    def _draw(self, after: Float[Tensor, "1 vocab"]) -> int:
        return int(sample(after, uniforms([self.generator])))
