"""Settings as decodelib processors, and what they make of a distribution, step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.distributions import entropy, varentropy
from decodelib.processors.base import Processor
from decodelib.processors.knobs import PROCESSOR_KNOBS

STEPS = {
    name: PROCESSOR_KNOBS[name]
    for name in ("temperature", "top_n_sigma", "top_k", "top_p", "min_p", "typical_p", "eta")
}
"""The processors of the explorer, in the usual order of application."""


def check_knob(name: str, value: float) -> None:
    """Raise ValueError unless `value` is one that the knob allows."""
    low, high = STEPS[name].allowed
    if not low <= value <= high:
        allowed = "0 (off) or more" if math.isinf(high) else f"in [{low}, {high}]"
        raise ValueError(f"{name} must be {allowed}, got {value}")


def processor(name: str, value: float) -> Processor | None:
    """Return the processor of a setting, or None for one that is off."""
    knob = STEPS[name]
    return None if value == knob.neutral else knob.make(value)


@dataclass(frozen=True)
class Distribution:
    """What an explorer shows: a distribution before and after the steps, most probable token first.

    Attributes:
        token_ids: The ids in the order of the rows below, shape [vocab].
        before, after: Probabilities, float64, shape [vocab]; a removed token has 0 after.
        removed_at: For each token, the place in `kept_after` of the step that removed it, or the
            number of steps for one that is kept; shape [vocab].
        kept: How many tokens the steps leave.
        mass: The probability that the model gives to those, before the steps.
        entropy_before, entropy: In nats.
        varentropy_before, varentropy: In square nats.
        kept_after: For each step, in order, its name and how many tokens it leaves.
    """

    token_ids: Int[Tensor, " vocab"]
    before: Float[Tensor, " vocab"]
    after: Float[Tensor, " vocab"]
    removed_at: Int[Tensor, " vocab"]
    kept: int
    mass: float
    entropy_before: float
    entropy: float
    varentropy_before: float
    varentropy: float
    kept_after: tuple[tuple[str, int], ...]

    @property
    def top_probability(self) -> float:
        """The most probable token's probability after the steps."""
        return float(self.after.max())


def apply_steps(
    logits: Float[Tensor, " vocab"],
    token_ids: Int[Tensor, " vocab"],
    settings: Mapping[str, float],
    order: Sequence[str],
) -> Distribution:
    """Return what the settings make of a row that is sorted from the most probable token down."""
    no_ids = torch.empty(1, 0, dtype=torch.long)
    before = after = logits[None]
    kept_after = []
    removed_at = torch.zeros(logits.shape[0], dtype=torch.long)
    for name in order:
        if (step := processor(name, settings[name])) is not None:
            after = step(no_ids, after)
        kept_after.append((name, int(after.isfinite().sum())))
        removed_at += after.isfinite()[0]
    kept = after.isfinite()[0]
    return Distribution(
        token_ids=token_ids,
        before=before.softmax(-1)[0],
        after=after.softmax(-1)[0],
        removed_at=removed_at,
        kept=int(kept.sum()),
        mass=float(before.softmax(-1)[0][kept].sum()),
        entropy_before=float(entropy(before)),
        entropy=float(entropy(after)),
        varentropy_before=float(varentropy(before)),
        varentropy=float(varentropy(after)),
        kept_after=tuple(kept_after),
    )
