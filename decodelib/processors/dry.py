"""DRY, "don't repeat yourself": a penalty that grows with the length of what is repeated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_integer, check_number
from decodelib.distributions import check_logits
from decodelib.processors.penalties import LookingBack, keep_finite


@runtime_checkable
class Vocabulary(Protocol):
    """What is asked of a model here: the text of each of its tokens."""

    @property
    def vocab_size(self) -> int: ...

    def decode(self, ids: Sequence[int]) -> str: ...


@dataclass(frozen=True, repr=False)
class DRY(LookingBack):
    """Penalise the token that would extend a repetition, the more the longer it is already.

    If the last n tokens have occurred before and were followed by v, then
    l_v -= multiplier * base^(n - allowed_length) for the longest such n >= allowed_length. A match
    never reaches across a breaker, so that a form that has to recur (a name, a colon, a new line)
    may do so.

    Args:
        multiplier: At least 0; 0 changes nothing. Usual value: 0.8.
        base: At least 1. Usual value: 1.75.
        allowed_length: Repetitions shorter than this are free; at least 1. Usual value: 2.
        breaker_ids: Token ids that end a match; `with_breakers` finds those of strings.
        window, skip: See `LookingBack`.

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
    reads_ids_on_host: ClassVar[bool] = True

    @classmethod
    def with_breakers(
        cls,
        lm: Vocabulary,
        breakers: Sequence[str] = ("\n", ":", '"', "*"),
        **settings: Any,
    ) -> DRY:
        """Return DRY for a model whose matches end at strings; the default ones are the source's.

        Every token whose text contains one of the strings is a breaker, as in llama.cpp.

        Args:
            lm: The model whose vocabulary is searched.
            breakers: The strings; each must be part of a token's text.
            settings: The other arguments of `DRY`.

        Raises:
            ValueError: For an empty string and one that no token's text contains.
            TypeError: For a single string in the place of several.
        """
        if isinstance(breakers, str):
            raise TypeError(f"breakers must be several strings, got the string {breakers!r}")
        texts = [lm.decode([token_id]) for token_id in range(lm.vocab_size)]
        for breaker in breakers:
            if not breaker or not any(breaker in text for text in texts):
                raise ValueError(f"breakers must each be part of a token's text, got {breaker!r}")
        ids = (i for i, text in enumerate(texts) if any(breaker in text for breaker in breakers))
        return cls(breaker_ids=tuple(ids), **settings)

    def __post_init__(self) -> None:
        super().__post_init__()
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
        counted = self.counted(input_ids)
        for row, ids in enumerate(counted.reshape(len(penalised), counted.shape[-1]).tolist()):
            for token_id, length in self.matches(ids).items():
                exponent = (length - self.allowed_length) * math.log(self.base)
                penalty = self.multiplier * math.exp(min(exponent, 50))
                penalised[row, token_id] -= min(penalty, _LARGEST_PENALTY)
        return keep_finite(penalised.view_as(logits), logits)

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
