"""Speculative sampling: a small model proposes several tokens, the large one checks them at once.

The text is distributed exactly as if the large model had been sampled token by token. It only
takes fewer of its passes, since one pass checks a whole proposal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_integer
from decodelib.decoding.processing import chains_of, process
from decodelib.decoding.samplers import sample, uniforms
from decodelib.decoding.search import Move, Search, check_room
from decodelib.decoding.transcript import Transcript
from decodelib.distributions import log_probs, widen
from decodelib.kernels.seeds import seeded
from decodelib.models.base import Cache, LanguageModel
from decodelib.processors.base import Chain, LogitsProcessor, given_processors


@dataclass(frozen=True, init=False)
class SpeculativeSampling:
    """Sampling from the target model, with proposals from a draft model.

    The draft proposes token v with probability q(v), and the target accepts it with probability
    min(1, p(v) / q(v)). At the first rejection a token is drawn from max(0, p - q), normalised;
    after a proposal accepted in full, one more from p. The model given to `generate` is the target.

    Args:
        draft: A faster model with the same vocabulary.
        processors: Applied to both models' logits, as in `Sampling`; the result is distributed as
            `Sampling(*processors)`. Not processors that follow a sequence, such as Mirostat.
        num_draft_tokens: Tokens in a proposal, at least 1. Usual values: 2 to 8.

    Raises:
        ValueError, TypeError: For values outside these ranges, and for a draft whose vocabulary
            has another size.

    Source: Chen et al. 2023, arXiv 2302.01318; Leviathan et al. 2023, arXiv 2211.17192. Chapter 17.

    >>> lm = dl.TableLM({"": {"a": 0.6, "b": 0.4}})
    >>> draft = dl.TableLM({"": {"a": 0.9, "b": 0.1}})
    >>> g = dl.generate(lm, "a", dl.SpeculativeSampling(draft), max_new_tokens=3, trace=True)
    >>> [step.decision for step in g.steps]
    ['target', 'accepted', 'bonus']
    """

    is_deterministic: ClassVar[bool] = False

    draft: LanguageModel
    processors: tuple[LogitsProcessor, ...]
    num_draft_tokens: int

    def __init__(
        self, draft: LanguageModel, *processors: LogitsProcessor, num_draft_tokens: int = 4
    ) -> None:
        if not isinstance(draft, LanguageModel):
            raise TypeError(f"draft must be a model, such as load() returns, got {draft!r}")
        check_integer("num_draft_tokens", num_draft_tokens, 1)
        object.__setattr__(self, "draft", draft)
        settled = given_processors(processors, "a rejected proposal is")
        object.__setattr__(self, "processors", settled)
        object.__setattr__(self, "num_draft_tokens", num_draft_tokens)

    def __repr__(self) -> str:
        processors = "".join(f", {processor!r}" for processor in self.processors)
        return (
            f"SpeculativeSampling({self.draft.name}{processors}, "
            f"num_draft_tokens={self.num_draft_tokens})"
        )

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[Speculation]:
        if self.draft.vocab_size != lm.vocab_size:
            raise ValueError(
                f"draft must have {lm.name}'s vocabulary of {lm.vocab_size} tokens, "
                f"got {self.draft.vocab_size}"
            )
        check_room("draft", self.draft, transcripts)
        rows = zip(transcripts, seeds, chains_of(self.processors, seeds), strict=True)
        return [Speculation(self, lm, *row) for row in rows]


class Speculation(Search):
    """The two models in the middle of one prompt.

    Between rounds both caches hold all tokens but the last, which the next round reads first.
    """

    runs_itself = True

    def __init__(
        self,
        strategy: SpeculativeSampling,
        target: LanguageModel,
        transcript: Transcript,
        seed: int,
        chain: Chain,
    ) -> None:
        self.target, self.draft = target, strategy.draft
        self.chain = chain
        self.num_draft_tokens = strategy.num_draft_tokens
        self.transcript, self.transcripts = transcript, [transcript]
        self.generator = seeded(seed)
        self._caches: tuple[Cache, Cache] | None = None

    def advance(self, logits: Float[Tensor, "0 vocab"]) -> Move:
        """Append at least one token: the accepted part of a proposal and one of the target's."""
        if self._caches is None:
            self._begin()
        else:
            self._speculate(*self._caches)
        return Move.of([])

    def _speculate(self, target_cache: Cache, draft_cache: Cache) -> None:
        last = self.transcript.token_ids[-1]
        drafted = self._propose(draft_cache)
        read = self._ids(self.target, [last, *(token_id for token_id, _ in drafted)])
        logits = self.target.extend(read[None], target_cache)[0]  # (proposal + 1, V)
        accepted = self._check(drafted, logits)
        unread = len(drafted) - accepted
        target_cache.rewind(unread)
        draft_cache.rewind(max(0, unread - 1))
        if not unread and drafted:
            # The draft has not read its last proposal yet; the target has.
            self.draft.step(self._ids(self.draft, [drafted[-1][0]]), draft_cache)

    def _begin(self) -> None:
        """Read the prompt with both models, and let the target give the first token."""
        ids = self.transcript.prompt_ids
        room = len(ids) + self.transcript.stopping.max_new_tokens
        logits, target_cache = self.target.prefill([self._ids(self.target, ids)], room)
        _, draft_cache = self.draft.prefill([self._ids(self.draft, ids)], room)
        self._caches = (target_cache, draft_cache)
        self._draw(logits[0], self._processed(logits, self.transcript), "target")

    def _propose(self, cache: Cache) -> list[tuple[int, Tensor]]:
        """Return the drafted tokens, each with the distribution it was drawn from."""
        imagined = self.transcript.fork()
        imagined.trace = False
        left = imagined.stopping.max_new_tokens - len(imagined.token_ids)
        drafted: list[tuple[int, Tensor]] = []
        while len(drafted) < min(self.num_draft_tokens, left - 1):
            logits = self.draft.step(self._ids(self.draft, imagined.token_ids[-1:]), cache)
            after = self._processed(self._with_a_way_on(logits, imagined), imagined)
            token_id = int(sample(after, uniforms([self.generator])))
            drafted.append((token_id, probabilities(after[0])))
            imagined.append(token_id, 0.0, logits[0], after[0])
            if imagined.finish_reason is not None:
                break
        if not drafted:
            self.draft.step(self._ids(self.draft, imagined.token_ids[-1:]), cache)
        return drafted

    def _check(self, drafted: Sequence[tuple[int, Tensor]], logits: Tensor) -> int:
        """Append the accepted tokens and one of the target's own; return how many were accepted."""
        for place, (token_id, q) in enumerate(drafted):
            after = self._processed(logits[place : place + 1], self.transcript)
            p = probabilities(after[0])
            if float(uniforms([self.generator])) >= acceptance(p, q)[token_id]:
                self._draw(logits[place], residual(p, q).log()[None], "rejected: residual")
                return place
            self._append(token_id, logits[place], after[0], "accepted")
            if self.transcript.finish_reason is not None:
                return place
        after = self._processed(logits[-1:], self.transcript)
        self._draw(logits[-1], after, "bonus" if drafted else "target")
        return len(drafted)

    def _processed(self, logits: Tensor, transcript: Transcript) -> Float[Tensor, "1 vocab"]:
        length = len(transcript.token_ids)
        allowed = transcript.stopping.forbid_early_end(logits, [length])
        return process([self.chain], [transcript], allowed)

    @staticmethod
    def _with_a_way_on(logits: Tensor, transcript: Transcript) -> Float[Tensor, "1 vocab"]:
        """Return the draft's logits; zeros if it would only end a text that must go on.

        Any proposals will do, since the target checks them.
        """
        length = len(transcript.token_ids)
        allowed = transcript.stopping.forbid_early_end(logits, [length], dead_rows="keep")
        return logits if bool(allowed.amax() > -torch.inf) else torch.zeros_like(logits)

    def _draw(self, before: Tensor, after: Tensor, decision: str) -> None:
        token_id = int(sample(after, uniforms([self.generator])))
        self._append(token_id, before, after[0], decision)

    def _append(self, token_id: int, before: Tensor, after: Tensor, decision: str) -> None:
        logprob = float(log_probs(widen(before))[token_id])
        self.transcript.append(token_id, logprob, before, after, decision)

    @staticmethod
    def _ids(lm: LanguageModel, ids: Sequence[int]) -> Int[Tensor, " seq"]:
        return torch.tensor(ids, dtype=torch.long, device=lm.device)


def probabilities(logits: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
    """Return softmax(logits) in the widest float, on the CPU, where two models' can be compared."""
    return widen(logits).softmax(-1).cpu()


def acceptance(p: Float[Tensor, " vocab"], q: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
    """Return min(1, p / q): the probability that the target accepts each token of the draft."""
    return torch.where(q > 0, (p / q).clamp(max=1), torch.ones_like(p))


def residual(p: Float[Tensor, " vocab"], q: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
    """Return max(0, p - q), normalised: what is drawn from after a rejection.

    Where p = q nothing is ever rejected; p itself stands in for the empty residual.
    """
    left = (p - q).clamp(min=0)
    total = left.sum()
    return left / total if total > 0 else p
