"""Processors that look back at the tokens so far: penalties for repetition.

Same contract as `processors`; these read `input_ids`, the prompt and what followed it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_integer, check_number
from decodelib.distributions import check_logits
from decodelib.processors.base import Processor


@dataclass(frozen=True, repr=False)
class RepetitionPenalty(Processor):
    """Make every token that has occurred less likely: l > 0 becomes l / r, others l * r.

    The prompt counts too. The rule depends on where the logits' zero is, which the softmax does not
    see: adding a constant to all logits changes its effect. Usual values: 1.1 to 1.3.

    Args:
        repetition_penalty: r, greater than 0; 1 changes nothing, less than 1 rewards repetition.

    Raises:
        ValueError: If r is not a positive finite number.

    Source: Keskar et al. 2019, arXiv 1909.05858 (CTRL), which divides all of them; the two cases
    are those of transformers, pull request 2303. Chapter 12.

    Example:
        >>> RepetitionPenalty(2.0)(torch.tensor([[0, 1]]), torch.tensor([[2.0, -2.0, 1.0]]))
        tensor([[ 1., -4.,  1.]])
    """

    repetition_penalty: float
    reads_input_ids: ClassVar[bool] = True

    def __post_init__(self) -> None:
        name = "repetition_penalty"
        check_number(name, self.repetition_penalty, 0, math.inf, open_low=True, open_high=True)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        seen = logits.gather(-1, input_ids)
        # The factor must be a number in every precision: 0 / 0 and 0 * inf are NaN.
        single = torch.finfo(torch.float32)
        r = min(max(float(self.repetition_penalty), single.tiny), single.max)
        penalised = torch.where(seen > 0, seen / r, seen * r)
        return logits.scatter(-1, input_ids, _still_there(penalised, seen))


@dataclass(frozen=True, repr=False)
class DRY(Processor):
    """Penalise the token that would extend a repetition, the more the longer it is already.

    If the last n tokens have occurred before and were followed by v, then
    l_v -= multiplier * base^(n - allowed_length) for the longest such n >= allowed_length. A match
    never reaches across a breaker, so that a form that has to recur (a name, a colon, a new line)
    may do so.

    Args:
        multiplier: At least 0; 0 changes nothing. Usual value: 0.8.
        base: At least 1. Usual value: 1.75.
        allowed_length: Repetitions shorter than this are free; at least 1. Usual value: 2.
        breaker_ids: Token ids that end a match; such as those of newline, colon, quotation mark and
            asterisk.

    Raises:
        ValueError, TypeError: For values outside these ranges.

    Source: p-e-w, text-generation-webui pull request 5677, "DRY: a modern repetition penalty".
    Chapter 12.

    Example:
        >>> DRY().matches([0, 1, 2, 0, 1])  # "0 1" has been followed by 2
        {2: 2}
        >>> DRY()(torch.tensor([[0, 1, 2, 0, 1]]), torch.zeros(1, 4))
        tensor([[ 0.0000,  0.0000, -0.8000,  0.0000]])
    """

    multiplier: float = 0.8
    base: float = 1.75
    allowed_length: int = 2
    breaker_ids: tuple[int, ...] = ()
    reads_input_ids: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number("multiplier", self.multiplier, 0, math.inf, open_high=True)
        check_number("base", self.base, 1, math.inf, open_high=True)
        check_integer("allowed_length", self.allowed_length, 1)
        for breaker in self.breaker_ids:
            check_integer("breaker_ids", breaker, 0)
        object.__setattr__(self, "breaker_ids", tuple(self.breaker_ids))

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        penalised = logits.clone().reshape(-1, logits.shape[-1])
        for row, ids in enumerate(input_ids.reshape(len(penalised), input_ids.shape[-1]).tolist()):
            for token_id, length in self.matches(ids).items():
                exponent = (length - self.allowed_length) * math.log(self.base)
                penalty = self.multiplier * math.exp(min(exponent, 50))
                penalised[row, token_id] -= min(penalty, _LARGEST_PENALTY)
        return _still_there(penalised.view_as(logits), logits)

    def matches(self, ids: Sequence[int]) -> dict[int, int]:
        """Return, for each token that would extend a repetition, the length of the longest."""
        breakers = set(self.breaker_ids)
        reach = next((n for n, i in enumerate(reversed(ids)) if i in breakers), len(ids))
        longest: dict[int, int] = {}
        # Read backwards, a match of the last tokens is a common prefix with the text's own end.
        for back, length in enumerate(_common_prefixes(ids[::-1])):
            length = min(length, reach)
            follower = ids[-back] if back else -1
            if back and length >= self.allowed_length and follower not in breakers:
                longest[follower] = max(length, longest.get(follower, 0))
        return longest


# Large enough to rule a token out, small enough to be subtracted in half precision.
_LARGEST_PENALTY = 1e4


def _still_there(penalised: Tensor, before: Tensor) -> Tensor:
    """Return finite logits wherever there were: a penalty that overflows removes no token."""
    largest = torch.finfo(before.dtype).max
    return torch.where(before.isfinite(), penalised.clamp(-largest, largest), before)


def _common_prefixes(ids: Sequence[int]) -> list[int]:
    """Return for each i how many items of ids[i:] agree with the beginning of ids, in linear time.

    The Z algorithm: inside the match that reaches furthest right, earlier answers are reused.
    """
    lengths, left, right = [len(ids)], 0, 0
    for i in range(1, len(ids)):
        length = min(right - i, lengths[i - left]) if i < right else 0
        while i + length < len(ids) and ids[length] == ids[i + length]:
            length += 1
        if i + length > right:
            left, right = i, i + length
        lengths.append(length)
    return lengths
