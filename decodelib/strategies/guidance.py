"""Guidance: what one distribution says and another does not, by one formula."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_number
from decodelib.decoding.processing import chains_of
from decodelib.decoding.search import Move, check_room
from decodelib.decoding.transcript import Transcript
from decodelib.distributions import log_probs
from decodelib.kernels.gpu import integers_on, sent
from decodelib.kernels.seeds import seeded
from decodelib.models.base import LanguageModel, Prompt
from decodelib.processors.base import Chain, LogitsProcessor, remove
from decodelib.processors.truncation import MinP
from decodelib.strategies.sampling import TokenSearch

LARGEST_CONTRAST = 1e4
"""The most that a token of which q is certain that it does not come can gain, in nats."""


@dataclass(frozen=True, init=False, repr=False)
class Guidance:
    """Sample from ln p + gamma (ln p - ln q): further away from q than the model itself is.

    p is the model with its prompt. q is the same model with another prompt, or with none, or
    another model with the same prompt. Each name is a case of the formula:

    - classifier-free guidance: q without the prompt; its scale is 1 + gamma
    - a negative prompt: q with a prompt that the text should not follow
    - context-aware decoding: q with the question, but without the document before it
    - DExperts with p as its own expert, contrastive decoding in the limit of large gamma: q of a
      weaker model

    gamma = 0 is the model itself, -1 is q, and between -1 and 0 a mixture of their logits.

    Args:
        gamma: How far to go, any finite number. Usual values: 0.5 to 2.
        processors: Applied to the result, as in `Sampling`; `TopK(1)` makes it greedy.
        against: What q is: a prompt (text, or token ids; "" for the empty one, BOS) that takes the
            place of the prompt, or a model with the same vocabulary.
        alpha: Tokens with p(v) < alpha * max p, which `MinP(alpha)` would remove, cannot come: a
            large gamma prefers what q finds impossible. In [0, 1]; 0 removes none.

    Raises:
        ValueError, TypeError: For values outside these ranges; when decoding, for another model of
            another vocabulary, and without room for the other prompt.

    Source: Sanchez et al. 2023, arXiv 2306.17806 (classifier-free); Shi et al. 2023,
    arXiv 2305.14739 (context-aware); Liu et al. 2021, arXiv 2105.03023 (DExperts); Li et al. 2023,
    arXiv 2210.15097 (contrastive, and alpha). Chapter 19.

    >>> lm = dl.TableLM({"": {"a": 0.5, "b": 0.5}, "<bos>": {"a": 0.9, "b": 0.1}})
    >>> dl.generate(lm, "a", dl.Guidance(1.0, dl.TopK(1)), max_new_tokens=1).text
    ' b'
    """

    is_deterministic: ClassVar[bool] = False

    gamma: float
    processors: tuple[LogitsProcessor, ...]
    against: str | tuple[int, ...] | LanguageModel
    alpha: float

    def __init__(
        self,
        gamma: float,
        *processors: LogitsProcessor,
        against: Prompt | LanguageModel = "",
        alpha: float = 0.0,
    ) -> None:
        check_number("gamma", gamma, -math.inf, math.inf, True, True)
        check_number("alpha", alpha, 0, 1)
        if not isinstance(against, str | Sequence | Tensor | LanguageModel):
            raise TypeError(f"against must be a prompt or a model, got {against!r}")
        if isinstance(against, Sequence | Tensor) and not isinstance(against, str):
            against = tuple(int(i) for i in against)  # hashable, so that equal ones share a batch
        object.__setattr__(self, "gamma", gamma)
        object.__setattr__(self, "processors", Chain(*processors).processors)
        object.__setattr__(self, "against", against)
        object.__setattr__(self, "alpha", alpha)

    def __repr__(self) -> str:
        other = self.against.name if isinstance(self.against, LanguageModel) else self.against
        parts = [repr(self.gamma), *map(repr, self.processors), f"against={other!r}"]
        return f"Guidance({', '.join(parts)}{f', alpha={self.alpha}' if self.alpha else ''})"

    def guided(
        self, logits: Float[Tensor, "rows vocab"], against: Float[Tensor, "rows vocab"]
    ) -> Float[Tensor, "rows vocab"]:
        """Return ln p + gamma (ln p - ln q) of all tokens, from both distributions' logits."""
        gained = contrast(logits, against, self.alpha)
        return torch.where(
            gained > -torch.inf, log_probs(logits) + self.gamma * gained, -torch.inf
        ).to(logits.dtype)

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[ContrastSearch]:
        other = Other(self.against, lm, transcripts)
        generators = [*map(seeded, seeds)]
        after = chains_of(self.processors, seeds)
        return [ContrastSearch(self.guided, other, transcripts, generators, after=after)]


