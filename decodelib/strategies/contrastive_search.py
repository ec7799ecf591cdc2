"""Two methods that decode by contrast: with a weaker model, and with the text so far.

They share no more than the word. Contrastive decoding subtracts what an amateur model would say as
well; contrastive search avoids tokens whose hidden state repeats one that is there already.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.distributions import check_logits, log_probs, widen
from decodelib.generation import Generation, Step, Transcript
from decodelib.processors import MinP, remove
from decodelib.samplers import argmax
from decodelib.search import InTurn
from decodelib.stopping import Stopping
from decodelib.types import Cache, LanguageModel, Move
from decodelib.validation import check_integer, check_number


@dataclass(frozen=True)
class ContrastiveDecoding:
    """Take the token that an expert model finds more probable than an amateur does.

    The score of v is ln p_expert(v) - ln p_amateur(v) for the tokens with
    p_expert(v) >= alpha * max p_expert, the set that `MinP(alpha)` keeps; the best score wins.
    Without that condition the amateur's absurdities would win. The model given to `generate` is
    the expert. Deterministic.

    Args:
        amateur: A weaker model with the same vocabulary.
        alpha: In [0, 1]; 1 is greedy. Usual value: 0.1.
        amateur_temperature: What the amateur's logits are divided by, greater than 0; below 1 it is
            contrasted with the amateur's favourites alone. Usual values: 0.5 to 1.

    Raises:
        ValueError, TypeError: For values outside these ranges, and for an amateur whose vocabulary
            has another size.

    Source: Li et al. 2023, arXiv 2210.15097, which searches with beams; this is its greedy form.
    Chapter 17.
    """

    amateur: LanguageModel
    alpha: float = 0.1
    amateur_temperature: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.amateur, LanguageModel):
            raise TypeError(
                f"amateur must be a model, such as load() returns, got {self.amateur!r}"
            )
        check_number("alpha", self.alpha, 0, 1)
        check_number("amateur_temperature", self.amateur_temperature, 0, math.inf, True, True)

    def scores(
        self, expert: Float[Tensor, "rows vocab"], amateur: Float[Tensor, "rows vocab"]
    ) -> Float[Tensor, "rows vocab"]:
        """Return the scores of all tokens from both models' logits; -inf for implausible ones."""
        no_ids = torch.empty(len(expert), 0, dtype=torch.long, device=expert.device)
        plausible = MinP(self.alpha)(no_ids, expert).isfinite()
        # A token that the amateur rules out altogether would score infinity.
        opposed = log_probs(amateur / self.amateur_temperature).clamp(min=-1e4)
        return remove(log_probs(expert) - opposed.to(expert.device), plausible)

    def start(
        self,
        lm: LanguageModel,
        prompts: Sequence[Int[Tensor, " _seq"]],
        seeds: Sequence[int],
        stopping: Stopping,
        trace: bool,
    ) -> ContrastiveDecodingSearch:
        if self.amateur.vocab_size != lm.vocab_size:
            raise ValueError(
                f"amateur must have {lm.name}'s vocabulary of {lm.vocab_size} tokens, "
                f"got {self.amateur.vocab_size}"
            )
        transcripts = [Transcript(ids.tolist(), stopping, trace) for ids in prompts]
        return ContrastiveDecodingSearch(self, transcripts)


class ContrastiveDecodingSearch:
    """Contrastive decoding of several prompts; the amateur's rows follow the expert's."""

    def __init__(self, strategy: ContrastiveDecoding, transcripts: Sequence[Transcript]) -> None:
        self.strategy, self.transcripts = strategy, transcripts
        self.running = list(transcripts)
        amateur = strategy.amateur
        ids = [torch.tensor(t.prompt_ids, device=amateur.device) for t in transcripts]
        room = max(map(len, ids)) + transcripts[0].stopping.max_new_tokens
        self._amateur_logits, self._cache = amateur.prefill(ids, room)

    def advance(self, logits: Float[Tensor, "rows vocab"]) -> Move:
        running = self.running
        stopping = running[0].stopping
        allowed = stopping.forbid_early_eos(logits, [len(t.token_ids) for t in running])
        scores = self.strategy.scores(allowed, self._amateur_logits)
        next_ids = argmax(scores)
        logprobs = log_probs(widen(logits)).gather(-1, next_ids[:, None])[:, 0].tolist()
        for row, (transcript, token_id) in enumerate(zip(running, next_ids.tolist(), strict=True)):
            transcript.append(token_id, logprobs[row], logits[row], scores[row])
        alive = [row for row, t in enumerate(running) if t.finish_reason is None]
        self.running = [running[row] for row in alive]
        ancestors = torch.tensor(alive, dtype=torch.long, device=logits.device)
        move = Move(next_ids[ancestors], ancestors)
        if alive:
            amateur = self.strategy.amateur
            self._cache = self._cache.select(move.ancestors.to(amateur.device))
            self._amateur_logits = amateur.step(move.next_ids.to(amateur.device), self._cache)
        return move

    def steps(self, index: int) -> list[Step]:
        return self.transcripts[index].steps

    def results(self) -> list[Generation]:
        return [transcript.generation() for transcript in self.transcripts]


