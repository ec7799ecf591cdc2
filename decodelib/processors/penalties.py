"""Penalties for tokens that have occurred: repetition, presence, frequency."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_integer, check_number
from decodelib.distributions import check_logits, widen
from decodelib.processors.base import LogitsProcessor, Processor


@dataclass(frozen=True, repr=False, kw_only=True)
class LookingBack(Processor):
    """What the processors share that look back at the tokens so far: which of these count.

    Args:
        window: Only the last so many tokens count, at least 1; None for all. (llama.cpp calls it
            `penalty_last_n` and takes 64.)
        skip: The number of tokens at the beginning that do not count; "prompt" for those of the
            prompt, which a strategy knows. Called by itself, a processor cannot tell a prompt from
            what followed, and "prompt" skips nothing. (transformers calls the number
            `prompt_ignore_length`.)

    Raises:
        ValueError, TypeError: For values outside these ranges.
    """

    window: int | None = None
    skip: int | str = 0
    reads_input_ids: ClassVar[bool] = True
    is_stateful: ClassVar[bool] = False  # but for where the prompt ends, which stays

    def __post_init__(self) -> None:
        if self.window is not None:
            check_integer("window", self.window, 1)
        if isinstance(self.skip, str) and self.skip != "prompt":
            raise ValueError(f"skip must be a number of tokens or 'prompt', got {self.skip!r}")
        if not isinstance(self.skip, str):
            check_integer("skip", self.skip, 0)

    @property
    def is_sequence_bound(self) -> bool:
        """Whether what counts depends on the sequence, by the length of its prompt."""
        return self.skip == "prompt"

    def for_sequence(self, seed: int) -> LogitsProcessor:
        """Return the processor of one sequence; no chance is involved."""
        return AfterPrompt(self) if self.is_sequence_bound else self

    def counted(self, input_ids: Int[Tensor, "*batch seq"]) -> Int[Tensor, "*batch counted"]:
        """Return the token ids that count."""
        counted = input_ids[..., self.skip if isinstance(self.skip, int) else 0 :]
        return counted if self.window is None else counted[..., -self.window :]


class AfterPrompt:
    """A processor in one sequence, from the beginning: the tokens of its first call are skipped."""

    reads_input_ids = True

    def __init__(self, processor: Any) -> None:
        self._processor = processor  # a dataclass with the field `skip`
        self.reads_ids_on_host = processor.reads_ids_on_host

    def __call__(
        self, input_ids: Int[Tensor, "rows seq"], logits: Float[Tensor, "rows vocab"]
    ) -> Float[Tensor, "rows vocab"]:
        if self._processor.skip == "prompt":
            self._processor = replace(self._processor, skip=input_ids.shape[-1])
        return self._processor(input_ids, logits)


@dataclass(frozen=True, repr=False)
class RepetitionPenalty(LookingBack):
    """Make every token that has occurred less likely: l > 0 becomes l / r, others l * r.

    The prompt counts too, unless `skip` says otherwise. The rule depends on where the logits' zero
    is, which the softmax does not see: adding a constant to all logits changes its effect. Usual
    values: 1.1 to 1.3.

    Args:
        repetition_penalty: r, greater than 0; 1 changes nothing, less than 1 rewards repetition.
        window, skip: See `LookingBack`.

    Raises:
        ValueError, TypeError: For values outside these ranges.

    Source: Keskar et al. 2019, arXiv 1909.05858 (CTRL), which divides all of them; the two cases
    are those of transformers, pull request 2303. Chapter 12.

    Example:
        >>> RepetitionPenalty(2.0)(torch.tensor([[0, 1]]), torch.tensor([[2.0, -2.0, 1.0]]))
        tensor([[ 1., -4.,  1.]])
    """

    repetition_penalty: float

    def __post_init__(self) -> None:
        super().__post_init__()
        name = "repetition_penalty"
        check_number(name, self.repetition_penalty, 0, math.inf, open_low=True, open_high=True)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        input_ids = self.counted(input_ids)
        seen = logits.gather(-1, input_ids)
        # The factor must be a number in every precision: 0 / 0 and 0 * inf are NaN.
        single = torch.finfo(torch.float32)
        r = min(max(float(self.repetition_penalty), single.tiny), single.max)
        penalised = torch.where(seen > 0, seen / r, seen * r)
        return logits.scatter(-1, input_ids, keep_finite(penalised, seen))


@dataclass(frozen=True, repr=False)
class PresencePenalty(LookingBack):
    """Make every token that has occurred less likely, once: l - a where its count is above 0.

    Unlike that of `RepetitionPenalty`, the effect does not depend on where the logits' zero is.

    Args:
        presence_penalty: a, any finite number (APIs allow -2 to 2); 0 changes nothing, a negative
            value rewards repetition. Usual values: 0.1 to 1.
        window, skip: See `LookingBack`. The prompt does not count, as in the APIs.

    Raises:
        ValueError, TypeError: For values outside these ranges.

    Source: OpenAI's API reference, "Frequency and presence penalties". Chapter 12.

    Example:
        >>> PresencePenalty(0.5)(torch.tensor([[0, 1, 0, 0]]), torch.zeros(1, 3))
        tensor([[-0.5000, -0.5000,  0.0000]])
    """

    presence_penalty: float
    skip: int | str = field(default="prompt", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("presence_penalty", self.presence_penalty, -math.inf, math.inf, True, True)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        occurs = _counts(self.counted(input_ids), logits).clamp(max=1)
        return keep_finite(widen(logits) - float(self.presence_penalty) * occurs, logits)


@dataclass(frozen=True, repr=False)
class FrequencyPenalty(LookingBack):
    """Make a token less likely for each time that it has occurred: l - a * count.

    The penalty grows without bound, so function words suffer most in a long text.

    Args:
        frequency_penalty: a, any finite number (APIs allow -2 to 2); 0 changes nothing, a negative
            value rewards repetition. Usual values: 0.1 to 1.
        window, skip: See `LookingBack`. The prompt does not count, as in the APIs.

    Raises:
        ValueError, TypeError: For values outside these ranges.

    Source: OpenAI's API reference, "Frequency and presence penalties". Chapter 12.

    Example:
        >>> FrequencyPenalty(0.5)(torch.tensor([[0, 1, 0, 0]]), torch.zeros(1, 3))
        tensor([[-1.5000, -0.5000,  0.0000]])
    """

    frequency_penalty: float
    skip: int | str = field(default="prompt", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("frequency_penalty", self.frequency_penalty, -math.inf, math.inf, True, True)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        penalty = float(self.frequency_penalty) * _counts(self.counted(input_ids), logits)
        return keep_finite(widen(logits) - penalty, logits)


def _counts(
    input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
) -> Float[Tensor, "*batch vocab"]:
    """Return how often each token occurs, in the widest float of the device."""
    zeros = widen(torch.zeros_like(logits))
    ones = zeros.new_ones(()).expand(input_ids.shape)
    return zeros.scatter_add(-1, input_ids, ones)


def keep_finite(
    penalised: Float[Tensor, "*shape"], before: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Return `penalised` in the type of `before`, finite wherever `before` is.

    A penalty that overflows removes no token, and a removed token stays removed.
    """
    largest = torch.finfo(before.dtype).max
    return torch.where(
        before.isfinite(), penalised.clamp(-largest, largest).to(before.dtype), before
    )
