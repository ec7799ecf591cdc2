"""What all explorers share: one front end, alive in a kernel and on a page without one.

In a kernel an explorer is an anywidget, and its traits and the sliders move each other. Its
`text/html` holds only data and a text version; the page's scripts bring that alive, and where no
script runs (an untrusted notebook, a code host, paper) the text is what the reader sees. With the
environment variable DECODELIB_STATIC=1 the html is all there is, which keeps stored outputs small
and the same every time.
"""

from __future__ import annotations

import contextvars
import functools
import html
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import traitlets as t

from decodelib.models.base import LanguageModel
from decodelib.models.toy import TableLM
from decodelib.viz.shell.limits import Limit, limit_of
from decodelib.viz.shell.own import Form, sentence

STATIC = Path(__file__).parents[1] / "static"

_MANIFEST = json.loads((STATIC / "manifest.json").read_text(encoding="utf-8"))

ALIVE = "This comes alive on the book's website, and here when this cell is run."
"""The last line of the text that stands for an explorer where no script runs."""

SCRIPTS: tuple[str, ...] = tuple(_MANIFEST["scripts"])
"""The front end, in loading order: the shell, and then each explorer adds its own."""

STYLES: tuple[str, ...] = tuple(_MANIFEST["styles"])
"""The style sheets, in loading order: what all share, and then each explorer may add its own."""


_WITHOUT_WIDGET = contextvars.ContextVar("_WITHOUT_WIDGET", default=False)


class Explorer(t.HasTraits):
    """The data and settings of one explorer, and how they are written into a notebook.

    A subclass names its renderer in `kind`; its synced traits are what the renderer reads. Make one
    with `build`, then call `start`.

    Traits:
        data: What is fixed: recorded by Python, read by the renderer. `start` adds "initial", the
            settings that "Reset" comes back to, "limits", which values a link may give them, and
            "predict", the question to answer first.
        prediction: The reader's committed answer, or None for one who has not predicted.
        revealed: Whether a reader who has not predicted asked to be shown the answer.
        own: The form for the reader's own prompt, which a page shows where a kernel runs; empty
            for an explorer that has none.
        asked, answered: What the reader asks of the form, and what Python answers: the "state" of
            another explorer, or a "message" why there is none.
    """

    kind = t.Unicode("").tag(sync=True)
    title = t.Unicode("").tag(sync=True)
    data = t.Dict().tag(sync=True)
    prediction = t.Union([t.Float(), t.Unicode()], default_value=None, allow_none=True).tag(
        sync=True
    )
    revealed = t.Bool(False).tag(sync=True)

    own = t.Dict().tag(sync=True)
    asked = t.Dict().tag(sync=True)
    answered = t.Dict().tag(sync=True)

    _form: Form | None = None

    settings: tuple[str, ...] = ()
    """The names of the traits that the reader can change, besides `prediction`."""

    def start(self, settings: Mapping[str, Any], predict: Mapping[str, Any] | None = None) -> None:
        """Move to the settings that the reader finds first, and remember them in `data`.

        Args:
            settings: Any of `settings`, and `prediction` to begin with the answer revealed.
            predict: What `question` returns, or None to hide nothing.

        Raises:
            TypeError: For the name of no setting.
            ValueError: For a value that a trait refuses, and for text that UTF-8 cannot hold.
        """
        _check_text(self.title)
        _check_text(self.data)
        names = (*self.settings, "prediction")
        if unknown := sorted(set(settings) - set(names)):
            raise TypeError(f"settings must be among {', '.join(names)}, got {unknown[0]}")
        for name, value in settings.items():
            if name != "prediction":
                setattr(self, name, list(value) if isinstance(value, tuple) else value)
        initial = {name: getattr(self, name) for name in self.settings}
        asked = dict(predict) if predict else None
        limits = self.limits()
        self.data = {**self.data, "initial": initial, "limits": limits, "predict": asked}
        self.prediction = settings.get("prediction")

    def limits(self) -> dict[str, Limit]:
        """Return what each setting may be, as far as its trait says it.

        A subclass adds what depends on its data. A link cannot change a setting without a limit.
        """
        stated = {name: limit_of(trait) for name, trait in self.traits().items()}
        return {name: limit for name in self.settings if (limit := stated[name]) is not None}

    @t.validate("prediction")
    def _check_prediction(self, proposal: Any) -> float | str | None:
        guess = proposal["value"]
        choices = (self.data.get("predict") or {}).get("choices")
        if guess is not None and choices and guess not in choices:
            raise ValueError(f"prediction must be one of {', '.join(choices)}, got {guess!r}")
        if guess is not None and not choices and not _is_number(guess):
            raise ValueError(f"prediction must be a finite number, got {guess!r}")
        return guess

    @property
    def is_hidden(self) -> bool:
        """Whether the answer is held back until the reader predicts it or asks to be shown it."""
        asked = bool(self.data.get("predict"))
        return asked and self.prediction is None and not self.revealed

    def offer(self, lm: LanguageModel, form: Form) -> None:
        """Offer the reader a form for another prompt; a table's few words need none."""
        if not isinstance(lm, TableLM):
            self._form, self.own = form, form.as_json()

    def with_prompt(self, prompt: str, **numbers: int) -> Explorer:
        """Return an explorer of the same kind and model for another prompt.

        Args:
            prompt: Some text.
            numbers: Any of those in `own["fields"]`, such as `max_new_tokens`, in their ranges.

        Raises:
            ValueError: For an empty or too long prompt, and for a number out of range.
            TypeError: For the name of no number, and for an explorer of recorded data or a table.
        """
        return self._again({"prompt": prompt, **numbers})

    def _again(self, asked: Mapping[str, Any]) -> Explorer:
        if self._form is None:
            raise TypeError(f"prompt must be for an explorer with a model, got {self!r}")
        numbers = dict(asked)
        made: Explorer = self._form.fill(numbers.pop("prompt", ""), numbers)
        return made

    @t.observe("asked")
    def _answer(self, change: Any) -> None:
        if not change["new"]:
            return
        token = _WITHOUT_WIDGET.set(True)
        try:
            self.answered = {"state": self._again(change["new"])._state()}
        except Exception as error:  # a page has no console: say there what went wrong
            self.answered = {"message": sentence(error)}
        finally:
            _WITHOUT_WIDGET.reset(token)
            self.asked = {}

    def _state(self) -> dict[str, Any]:
        """Return what a page needs to show the explorer."""
        names = (*self.settings, "prediction")
        state = {"title": self.title, "data": self.data}
        return state | {name: getattr(self, name) for name in names}

    def summary(self) -> str:
        """Return the current state in one line."""
        raise NotImplementedError

    def as_text(self) -> str:
        """Return what the explorer shows where no script runs."""
        raise NotImplementedError

    def as_html(self) -> str:
        """Return the data for the page's scripts around the text version.

        The data sits in an attribute, not in a script element: sanitisers drop an attribute they
        do not know, but may show the content of a script element to the reader.
        """
        packed = json.dumps(
            self._state(), ensure_ascii=False, separators=(",", ":"), allow_nan=False
        )
        attribute = html.escape(packed, quote=False).replace("'", "&#39;")
        return (
            f'<div class="dx" data-dx-kind="{self.kind}" data-dx=\'{attribute}\'>'
            f'<pre class="dx-fallback">{html.escape(self.as_text())}</pre></div>'
        )

    def _repr_mimebundle_(self, **_: Any) -> Any:
        return {"text/plain": self.summary(), "text/html": self.as_html()}


