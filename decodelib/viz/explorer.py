"""What all explorers share: one front end, alive in a kernel and on a page without one.

In a kernel an explorer is an anywidget, and its traits and the sliders move each other. Its
`text/html` holds only data and a text version; the page's scripts bring that alive, and where no
script runs (an untrusted notebook, a code host, paper) the text is what the reader sees. With the
environment variable DECODELIB_STATIC=1 the html is all there is, which keeps stored outputs small
and the same every time.
"""

from __future__ import annotations

import functools
import html
import json
import os
from pathlib import Path
from typing import Any, TypeVar

import traitlets as t

STATIC = Path(__file__).parent / "static"

SCRIPTS = ("explorer.js", "explorer-logits.js", "explorer-distribution.js")
"""The front end, in loading order; the first is the shell, each further explorer adds one."""

STYLE = "explorer.css"


class Explorer(t.HasTraits):
    """The data and settings of one explorer, and how they are written into a notebook.

    A subclass names its renderer in `kind`; its synced traits are what the renderer reads.
    """

    kind = t.Unicode("").tag(sync=True)
    title = t.Unicode("").tag(sync=True)
    data = t.Dict().tag(sync=True)

    settings: tuple[str, ...] = ()
    """The names of the traits that the reader can change."""

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
        state = {"title": self.title, "data": self.data}
        state |= {name: getattr(self, name) for name in self.settings}
        packed = json.dumps(state, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        attribute = html.escape(packed, quote=False).replace("'", "&#39;")
        return (
            f'<div class="dx" data-dx-kind="{self.kind}" data-dx=\'{attribute}\'>'
            f'<pre class="dx-fallback">{html.escape(self.as_text())}</pre></div>'
        )

    def _repr_mimebundle_(self, **_: Any) -> Any:
        return {"text/plain": self.summary(), "text/html": self.as_html()}


SomeExplorer = TypeVar("SomeExplorer", bound=Explorer)


def build(kind: type[SomeExplorer], **state: Any) -> SomeExplorer:
    """Return an explorer: a widget, or with DECODELIB_STATIC=1 one that only writes its html."""
    if os.environ.get("DECODELIB_STATIC") == "1":
        return kind(**state)
    return _as_widget(kind)(**state)


@functools.cache
def _as_widget(kind: type[SomeExplorer]) -> type[SomeExplorer]:
    import anywidget

    class Widget(kind, anywidget.AnyWidget):  # type: ignore[valid-type, misc]
        _esm = front_end()
        _css = (STATIC / STYLE).read_text(encoding="utf-8")

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
    sources = [(STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return "\n".join(sources) + "\nexport default globalThis.DecodeExplorer;\n"
