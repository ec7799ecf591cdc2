"""Widgets for the knobs of decodelib's strategies, each from where it changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import ipywidgets as w

from decodelib.strategies.knobs import KNOBS, STRATEGIES

FIRST = (
    "draft", "num_draft_tokens", "temperature", "top_k", "top_p", "min_p", "repetition_penalty",
)  # fmt: skip
"""The knobs of sampling that are always in view, in this order; others are one click away."""

_EXAMPLES = {
    "amateur": "a model, such as distilgpt2",
    "draft": "a model, such as distilgpt2",
    "answer": "such as [0-9]+",
}
_STYLE = {"description_width": "8rem"}
_WIDE = w.Layout(width="24rem", max_width="100%")


def _as_it_is(value: Any) -> Any:
    return value


class Dial(NamedTuple):
    """One knob: its name, its widget, and the value at which it is left out."""

    name: str
    widget: w.Widget
    start: Any
    read: Callable[[Any], Any] = _as_it_is

    def set(self, value: Any) -> None:
        """Move to a value of the knob, or with None to where it is left out."""
        self.widget.value = self.start if value is None else value

    @property
    def given(self) -> Any:
        """The knob's value, or None where it is left out."""
        return None if self.widget.value == self.start else self.read(self.widget.value)


def dials(strategy: str) -> list[Dial]:
    """Return a dial for each knob of a strategy of the command line, in its order."""
    needs_more = {"amateur", "draft", "answer"} & set(STRATEGIES[strategy].knobs)
    made = None if needs_more else STRATEGIES[strategy].make({}, _no_model)
    return [_dial(name, made) for name in STRATEGIES[strategy].knobs]


def _no_model(name: str) -> Any:
    raise ValueError(f"no model is needed here, got {name!r}")


def _dial(name: str, made: object) -> Dial:
    knob = KNOBS[name]
    if knob.kind is str:
        text = w.Text(description=knob.label, placeholder=_EXAMPLES[name])
        return Dial(name, _dressed(name, text), "", str.strip)
    if knob.is_switch:
        return Dial(name, _dressed(name, w.Checkbox(description=knob.label, indent=True)), False)
    assert knob.slider is not None
    low, high, step = knob.slider
    start = getattr(made, name, knob.neutral)
    if name == "top_k" and hasattr(made, name):
        low = 1  # where 0 would not be "off"
    kind = w.IntSlider if knob.kind is int else w.FloatSlider
    read: Callable[[Any], Any] = _as_it_is
    if isinstance(knob.neutral, tuple):
        kind = w.FloatRangeSlider
    elif len(knob.metavar) == 2:  # only the first of the two values moves
        second = knob.usual[1]
        read = lambda first: (first, second)  # noqa: E731
    slider = kind(value=start, min=low, max=high, step=step, description=knob.label)
    if step < 0.01:
        slider.readout_format = ".4f"
    return Dial(name, _dressed(name, slider), slider.value, read)


def _dressed(name: str, widget: w.Widget) -> w.Widget:
    widget.style, widget.layout = _STYLE, _WIDE
    widget.tooltip = KNOBS[name].help
    return widget
