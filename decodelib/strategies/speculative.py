"""Speculative sampling: a small model proposes several tokens, the large one checks them at once.

The text is distributed exactly as if the large model had been sampled token by token. It only
takes fewer of its passes, since one pass checks a whole proposal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from decodelib.arguments import check_integer
from decodelib.decoding.processing import chains_of, process
from decodelib.decoding.samplers import fetch, log_probs_of, sample, uniforms
from decodelib.decoding.search import Move, Search, check_room
from decodelib.decoding.transcript import Transcript
from decodelib.distributions import widen
from decodelib.kernels.gpu import integers_on
from decodelib.kernels.seeds import seeded
from decodelib.models.base import Cache, LanguageModel
from decodelib.processors.base import Chain, LogitsProcessor, given_processors
from decodelib.strategies.prompt_lookup import Copying, Drafted, PromptLookup


@dataclass(frozen=True, init=False)
class SpeculativeSampling:
    """Sampling from the target model, with proposals from a draft.

    The draft proposes token v with probability q(v), and the target accepts it with probability
    min(1, p(v) / q(v)). At the first rejection a token is drawn from max(0, p - q), normalised;
    after a proposal accepted in full, one more from p. The model given to `generate` is the target.

    Args:
        draft: A faster model with the same vocabulary, or `PromptLookup()`, which copies what
            followed the last tokens before.
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

    draft: LanguageModel | PromptLookup
    processors: tuple[LogitsProcessor, ...]
    num_draft_tokens: int

    def __init__(
        self,
        draft: LanguageModel | PromptLookup,
        *processors: LogitsProcessor,
        num_draft_tokens: int = 4,
    ) -> None:
        if not isinstance(draft, LanguageModel | PromptLookup):
            raise TypeError(
                f"draft must be a model, such as load() returns, or a PromptLookup, got {draft!r}"
            )
        check_integer("num_draft_tokens", num_draft_tokens, 1)
        object.__setattr__(self, "draft", draft)
        settled = given_processors(processors, "a rejected proposal is")
        object.__setattr__(self, "processors", settled)
        object.__setattr__(self, "num_draft_tokens", num_draft_tokens)

    def __repr__(self) -> str:
        processors = "".join(f", {processor!r}" for processor in self.processors)
        draft = self.draft.name if isinstance(self.draft, LanguageModel) else repr(self.draft)
        return f"SpeculativeSampling({draft}{processors}, num_draft_tokens={self.num_draft_tokens})"

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[Speculation]:
        if isinstance(self.draft, LanguageModel):
            if self.draft.vocab_size != lm.vocab_size:
                raise ValueError(
                    f"draft must have {lm.name}'s vocabulary of {lm.vocab_size} tokens, "
                    f"got {self.draft.vocab_size}"
                )
            check_room("draft", self.draft, transcripts)
        rows = zip(transcripts, seeds, chains_of(self.processors, seeds), strict=True)
        return [Speculation(self, lm, *row) for row in rows]


class Speculation(Search):
    """The target and its draft in the middle of one prompt.

    Between rounds the caches hold all tokens but the last, which the next round reads first.
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
        self.target, self.chain = target, chain
        self.drafter: Drafter = (
            Copying(strategy.draft, transcript, target)
            if isinstance(strategy.draft, PromptLookup)
            else Drafting(self, strategy.draft)
        )
        self.num_draft_tokens = strategy.num_draft_tokens
        self.transcript, self.transcripts = transcript, [transcript]
        self.generator = seeded(seed)
        self._cache: Cache | None = None

    def advance(self, logits: Float[Tensor, "0 vocab"]) -> Move:
        """Append at least one token: the accepted part of a proposal and one of the target's."""
        if self._cache is None:
            self._begin()
        else:
            self._speculate(self._cache)
        return Move.of([])

    def _speculate(self, cache: Cache) -> None:
        last = self.transcript.token_ids[-1]
        left = self.transcript.stopping.max_new_tokens - len(self.transcript.token_ids)
        drafted = self.drafter.propose(min(self.num_draft_tokens, left - 1))
        read = integers_on(self.target.device, [last, *(token_id for token_id, _ in drafted)])
        logits = self.target.extend(read[None], cache)[0]  # (proposal + 1, V)
        accepted = self._check(drafted, logits)
        cache.rewind(len(drafted) - accepted)
        self.drafter.settle(drafted, accepted)

    def _begin(self) -> None:
        """Read the prompt, and let the target give the first token."""
        ids = self.transcript.prompt_ids
        room = len(ids) + self.transcript.stopping.max_new_tokens
        logits, self._cache = self.target.prefill([integers_on(self.target.device, ids)], room)
        self.drafter.begin(ids, room)
        self._draw(logits, self.processed(logits, self.transcript), "target")

    def _check(self, drafted: Drafted, logits: Tensor) -> int:
        """Append the accepted tokens and one of the target's own; return how many were accepted."""
        for place, (token_id, q) in enumerate(drafted):
            before = logits[place : place + 1]
            after = self.processed(before, self.transcript)
            p, ids = probabilities(after[0]), integers_on(self.target.device, [token_id])
            values = acceptance(p, q.to(p))[ids], log_probs_of(before, ids)
            [chance], [logprob] = fetch(*values, checked=(before, after))
            if not self._accepts(chance):
                self._draw(before, residual(p, q.to(p)).log()[None], "rejected: residual")
                return place
            self.transcript.append(token_id, logprob, before[0], after[0], "accepted")
            if self.transcript.finish_reason is not None:
                return place
        after = self.processed(logits[-1:], self.transcript)
        self._draw(logits[-1:], after, "bonus" if drafted else "target")
        return len(drafted)

    def _accepts(self, chance: float) -> bool:
        return float(uniforms([self.generator])) < chance

    def processed(self, logits: Tensor, transcript: Transcript) -> Float[Tensor, "1 vocab"]:
        length = len(transcript.token_ids)
        allowed = transcript.stopping.forbid_early_end(logits, [length])
        return process([self.chain], [transcript], allowed)

    def _draw(
        self, before: Float[Tensor, "1 vocab"], after: Float[Tensor, "1 vocab"], decision: str
    ) -> None:
        ids = sample(after, uniforms([self.generator]))
        values = ids, log_probs_of(before, ids)
        [token_id], [logprob] = fetch(*values, checked=(before, after))
        self.transcript.append(token_id, logprob, before[0], after[0], decision)


