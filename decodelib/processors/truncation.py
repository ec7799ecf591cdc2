"""Truncations by rank, by mass and by the distance to the best: top-k, top-p, min-p, typical."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor

from decodelib.arguments import check_integer, check_number
from decodelib.distributions import (
    at_least,
    check_logits,
    entropy,
    largest,
    nucleus,
    rounding,
    smallest_set,
    widen,
)
from decodelib.kernels import rows
from decodelib.processors.base import Processor, remove


@dataclass(frozen=True, repr=False)
class TopK(Processor):
    """Keep the k most probable tokens.

    Exactly k are kept: of equal logits at the boundary, the lower ids. (transformers keeps all of
    them.) k >= V keeps everything, k = 1 is greedy. Usual values: 20 to 100.

    Args:
        top_k: k, an integer of at least 1.

    Raises:
        ValueError: If k < 1.  TypeError: If k is not an integer.

    Source: Fan, Lewis and Dauphin 2018, arXiv 1805.04833. Chapter 7.

    Example:
        >>> logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
        >>> TopK(2)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.5714, 0.4286, 0.0000, 0.0000]])
    """

    top_k: int

    def __post_init__(self) -> None:
        check_integer("top_k", self.top_k, 1)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        if self.top_k >= logits.shape[-1]:
            return logits.clone()
        return remove(logits, _largest(logits, self.top_k))


@dataclass(frozen=True, repr=False)
class TopP(Processor):
    """Keep the nucleus: the smallest set of most probable tokens with mass >= p.

    The token that crosses p is kept; when the mass equals p exactly, nothing is added. Ties at the
    boundary go to the lower ids. Sums of floats count as reaching p within 1e-7 (1e-12 for float64
    logits). p = 1 keeps everything. Usual values: 0.9 to 0.95.

    Args:
        top_p: p, in (0, 1].
        min_tokens_to_keep: Keep at least this many of the most probable tokens; at least 1.

    Raises:
        ValueError: For values outside these ranges.

    Source: Holtzman et al. 2020, arXiv 1904.09751. Chapter 8.

    Example:
        >>> logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
        >>> TopP(0.7)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.5714, 0.4286, 0.0000, 0.0000]])
    """

    top_p: float
    min_tokens_to_keep: int = 1

    def __post_init__(self) -> None:
        check_number("top_p", self.top_p, 0, 1, open_low=True)
        check_integer("min_tokens_to_keep", self.min_tokens_to_keep, 1)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        if self.top_p == 1:
            return logits.clone()
        if rows.are_long(logits):
            keep = rows.nucleus(logits, self.top_p - rounding(logits.dtype))
        else:
            keep = nucleus(logits, self.top_p)
        return remove(logits, and_best(keep, logits, self.min_tokens_to_keep))


@dataclass(frozen=True, repr=False)
class MinP(Processor):
    """Keep the tokens with p_i >= m * p_max, compared as l_i >= l_max + ln m.

    In logits the comparison needs no softmax. A token exactly at the bound is kept; a difference
    within the logits' own rounding does not count. The set shrinks when the model is sure and grows
    when it is not. m = 0 keeps everything, m = 1 only the most probable token and its equals.
    Usual values: 0.02 to 0.1.

    Args:
        min_p: m, in [0, 1].
        min_tokens_to_keep: Keep at least this many of the most probable tokens; at least 1.

    Raises:
        ValueError: For values outside these ranges.

    Source: Nguyen et al. 2024, arXiv 2407.01082. Chapter 9.

    Example:
        >>> logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
        >>> MinP(0.5)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.4444, 0.3333, 0.2222, 0.0000]])
    """

    min_p: float
    min_tokens_to_keep: int = 1

    def __post_init__(self) -> None:
        check_number("min_p", self.min_p, 0, 1)
        check_integer("min_tokens_to_keep", self.min_tokens_to_keep, 1)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        if self.min_p == 0:
            return logits.clone()
        best = widen(logits.amax(-1, keepdim=True))
        keep = at_least(logits, best, -math.log(self.min_p))
        return remove(logits, and_best(keep, logits, self.min_tokens_to_keep))


@dataclass(frozen=True, repr=False)
class Typical(Processor):
    """Keep the tokens whose surprisal is nearest to the entropy: the smallest set with mass >= tau.

    Tokens are ranked by |-ln p_i - H|, so that a very probable token can be removed for telling too
    little as well as a rare one for telling too much. The token that crosses tau is kept; ties go
    to the lower ids. Usual values: 0.2 to 0.95.

    Args:
        typical_p: tau, in (0, 1]; 1 keeps everything.
        min_tokens_to_keep: Keep at least this many of the nearest tokens; at least 1.

    Raises:
        ValueError: For values outside these ranges.

    Source: Meister et al. 2022, arXiv 2202.00666, "Locally typical sampling". Chapter 10.

    Example:
        >>> logits = torch.tensor([[0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]]).log()
        >>> Typical(0.5)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.0000, 0.2000, 0.2000, 0.2000, 0.2000, 0.2000, 0.0000, 0.0000]])
    """

    typical_p: float
    min_tokens_to_keep: int = 1

    def __post_init__(self) -> None:
        check_number("typical_p", self.typical_p, 0, 1, open_low=True)
        check_integer("min_tokens_to_keep", self.min_tokens_to_keep, 1)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        if self.typical_p == 1:
            return logits.clone()
        logp = widen(logits).log_softmax(-1)
        strangeness = (-logp - entropy(widen(logits))[..., None]).abs()
        order = strangeness.argsort(dim=-1, stable=True)
        enough = self.typical_p - rounding(logits.dtype)
        return remove(logits, smallest_set(order, logp.exp(), enough, self.min_tokens_to_keep))


def and_best(
    keep: Bool[Tensor, "*batch vocab"], logits: Float[Tensor, "*batch vocab"], count: int
) -> Bool[Tensor, "*batch vocab"]:
    """Return `keep` and the `count` most probable tokens, where 1 is sure to be in `keep`."""
    return keep | _largest(logits, min(count, logits.shape[-1])) if count > 1 else keep


def _largest(logits: Float[Tensor, "*batch vocab"], k: int) -> Bool[Tensor, "*batch vocab"]:
    return (rows.largest if rows.are_long(logits) else largest)(logits, k)
