"""Open the chapters in JupyterLab: `make lab`, or `python lab.py` in the student edition.

The start page opens, files that only the book's machinery needs are out of sight, Markdown opens
rendered, and the notebooks are trusted: they are the book's own, and their pictures and coloured
texts show, and explorers move, before a cell has been run. Options are given on to JupyterLab.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat.sign import NotebookNotary

HERE = Path(__file__).resolve().parent
CHAPTERS = (HERE if (HERE / "chapters").is_dir() else HERE.parent) / "chapters"
HIDDEN = ["_*", "*.py", "*.toml", "*.cfg", "*.bib", "*.json", "*.jsonl", "data", "__pycache__"]
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
}


def trust(folder: Path) -> None:
    """Sign the notebooks of a folder as the reader's own, as `jupyter trust` does."""
    notary = NotebookNotary()
    for path in sorted(folder.glob("*.ipynb")):
        notary.sign(nbformat.read(path, as_version=4))


def write_extension(folder: Path) -> None:
    """Write the extension that brings stored explorers to life and names citations."""
    static = CHAPTERS.parent / "decodelib" / "viz" / "static"
    files = json.loads((static / "manifest.json").read_text(encoding="utf-8"))

    def joined(kind: str) -> str:
        return "\n".join((static / name).read_text(encoding="utf-8") for name in files[kind])

    package = folder / "decodelib-lab"
    (package / "static").mkdir(parents=True)
    entry = {"load": "static/remoteEntry.js", "extension": "./extension"}
    about = {"name": package.name, "version": "1.0.0", "jupyterlab": {"_build": entry}}
    (package / "package.json").write_text(json.dumps(about), encoding="utf-8")
    parts = [
        f"const WORKS = {json.dumps(_works())};",
        f"const STYLES = {json.dumps(joined('styles'))};",
        f"const EXPLORERS = () => {{\n{joined('scripts')}\n}};",
        (HERE / "lab_extension.js").read_text(encoding="utf-8"),
    ]
    (package / "static" / "remoteEntry.js").write_text("\n".join(parts), encoding="utf-8")


def _works() -> dict[str, tuple[str, str]]:
    """Return authors and year of the works cited; none in a student edition, which names them."""
    try:
        from tools.course_markdown import works
    except ModuleNotFoundError:
        return {}
    return works()


def command(folder: Path, settings: Path) -> tuple[list[str], dict[str, str]]:
    """Return the command that opens a folder, and its environment; `settings` is written to."""
    (settings / "overrides.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
    write_extension(settings / "labextensions")
    run = [
        *(sys.executable, "-m", "jupyter", "lab", str(folder)),
        "--LabApp.default_url=/lab/tree/start.ipynb",
        f"--LabApp.app_settings_dir={settings}",
        f"--ContentsManager.hide_globs={HIDDEN}",
    ]

    def before(variable: str, path: Path) -> str:
        return os.pathsep.join(filter(None, [str(path), os.environ.get(variable)]))

    found = {
        "JUPYTER_PATH": before("JUPYTER_PATH", settings),
        "PYTHONPATH": before("PYTHONPATH", folder.parent),
    }
    # A small model has done its sums before several threads have met; and if a reader takes more
    # threads, those that wait for each other should leave the processor to other programs.
    calm = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    return run, calm | os.environ | found


def main() -> int:
    trust(CHAPTERS)
    with tempfile.TemporaryDirectory() as settings:
        run, environment = command(CHAPTERS, Path(settings))
        try:
            return subprocess.run([*run, *sys.argv[1:]], env=environment, check=False).returncode
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main())
