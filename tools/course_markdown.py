"""The chapters' MyST as plain Markdown, which JupyterLab and every other reader of notebooks shows.

Citations become names and years, equations get their numbers, boxes become headings in bold, and
links to pages that are not there become text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import count
from pathlib import Path

from pybtex.database import parse_file

from tools.book import ROOT

_CITED = re.compile(r"\{cite:(p|t)\}`([^`]+)`")
_EQUATION = re.compile(r"^\$\$(.*?)\$\$ \(([\w-]+)\)", re.MULTILINE | re.DOTALL)
_BOX = re.compile(
    r"^(:{3,})\{(\w+)\} *(.*?)\n((?::[\w-]+:[^\n]*\n)*)(.*?)^\1 *$", re.MULTILINE | re.DOTALL
)
_FENCE = re.compile(r"^```\{([\w-]+)\}[^\n]*\n(.*?)^``` *$\n?", re.MULTILINE | re.DOTALL)


@cache
def works() -> dict[str, tuple[str, str]]:
    """Return (authors, year) of every key of the bibliography."""
    found = {}
    for key, entry in parse_file(ROOT / "chapters" / "references.bib").entries.items():
        people = entry.persons.get("author") or entry.persons.get("editor") or []
        names = [" ".join(person.last_names) for person in people]
        several = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
        found[key] = (re.sub(r"[{}]", "", several), entry.fields.get("year", ""))
    return found


def equation_numbers(chapters: Iterable[tuple[str, str]]) -> dict[str, tuple[str, int]]:
    """Return the chapter's name and the number of each labelled equation of (name, Markdown)."""
    numbers = {}
    for name, text in chapters:
        labels = (match[2] for match in _EQUATION.finditer(text))
        numbers.update(
            {label: (name, number) for label, number in zip(labels, count(1), strict=False)}
        )
    return numbers


def plain(text: str, chapter: str, equations: dict[str, tuple[str, int]], missing: set[str]) -> str:
    """Return a page's Markdown without directives, roles and labels.

    `missing` are the names of pages to which links become text.
    """

    def cited(match: re.Match[str]) -> str:
        found = [works()[key.strip()] for key in match[2].split(",")]
        if match[1] == "t":
            return ", ".join(f"{authors} ({year})" for authors, year in found)
        return f"({'; '.join(f'{authors}, {year}' for authors, year in found)})"

    def numbered(match: re.Match[str]) -> str:
        return f"$${match[1].rstrip()} \\tag{{{equations[match[2]][1]}}}\n$$"

    def referred(match: re.Match[str]) -> str:
        home, number = equations[match[1]]
        return f"({number})" if home == chapter else f"({number}) of chapter {int(home[:2])}"

    def boxed(match: re.Match[str]) -> str:
        title = match[3] or match[2].capitalize()
        return match[5].strip() if match[2] == "glossary" else f"**{title}**\n\n{match[5].strip()}"

    def linked(match: re.Match[str]) -> str:
        return match[1] if Path(match[2]).name in missing else match[0]

    text = _BOX.sub(boxed, text)
    text = _FENCE.sub("", text)
    text = _CITED.sub(cited, text)
    text = _EQUATION.sub(numbered, text)
    text = re.sub(r"\{eq\}`([^`]+)`", referred, text)
    text = re.sub(r"\{[\w:-]+\}`([^`<]+?)(?:\s*<[^>]*>)?`", r"\1", text)
    text = re.sub(r"^\([\w-]+\)=\n", "", text, flags=re.MULTILINE)
    return re.sub(r"\[([^\]]*)\]\(([\w./-]+\.(?:md|ipynb))(?:#[^)]*)?\)", linked, text)
