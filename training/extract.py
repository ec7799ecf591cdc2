"""Extract the text of Standard Ebooks books from clones of their repositories.

    python training/extract.py CLONES_FOLDER CORPUS_FOLDER

In: a folder of git clones, one book each, named as in books.txt. Out: one UTF-8 text file per book
in CORPUS_FOLDER: a paragraph per line, chapters separated by lines that read <|endoftext|>.
Only the last commit of each clone is read; front matter, endnotes and headings are left out.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

SKIPPED_FILES = {
    "titlepage",
    "imprint",
    "colophon",
    "uncopyright",
    "halftitlepage",
    "halftitle",
    "dedication",
    "epigraph",
    "endnotes",
    "loi",
    "foreword",
    "preface",
    "introduction",
    "toc",
    "glossary",
    "bibliography",
}
XHTML = "{http://www.w3.org/1999/xhtml}"
EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"
CHAPTER_SEPARATOR = "\n<|endoftext|>\n"
MIN_CHAPTER_CHARACTERS = 400
REPLACEMENTS = str.maketrans(
    {
        "\u2060": "",  # word joiner
        "\ufeff": "",  # zero-width no-break space
        "\u00ad": "",  # soft hyphen
        "\u200a": " ",  # hair space
        "\u00a0": " ",  # no-break space
        "\u202f": " ",  # narrow no-break space
        "\u201c": '"',
        "\u201d": '"',
        "\u2018": "'",
        "\u2019": "'",
        "\u2026": "...",
        "\u2014": " - ",  # em dash
        "\u2015": " - ",  # horizontal bar
        "\u2013": "-",  # en dash
        "\u2011": "-",  # non-breaking hyphen
        "\u2e3a": "-",  # two-em dash
        "\u2e3b": "-",  # three-em dash
        "æ": "ae",
        "œ": "oe",
    }
)


def to_ascii_punctuation(text: str) -> str:
    """Return `text` with typographic punctuation in ASCII and runs of spaces made single."""
    text = text.translate(REPLACEMENTS)
    text = re.sub(r"[ \t]+", " ", text)
    return re.sub(r" *\n *", "\n", text).strip()


def element_text(element: ElementTree.Element) -> str:
    """Return the text inside `element`, without note references, with `<br>` as a line break."""
    parts = [element.text or ""]
    for child in element:
        if child.tag == f"{XHTML}br":
            parts.append("\n")
        if not (child.tag == f"{XHTML}a" and "noteref" in child.get(EPUB_TYPE, "")):
            parts.append(element_text(child))
        parts.append(child.tail or "")
    return "".join(parts)


def chapter_paragraphs(xhtml: bytes) -> list[str]:
    """Return the text of every `<p>` of one chapter's XHTML, in order, empty ones left out.

    Lines of verse, which `<br>` ends, stay lines of their own; other line breaks become spaces.
    Raises ElementTree.ParseError when `xhtml` is not well-formed.
    """
    paragraphs = []
    for element in ElementTree.fromstring(xhtml).iter(f"{XHTML}p"):
        text = element_text(element)
        if element.find(f".//{XHTML}br") is None:
            text = text.replace("\n", " ")
        paragraphs.append(to_ascii_punctuation(text))
    return [paragraph for paragraph in paragraphs if paragraph]


def git_output(clone: Path, *arguments: str) -> bytes:
    """Return what `git -C clone arguments...` prints; raise ValueError when git fails."""
    result = subprocess.run(["git", "-C", str(clone), *arguments], capture_output=True, check=False)
    if result.returncode != 0:
        reason = result.stderr.decode(errors="replace").strip()
        raise ValueError(f"git could not read the clone {clone}: {reason}")
    return result.stdout


def reading_order(clone: Path) -> list[str]:
    """Return the paths of a book's XHTML files in the order its package document gives."""
    package = git_output(clone, "show", "HEAD:src/epub/content.opf").decode()
    spine = re.findall(r'<itemref idref="([^"]+)"', package)
    path_of = {
        name: path for path, name in re.findall(r'<item href="([^"]+)" id="([^"]+)"', package)
    }
    return [f"src/epub/{path_of[name]}" for name in spine if name in path_of]


def extract_book(clone: Path) -> str:
    """Return a book's text: chapters of more than 400 characters, joined by the separator."""
    chapters = []
    for path in reading_order(clone):
        if PurePosixPath(path).stem in SKIPPED_FILES:
            continue
        try:
            paragraphs = chapter_paragraphs(git_output(clone, "show", f"HEAD:{path}"))
        except ElementTree.ParseError as error:
            raise ValueError(f"{clone.name}: {path} is not well-formed XHTML: {error}") from error
        if sum(map(len, paragraphs)) > MIN_CHAPTER_CHARACTERS:
            chapters.append("\n".join(paragraphs))
    return CHAPTER_SEPARATOR.join(chapters)


def find_clones(folder: Path) -> list[Path]:
    """Return the git clones directly inside `folder`, by name; raise ValueError for none."""
    if not folder.is_dir():
        raise ValueError(f"the folder of clones must exist, got {folder}")
    clones = sorted(path for path in folder.iterdir() if (path / ".git").exists())
    if not clones:
        raise ValueError(f"the folder of clones must hold git clones, found none in {folder}")
    return clones


def main(arguments: Sequence[str] | None = None) -> int:
    """Extract every clone's book and print the characters that each has."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clones", type=Path, help="folder of git clones, one book each")
    parser.add_argument("corpus", type=Path, help="folder for the text files; made if missing")
    options = parser.parse_args(arguments)
    total = 0
    try:
        clones = find_clones(options.clones)
        options.corpus.mkdir(parents=True, exist_ok=True)
        for clone in clones:
            text = extract_book(clone)
            (options.corpus / f"{clone.name}.txt").write_text(text, encoding="utf-8")
            total += len(text)
            print(f"{len(text):>9,} {clone.name}", flush=True)
    except ValueError as error:
        parser.error(str(error))
    print(f"{total:>9,} characters in {len(clones)} books")
    return 0


if __name__ == "__main__":
    sys.exit(main())
