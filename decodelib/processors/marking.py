"""What watermarks share: secret numbers, where they are used, and how they are found again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_integer
from decodelib.distributions import check_logits
from decodelib.kernels.seeds import seeded
from decodelib.processors.base import Processor

MILLIONTH_PRIME = 15_485_863
"""The key that Kirchenbauer et al. and transformers use; anyone may know it."""


@runtime_checkable
class Tokenizer(Protocol):
    """What a detector asks of a model: its tokens. It never asks for a probability."""

    @property
    def vocab_size(self) -> int: ...

    def encode(self, text: str) -> Int[Tensor, " seq"]: ...


class Detection(NamedTuple):
    """What a detector found.

    Attributes:
        z: How many standard deviations the statistic lies above its mean in unmarked text.
        p_value: The probability of a statistic at least this large in unmarked text.
        num_tokens: How many tokens were scored: each pair of a context and a token once.
        statistic: The sum of `scores`.
        scores: The score of every scored token, by its place among the ids.
    """

    z: float
    p_value: float
    num_tokens: int
    statistic: float
    scores: dict[int, float]


@dataclass(frozen=True, repr=False)
class Watermark(Processor):
    """What the watermarks share: secret numbers for every token, from a key and the tokens before.

    Args:
        key: The secret, in [0, 2^63).
        context_width: How many tokens before decide the numbers, at least 1. A larger width makes
            them harder to guess, and one changed token spoils more of them.

    Raises:
        ValueError, TypeError: For values outside these ranges; when detecting, for a text with no
            token to score.
    """

    key: int = MILLIONTH_PRIME
    context_width: int = 1
    reads_input_ids: ClassVar[bool] = True
    reads_ids_on_host: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_integer("key", self.key, 0, 2**63 - 1)
        check_integer("context_width", self.context_width, 1)

    def marked(
        self, context: Sequence[int], logits: Float[Tensor, " vocab"]
    ) -> Float[Tensor, " vocab"]:
        """Return one row's logits with the mark that belongs to its last tokens."""
        raise NotImplementedError

    def score(self, context: Sequence[int], token_id: int, vocab_size: int) -> float:
        """Return what the detector adds up for one token after these."""
        raise NotImplementedError

    def judged(self, total: float, count: int) -> tuple[float, float]:
        """Return z and the p-value of a sum of `count` scores."""
        raise NotImplementedError

    @property
    def marks_repeated_contexts(self) -> bool:
        """Whether a context that has occurred before is marked again, by the same numbers."""
        return False

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        result = logits.clone()
        flat = result.view(-1, logits.shape[-1])
        rows = input_ids.expand(*logits.shape[:-1], -1).reshape(len(flat), input_ids.shape[-1])
        for row, ids in zip(flat, rows.tolist(), strict=True):
            context = tuple(ids[-self.context_width :])
            if len(context) == self.context_width and (
                self.marks_repeated_contexts or context not in self._contexts(ids[:-1])
            ):
                row.copy_(self.marked(context, row.clone()))
        return result

    def _contexts(self, ids: Sequence[int]) -> set[tuple[int, ...]]:
        width = self.context_width
        return {tuple(ids[end - width : end]) for end in range(width, len(ids) + 1)}

    def detect(self, lm: Tokenizer, text: str | Sequence[int]) -> Detection:
        """Return how sure it is that a text carries this watermark.

        Needs the key and the tokenizer, and neither the model nor the prompt. A context with its
        token counts once, however often it occurs: copies are no further evidence.

        Args:
            lm: The model whose tokens the text is made of.
            text: The text, or its token ids, which may differ from those of its text.

        >>> lm = dl.load("storybook", device="cpu")
        >>> mark = dl.GumbelWatermark(key=7)
        >>> g = dl.generate(lm, "Once upon a time", dl.Sampling(mark), max_new_tokens=60)
        >>> mark.detect(lm, g.token_ids).z > 5 > 3 > dl.GumbelWatermark(key=8).detect(lm, g.text).z
        True
        """
        ids = (lm.encode(text) if isinstance(text, str) else torch.as_tensor(text)).tolist()
        width, seen, scores = self.context_width, set(), {}
        for place in range(width, len(ids)):
            context, token_id = tuple(ids[place - width : place]), ids[place]
            if (context, token_id) not in seen:
                seen.add((context, token_id))
                scores[place] = self.score(context, token_id, lm.vocab_size)
        if not scores:
            raise ValueError(
                f"text must have more than context_width={width} tokens, got {len(ids)}"
            )
        total = math.fsum(scores.values())
        return Detection(*self.judged(total, len(scores)), len(scores), total, scores)

    def _numbers(self, context: Sequence[int], *shape: int) -> Float[Tensor, "..."]:
        """Return numbers in [0, 1) that depend on the key and the context alone."""
        # A linear congruential step (Knuth's MMIX) for each; the generator does the mixing.
        state = self.key
        for part in context:
            state = (state * 6364136223846793005 + part + 1442695040888963407) % 2**63
        return torch.rand(*shape, generator=seeded(state), dtype=torch.float64)


def binomial_tail(hits: int, count: int, share: float) -> float:
    """Return the probability of at least `hits` hits in `count` tries, each with chance `share`."""
    k = torch.arange(hits, count + 1, dtype=torch.float64)
    n = torch.tensor(float(count), dtype=torch.float64)
    ways = (n + 1).lgamma() - (k + 1).lgamma() - (n - k + 1).lgamma()
    logs = ways + k * math.log(share) + (n - k) * math.log1p(-share)
    return min(1.0, float(logs.logsumexp(0).exp()))
