"""Build the book (`tools/book.py build --model auto`) or execute its chapters (`... execute`)."""

import argparse
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from tqdm import tqdm

from decodelib.checks.claims import RECORD

ROOT = Path(__file__).resolve().parent.parent
BOOK_SOURCES = ["_config.yml", "_toc.yml", "CITATION.cff", "chapters", "decodelib/viz/static"]
BOOK_SOURCES += ["tools/book_site.py", "tools/book_terms.py", "tools/explorer_assets.py"]
BOOK_SOURCES += ["decodelib/models/gpt2", "decodelib/decoding"]  # shown on the page chapters/live
CELL_TIMEOUT_S = 600
CLONE = """\
# Where decodelib is missing, in Colab for example, this fetches and installs it.
import importlib.util

if importlib.util.find_spec("decodelib") is None:
    !git clone --quiet --depth 1 {repository} book
    %pip install --quiet ./book
    %cd -q book/chapters\
"""
SAY = """\
# This notebook needs decodelib, the package of the book that it is from.
import importlib.util

if importlib.util.find_spec("decodelib") is None:
    print("decodelib is missing. In the folder of the book's repository, run")
    print("    pip install .")
    print("and open this notebook in its folder chapters, beside its data.")\
"""


def find_model(asked: str) -> str:
    """What DECODELIB_MODEL has to be for `asked`; loads it once, since only that can fall back."""
    from decodelib.models.loading import load, resolve

    if asked == "storybook" or load(asked, device="cpu").name == "storybook":
        return "storybook"
    found = resolve(asked)
    return str(Path(found).expanduser().resolve()) if Path(found).expanduser().is_dir() else found


def chapter_notebooks(root: Path = ROOT) -> list[Path]:
    """The notebooks of _toc.yml, in reading order."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    files = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [path for file in files if (path := root / f"{file}.ipynb").exists()]


def execute(notebook: Path, position: str = "", allow_errors: bool = False) -> list[str]:
    """Execute a notebook in place; its stored outputs differ only if the results do.

    Returns what went wrong. With `allow_errors`, a cell that raises shows its error on the page
    and the next one runs; without, the first one raises here and nothing is written.
    """
    nb = nbformat.read(notebook, as_version=4)
    if allow_errors:  # a cell that is never reached must not show what another model gave
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        nb,
        timeout=CELL_TIMEOUT_S,
        allow_errors=allow_errors,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # else output comes in as many pieces as the clock makes of it
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(notebook.parent)}},
    )
    with (
        client.setup_kernel(),
        tqdm(nb.cells, desc=f"{notebook.stem} {position}".strip(), unit="cell") as cells,
    ):
        try:
            for index, cell in enumerate(cells):
                client.execute_cell(cell, index, store_history=cell.cell_type == "code")
        except (CellTimeoutError, DeadKernelError) as error:
            if not allow_errors:
                raise
            stopped = [f"stopped at cell {index}: {str(error).splitlines()[0]}"]
        else:
            stopped = []
    remove_traces(nb)
    nbformat.write(nb, notebook)
    raised = [f"{cell.id} raised {what}" for cell in nb.cells for what in errors_of(cell)]
    return [f"{notebook.stem}: {problem}" for problem in stopped + raised]


def errors_of(cell: nbformat.NotebookNode) -> list[str]:
    """Return the errors that a cell shows, each in one line; none if it is meant to raise."""
    if cell.cell_type != "code" or "raises-exception" in cell.metadata.get("tags", ()):
        return []
    return [
        f"{output.ename}: {output.evalue}".splitlines()[0]
        for output in cell.outputs
        if output.output_type == "error"
    ]


def remove_traces(nb: nbformat.NotebookNode) -> None:
    """Drop what a run leaves behind about the machine it ran on."""
    nb.metadata.pop("widgets", None)
    nb.metadata["kernelspec"] = {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    }
    nb.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    for cell in nb.cells:
        cell.metadata.pop("execution", None)


def execute_all(notebooks: list[Path]) -> None:
    for number, notebook in enumerate(notebooks, start=1):
        try:
            execute(notebook, f"({number} of {len(notebooks)})")
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise SystemExit(f"{notebook.name} failed, so nothing is built:\n{error}") from None


def stage_executed(model: str, stage: Path) -> list[str]:
    """Copy the book's sources to `stage`, execute the copies on `model`; return what went wrong.

    A claim that does not hold is a note on its page, and a cell that raises shows its error there:
    what one model does not do is no reason to keep a book from its readers.
    """
    shutil.rmtree(stage, ignore_errors=True)
    for name in BOOK_SOURCES:
        source, copy = ROOT / name, stage / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        else:
            shutil.copy2(source, copy)
    record = stage / "claims.jsonl"
    os.environ.update({"DECODELIB_MODEL": model, "DECODELIB_STATIC": "1", RECORD: str(record)})
    notebooks, wrong = chapter_notebooks(stage), []
    for number, notebook in enumerate(notebooks, start=1):
        wrong += execute(notebook, f"({number} of {len(notebooks)})", allow_errors=True)
    lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    claims = [json.loads(line) for line in lines]
    wrong += [f"does not hold: {claim['sentence']}" for claim in claims if not claim["holds"]]
    print(f"{sum(claim['holds'] for claim in claims)} of {len(claims)} claims hold.", flush=True)
    return wrong


def run_jupyter_book(source: Path, output: Path) -> int:
    """Build from scratch: an incremental build is silent about warnings it gave before."""
    shutil.rmtree(output / "_build" / "html", ignore_errors=True)
    shutil.rmtree(output / "_build" / ".doctrees", ignore_errors=True)
    jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
    command = [jupyter_book, "build", str(source), "--path-output", str(output)]
    return subprocess.run([*command, "-W", "--keep-going", "-n"], check=False).returncode


def to_download(nb: nbformat.NotebookNode, repository: str = "") -> nbformat.NotebookNode:
    """Return a chapter without solutions, with a first cell that installs or says how to."""
    nb.cells = [cell for cell in nb.cells if "solution" not in cell.metadata.get("tags", ())]
    source = CLONE.format(repository=repository) if repository else SAY
    install = nbformat.v4.new_code_cell(source, id="install")
    nb.cells.insert(0, install)
    return nb


def offer_notebooks(html: Path, repository: str = "") -> None:
    """Rewrite the notebooks that the built site in `html` offers for download."""
    for file in sorted((html / "_sources" / "chapters").glob("*.ipynb")):
        nbformat.write(to_download(nbformat.read(file, as_version=4), repository), file)


def leave_out_unused(html: Path) -> None:
    """Remove the scripts that a page would load and not use: the search's, and MathJax."""
    for page in html.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        unused = (
            [] if page.name == "search.html" else ["searchtools", "language_data", "searchindex"]
        )
        unused += [] if 'class="math' in text else ["mathjax/startup"]
        for name in unused:
            tag = rf'\s*<script[^>]*src="[^"]*{name}\.js[^>]*></script>'
            text = re.sub(tag, "", text)
        page.write_text(text, encoding="utf-8")


