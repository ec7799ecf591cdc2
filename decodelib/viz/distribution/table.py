"""The library's table of knobs as the script that the distribution explorer reads.

`python -m decodelib.viz.distribution.table` writes it anew, after a change of the table.
"""

from __future__ import annotations

import json

from decodelib.viz.distribution.steps import STEPS
from decodelib.viz.shell.explorer import STATIC

SCRIPT = STATIC / "distribution" / "table.js"

_HEAD = """\
// @ts-check
/* What the library says of each knob (processors/knobs.py): label, processor, the value that is
 * off, and where a knob starts that is added. Written by decodelib/viz/distribution/table.py. */
(() => {
  globalThis.DecodeExplorer.table = {
"""


def as_script() -> str:
    """Return the script."""
    lines = []
    for name, knob in STEPS.items():
        told = {
            "label": knob.label,
            "processor": type(knob.make(knob.usual)).__name__,
            "off": knob.neutral,
            "usual": knob.usual,
        }
        parts = ", ".join(f"{key}: {_literal(value)}" for key, value in told.items())
        lines.append(f"    {name}: {{ {parts} }},\n")
    return _HEAD + "".join(lines) + "  };\n})();\n"


def _literal(value: str | float) -> str:
    """Return a value as a formatter of JavaScript writes it: 1, not 1.0."""
    whole = isinstance(value, float) and value.is_integer()
    return json.dumps(int(value) if whole else value, ensure_ascii=False)


if __name__ == "__main__":
    SCRIPT.write_text(as_script(), encoding="utf-8")
