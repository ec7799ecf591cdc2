"""Print the built site as a book: `make pdf` writes _build/decoding-language-models.pdf.

A title page, the contents with their pages, and the chapters with running heads and page numbers;
explorers show their answers, and links between chapters lead inside the file.
"""

from __future__ import annotations

import argparse
import datetime
import html
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml
from pypdf import PdfReader, PdfWriter
from pypdf.constants import PageLabelStyle
from pypdf.generic import ArrayObject, DictionaryObject, NameObject
from tqdm import tqdm

from tools.book import ROOT
from tools.paper import Heading, add_style, browser, open_page, open_text, print_page

NAME = "decoding-language-models.pdf"
TITLE = "Decoding Language Models"
SUBTITLE = "From logits to text"
LEFT_OUT = ("live", "line", "games", "claims", "claims_elsewhere")
"""Pages that are for a screen, and lists of a hundred thousand words that can be searched there."""

RUNNING = """
@page {{
  @bottom-center {{ content: counter(page{style}); font: 8.5pt sans-serif; color: #444; }}
  {head}
}}
@page :first {{ @top-right {{ content: none; }} }}
html {{ counter-reset: page {before}; }}
"""


@dataclass(frozen=True)
class Printed:
    """One page of the site on paper."""

    page: Path
    part: str
    headings: list[Heading]
    document: PdfReader
    start: int
    """The number on its first sheet."""

    def sheet(self, anchor: str) -> int:
        """Return on which of its sheets, counted from 0, a place is; the first if it is unknown."""
        found = self.document.named_destinations.get(f"/{anchor}") or (
            self.document.named_destinations.get(anchor)
        )
        number = self.document.get_destination_page_number(found) if found else None
        return number or 0


def contents() -> list[tuple[str, str]]:
    """Return (part, file) of the pages that are printed, in reading order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [("", toc["root"])]
    files += [(part["caption"], c["file"]) for part in toc["parts"] for c in part["chapters"]]
    return [(part, file) for part, file in files if Path(file).name not in LEFT_OUT]


def title_page() -> str:
    """Return the title page, dated by SOURCE_DATE_EPOCH or today."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    address = os.environ.get("BOOK_URL", "")
    online = f" at {html.escape(address)}" if address else ""
    return (
        f'<div class="title-page"><h1>{TITLE}</h1><p class="subtitle">{SUBTITLE}</p>'
        f'<p class="author">{html.escape(config["author"])}</p><div class="imprint">'
        f"<p>{date():%d %B %Y}</p><p>The book on the web{online} has what paper has not: explorers "
        "that move, a model that continues your own text, quizzes that answer, and the list of all "
        "claims with their checks. Every chapter is also a notebook that can be run.</p>"
        "<p>Text under CC BY 4.0, code under the MIT licence.</p></div></div>"
    )


def date() -> datetime.date:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.datetime.now(datetime.UTC)
    return (datetime.datetime.fromtimestamp(int(epoch), datetime.UTC) if epoch else now).date()


def contents_page(printed: list[Printed]) -> str:
    """Return the table of contents: parts, chapters and sections with their pages."""
    items, part = [], ""
    for chapter in printed:
        if chapter.part != part:
            part = chapter.part
            items.append(f'<li class="part">{html.escape(part)}</li>')
        for heading in chapter.headings:
            number = chapter.start + chapter.sheet(heading.anchor)
            href = f"{chapter.page.as_uri()}#{heading.anchor}"
            text = html.escape(heading.text)
            items.append(
                f'<li class="level-{heading.level}" data-page="{number}">'
                f'<a href="{href}">{text}</a><i></i></li>'
            )
    return f'<div class="paper"><h1>Contents</h1><ul class="contents">{"".join(items)}</ul></div>'


def running(before: int, head: str = "", style: str = "") -> str:
    """Return the style of page numbers that follow `before`, and of a running head."""
    box = f"@top-right {{ content: {_css_string(head)}; font: 8.5pt sans-serif; color: #444; }}"
    return RUNNING.format(before=before, style=style, head=box if head else "")