def build(model: str, output: Path) -> int:
    from decodelib.viz.page.games import write_games
    from decodelib.viz.page.pack import write_scripts

    started, wrong = time.monotonic(), []
    try:
        found = find_model(model)
    except (ImportError, OSError, TypeError, ValueError) as error:
        print(f"No model, so no book: {error}", file=sys.stderr)
        return 2
    if found == "storybook":
        print(
            "Model: storybook, the embedded one. Pages show the outputs stored in the notebooks.",
            flush=True,
        )
        source = ROOT
    else:
        print(f"Model: {found}. Executing a copy of every chapter on it.", flush=True)
        source = output / "_build" / "executed"
        wrong = stage_executed(found, source)
    status = run_jupyter_book(source, output)
    index = output / "_build" / "html" / "index.html"
    if status:
        print(f"The book was NOT built cleanly: jupyter-book returned {status}.", file=sys.stderr)
        return status
    live = index.parent / "_static" / "live" / "model"
    write_scripts(live)
    write_games(live, ROOT / "chapters" / "data" / "passages.json")
    leave_out_unused(index.parent)
    offer_notebooks(index.parent, os.environ.get("BOOK_REPOSITORY", "").rstrip("/"))
    if wrong:
        print(f"On {found}, and shown on the pages:", *wrong, sep="\n  ")
    print(f"Built with {found} in {time.monotonic() - started:.0f} s. Open {index.as_uri()}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser("build", help="build the website")
    builder.add_argument(
        "--model", default="auto", help="auto, storybook, gpt2, ... (default: auto)"
    )
    builder.add_argument("--output", type=Path, default=ROOT, help="folder that gets _build/html")
    executor = commands.add_parser("execute", help="re-execute chapters in place")
    executor.add_argument("notebooks", type=Path, nargs="*", help="default: every chapter")
    args = parser.parse_args()
    if args.command == "build":
        return build(args.model, args.output.resolve())
    runpy.run_path(str(ROOT / "chapters" / "conftest.py"))  # the environment nbval compares in
    execute_all(args.notebooks or chapter_notebooks())
    return 0


if __name__ == "__main__":
    sys.exit(main())
