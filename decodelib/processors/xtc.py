"""XTC, "exclude top choices": now and then, remove the most probable tokens, not the least."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_integer, check_number
from decodelib.distributions import reaches
from decodelib.kernels.gpu import integers_on
from decodelib.kernels.seeds import WORD, seeded
from decodelib.processors.base import Processor, remove


@dataclass(frozen=True, repr=False)
class XTC(Processor):
    """With some probability, remove every token with p >= threshold but the least likely of them.

    So the draw goes to a token that is plausible but not the obvious one. At least two tokens must
    reach the threshold, or nothing happens; a threshold above 0.5 therefore disables it. Of equally
    likely ones the lowest id stays.

    Whether a step is affected depends on the seed and the number of tokens so far, nothing else.
    In a strategy the seed is the sequence's own; a processor called by itself uses `seed`.

    Args:
        probability: The share of steps affected, in [0, 1]. Usual value: 0.5.
        threshold: In (0, 1]. Usual value: 0.1.
        seed: In [0, 2^63).
        protected_ids: Token ids that are never removed: in a step that would remove one, nothing
            is. The source protects EOS and newline, so that a text can end and have paragraphs:
            `(lm.eos_token_id, *lm.encode("\\n").tolist())`.

    Raises:
        ValueError, TypeError: For values outside these ranges.

    Source: p-e-w, text-generation-webui pull request 6335, "Exclude Top Choices (XTC)". Chapter 12.

    Example:
        >>> logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
        >>> XTC(1.0, 0.2)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.0000, 0.0000, 0.6667, 0.3333]])
    """

    probability: float
    threshold: float
    seed: int = 0
    protected_ids: Sequence[int] = ()

    def __post_init__(self) -> None:
        check_number("probability", self.probability, 0, 1)
        check_number("threshold", self.threshold, 0, 1, open_low=True)
        check_integer("seed", self.seed, 0, 2**63 - 1)
        for protected in self.protected_ids:
            check_integer("protected_ids", protected, 0)
        object.__setattr__(self, "protected_ids", tuple(self.protected_ids))

    reads_input_ids = True  # their number is the step
    is_random = True
    is_stateful = False

    def for_sequence(self, seed: int) -> XTC:
        """Return the processor that decides by this sequence's seed."""
        return replace(self, seed=seed)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        top = reaches(logits, math.log(self.threshold))
        if self.threshold > 0.5 or self._chance(input_ids.shape[-1]) >= self.probability:
            return logits.clone()
        least = logits.masked_fill(~top, torch.inf).argmin(-1, keepdim=True)
        excluded = top.scatter(-1, least, False)
        ids = integers_on(logits.device, self.protected_ids)
        protected = excluded.index_select(-1, ids).any(-1, keepdim=True)
        excluded &= ~protected
        return remove(logits, ~excluded)

    def _chance(self, step: int) -> float:
        """Return a number in [0, 1) that depends on the seed and the step alone."""
        # Not the generator that draws the tokens: XTC must not shift their draws.
        high, low = self.seed // WORD, (self.seed * 1_000_003 + step) % WORD
        generator = seeded(high * WORD + low)
        return float(torch.rand((), generator=generator, dtype=torch.float64))
