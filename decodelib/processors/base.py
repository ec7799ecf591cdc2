"""What every logits processor is: its contract, chains, and how tokens are removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from decodelib.arguments import short_repr
from decodelib.kernels.gpu import sent


class Processor:
    """What the processors of this package share: chaining with `|` and a short repr."""

    reads_input_ids: ClassVar[bool] = False
    """Whether the result depends on the tokens so far; if not, rows of any lengths share a call."""
    reads_ids_on_host: ClassVar[bool] = False
    """Whether the token ids are read as Python's numbers, and so are better left on the CPU."""
    is_random: ClassVar[bool] = False
    """Whether the result depends on the sequence's seed."""

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


def remove(
    logits: Float[Tensor, "*batch vocab"], keep: Bool[Tensor, "*batch vocab"]
) -> Float[Tensor, "*batch vocab"]:
    """Return the logits with every token outside `keep` at -inf and the others untouched."""
    return torch.where(keep, logits, -torch.inf)


@dataclass(frozen=True, init=False, repr=False)
class Chain(Processor):
    """Several processors applied left to right, each to what the one before it left.

    The token ids may be on the CPU though the logits are on a GPU; members get them there if they
    read them on the host, else beside the logits.

    Members may be any callables with the processors' signature, transformers' included. Chains
    inside chains are flattened; an empty chain is the identity.

    Example:
        >>> from decodelib import Temperature, TopP
        >>> Temperature(0.7) | TopP(0.9)
        Temperature(0.7) | TopP(0.9)
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
        beside = None  # the logits, where most processors want the ids
        for processor in self.processors:
            ids = input_ids
            if not getattr(processor, "reads_ids_on_host", False):
                ids = beside = sent(input_ids, logits.device) if beside is None else beside
            result = processor(ids, logits)
            if not isinstance(result, Tensor) or result.shape != logits.shape:
                got = tuple(result.shape) if isinstance(result, Tensor) else type(result).__name__
                wanted = f"processors must return logits of shape {tuple(logits.shape)}"
                raise TypeError(f"{wanted}, got {got} from {processor!r}")
            logits = result
        return logits

    @property
    def is_own(self) -> bool:
        """Whether all members are of this package, which never change their input."""
        return all(isinstance(p, Processor) for p in self.processors)

    @property
    def is_sequence_bound(self) -> bool:
        """Whether a member decides by the sequence it works for: by its seed, or by its past."""
        return any(
            getattr(p, "is_sequence_bound", hasattr(p, "for_sequence")) for p in self.processors
        )

    @property
    def is_stateful(self) -> bool:
        """Whether a member remembers what came before, so that no token can be taken back."""
        return any(getattr(p, "is_stateful", hasattr(p, "for_sequence")) for p in self.processors)

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        return any(getattr(p, "is_random", False) for p in self.processors)

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


def chain_of(processors: Processors) -> Chain:
    """Return processors that were given as one, as several or as a chain, as a chain."""
    return Chain(*processors) if isinstance(processors, Sequence) else Chain(processors)


def given_processors(processors: Processors, taken_back: str = "") -> tuple[LogitsProcessor, ...]:
    """Return what a strategy was given as its processors, checked, as a tuple.

    Args:
        taken_back: What the strategy takes back ("a rejected proposal is"), if it takes any tokens
            back: then processors that remember them are refused.

    Raises:
        TypeError: For what is no processor.
        ValueError: For a processor that follows a sequence, such as Mirostat.
    """
    chain = chain_of(processors)
    if taken_back and chain.is_stateful:
        raise ValueError(
            f"processors must not follow a sequence, because {taken_back} taken back, got {chain!r}"
        )
    return chain.processors


@runtime_checkable
class LogitsProcessor(Protocol):
    """Anything called as `p(input_ids, logits)` that returns new logits of the same shape.

    This is the signature of transformers' logits processors, so each kind works in the other's
    chains. A removed token has the logit -inf.
    """

    def __call__(
        self, input_ids: Int[Tensor, "batch seq"], logits: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]: ...


Processors: TypeAlias = Sequence[LogitsProcessor] | LogitsProcessor
"""What a strategy takes as its processors: several, a chain, or one."""
