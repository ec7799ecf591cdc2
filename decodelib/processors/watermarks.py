"""Watermarks: a text's own statistics say who wrote it, to whoever has the key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_integer, check_number
from decodelib.distributions import log_probs, widen
from decodelib.kernels.gpu import sent
from decodelib.kernels.seeds import WORD, seeded
from decodelib.processors.base import remove
from decodelib.processors.marking import Watermark, binomial_tail
from decodelib.processors.penalties import keep_finite


@dataclass(frozen=True, repr=False)
class GreenListWatermark(Watermark):
    """Add delta to the logits of a "green" part of the vocabulary, another after each token.

    After token c, a generator with the seed key * c permutes the vocabulary; the first share gamma
    of it is green. Unmarked text has a share gamma of green tokens, so of T scored tokens g green
    ones give z = (g - gamma T) / sqrt(T gamma (1 - gamma)). The p-value is the binomial
    distribution's tail.

    The mark changes the model's distribution, most where the model is undecided.

    Args:
        gamma: The green share, in (0, 1). Usual values: 0.25, 0.5.
        delta: What is added, in nats; at least 0. Usual value: 2.
        key, context_width: See `Watermark`; the width must be 1.

    Raises:
        ValueError, TypeError: For values outside these ranges.

    Source: Kirchenbauer et al. 2023, arXiv 2301.10226, algorithm 2; the same lists as transformers'
    `WatermarkLogitsProcessor` with "lefthash". Chapter 19.

    Example:
        >>> GreenListWatermark(gamma=0.5)(torch.tensor([[3]]), torch.zeros(1, 4))
        tensor([[0., 0., 2., 2.]])
    """

    gamma: float = 0.25
    delta: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("context_width", self.context_width, 1, 1)
        check_number("gamma", self.gamma, 0, 1, True, True)
        check_number("delta", self.delta, 0, math.inf, open_high=True)

    @property
    def marks_repeated_contexts(self) -> bool:
        """True, as in the source."""
        return True

    def green(self, token_id: int, vocab_size: int) -> Int[Tensor, " green"]:
        """Return the ids of the tokens that are green after `token_id`."""
        # PyTorch's generator reads the lower 32 bits of a seed.
        generator = seeded(self.key * token_id % WORD)
        return torch.randperm(vocab_size, generator=generator)[: int(vocab_size * self.gamma)]

    def marked(
        self, context: Sequence[int], logits: Float[Tensor, " vocab"]
    ) -> Float[Tensor, " vocab"]:
        wide = widen(logits)
        wide[sent(self.green(context[-1], len(logits)), logits.device)] += self.delta
        return keep_finite(wide, logits)

    def score(self, context: Sequence[int], token_id: int, vocab_size: int) -> float:
        return float(bool((self.green(context[-1], vocab_size) == token_id).any()))

    def judged(self, total: float, count: int) -> tuple[float, float]:
        z = (total - self.gamma * count) / math.sqrt(count * self.gamma * (1 - self.gamma))
        return z, binomial_tail(int(total), count, self.gamma)


@dataclass(frozen=True, repr=False)
class GumbelWatermark(Watermark):
    """Take the token with the largest r^(1/p), where r is a secret number of the token in [0, 1).

    The exponential race, or Gumbel-max trick: for random r, token v wins with probability p(v). So
    one step's distribution is the model's own; but where the same context comes again, the same
    numbers would decide, which is why a context that has occurred before is left to chance. All
    other tokens are removed, so place the mark last in a chain. The seed decides no marked step.

    A token's score is -ln(1 - r), of mean 1 and variance 1 in unmarked text; of T tokens with the
    sum S, z = (S - T) / sqrt(T), and the p-value is the gamma distribution's tail.

    Args:
        key, context_width: See `Watermark`. Usual width: 4.

    Raises:
        ValueError, TypeError: For values outside these ranges.

    Source: Aaronson 2022, talk "My AI safety lecture for UT Effective Altruism"; Kuditipudi et al.
    2023, arXiv 2307.15593, for the family. Chapter 19.

    Example:
        >>> logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
        >>> GumbelWatermark(context_width=1)(torch.tensor([[3]]), logits).softmax(-1)
        tensor([[0., 0., 1., 0.]])
    """

    context_width: int = 4

    def marked(
        self, context: Sequence[int], logits: Float[Tensor, " vocab"]
    ) -> Float[Tensor, " vocab"]:
        r = sent(self._numbers(context, len(logits)), logits.device)
        # ln(-ln r) - ln p is smallest where r^(1/p) is largest; p may be very small.
        race = (-r.clamp(min=1e-300).log()).log() - log_probs(widen(logits))
        keep = torch.zeros_like(logits, dtype=torch.bool)
        return remove(logits, keep.scatter(-1, race.argmin(-1, keepdim=True), True))

    def score(self, context: Sequence[int], token_id: int, vocab_size: int) -> float:
        return -math.log1p(-float(self._numbers(context, vocab_size)[token_id]))

    def judged(self, total: float, count: int) -> tuple[float, float]:
        shape = torch.tensor(float(count), dtype=torch.float64)
        tail = torch.special.gammaincc(shape, shape.new_tensor(total))
        return (total - count) / math.sqrt(count), float(tail)


@dataclass(frozen=True, repr=False)
class TournamentWatermark(Watermark):
    """SynthID's tournament: in each layer two drawn tokens meet, and the better bit wins.

    Each layer gives every token a secret bit g. That two draws from p meet and the one with g = 1
    wins (ties at random) is, over all draws, p'(v) = p(v) (1 + g(v) - sum_u p(u) g(u)); the layers
    follow each other. On average over the bits, p' = p. A context that has occurred before is left
    unmarked.

    A token's score is the sum of its bits, of mean m/2 and variance m/4 for m layers.

    Args:
        num_layers: m, at least 1. Usual value: 30.
        key, context_width: See `Watermark`. Usual width: 4.

    Raises:
        ValueError, TypeError: For values outside these ranges.

    Source: Dathathri et al. 2024, Nature 634, "Scalable watermarking for identifying large language
    model outputs"; the update of transformers' `SynthIDTextWatermarkLogitsProcessor`. Chapter 19.

    Example:
        >>> mark = TournamentWatermark(num_layers=1, context_width=1)
        >>> mark(torch.tensor([[3]]), torch.zeros(1, 4)).softmax(-1)
        tensor([[0.1875, 0.1875, 0.4375, 0.1875]])
    """

    context_width: int = 4
    num_layers: int = 30

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("num_layers", self.num_layers, 1)

    def bits(self, context: Sequence[int], vocab_size: int) -> Int[Tensor, "layers vocab"]:
        """Return each layer's secret bit of every token."""
        return (self._numbers(context, self.num_layers, vocab_size) >= 0.5).long()

    def marked(
        self, context: Sequence[int], logits: Float[Tensor, " vocab"]
    ) -> Float[Tensor, " vocab"]:
        bits = sent(self.bits(context, len(logits)), logits.device)
        p = log_probs(widen(logits)).exp()
        for layer in bits:
            p = p * (1 + layer - (p * layer).sum()).clamp(min=0)
        return keep_finite(p.log(), logits)

    def score(self, context: Sequence[int], token_id: int, vocab_size: int) -> float:
        return float(self.bits(context, vocab_size)[:, token_id].sum())

    def judged(self, total: float, count: int) -> tuple[float, float]:
        flips = count * self.num_layers
        return (total - flips / 2) / math.sqrt(flips / 4), binomial_tail(int(total), flips, 0.5)
