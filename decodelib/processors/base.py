"""Logits processors: each takes logits and returns new ones, a removed token set to -inf.

Every processor is a frozen dataclass, called as `p(input_ids, logits)` with logits of shape
`[batch, vocab]`; a single row, `[vocab]`, will do. It never changes its input, keeps shape and
dtype, leaves at least one token in every row, and raises ValueError for rows that hold NaN, +inf
or nothing but -inf. `|` chains them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from decodelib.distributions import (
    check_logits,
    largest,
    nucleus,
    rounded_up,
    scalable,
    widen,
)
from decodelib.survivors import CHUNK, survivors
from decodelib.types import LogitsProcessor
from decodelib.validation import check_integer, check_number


class Processor:
    """What the processors of this package share: chaining with `|` and a short repr."""

    reads_input_ids: ClassVar[bool] = False
    """Whether the result depends on the tokens so far; if not, rows of any lengths share a call."""

    by_logits_alone: ClassVar[bool] = False
    """Whether it sees only the logits that are left, in order: not their ids, not what is gone."""

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        raise NotImplementedError

    def __or__(self, other: LogitsProcessor) -> Chain:
        return Chain(self, other)

    def __ror__(self, other: LogitsProcessor) -> Chain:
        return Chain(other, self)

    def __repr__(self) -> str:
        return short_repr(self)


def short_repr(instance: Any) -> str:
    """Return a dataclass instance as the shortest call that makes it: defaults are left out."""
    parts = []
    for field in fields(instance):
        value = getattr(instance, field.name)
        if field.default is MISSING:
            parts.append(repr(value))
        elif value != field.default:
            parts.append(f"{field.name}={value!r}")
    return f"{type(instance).__name__}({', '.join(parts)})"


def remove(
    logits: Float[Tensor, "*batch vocab"], keep: Bool[Tensor, "*batch vocab"]
) -> Float[Tensor, "*batch vocab"]:
    """Return the logits with every token outside `keep` at -inf and the others untouched."""
    if logits.device.type != "cpu" or logits.element_size() < 4 or logits.requires_grad:
        return torch.where(keep, logits, -torch.inf)
    # The same without a branch for each token: the lesser of the logit and of inf or -inf.
    values = logits.numpy()
    bound = keep.numpy().astype(values.dtype)
    bound -= 0.5
    bound *= np.inf
    return torch.from_numpy(np.fmin(values, bound, out=bound))


@dataclass(frozen=True, init=False, repr=False)
class Chain(Processor):
    """Several processors applied left to right, each to what the one before it left.

    Members may be any callables with the processors' signature, transformers' included. Chains
    inside chains are flattened; an empty chain is the identity.
    """

    processors: tuple[LogitsProcessor, ...]

    def __init__(self, *processors: LogitsProcessor) -> None:
        object.__setattr__(self, "processors", tuple(_flatten(processors)))

    @property
    def reads_input_ids(self) -> bool:  # type: ignore[override]
        # A foreign processor does not say, so it is given the rows' true token ids.
        return any(getattr(p, "reads_input_ids", True) for p in self.processors)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        rows = max(1, CHUNK // max(1, logits.shape[-1]))
        if self.is_own and logits.device.type == "cpu" and logits.ndim == 2 and len(logits) > rows:
            parts = zip(input_ids.split(rows), logits.split(rows), strict=True)
            return torch.cat([self._apply(*part) for part in parts])
        return self._apply(input_ids, logits)

    def _apply(self, input_ids: Tensor, logits: Tensor) -> Tensor:
        for place, processor in enumerate(self.processors):
            if place and self._needs_only_logits(place) and logits.device.type == "cpu":
                few = survivors(logits) if logits.ndim == 2 else None
                if few is not None:
                    rest = Chain(*self.processors[place:])._apply(input_ids, few.logits)
                    removed = torch.full_like(logits, -torch.inf)
                    # The largest, because a short row's padding points at token 0.
                    return removed.scatter_reduce_(-1, few.ids, rest, "amax")
            result = processor(input_ids, logits)
            if not isinstance(result, Tensor) or result.shape != logits.shape:
                got = tuple(result.shape) if isinstance(result, Tensor) else type(result).__name__
                wanted = f"processors must return logits of shape {tuple(logits.shape)}"
                raise TypeError(f"{wanted}, got {got} from {processor!r}")
            logits = result
        return logits

    def _needs_only_logits(self, place: int) -> bool:
        return all(getattr(p, "by_logits_alone", False) for p in self.processors[place:])

    @property
    def is_own(self) -> bool:
        """Whether all members are of this package, which never change their input."""
        return all(isinstance(p, Processor) for p in self.processors)

    @property
    def is_sequence_bound(self) -> bool:
        """Whether a member decides by the sequence it works for: by its seed, or by its past."""
        return any(hasattr(p, "for_sequence") for p in self.processors)

    def for_sequence(self, seed: int) -> Chain:
        """Return the chain that works for one sequence, from the beginning."""
        bound = (p.for_sequence(seed) if hasattr(p, "for_sequence") else p for p in self.processors)
        return Chain(*bound)

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.processors)) if self.processors else "Chain()"


def _flatten(processors: tuple[LogitsProcessor, ...]) -> Iterator[LogitsProcessor]:
    for processor in processors:
        if isinstance(processor, Chain):
            yield from processor.processors
        elif callable(processor) and not isinstance(processor, type):
            yield processor
        else:
            raise TypeError(f"processors must be callables p(input_ids, logits), got {processor!r}")


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
    """

    by_logits_alone: ClassVar[bool] = True

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
        # The divisor must be a number in every precision: 0 / 0 and -inf / inf are NaN.
        single = torch.finfo(torch.float32)
        divisor = min(max(float(self.temperature), single.tiny), single.max)
        return scalable(logits, 1 / divisor) / divisor


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
    """

    by_logits_alone: ClassVar[bool] = True

    top_k: int

    def __post_init__(self) -> None:
        check_integer("top_k", self.top_k, 1)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        if self.top_k >= logits.shape[-1]:
            return logits.clone()
        count = torch.full(logits.shape[:-1], self.top_k, device=logits.device)
        return remove(logits, largest(logits, count))


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
    """

    by_logits_alone: ClassVar[bool] = True

    top_p: float

    def __post_init__(self) -> None:
        check_number("top_p", self.top_p, 0, 1, open_low=True)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
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
    """

    by_logits_alone: ClassVar[bool] = True

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
        bound = best + math.log(self.min_p)
        if self.min_p < 1:
            # Each of the two logits was rounded once, by up to half its last digit.
            bound -= 2 * torch.finfo(logits.dtype).eps * torch.maximum(best.abs(), bound.abs())
        return remove(logits, logits >= rounded_up(bound, logits.dtype))