class Drafter(Protocol):
    """What makes the proposals of one text."""

    def begin(self, ids: Sequence[int], room: int) -> None:
        """Read the prompt."""

    def propose(self, count: int) -> Drafted:
        """Return at most `count` tokens that may follow the text."""

    def settle(self, drafted: Drafted, accepted: int) -> None:
        """Forget what was not accepted of a proposal."""


class Drafting:
    """A model that proposes what it draws itself."""

    def __init__(self, search: Speculation, model: LanguageModel) -> None:
        self.search, self.model = search, model
        self._cache: Cache

    def begin(self, ids: Sequence[int], room: int) -> None:
        _, self._cache = self.model.prefill([integers_on(self.model.device, ids)], room)

    def propose(self, count: int) -> Drafted:
        search = self.search
        imagined = search.transcript.fork()
        imagined.trace = False
        drafted: Drafted = []
        while len(drafted) < count:
            logits = self._read(imagined.token_ids[-1])
            after = search.processed(self._with_a_way_on(logits, imagined), imagined)
            ids = sample(after, uniforms([search.generator]))
            [[token_id]] = fetch(ids, checked=(logits, after))
            drafted.append((token_id, probabilities(after[0])))
            imagined.append(token_id, 0.0, logits[0], after[0])
            if imagined.finish_reason is not None:
                break
        if not drafted:
            self._read(imagined.token_ids[-1])
        return drafted

    def settle(self, drafted: Drafted, accepted: int) -> None:
        unread = len(drafted) - accepted
        self._cache.rewind(max(0, unread - 1))
        if not unread and drafted:
            self._read(drafted[-1][0])  # the target has read its last proposal already

    def _read(self, token_id: int) -> Float[Tensor, "1 vocab"]:
        return self.model.step(integers_on(self.model.device, [token_id]), self._cache)

    @staticmethod
    def _with_a_way_on(logits: Tensor, transcript: Transcript) -> Float[Tensor, "1 vocab"]:
        """Return the draft's logits; zeros if it would only end a text that must go on.

        Any proposals will do, since the target checks them.
        """
        length = len(transcript.token_ids)
        allowed = transcript.stopping.forbid_early_end(logits, [length], dead_rows="keep")
        return logits.where(allowed.amax() > -torch.inf, 0.0)


def probabilities(logits: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
    """Return softmax(logits) in the widest float of the device."""
    return widen(logits).softmax(-1)


def acceptance(p: Float[Tensor, " vocab"], q: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
    """Return min(1, p / q): the probability that the target accepts each token of the draft."""
    return torch.where(q > 0, (p / q).clamp(max=1), torch.ones_like(p))


def residual(p: Float[Tensor, " vocab"], q: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
    """Return max(0, p - q), normalised: what is drawn from after a rejection.

    Where p = q nothing is ever rejected; p itself stands in for the empty residual.
    """
    left = (p - q).clamp(min=0)
    total = left.sum()
    return torch.where(total > 0, left / total, p)
