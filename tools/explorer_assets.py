"""A Sphinx extension that puts the explorers' front end on every page, as two files.

decodelib/viz/static/manifest.json lists the scripts and style sheets in their order; JupyterLab
gets the same from `decodelib.viz.shell.explorer`. Only that list is read here, and not decodelib,
so that a build need not import torch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

STATIC = Path("decodelib/viz/static")
BUNDLES = {"scripts": "explorers.js", "styles": "explorers.css"}


def bundle(static: Path, kind: str) -> str:
    """Return the files of a kind, "scripts" or "styles", in the order of the manifest, as one."""
    names = json.loads((static / "manifest.json").read_text(encoding="utf-8"))[kind]
    return "\n".join((static / name).read_text(encoding="utf-8") for name in names)


def write_bundles(app: Any, config: Any) -> None:
    """Write the two files beside the doctrees, and have Sphinx copy them with the static files."""
    folder = Path(app.doctreedir) / "explorers"
    folder.mkdir(parents=True, exist_ok=True)
    for kind, name in BUNDLES.items():
        text = bundle(Path(app.confdir or app.srcdir) / STATIC, kind)
        (folder / name).write_text(text, encoding="utf-8")
    config.html_static_path.append(str(folder))


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("config-inited", write_bundles)
    # The attribute says where the scripts of the model are, which a reader's own prompt asks for.
    app.add_js_file(BUNDLES["scripts"], **{"data-dx-live": "live/start.js"})
    app.add_css_file(BUNDLES["styles"])
    return {"parallel_read_safe": True, "parallel_write_safe": True}