def question(
    predict: str | None, answer: Any, choices: Sequence[str] | None = None
) -> dict[str, Any] | None:
    """Return what `Explorer.start` puts under "predict": a question, and what its answer is.

    Args:
        predict: The question, or None for none.
        answer: What the renderer needs to find the answer; JSON.
        choices: The answers to choose from; without them the answer is a number.
    """
    if predict is None:
        return None
    asked = {"question": predict, "answer": answer}
    return asked | ({"choices": list(choices)} if choices else {})


def _check_text(value: object) -> None:
    """Raise ValueError for text, anywhere in JSON-able data, with half of a surrogate pair.

    Neither a page nor a notebook is a file that could hold it.
    """
    if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
        raise ValueError(f"title and labels must be text that UTF-8 can hold, got {value!r}")
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple):
        for part in value:
            _check_text(part)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


SomeExplorer = TypeVar("SomeExplorer", bound=Explorer)


def build(kind: type[SomeExplorer], **state: Any) -> SomeExplorer:
    """Return an explorer: a widget, or with DECODELIB_STATIC=1 one that only writes its html."""
    if os.environ.get("DECODELIB_STATIC") == "1" or _WITHOUT_WIDGET.get():
        return kind(**state)
    return _as_widget(kind)(**state)


@functools.cache
def _as_widget(kind: type[SomeExplorer]) -> type[SomeExplorer]:
    import anywidget

    class Widget(kind, anywidget.AnyWidget):  # type: ignore[valid-type, misc]
        _esm = front_end()
        _css = styles()

        def _repr_mimebundle_(self, **kwargs: Any) -> Any:
            widget: Any = anywidget.AnyWidget._repr_mimebundle_(self, **kwargs)
            # The html rides along for whatever reads the saved notebook later.
            return widget[0] | kind._repr_mimebundle_(self), widget[1]

        def __repr__(self) -> str:
            return kind.__repr__(self)

    Widget.__name__, Widget.__qualname__ = kind.__name__, kind.__qualname__
    return Widget


def front_end() -> str:
    """Return the scripts as the one module that anywidget loads."""
    return _joined(SCRIPTS) + "\nexport default globalThis.DecodeExplorer;\n"


def styles() -> str:
    """Return the style sheets as one."""
    return _joined(STYLES)


def _joined(names: Sequence[str]) -> str:
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)