def _css_string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def print_chapters(
    driver: Any, site: Path, wanted: list[tuple[str, Path]], solutions: bool
) -> list[Printed]:
    """Print the pages one after another, numbered through."""
    printed, start = [], 1
    for part, page in tqdm(wanted, desc="printing", unit="page", file=sys.stderr):
        headings = open_page(driver, page, solutions)
        add_style(driver, running(start - 1, headings[0].text))
        document = PdfReader(io.BytesIO(print_page(driver)))
        printed.append(Printed(page.resolve(), part, headings, document, start))
        start += len(document.pages)
    return printed


def join(title: PdfReader, table: PdfReader, printed: list[Printed]) -> PdfWriter:
    """Join title page, contents and chapters, with an outline of two levels."""
    writer = PdfWriter()
    writer.append(title, outline_item=TITLE, import_outline=False)
    writer.append(table, outline_item="Contents", import_outline=False)
    front = len(writer.pages)
    for chapter in printed:
        first = len(writer.pages)
        writer.append(chapter.document, import_outline=False)
        parent: Any = None
        for heading in chapter.headings:
            item = writer.add_outline_item(
                title=heading.text,
                page_number=first + chapter.sheet(heading.anchor),
                parent=parent if heading.level > 1 else None,
                is_open=False,
            )
            parent = item if heading.level == 1 else parent
    chapters = {chapter.page: chapter for chapter in printed}
    for sheet in writer.pages:
        for annotation in sheet.get("/Annots", ArrayObject()):
            _lead_inside(annotation.get_object(), chapters, front, writer)
    writer.set_page_label(0, 0, prefix="Title")
    writer.set_page_label(1, front - 1, style=PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(front, len(writer.pages) - 1, style=PageLabelStyle.DECIMAL)
    author = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["author"]
    made = f"D:{date():%Y%m%d}000000Z"
    writer.add_metadata(
        {
            "/Title": f"{TITLE}: {SUBTITLE.lower()}",
            "/Author": author,
            "/CreationDate": made,
            "/ModDate": made,
        }
    )
    return writer


def _lead_inside(
    link: DictionaryObject, chapters: dict[Path, Printed], front: int, writer: PdfWriter
) -> None:
    """Point a link to a file of the site at its place in the document, or remove it."""
    action = link.get("/A", {})
    address = urlsplit(str(action.get("/URI", "")))
    if address.scheme != "file":
        return
    del link["/A"]
    chapter = chapters.get(Path(unquote(address.path)).resolve())
    if chapter:
        number = front + chapter.start - 1 + chapter.sheet(unquote(address.fragment))
        sheet = writer.pages[number]
        link[NameObject("/Dest")] = ArrayObject([sheet.indirect_reference, NameObject("/Fit")])


def print_book(
    site: Path, target: Path, wanted: list[tuple[str, Path]] | None = None, solutions: bool = False
) -> None:
    """Print the (part, page) of the site that are `wanted`, by default all, to `target`."""
    if wanted is None:
        wanted = [(part, site / f"{file}.html") for part, file in contents()]
    missing = [page.name for _, page in wanted if not page.is_file()]
    if missing:
        raise SystemExit(f"The site in {site} has no {missing[0]}: run `make book` first.")
    with browser() as driver:
        printed = print_chapters(driver, site, wanted, solutions)
        open_text(driver, site, title_page())
        title = PdfReader(io.BytesIO(print_page(driver)))
        open_text(driver, site, contents_page(printed))
        add_style(driver, running(0, style=", lower-roman"))
        table = PdfReader(io.BytesIO(print_page(driver)))
    target.parent.mkdir(parents=True, exist_ok=True)
    join(title, table, printed).write(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html")
    parser.add_argument("--output", type=Path, default=ROOT / "_build" / NAME)
    parser.add_argument("--solutions", action="store_true", help="print the exercises' solutions")
    args = parser.parse_args()
    print_book(args.site.resolve(), args.output.resolve(), solutions=args.solutions)
    print(f"{len(PdfReader(args.output).pages)} pages: {args.output}")


if __name__ == "__main__":
    main()
