"""What explorers of recorded texts share: which text is shown, and which of its tokens."""

from __future__ import annotations

from typing import Any

import traitlets as t

from decodelib.arguments import check_choice, check_integer
from decodelib.viz.shell.explorer import Explorer
from decodelib.viz.shell.limits import Limit, number, one_of


class TextsExplorer(Explorer):
    """An explorer of one of several texts; `data["texts"]` holds a record of each, with a label.

    Traits:
        text: The label of the text shown.
        position: Which of its tokens is looked at, from 1; past the end of a text, its last.
    """

    text = t.Unicode().tag(sync=True)
    position = t.Int(1).tag(sync=True)

    settings: tuple[str, ...] = ("text", "position")

    def limits(self) -> dict[str, Limit]:
        """Return what each setting may be."""
        return {"text": one_of(self._labels), "position": number(1, self._longest, integer=True)}

    @property
    def record(self) -> dict[str, Any]:
        """What is recorded of the text shown."""
        return next(r for r in self.data["texts"] if r["label"] == self.text)

    @property
    def _labels(self) -> list[str]:
        return [record["label"] for record in self.data.get("texts", ())]

    @property
    def _longest(self) -> int:
        """The last position of the longest text."""
        return max(len(record["tokens"]) for record in self.data["texts"])

    @t.validate("text")
    def _check_label(self, proposal: Any) -> str:
        check_choice("text", proposal["value"], tuple(self._labels))
        return str(proposal["value"])

    @t.validate("position")
    def _check_position(self, proposal: Any) -> int:
        check_integer("position", proposal["value"], 1, self._longest)
        return int(proposal["value"])
