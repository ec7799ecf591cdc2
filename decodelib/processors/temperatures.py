"""Temperatures that follow the entropy of the distribution they are applied to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_number
from decodelib.distributions import check_logits, divided, entropy, widen
from decodelib.processors.base import Processor


@dataclass(frozen=True, repr=False)
class Temperature(Processor):
    """Divide the logits by T, so that p_i becomes proportional to p_i^(1/T).

    T < 1 sharpens the distribution and T -> 0 approaches greedy; T = 1 is the model's own; T > 1
    flattens it and T -> infinity approaches uniform. Usual values: 0.6 to 1.2.

    Args:
        temperature: T, greater than 0. Zero is `Greedy()`.

    Raises:
        ValueError: If T is not a positive finite number.

    Source: Ackley, Hinton and Sejnowski 1985 (Gibbs distribution). Chapter 6.

    Example:
        >>> logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
        >>> Temperature(0.5)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.5333, 0.3000, 0.1333, 0.0333]])
    """

    temperature: float

    def __post_init__(self) -> None:
        if isinstance(self.temperature, Real) and self.temperature == 0:
            raise ValueError(
                "temperature must be greater than 0, got 0: for its limit, which always takes the "
                "most probable token, use Greedy()"
            )
        check_number("temperature", self.temperature, 0, math.inf, open_low=True, open_high=True)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        return divided(logits, self.temperature)


@dataclass(frozen=True, repr=False)
class EntropyTemperature(Processor):
    """Sharpen by a factor beta that depends on the entropy H of the distribution.

    beta = max(polynomial(H), 1) if H > 0.5 nats, else 1; the result is beta * logits. The authors
    fitted the polynomial so that attention heads keep their focus as more items compete. Applying
    it to the next-token distribution is this book's adaptation. With the default coefficients it
    does something only for 0.85 < H < 5.95 nats and is strongest (beta = 2.42) at H = 4.41.

    Args:
        coefficients: Of the polynomial, highest power first.
        threshold: The entropy in nats up to which beta is 1; at least 0.

    Raises:
        ValueError: If the threshold is negative or there are no coefficients.

    Source: Velickovic et al. 2024, arXiv 2410.01104, "softmax is not enough". Chapter 10.

    Example:
        >>> EntropyTemperature().beta(torch.tensor([0.4, 2.0, 4.4, 9.0]))
        tensor([1.0000, 2.0990, 2.4213, 1.0000])
    """

    coefficients: tuple[float, ...] = (-0.037, 0.481, -2.3, 4.917, -1.791)
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not isinstance(self.coefficients, Sequence):
            raise TypeError(f"coefficients must be several numbers, got {self.coefficients!r}")
        object.__setattr__(self, "coefficients", tuple(self.coefficients))
        if not self.coefficients:
            raise ValueError("coefficients must hold at least one number, got none")
        for coefficient in self.coefficients:
            check_number("coefficients", coefficient, -math.inf, math.inf, True, True)
        check_number("threshold", self.threshold, 0, math.inf, open_high=True)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        return divided(logits, 1 / self.beta(entropy(logits))[..., None])

    def beta(self, nats: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        """Return the inverse temperature, at least 1, for entropies given in nats."""
        value = torch.zeros_like(nats)
        for coefficient in self.coefficients:  # Horner's rule
            value = value * nats + coefficient
        return torch.where(nats > self.threshold, value.clamp(min=1), torch.ones_like(value))


@dataclass(frozen=True, repr=False)
class DynamicTemperature(Processor):
    """Divide the logits by a temperature between two bounds, higher where the model is less sure.

    T = T_min + (T_max - T_min) * (H / ln n)^exponent, with H the entropy in nats and n the number
    of tokens that have not been removed; H / ln n is 1 for a uniform distribution. With a single
    token left there is nothing to do.

    Args:
        min_temperature, max_temperature: Greater than 0, min <= max. Usual values: 0.5 and 1.5.
        exponent: At least 0. Usual value: 1.

    Raises:
        ValueError: For values outside these ranges.

    Source: llama.cpp, `llama_sampler_init_temp_ext`. Chapter 10.

    Example:
        >>> DynamicTemperature(0.5, 1.5)(torch.tensor([[0]]), torch.tensor([[3.0, 3.0]]))
        tensor([[2., 2.]])
    """

    min_temperature: float
    max_temperature: float
    exponent: float = 1.0

    def __post_init__(self) -> None:
        check_number("max_temperature", self.max_temperature, 0, math.inf, True, True)
        check_number("min_temperature", self.min_temperature, 0, self.max_temperature, True)
        check_number("exponent", self.exponent, 0, math.inf, open_high=True)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        nats = entropy(widen(logits))
        count = logits.isfinite().sum(-1)
        most = count.clamp(min=2).to(nats.dtype).log()
        share = (nats / most).clamp(0, 1) ** float(self.exponent)
        low, high = float(self.min_temperature), float(self.max_temperature)
        temperature = low + (high - low) * share
        return divided(logits, torch.where(count > 1, temperature, 1)[..., None])
