"""Widgets for the knobs of decodelib's strategies, each from where it changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import ipywidgets as w

from decodelib.strategies.contrastive_decoding import ContrastiveDecoding
from decodelib.strategies.knobs import KNOBS, STRATEGIES

FIRST = (
    "draft", "num_draft_tokens", "temperature", "top_k", "top_p", "min_p", "repetition_penalty",
)  # fmt: skip
"""The knobs of sampling that are always in view, in this order; others are one click away."""

_STYLE = {"description_width": "11rem"}
_WIDE = w.Layout(width="34rem", max_width="100%")


class Dial(NamedTuple):
    """One knob: its name, its widget, and the value at which it is left out."""

    name: str
    widget: w.Widget
    start: Any
    read: Callable[[Any], Any] = lambda value: value

    def set(self, value: Any) -> None:
        """Move to a value of the knob, or with None to where it is left out."""
        self.widget.value = self.start if value is None else value

    @property
    def given(self) -> Any:
        """The knob's value, or None where it is left out."""
        return None if self.widget.value == self.start else self.read(self.widget.value)


# name: (label, lowest, highest, stride); whole numbers make a slider of whole numbers.
_RANGES: dict[str, tuple[str, float, float, float]] = {
    "repetition_penalty": ("Repetition penalty", 0.5, 2.0, 0.05),
    "dry": ("DRY multiplier", 0.0, 2.0, 0.05),
    "temperature": ("Temperature", 0.0, 3.0, 0.05),
    "top_n_sigma": ("Top-nσ", 0.0, 5.0, 0.1),
    "top_k": ("Top-k", 0, 200, 1),
    "top_p": ("Top-p", 0.01, 1.0, 0.01),
    "min_p": ("Min-p", 0.0, 1.0, 0.01),
    "typical_p": ("Typical mass", 0.01, 1.0, 0.01),
    "epsilon": ("Epsilon", 0.0, 0.05, 0.0005),
    "eta": ("Eta", 0.0, 0.05, 0.0005),
    "mirostat": ("Mirostat, bits", 0.0, 12.0, 0.1),
    "num_beams": ("Beams", 1, 12, 1),
    "length_penalty": ("Length penalty", -2.0, 3.0, 0.1),
    "num_beam_groups": ("Beam groups", 1, 6, 1),
    "diversity_penalty": ("Diversity penalty", 0.0, 3.0, 0.1),
    "penalty_alpha": ("Penalty for likeness", 0.0, 1.0, 0.05),
    "alpha": ("Plausible from", 0.0, 1.0, 0.01),
    "num_draft_tokens": ("Tokens in a draft", 1, 12, 1),
}
_NEUTRAL = {"temperature": 1.0, "top_p": 1.0, "typical_p": 1.0, "repetition_penalty": 1.0}
_DEFAULTS = {"alpha": ContrastiveDecoding.alpha, "num_draft_tokens": 4}
"""Of strategies that cannot be made without another model."""


def dials(strategy: str) -> list[Dial]:
    """Return a dial for each knob of a strategy of the command line, in its order."""
    needs_model = {"amateur", "draft"} & set(STRATEGIES[strategy].knobs)
    made = None if needs_model else STRATEGIES[strategy].make({}, _no_model)
    return [_dial(name, made) for name in STRATEGIES[strategy].knobs]


def _no_model(name: str) -> Any:
    raise ValueError(f"no model is needed here, got {name!r}")


def _dial(name: str, made: object) -> Dial:
    if name in ("amateur", "draft"):
        text = w.Text(description=name.capitalize(), placeholder="a model, such as distilgpt2")
        return Dial(name, _dressed(name, text), "", str.strip)
    if name == "entropy_temperature":
        box = w.Checkbox(description="Entropy temperature", indent=True)
        return Dial(name, _dressed(name, box), False)
    if name == "dynamic_temperature":
        both = w.FloatRangeSlider(value=(1, 1), min=0.05, max=3, step=0.05)
        both.description = "Dynamic temperature"
        return Dial(name, _dressed(name, both), (1.0, 1.0))
    if name == "xtc":
        chance = w.FloatSlider(value=0, min=0, max=1, step=0.05, description="XTC probability")
        return Dial(name, _dressed(name, chance), 0.0, lambda chance: (chance, 0.1))
    label, low, high, step = _RANGES[name]
    start = getattr(made, name, _DEFAULTS.get(name, _NEUTRAL.get(name, low)))
    if name == "top_k" and hasattr(made, name):
        low = 1  # where 0 would not be "off"
    kind = w.IntSlider if isinstance(step, int) else w.FloatSlider
    slider = kind(value=start, min=low, max=high, step=step, description=label)
    if step < 0.01:
        slider.readout_format = ".4f"
    return Dial(name, _dressed(name, slider), slider.value)


def _dressed(name: str, widget: w.Widget) -> w.Widget:
    widget.style, widget.layout = _STYLE, _WIDE
    widget.tooltip = KNOBS[name].help
    return widget
