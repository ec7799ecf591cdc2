"""The site for students: the built site without the solutions, and without what is not theirs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

_SOLUTION = re.compile(r'<div class="cell[^"]*\btag_solution\b')
_BLOCK = {"div": re.compile(r"<(/?)div\b"), "section": re.compile(r"<(/?)section\b")}

WELCOME = """\
<p><strong>Run it.</strong> The student edition that your course gives out has every chapter as a
notebook, with a README that says how to open them. The exercises check your answers there, and the
sliders are connected to live Python. <code class="docutils literal notranslate"><span class="pre">
checks.progress()</span></code> shows what you have solved.</p>"""


def student_site(site: Path, folder: Path, without_solutions: Callable[[Path], None]) -> None:
    """Copy the site to `folder` and take out what students should not have.

    `without_solutions` edits a notebook in place: those that the pages offer to download.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(site, folder)
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        edited = cut(text, _SOLUTION, "div")
        if page == folder / "index.html" or page.name == "index.html":
            edited = _for_students(edited)
        if edited != text:
            page.write_text(edited, encoding="utf-8")
    for notebook in folder.rglob("*.ipynb"):
        without_solutions(notebook)


def cut(text: str, begins: re.Pattern[str], kind: str) -> str:
    """Return HTML without the blocks of a kind, div or section, that begin so."""
    parts, place = [], 0
    while found := begins.search(text, place):
        parts.append(text[place : found.start()])
        place = end_of_block(text, found.start(), kind)
    return "".join([*parts, text[place:]])


def end_of_block(text: str, start: int, kind: str) -> int:
    """Return where the block that begins at `start` has been closed."""
    depth = 0
    for tag in _BLOCK[kind].finditer(text, start):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return text.index(">", tag.start()) + 1
    raise ValueError(f"text must close the {kind} that begins at {start}")


def _for_students(text: str) -> str:
    """Return the front page without how to teach, and with how a student runs the chapters."""
    text = cut(text, re.compile(r'<section id="teaching[^"]*"'), "section")
    text = re.sub(r"<p><strong>Run it\.</strong>.*?</p>", WELCOME, text, flags=re.DOTALL)
    text = re.sub(r"<p><strong>Teach from it\.</strong>.*?</p>", "", text, flags=re.DOTALL)
    entry = r'<li[^>]*>\s*<a class="reference internal nav-link" href="#teaching[^"]*">.*?</li>'
    return re.sub(entry, "", text, flags=re.DOTALL)