@dataclass(frozen=True)
class ContrastiveSearch:
    """Of the k most probable tokens, take one that is probable and unlike the text so far.

    The score of v is (1 - a) p(v) - a max_j cos(h_v, h_j), where h_v is the final hidden state that
    the model has after reading v and h_j those of all positions before. a = 0 is greedy.
    Deterministic. Every step reads all k candidates: it costs a batch of k.

    Args:
        top_k: k, at least 1. Usual values: 4 to 8.
        penalty_alpha: a, in [0, 1]. Usual value: 0.6.

    Raises:
        ValueError, TypeError: For values outside these ranges, and for a model without hidden
            states, such as a table.

    Source: Su et al. 2022, arXiv 2202.06417. Chapter 17.
    """

    top_k: int = 4
    penalty_alpha: float = 0.6

    def __post_init__(self) -> None:
        check_integer("top_k", self.top_k, 1)
        check_number("penalty_alpha", self.penalty_alpha, 0, 1)

    def start(
        self,
        lm: LanguageModel,
        prompts: Sequence[Int[Tensor, " _seq"]],
        seeds: Sequence[int],
        stopping: Stopping,
        trace: bool,
    ) -> InTurn:
        transcripts = [Transcript(ids.tolist(), stopping, trace) for ids in prompts]
        return InTurn([Contrast(self, lm, t) for t in transcripts])


class Contrast:
    """Contrastive search in the middle of one prompt."""

    def __init__(
        self, strategy: ContrastiveSearch, lm: LanguageModel, transcript: Transcript
    ) -> None:
        self.strategy, self.lm, self.transcript = strategy, lm, transcript
        ids = torch.tensor(transcript.prompt_ids, device=lm.device)
        room = len(ids) + transcript.stopping.max_new_tokens
        self._logits, self._cache = lm.prefill([ids], room)
        self._context = _directions(self._cache, lm)[0]  # (positions, width)

    def run_round(self) -> None:
        """Read the candidates, keep the best, and what the model says after it."""
        stopping = self.transcript.stopping
        allowed = stopping.forbid_early_eos(self._logits, [len(self.transcript.token_ids)])
        check_logits(allowed)
        probs = widen(allowed[0]).softmax(-1)
        k = min(self.strategy.top_k, int(allowed.isfinite().sum()))
        candidates = probs.argsort(descending=True, stable=True)[:k]
        first_row = torch.zeros(k, dtype=torch.long, device=candidates.device)
        cache = self._cache.select(first_row)
        logits = self.lm.step(candidates, cache)
        hidden = _directions(cache, self.lm)[:, -1]  # (k, width)
        likeness = (hidden @ self._context.T).amax(-1)
        a = self.strategy.penalty_alpha
        best = int(((1 - a) * probs[candidates] - a * likeness).argmax())

        token_id = int(candidates[best])
        logprob = float(log_probs(widen(self._logits))[0, token_id])
        keep = torch.zeros_like(probs, dtype=torch.bool).scatter(0, candidates, True)
        after = remove(allowed[0], keep)
        self.transcript.append(token_id, logprob, self._logits[0], after)
        row = torch.tensor([best], device=candidates.device)
        self._cache, self._logits = cache.select(row), logits[best : best + 1]
        self._context = torch.cat([self._context, hidden[best : best + 1]])


def _directions(cache: Cache, lm: LanguageModel) -> Float[Tensor, "rows new width"]:
    """Return the hidden states of the positions read last, each of length 1."""
    if cache.hidden is None:
        raise ValueError(
            f"ContrastiveSearch needs a model with hidden states, and {lm.name} has none"
        )
    return F.normalize(widen(cache.hidden), dim=-1)
