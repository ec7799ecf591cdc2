"""A Sphinx extension: the first use of a term in a chapter links to the glossary and explains it.

Authors write plain words. The links are put in here, so none is missing and none comes twice.
`_static/terms-data.js` has the definitions, which a page loads when the first of them is asked for.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes

GLOSSARY = "chapters/glossary"
CHAPTER = re.compile(r"chapters/\d\d_")
TOO_COMMON = frozenset(
    {"mode", "preset", "context", "prompt", "strategy", "decoding", "tail", "seed"}
)
"""Words that are used in their everyday sense too, or that need no explanation."""
LEFT_ALONE = (
    nodes.title,
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
    nodes.citation,
    nodes.table,
    nodes.FixedTextElement,
    nodes.rubric,
)


def terms_of(glossary: nodes.document) -> Iterator[tuple[str, str, nodes.Element]]:
    """Yield (term, its id, its definition) of each entry of the glossary page."""
    for item in glossary.findall(nodes.definition_list_item):
        definition = next(iter(item.findall(nodes.definition)), None)
        for term in item.findall(nodes.term):
            if term["ids"] and definition is not None:
                yield term.astext().strip(), term["ids"][0], definition


def definition_html(definition: nodes.Element) -> str:
    """Return a definition's first paragraph as HTML, without its citations."""
    paragraph = next(iter(definition.findall(nodes.paragraph)))
    parts = []
    for node in paragraph.findall(nodes.Text):
        ancestors = list(_above(node, paragraph))
        if any(type(above).__name__ == "pending_xref" for above in ancestors):
            continue
        text = html.escape(node.astext(), quote=False)
        if any(isinstance(above, nodes.math) for above in ancestors):
            text = f'<span class="math">\\({text}\\)</span>'
        elif any(isinstance(above, nodes.literal) for above in ancestors):
            text = f"<code>{text}</code>"
        parts.append(text)
    return re.sub(r"\s+([.,;:])", r"\1", " ".join("".join(parts).split()))


def _above(node: nodes.Node, top: nodes.Node) -> Iterator[nodes.Node]:
    while node is not top and node.parent is not None:
        node = node.parent
        yield node


def pattern_of(terms: list[str]) -> re.Pattern[str]:
    """Return what finds any of the terms as whole words, the longest first, plurals too."""
    longest_first = sorted(terms, key=lambda term: (-len(term), term))
    words = "|".join(_written(term) for term in longest_first)
    return re.compile(rf"(?<![\w\-$])(?P<term>{words})(?:s|es)?(?![\w\-])")


def _written(term: str) -> str:
    """Return a pattern of a term: at the start of a sentence too, unless it is an abbreviation."""
    escaped = r"\s+".join(map(re.escape, term.split()))
    first = term[0]
    if first.islower():
        return f"[{first}{first.upper()}]" + escaped[len(first) :]
    return escaped


def link_first_uses(document: nodes.document, terms: dict[str, str], glossary: str) -> int:
    """Link the first use of each term in a document's prose; return how many there are.

    Args:
        document: A page, changed in place.
        terms: From a term in lower case to its id on the glossary page.
        glossary: The address of that page, from this one.
    """
    left = {term: name for term, name in terms.items() if term.lower() not in TOO_COMMON}
    linked = 0
    for text in list(document.findall(nodes.Text)):
        above = list(_above(text, document))
        if not any(isinstance(node, nodes.paragraph) for node in above):
            continue
        if any(isinstance(n, LEFT_ALONE) or type(n).__name__ == "pending_xref" for n in above):
            continue
        pieces: list[nodes.Node] = []
        rest, by_lower = text.astext(), {term.lower(): term for term in left}
        while left and (found := pattern_of(list(left)).search(rest)):
            term = by_lower[" ".join(found["term"].lower().split())]
            link = nodes.reference(
                "", found[0], refuri=f"{glossary}#{left.pop(term)}", internal=True, classes=["term"]
            )
            pieces += [nodes.Text(rest[: found.start()]), link]
            rest = rest[found.end() :]
            linked += 1
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(rest)])
    return linked


def _link(app: Any, document: nodes.document, page: str) -> None:
    if not CHAPTER.match(page) or app.builder.name not in {"html", "epub"}:
        return
    glossary = app.env.get_doctree(GLOSSARY)
    terms = {term: name for term, name, _ in terms_of(glossary)}
    link_first_uses(document, terms, app.builder.get_relative_uri(page, GLOSSARY))


def _write_definitions(app: Any, error: Exception | None) -> None:
    if error or app.builder.name != "html":
        return
    entries = terms_of(app.env.get_doctree(GLOSSARY))
    definitions = {name: definition_html(definition) for _, name, definition in entries}
    script = f"globalThis.BookTerms = {json.dumps(definitions, ensure_ascii=False)};\n"
    (Path(app.outdir) / "_static" / "terms-data.js").write_text(script, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("doctree-resolved", _link)
    app.connect("build-finished", _write_definitions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
