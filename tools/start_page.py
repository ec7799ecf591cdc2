"""Write chapters/start.ipynb, the page that JupyterLab opens: `make notebooks` runs this.

Its table is that of chapters/index.md; the notebook is no page of the site.
"""

from __future__ import annotations

import re

import nbformat

from decodelib.checks.progress import Progress
from tools.book import ROOT, remove_traces

PAGE = ROOT / "chapters" / "start.ipynb"
WELCOME = """\
# Decoding Language Models

A language model does not write. It returns a probability for every token that could come next, and
something else has to choose, step after step: the *decoding strategy*.

**To read a chapter**, open it below and choose *Run > Run All Cells*: the sliders come to life, and
every cell can be changed. Nothing that you write in an exercise is overwritten; solutions wait
until you ask for them.

**To see what you have solved**, run the cell at the end of this page (Shift + Enter).
"""
AFTER = """\
Terms are explained in the [glossary](glossary.md), symbols on the [notation page](notation.md). The
model is GPT-2 where it can be had and otherwise *storybook*, which is part of the book; the first
cell of a chapter says which. To choose, set the environment variable `DECODELIB_MODEL` to `gpt2` or
`storybook`.
"""
PROGRESS = "from decodelib import checks\n\nchecks.progress()"


def start_page() -> nbformat.NotebookNode:
    """Return the notebook; its cell shows what a reader sees who has solved nothing yet."""
    index = (ROOT / "chapters" / "index.md").read_text(encoding="utf-8")
    rows = [line for line in index.splitlines() if re.match(r"\| \d+ \|", line)]
    head = ["| no. | chapter | minutes | also needs |", "|---|---|---|---|"]
    table = "\n".join([*head, *rows])
    nothing = Progress({})
    shown = {"text/plain": repr(nothing), "text/html": nothing._repr_html_()}
    output = nbformat.v4.new_output("execute_result", shown, execution_count=1)
    # Not compared with a fresh run, which shows what the reader of this machine has solved.
    settings = {"metadata": {"tags": ["nbval-skip"]}, "execution_count": 1, "outputs": [output]}
    cells = [
        nbformat.v4.new_markdown_cell(f"{WELCOME}\n{table}\n\n{AFTER}".strip(), id="start"),
        nbformat.v4.new_code_cell(PROGRESS, id="progress", **settings),
    ]
    nb = nbformat.v4.new_notebook(cells=cells)
    remove_traces(nb)
    return nb


def main() -> None:
    nbformat.write(start_page(), PAGE)


if __name__ == "__main__":
    main()