class ContrastSearch(TokenSearch):
    """A search of one token at a time that weighs a second distribution's rows against the model's.

    Args:
        weigh: Makes one row of logits of the model's and the other's.
        other: The second distribution.
        generators: One for each transcript, to draw; without, the argmax is taken.
        before, after: What each transcript's processors do to the model's logits before they are
            weighed, and to the result; one chain for each transcript.
    """

    def __init__(
        self,
        weigh: Callable[[Tensor, Tensor], Tensor],
        other: Other,
        transcripts: list[Transcript],
        generators: Sequence[torch.Generator] | None = None,
        before: Sequence[Chain] | None = None,
        after: Sequence[Chain] | None = None,
    ) -> None:
        self.weigh, self.other = weigh, other
        nothing = [Chain()] * len(transcripts)
        parts = zip(before or nothing, after or nothing, strict=True)
        chains = [Chain(b, partial(self._weighed, i), a) for i, (b, a) in enumerate(parts)]
        super().__init__(transcripts, generators, chains)

    def _weighed(
        self, place: int, input_ids: Int[Tensor, "1 seq"], logits: Float[Tensor, "1 vocab"]
    ) -> Float[Tensor, "1 vocab"]:
        row = self.running.index(place)
        return self.weigh(logits, self.other.logits[row : row + 1])

    def advance(self, logits: Float[Tensor, "rows vocab"]) -> Move:
        move = super().advance(logits)
        self.other.follow(move)
        return move


def contrast(
    logits: Float[Tensor, "rows vocab"], against: Float[Tensor, "rows vocab"], alpha: float
) -> Float[Tensor, "rows vocab"]:
    """Return ln p - ln q of the tokens that `MinP(alpha)` keeps of p, and -inf for the others."""
    no_ids = torch.empty(len(logits), 0, dtype=torch.long, device=logits.device)
    plausible = MinP(alpha)(no_ids, logits).isfinite()
    # A token that q rules out altogether would gain infinitely much.
    opposed = log_probs(against).clamp(min=-LARGEST_CONTRAST)
    return remove(log_probs(logits) - opposed.to(logits.device), plausible)


class Other:
    """The second distribution, for each of the prompts: its model, cache and present logits."""

    def __init__(
        self,
        against: Prompt | LanguageModel,
        lm: LanguageModel,
        transcripts: Sequence[Transcript],
        name: str = "against",
    ) -> None:
        self.model = against if isinstance(against, LanguageModel) else lm
        prompts = [t.prompt_ids for t in transcripts]
        if isinstance(against, LanguageModel):
            if against.vocab_size != lm.vocab_size:
                raise ValueError(
                    f"{name} must have {lm.name}'s vocabulary of {lm.vocab_size} tokens, "
                    f"got {against.vocab_size}"
                )
            check_room(name, against, transcripts)
        else:
            prompts = [lm.prompt_ids(against).tolist()] * len(transcripts)
            room = len(prompts[0]) + transcripts[0].stopping.max_new_tokens
            if room > lm.context_length:
                raise ValueError(
                    f"{name} must have room in {lm.name}'s context of {lm.context_length} with the "
                    f"new tokens, got a prompt of {len(prompts[0])} tokens"
                )
        rows = [integers_on(self.model.device, ids) for ids in prompts]
        room = max(map(len, rows)) + transcripts[0].stopping.max_new_tokens
        self.logits, self._cache = self.model.prefill(rows, room)

    def follow(self, move: Move) -> None:
        """Read the tokens that the search has chosen."""
        if len(move.next_ids):
            self._cache = self._cache.select(move.ancestors)
            self.logits = self.model.step(sent(move.next_ids, self.model.device), self._cache)
