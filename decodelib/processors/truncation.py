"""Truncations that look at more than rank and mass: information, cut-offs, the spread of logits.

Same contract as `processors`: frozen dataclasses called as `p(input_ids, logits)`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_integer, check_number
from decodelib.distributions import (
    at_least,
    check_logits,
    entropy,
    largest,
    nucleus,
    reaches,
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
        find = rows.largest if rows.are_long(logits) else largest
        return remove(logits, find(logits, self.top_k))


@dataclass(frozen=True, repr=False)
class TopP(Processor):
    """Keep the nucleus: the smallest set of most probable tokens with mass >= p.

    The token that crosses p is kept; when the mass equals p exactly, nothing is added. Ties at the
    boundary go to the lower ids. Sums of floats count as reaching p within 1e-7 (1e-12 for float64
    logits). p = 1 keeps everything. Usual values: 0.9 to 0.95.

    Args:
        top_p: p, in (0, 1].

    Raises:
        ValueError: If p is outside (0, 1].

    Source: Holtzman et al. 2020, arXiv 1904.09751. Chapter 8.

    Example:
        >>> logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
        >>> TopP(0.7)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.5714, 0.4286, 0.0000, 0.0000]])
    """

    top_p: float

    def __post_init__(self) -> None:
        check_number("top_p", self.top_p, 0, 1, open_low=True)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        if self.top_p == 1:
            return logits.clone()
        if rows.are_long(logits):
            return remove(logits, rows.nucleus(logits, self.top_p - rounding(logits.dtype)))
        return remove(logits, nucleus(logits, self.top_p))


@dataclass(frozen=True, repr=False)
class MinP(Processor):
    """Keep the tokens with p_i >= m * p_max, compared as l_i >= l_max + ln m.

    In logits the comparison needs no softmax. A token exactly at the bound is kept; a difference
    within the logits' own rounding does not count. The set shrinks when the model is sure and grows
    when it is not. m = 0 keeps everything, m = 1 only the most probable token and its equals.
    Usual values: 0.02 to 0.1.

    Args:
        min_p: m, in [0, 1].

    Raises:
        ValueError: If m is outside [0, 1].

    Source: Nguyen et al. 2024, arXiv 2407.01082. Chapter 9.

    Example:
        >>> logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
        >>> MinP(0.5)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.4444, 0.3333, 0.2222, 0.0000]])
    """

    min_p: float

    def __post_init__(self) -> None:
        check_number("min_p", self.min_p, 0, 1)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        if self.min_p == 0:
            return logits.clone()
        best = widen(logits.amax(-1, keepdim=True))
        return remove(logits, at_least(logits, best, -math.log(self.min_p)))


@dataclass(frozen=True, repr=False)
class Typical(Processor):
    """Keep the tokens whose surprisal is nearest to the entropy: the smallest set with mass >= tau.

    Tokens are ranked by |-ln p_i - H|, so that a very probable token can be removed for telling too
    little as well as a rare one for telling too much. The token that crosses tau is kept; ties go
    to the lower ids. Usual values: 0.2 to 0.95.

    Args:
        typical_p: tau, in (0, 1]; 1 keeps everything.

    Raises:
        ValueError: If tau is outside (0, 1].

    Source: Meister et al. 2022, arXiv 2202.00666, "Locally typical sampling". Chapter 10.

    Example:
        >>> logits = torch.tensor([[0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]]).log()
        >>> Typical(0.5)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.0000, 0.2000, 0.2000, 0.2000, 0.2000, 0.2000, 0.0000, 0.0000]])
    """

    typical_p: float

    def __post_init__(self) -> None:
        check_number("typical_p", self.typical_p, 0, 1, open_low=True)

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
        return remove(logits, smallest_set(order, logp.exp(), enough))


@dataclass(frozen=True, repr=False)
class Epsilon(Processor):
    """Keep the tokens with p_i >= epsilon, and always the most probable one.

    An absolute cut-off: the same in every context. Usual values: 3e-4 to 9e-4.

    Args:
        epsilon: The cut-off, in [0, 1); 0 keeps everything.

    Raises:
        ValueError: If epsilon is outside [0, 1).

    Source: Hewitt, Manning and Liang 2022, arXiv 2210.15191. Chapter 10.

    Example:
        >>> logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
        >>> Epsilon(0.2)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.4444, 0.3333, 0.2222, 0.0000]])
    """

    epsilon: float

    def __post_init__(self) -> None:
        check_number("epsilon", self.epsilon, 0, 1, open_high=True)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        return _cut_below(logits, math.log(self.epsilon) if self.epsilon > 0 else -math.inf)


@dataclass(frozen=True, repr=False)
class Eta(Processor):
    """Keep the tokens with p_i >= eta, where eta = min(epsilon, sqrt(epsilon) * exp(-H)).

    The cut-off falls where the entropy H (in nats) is high, so a flat distribution keeps more of
    its tail. The most probable token is always kept. Usual values: 3e-4 to 4e-3.

    Args:
        epsilon: In [0, 1); 0 keeps everything.

    Raises:
        ValueError: If epsilon is outside [0, 1).

    Source: Hewitt, Manning and Liang 2022, arXiv 2210.15191, algorithm 1 and the authors' code; the
    docstring in transformers has sqrt(epsilon * exp(-H)), its code has this. Chapter 10.

    Example:
        >>> logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
        >>> Eta(0.4)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.4444, 0.3333, 0.2222, 0.0000]])
    """

    epsilon: float

    def __post_init__(self) -> None:
        check_number("epsilon", self.epsilon, 0, 1, open_high=True)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        nats = entropy(widen(logits))[..., None]
        if self.epsilon == 0:
            return logits.clone()
        log_epsilon = math.log(self.epsilon)
        return _cut_below(logits, (log_epsilon / 2 - nats).clamp(max=log_epsilon))


def _cut_below(
    logits: Float[Tensor, "*batch vocab"], log_cutoff: Float[Tensor, "*batch 1"] | float
) -> Float[Tensor, "*batch vocab"]:
    """Return the logits of the tokens with ln p >= log_cutoff and of the most probable one."""
    check_logits(logits)
    best = logits == logits.amax(-1, keepdim=True)
    return remove(logits, best | reaches(logits, log_cutoff))


@dataclass(frozen=True, repr=False)
class TopNSigma(Processor):
    """Keep the tokens whose logit is within n standard deviations of the largest.

    l_i >= l_max - n * sigma, with sigma the population standard deviation of the finite logits.
    Dividing all logits by a temperature divides sigma too: the kept set does not depend on it. A
    difference within the logits' own rounding does not count. Usual values: 1 to 2.

    Args:
        n: At least 0; infinity keeps everything.

    Raises:
        ValueError: If n is negative or NaN.

    Source: Tang et al. 2024, arXiv 2411.07641. Chapter 10.

    Example:
        >>> TopNSigma(1.5)(torch.tensor([[0]]), torch.tensor([[4.0, 2.0, 0.0, 0.0]]))
        tensor([[4., 2., -inf, -inf]])
    """

    n: float

    def __post_init__(self) -> None:
        check_number("n", self.n, 0, math.inf)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        if math.isinf(self.n):
            return logits.clone()
        present = logits.isfinite()
        values = widen(logits).masked_fill(~present, 0)
        unit = values.abs().amax(-1, keepdim=True).clamp(min=torch.finfo(values.dtype).tiny)
        values = values / unit  # so that no square overflows
        count = present.sum(-1, keepdim=True)
        mean = values.sum(-1, keepdim=True) / count
        variance = ((values - mean) ** 2 * present).sum(-1, keepdim=True) / count
        best = widen(logits.amax(-1, keepdim=True))
        return remove(logits, at_least(logits, best, self.n * variance.sqrt() * unit))
