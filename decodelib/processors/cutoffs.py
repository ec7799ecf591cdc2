"""Truncations by a cut-off that information or the spread of the logits sets."""

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
    log_probs,
    reaches,
    rounding,
    widen,
)
from decodelib.processors.base import Processor, remove
from decodelib.processors.truncation import and_best


@dataclass(frozen=True, repr=False)
class Epsilon(Processor):
    """Keep the tokens with p_i >= epsilon, and always the most probable one.

    An absolute cut-off: the same in every context. Usual values: 3e-4 to 9e-4.

    Args:
        epsilon: The cut-off, in [0, 1); 0 keeps everything.
        min_tokens_to_keep: Keep at least this many of the most probable tokens; at least 1.

    Raises:
        ValueError: For values outside these ranges.

    Source: Hewitt, Manning and Liang 2022, arXiv 2210.15191. Chapter 10.

    Example:
        >>> logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
        >>> Epsilon(0.2)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.4444, 0.3333, 0.2222, 0.0000]])
    """

    epsilon: float
    min_tokens_to_keep: int = 1

    def __post_init__(self) -> None:
        check_number("epsilon", self.epsilon, 0, 1, open_high=True)
        check_integer("min_tokens_to_keep", self.min_tokens_to_keep, 1)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        log_epsilon = math.log(self.epsilon) if self.epsilon > 0 else -math.inf
        return _cut_below(logits, log_epsilon, self.min_tokens_to_keep)


@dataclass(frozen=True, repr=False)
class Eta(Processor):
    """Keep the tokens with p_i >= eta, where eta = min(epsilon, sqrt(epsilon) * exp(-H)).

    The cut-off falls where the entropy H (in nats) is high, so a flat distribution keeps more of
    its tail. The most probable token is always kept. Usual values: 3e-4 to 4e-3.

    Args:
        epsilon: In [0, 1); 0 keeps everything.
        min_tokens_to_keep: Keep at least this many of the most probable tokens; at least 1.

    Raises:
        ValueError: For values outside these ranges.

    Source: Hewitt, Manning and Liang 2022, arXiv 2210.15191, algorithm 1 and the authors' code; the
    docstring in transformers has sqrt(epsilon * exp(-H)), its code has this. Chapter 10.

    Example:
        >>> logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
        >>> Eta(0.4)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.4444, 0.3333, 0.2222, 0.0000]])
    """

    epsilon: float
    min_tokens_to_keep: int = 1

    def __post_init__(self) -> None:
        check_number("epsilon", self.epsilon, 0, 1, open_high=True)
        check_integer("min_tokens_to_keep", self.min_tokens_to_keep, 1)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        nats = entropy(widen(logits))[..., None]
        if self.epsilon == 0:
            return logits.clone()
        log_epsilon = math.log(self.epsilon)
        log_eta = (log_epsilon / 2 - nats).clamp(max=log_epsilon)
        return _cut_below(logits, log_eta, self.min_tokens_to_keep)


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
        return remove(logits, at_least(logits, best, float(self.n) * variance.sqrt() * unit))


@dataclass(frozen=True, repr=False)
class TopH(Processor):
    """Keep the most probable tokens as long as their entropy is at most alpha times the whole.

    The largest set of most probable tokens whose distribution q, renormalised, has
    H(q) <= alpha H(p), with H in nats. H(q) rises with every token, so the set is found by one
    pass. Ties at the boundary go to the lower ids; the most probable token is always kept. The
    authors use 0.4.

    Transformers' `TopHLogitsWarper` cites the same paper and sums -p ln p of the 100 most probable
    tokens without renormalising, so it keeps another set: of the book's eight words one and not two
    at alpha = 0.4.

    Args:
        top_h: alpha, in (0, 1]; 1 keeps everything.

    Raises:
        ValueError: If alpha is outside (0, 1].

    Source: Baghaei Potraghloo et al. 2025, arXiv 2509.02510, "Top-H decoding". Chapter 10.

    Example:
        >>> logits = torch.tensor([[0.4, 0.2, 0.12, 0.1, 0.08, 0.05, 0.03, 0.02]]).log()
        >>> TopH(0.4)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.6667, 0.3333, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000]])
    """

    top_h: float

    def __post_init__(self) -> None:
        check_number("top_h", self.top_h, 0, 1, open_low=True)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        if self.top_h == 1:
            return logits.clone()
        order = logits.argsort(dim=-1, descending=True, stable=True)
        p = widen(logits).softmax(-1).gather(-1, order)
        mass, surprise = p.cumsum(-1), torch.special.entr(p).cumsum(-1)
        entropies = surprise / mass + mass.log()  # H(q) of the first 1, 2, ... tokens
        bound = self.top_h * surprise[..., -1:] + rounding(logits.dtype)
        member = entropies <= bound
        member[..., 0] = True
        return remove(logits, torch.zeros_like(member).scatter(-1, order, member))


@dataclass(frozen=True, repr=False)
class PLess(Processor):
    """Keep the tokens with p_i >= sum p^2, the probability that two draws agree. No settings.

    The cut-off is the average of p under p itself. The most probable token always reaches the
    average; a uniform distribution is kept whole.

    Source: Tan et al. 2025, arXiv 2509.23234, "p-less sampling". Chapter 10.

    Example:
        >>> logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()  # the cut-off is 0.3
        >>> PLess()(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.5714, 0.4286, 0.0000, 0.0000]])
    """

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        return _cut_below(logits, (2 * log_probs(widen(logits))).logsumexp(-1, keepdim=True))


def _cut_below(
    logits: Float[Tensor, "*batch vocab"],
    log_cutoff: Float[Tensor, "*batch 1"] | float,
    count: int = 1,
) -> Float[Tensor, "*batch vocab"]:
    """Return the logits of the tokens with ln p >= log_cutoff and of the `count` most probable."""
    check_logits(logits)
    best = logits == logits.amax(-1, keepdim=True)
    return remove(logits, and_best(best | reaches(logits, log_cutoff), logits, count))
