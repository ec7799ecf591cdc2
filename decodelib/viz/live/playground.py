"""The playground: any prompt, any strategy, in a live kernel, with a button that stops."""

from __future__ import annotations

import html
import os
from typing import Any

import ipywidgets as w

from decodelib.models.base import LanguageModel
from decodelib.models.loading import load
from decodelib.strategies.knobs import STRATEGIES
from decodelib.strategies.presets import PRESETS, preset
from decodelib.viz.live.decoding import Decoding, Report
from decodelib.viz.live.dials import FIRST, Dial, dials
from decodelib.viz.live.interruptible import Interruptible
from decodelib.viz.race.explorer import RaceExplorer, explore_race
from decodelib.viz.shell.own import sentence
from decodelib.viz.shell.source import as_source

NOTE = (
    "A playground with your own prompt and any strategy needs Python behind it: run this notebook "
    "(make lab). This is a recorded race of the presets."
)
CUSTOM = "(none)"
MODELS = ("storybook", "gpt2", "gpt2-medium", "distilgpt2", "smollm2")


class Playground(w.VBox):
    """A prompt, a strategy with its knobs, and a text that grows until it ends or is stopped.

    Make one with `playground`. The text is decoded in a thread of its own: a kernel handles one
    message at a time, so a callback that decoded would hold back the click on "Stop" until it was
    done.

    Attributes:
        decoding: The thread of the last text, or None before the first.
        prompt, model, preset, strategy, length, seed: The widgets that say what to do.
        dials: The knobs of the strategy chosen.
        run, stop, progress, output, status, code: The widgets that do it and show it.
    """

    def __init__(self, lm: LanguageModel, prompt: str) -> None:
        self.lm = lm
        self._models = {lm.name: lm}
        self._all_dials: dict[str, list[Dial]] = {}
        self.decoding: Decoding | None = None
        wide = w.Layout(width="24rem", max_width="100%")
        style = {"description_width": "8rem"}
        self.prompt = w.Textarea(value=prompt, description="Prompt", rows=3)
        self.model = w.Dropdown(
            options=list(dict.fromkeys([lm.name, *MODELS])), description="Model"
        )
        self.preset = w.Dropdown(options=[CUSTOM, *PRESETS], description="Preset")
        self.strategy = w.Dropdown(options=list(STRATEGIES), description="Strategy")
        self.length = w.IntSlider(value=60, min=1, max=200, description="New tokens")
        self.seed = w.BoundedIntText(value=0, min=0, max=2**31 - 1, description="Seed")
        controls = [self.prompt, self.model, self.preset, self.strategy, self.length, self.seed]
        for widget in controls:
            widget.layout, widget.style = wide, style
        self.run = w.Button(description="Generate", button_style="primary")
        self.stop = w.Button(description="Stop", disabled=True)
        self.progress = w.FloatProgress(value=0, min=0, max=1, layout={"width": "12rem"})
        self.status, self.output = w.HTML(), w.HTML()
        self.code = w.Textarea(rows=6, layout=w.Layout(width="100%"))
        self.code.tooltip = "Select all and copy"
        self._knobs, self._purpose = w.VBox(), w.HTML()
        result = [
            w.HBox([self.run, self.stop, self.progress]),
            self.status,
            self.output,
            w.Label("The same as decodelib code, to copy:"),
            self.code,
        ]
        controls.insert(3, self._purpose)
        controls.insert(5, self._knobs)
        # Side by side where there is room, so that a text is seen while it grows; else below.
        sides = [
            w.VBox(controls, layout=w.Layout(max_width="100%")),
            w.VBox(result, layout=w.Layout(flex="1 1 18rem", min_width="0")),
        ]
        row = w.HBox(sides, layout=w.Layout(flex_flow="row wrap", align_items="flex-start"))
        super().__init__([row])
        self.model.observe(lambda _: self._use_model(), "value")
        self.preset.observe(lambda _: self._use_preset(), "value")
        self.strategy.observe(lambda _: self._show_knobs(), "value")
        for widget in (self.prompt, self.length, self.seed):
            widget.observe(lambda _: self._show_code(), "value")
        self.run.on_click(lambda _: self.start())
        self.stop.on_click(lambda _: self.interrupt())
        self._show_knobs()

    def __repr__(self) -> str:
        return f"Playground({self.lm.name!r})"

    # ---- what to do --------------------------------------------------------------------------

    @property
    def dials(self) -> dict[str, Dial]:
        """The knobs of the strategy chosen, by name."""
        name = self.strategy.value
        if name not in self._all_dials:
            self._all_dials[name] = dials(name)
            for dial in self._all_dials[name]:
                dial.widget.observe(lambda _: self._show_code(), "value")
        return {dial.name: dial for dial in self._all_dials[name]}

    @property
    def given(self) -> dict[str, Any]:
        """The knobs that are not where they change nothing, with their values."""
        values = {name: dial.given for name, dial in self.dials.items()}
        return {name: value for name, value in values.items() if value is not None}

    def _use_preset(self) -> None:
        chosen = PRESETS.get(self.preset.value)
        self._purpose.value = ""
        if chosen is None:
            return
        self.strategy.value = chosen.strategy
        for name, dial in self.dials.items():
            dial.set(chosen.knobs.get(name))
        words = html.escape(f"For {chosen.purpose}. Source: {chosen.source}.")
        self._purpose.value = f"<p>{words}</p>"

    def _use_model(self) -> None:
        self.interrupt()
        if self.decoding is not None:
            self.decoding.join()
        name = self.model.value
        if name == self.lm.name:
            return
        self.run.disabled = True
        self.status.value = _status(f"Loading {name}.")
        try:
            if name not in self._models:
                self._models[name] = self._load(name)
            self.lm = self._models[name]
            self.status.value = _status(f"{name} is loaded, on the {self.lm.device}.")
        except (OSError, ValueError, ImportError) as error:
            self.status.value = _status(sentence(error))
            self.model.value = self.lm.name
        self.run.disabled = False
        self._show_code()

    def _show_knobs(self) -> None:
        knobs = self.dials
        names = [name for name in FIRST if name in knobs] if len(knobs) > len(FIRST) else knobs
        first = [knobs[name].widget for name in names]
        more = [dial.widget for dial in knobs.values() if dial.widget not in first]
        folded = w.Accordion([w.VBox(more)], titles=["More processors"]) if more else None
        help_line = w.HTML(f"<p>{html.escape(STRATEGIES[self.strategy.value].help)}</p>")
        self._knobs.children = [help_line, *first, *([folded] if folded else [])]
        self._show_code()

    def _show_code(self) -> None:
        try:
            strategy = STRATEGIES[self.strategy.value].make(
                self.given, lambda name: _named(self.lm, name)
            )
        except (ValueError, TypeError) as error:
            self.code.value = f"# {sentence(error)}"
            return
        self.code.value = (
            f"import decodelib as dl\n\nlm = dl.load({self.lm.name!r})\n"
            f"strategy = {as_source(strategy)}\n"
            f"g = dl.generate(lm, {self.prompt.value!r}, strategy, "
            f"max_new_tokens={self.length.value}, seed={self.seed.value})\nprint(g.full_text)"
        )

    # ---- doing it ----------------------------------------------------------------------------

    def start(self) -> None:
        """Decode with the settings as they are; nothing happens while a text is being decoded."""
        if self.decoding is not None and self.decoding.is_alive():
            return
        name, given = self.strategy.value, self.given
        self.decoding = Decoding(
            self.lm,
            self.prompt.value,
            lambda: STRATEGIES[name].make(given, self._load),
            self._show,
            max_new_tokens=self.length.value,
            seed=self.seed.value,
        )
        self.output.value, self.progress.value = "", 0
        self.status.value = _status("Starting.")
        self.run.disabled, self.stop.disabled = True, False
        self.decoding.start()

    def interrupt(self) -> None:
        """Stop decoding; the text so far stays."""
        if self.decoding is not None:
            self.decoding.stop()

    def _load(self, name: str) -> LanguageModel:
        return load(name, self.lm.device, self.lm.dtype)

    def _show(self, report: Report) -> None:
        self.output.value = report.text._repr_html_()
        self.progress.value = report.share
        self.status.value = _status(report.message)
        if report.is_over:
            self.run.disabled, self.stop.disabled = False, True


def _status(message: str) -> str:
    return f'<p role="status">{html.escape(message)}</p>'


def _named(lm: LanguageModel, name: str) -> LanguageModel:
    """Stand in for a model that is only to be written down."""
    return Interruptible(lm, lambda: None, name)


def playground(
    lm: LanguageModel, prompt: str = "Once upon a time", race: RaceExplorer | None = None
) -> Playground | RaceExplorer:
    """Return a playground for a live kernel, or a recorded race where DECODELIB_STATIC is 1.

    Args:
        lm: Any decodelib language model.
        prompt: The text that is there at first.
        race: What stands in for the playground where there is no kernel; by default a race of the
            presets on this prompt.

    Raises:
        ValueError: As `explore_race`, for a prompt that does not fit.

    Chapter 15.
    """
    if os.environ.get("DECODELIB_STATIC") != "1":
        return Playground(lm, prompt)
    if race is None:
        presets = {name.capitalize(): preset(name) for name in PRESETS}
        race = explore_race(lm, prompt, presets, title="The presets, recorded")
    race.data = {**race.data, "note": NOTE}
    return race
