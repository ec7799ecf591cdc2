"""Settings as decodelib processors, and what they make of a distribution, step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.distributions import entropy, varentropy
from decodelib.processors.base import Processor
from decodelib.processors.temperatures import Temperature
from decodelib.processors.truncation import Eta, MinP, TopK, TopNSigma, TopP, Typical


class Knob(NamedTuple):
    """A setting that a reader can move: its processor, the value that is off, and its range."""

    processor: type[Processor]
    off: float
    low: float
    high: float


KNOBS = {
    "temperature": Knob(Temperature, 1.0, 0.01, 10),
    "top_n_sigma": Knob(TopNSigma, 0.0, 0, 100),
    "top_k": Knob(TopK, 0, 0, math.inf),
    "top_p": Knob(TopP, 1.0, 0.001, 1),
    "min_p": Knob(MinP, 0.0, 0, 1),
    "typical_p": Knob(Typical, 1.0, 0.001, 1),
    "eta": Knob(Eta, 0.0, 0, 0.999),
}
"""In the usual order of application, which is also that of decodelib's command line."""


def check_knob(name: str, value: float) -> None:
    """Raise ValueError unless `value` is one that the knob allows."""
    knob = KNOBS[name]
    if not knob.low <= value <= knob.high:
        in_range = f"in [{knob.low}, {knob.high}]"
        allowed = "0 (off) or more" if math.isinf(knob.high) else in_range
        raise ValueError(f"{name} must be {allowed}, got {value}")


def processor(name: str, value: float) -> Processor | None:
    """Return the processor of a setting, or None for one that is off."""
    knob = KNOBS[name]
    return None if value == knob.off else knob.processor(value)  # type: ignore[call-arg]


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
