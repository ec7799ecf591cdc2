"""Contrastive search: tokens that are probable and unlike the text so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from decodelib.arguments import check_integer, check_number, named_repr
from decodelib.decoding.processing import chains_of, process
from decodelib.decoding.samplers import fetch, log_probs_of
from decodelib.decoding.search import Move, Search
from decodelib.decoding.transcript import Transcript
from decodelib.distributions import check_logits, widen
from decodelib.kernels.gpu import integers_on
from decodelib.models.base import Cache, LanguageModel
from decodelib.processors.base import Chain, Processors, chain_of, given_processors, remove


@dataclass(frozen=True, repr=False)
class ContrastiveSearch:
    """Of the k most probable tokens, take one that is probable and unlike the text so far.

    The score of v is (1 - a) p(v) - a max_j cos(h_v, h_j), where h_v is the final hidden state that
    the model has after reading v and h_j those of all positions before. a = 0 is greedy.
    Deterministic, unless a processor draws. Every step reads all k candidates: it costs a batch of
    k.

    Args:
        top_k: k, at least 1. Usual values: 4 to 8.
        penalty_alpha: a, in [0, 1]. Usual value: 0.6.
        processors: One or several, applied to the logits before the k candidates are chosen.

    Raises:
        ValueError, TypeError: For values outside these ranges, and for a model without hidden
            states, such as a table.

    Source: Su et al. 2022, arXiv 2202.06417. Chapter 17.

    >>> lm = dl.load("storybook", device="cpu", dtype="float64")
    >>> dl.generate(lm, "Once", dl.ContrastiveSearch(top_k=4), max_new_tokens=4).text
    ' a man of thirty'
    """

    top_k: int = 4
    penalty_alpha: float = 0.6
    processors: Processors = ()

    def __post_init__(self) -> None:
        check_integer("top_k", self.top_k, 1)
        check_number("penalty_alpha", self.penalty_alpha, 0, 1)
        object.__setattr__(self, "processors", given_processors(self.processors))

    def __repr__(self) -> str:
        return named_repr(self)

    @property
    def is_deterministic(self) -> bool:
        """Whether no processor draws, as XTC does."""
        return not chain_of(self.processors).is_random

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[Contrast]:
        chains = chains_of(self.processors, seeds)
        return [Contrast(self, lm, *pair) for pair in zip(transcripts, chains, strict=True)]


class Contrast(Search):
    """Contrastive search in the middle of one prompt."""

    runs_itself = True

    def __init__(
        self,
        strategy: ContrastiveSearch,
        lm: LanguageModel,
        transcript: Transcript,
        chain: Chain,
    ) -> None:
        self.strategy, self.lm, self.transcripts = strategy, lm, [transcript]
        self.chain = chain
        ids = integers_on(lm.device, transcript.prompt_ids)
        room = len(ids) + transcript.stopping.max_new_tokens
        self._logits, self._cache = lm.prefill([ids], room)
        self._context = _directions(self._cache, lm)[0]  # (positions, width)

    def advance(self, logits: Float[Tensor, "0 vocab"]) -> Move:
        """Read the candidates, keep the best, and what the model says after it."""
        [transcript] = self.transcripts
        length = len(transcript.token_ids)
        allowed = transcript.stopping.forbid_early_end(self._logits, [length])
        allowed = process([self.chain], [transcript], allowed)
        check_logits(allowed)
        probs = widen(allowed[0]).softmax(-1)
        candidates = probs.argsort(descending=True, stable=True)[: self.strategy.top_k]
        cache = self._cache.select(torch.zeros(len(candidates), dtype=torch.long))
        after_each = self.lm.step(candidates, cache)
        hidden = _directions(cache, self.lm)[:, -1]  # (k, width)
        likeness = (hidden @ self._context.T).amax(-1)
        a = self.strategy.penalty_alpha
        scores = (1 - a) * probs[candidates] - a * likeness
        scores = remove(scores, allowed[0, candidates] > -torch.inf)
        place = scores.argmax(-1, keepdim=True)
        ids = candidates[place]
        values = place, ids, log_probs_of(self._logits, ids)
        [best], [token_id], [logprob] = fetch(*values, checked=(self._logits, allowed))

        keep = torch.zeros_like(probs, dtype=torch.bool).scatter(0, candidates, True)
        after = remove(allowed[0], keep)
        transcript.append(token_id, logprob, self._logits[0], after)
        self._cache, self._logits = cache.select(torch.tensor([best])), after_each[best : best + 1]
        self._context = torch.cat([self._context, hidden[best : best + 1]])
        return Move.of([])


def _directions(cache: Cache, lm: LanguageModel) -> Float[Tensor, "rows new width"]:
    """Return the hidden states of the positions read last, each of length 1."""
    if cache.hidden is None:
        raise ValueError(
            f"ContrastiveSearch needs a model with hidden states, and {lm.name} has none"
        )
    return F.normalize(widen(cache.hidden), dim=-1)
