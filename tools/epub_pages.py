"""Rewrite the pages that Sphinx's EPUB builder made for a reader without scripts.

Explorers become pictures that show their answers, formulas become MathML, quizzes print their
answers below, and what only a screen or a kernel can do is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

REMOVED = (
    "script, noscript, style, .headerlink, .sd-d-grid, .sd-btn, form, link[rel=stylesheet], "
    "meta[name=viewport], .tag_quiz > details, .tag_hide-input > details"
)
STYLES = ("pygments.css", "book-epub.css")


@dataclass(frozen=True)
class Picture:
    """An explorer as it looks with its answer shown.

    Attributes:
        file: The picture's name in the folder _images.
        title: What the explorer is called.
        said: The question, and what the explorer says of the answer.
        link: Where the explorer is alive, or "" if that is not known.
    """

    file: str
    title: str
    said: str
    link: str


@dataclass(frozen=True)
class Book:
    """What a page needs to know of the rest of the book.

    Attributes:
        pages: The stems of the pages that are in it.
        pictures: Of each page's explorers, in order.
        formulas: The MathML of each formula, by (TeX, whether it is displayed).
        web: The address of the site, ending in "/", or "" if it has none.
        solutions: Whether solutions of exercises are printed.
    """

    pages: frozenset[str]
    pictures: Mapping[str, Sequence[Picture]] = field(default_factory=dict)
    formulas: Mapping[tuple[str, bool], str] = field(default_factory=dict)
    web: str = ""
    solutions: bool = False


def formulas_of(page: BeautifulSoup) -> set[tuple[str, bool]]:
    """Return the page's formulas, as (TeX, whether it is displayed)."""
    return {formula for node in page.select(".math") if (formula := _tex(node))}


def rewrite(stem: str, page: BeautifulSoup, book: Book) -> None:
    """Rewrite a page in place."""
    for node in page.select("[data-live]"):
        node.name, node.attrs = "p", {"class": "live"}
        node.string = "(On the web this is alive.)"
    for node in page.select(REMOVED):
        node.decompose()
    if not book.solutions:
        for node in page.select(".tag_solution"):
            node.decompose()
    _style(page)
    for number, explorer in enumerate(page.select("div.dx")):
        _answer(page, explorer, book.pictures[stem][number])
    for quiz in page.select(".quiz"):
        _print_quiz(page, quiz)
    for details in page.select("details"):
        _unfold(page, details)
    for node in page.select(".math"):
        _typeset(node, book.formulas)
    for token in page.select(".dl-token"):
        _shade(token)
    for link in page.select("a[href]"):
        _point(link, book)
    for tag in page.select("[contenteditable], [tabindex], [data-quiz], [controls]"):
        for name in ("contenteditable", "tabindex", "data-quiz", "controls"):
            tag.attrs.pop(name, None)


def _style(page: BeautifulSoup) -> None:
    assert page.head
    for name in STYLES:
        attributes = {"rel": "stylesheet", "type": "text/css", "href": f"../_static/{name}"}
        page.head.append(page.new_tag("link", attrs=attributes))


def _answer(page: BeautifulSoup, explorer: Tag, picture: Picture) -> None:
    """Put the explorer's picture in its place."""
    figure = page.new_tag("figure", attrs={"class": "explorer"})
    alternative = f"Explorer: {picture.title}. {picture.said}".strip()
    source = f"../_images/{picture.file}"
    figure.append(page.new_tag("img", attrs={"src": source, "alt": alternative}))
    caption = page.new_tag("figcaption")
    caption.string = f"{picture.title}. {picture.said} "
    if picture.link:
        link = page.new_tag("a", attrs={"href": picture.link})
        link.string = "Move it yourself."
        caption.append(link)
    figure.append(caption)
    explorer.replace_with(figure)


def _print_quiz(page: BeautifulSoup, quiz: Tag) -> None:
    """List each question's choices, and the answers below."""
    answers = page.new_tag("ol")
    for question in quiz.select("ol > li"):
        choices = page.new_tag("ol", attrs={"class": "quiz-choices"})
        for details in question.select("details"):
            summary, reply = details.select_one("summary"), details.select_one("p")
            assert summary
            assert reply
            if "quiz-right" in (details.get("class") or []):
                answer = page.new_tag("li")
                strong = page.new_tag("strong")
                strong.string = summary.get_text()
                answer.append(strong)
                answer.append(reply.get_text().replace("Right.", ":", 1))
                answers.append(answer)
            summary.name = "li"
            choices.append(summary)
            details.decompose()
        question.append(choices)
    heading = page.new_tag("p", attrs={"class": "quiz-answers"})
    heading.string = "Answers"
    quiz.extend([heading, answers])


def _unfold(page: BeautifulSoup, details: Tag) -> None:
    """Show what was folded away."""
    summary = details.select_one("summary")
    if summary:
        summary.decompose()
    details.name = "div"
    details.attrs = {"class": "unfolded"}


def _tex(node: Tag) -> tuple[str, bool] | None:
    """Return the TeX between Sphinx's delimiters for MathJax, and whether it is displayed."""
    text = "".join(node.find_all(string=True, recursive=False)).strip()
    for begin, end, is_display in (("\\(", "\\)", False), ("\\[", "\\]", True)):
        if text.startswith(begin) and text.endswith(end):
            return text[2:-2].strip(), is_display
    return None


def _typeset(node: Tag, formulas: Mapping[tuple[str, bool], str]) -> None:
    """Put a formula's MathML in the place of its TeX; its number stays."""
    formula = _tex(node)
    if formula is None:
        return
    for text in node.find_all(string=True, recursive=False):
        text.extract()
    node.append(BeautifulSoup(formulas[formula], "html.parser"))


def _shade(token: Tag) -> None:
    """Write the shade of a token as a colour that every reader knows."""
    found = re.search(r"--surprise:\s*([\d.]+)", str(token.get("style", "")))
    if found:
        share = min(float(found[1]) / 100, 1) * 0.8
        red, green, blue = (round(255 - share * (255 - c)) for c in (230, 159, 0))
        token["style"] = f"background-color: #{red:02x}{green:02x}{blue:02x}"


def _point(link: Tag, book: Book) -> None:
    """Lead links to pages that are not in the book to the site, or make them text."""
    address = urlsplit(str(link["href"]))
    if address.scheme or address.netloc or not address.path:
        return
    name = Path(unquote(address.path))
    if name.suffix == ".xhtml" and name.stem in book.pages:
        return
    if book.web and name.suffix in {".xhtml", ".html"}:
        fragment = f"#{address.fragment}" if address.fragment else ""
        link["href"] = f"{book.web}chapters/{name.stem}.html{fragment}"
    else:
        link.unwrap()
