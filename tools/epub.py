"""Make the book an EPUB: `make epub` writes _build/decoding-language-models.epub.

Sphinx's own builder makes the pages and their order. A browser sets the formulas, by the site's own
MathJax, and takes the pictures of the explorers; `tools.epub_pages` puts both in place.
"""

from __future__ import annotations

import argparse
import base64
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bs4 import BeautifulSoup, Tag

from tools.book import ROOT
from tools.epub_pages import Book, Picture, formulas_of, rewrite
from tools.paper import browser, open_page, open_text
from tools.pdf import contents, title_page

NAME = "decoding-language-models.epub"
COVER = "_images/cover.png"
SCALE = 2
"""Device pixels to a pixel of the pictures."""

TYPES = {
    ".xhtml": "application/xhtml+xml",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".css": "text/css",
}
NAVIGATION = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en">
<head><title>Contents</title></head>
<body><nav epub:type="toc"><h1>Contents</h1><ol>
{items}
</ol></nav></body>
</html>
"""

TO_MATHML = """
const found = [];
for (const [tex, display] of arguments[0]) found.push(MathJax.tex2mml(tex, { display }));
return found;
"""
EXPLORERS = """
const said = (root) => [".dx-question", ".dx-verdict"]
  .map((part) => root.querySelector(part)?.textContent.trim() ?? "").filter(Boolean).join(" ");
const taken = new Set();
return [...document.querySelectorAll(".dx[data-dx]")].map((root) => {
  const title = JSON.parse(root.dataset.dx).title;
  const slug = DecodeExplorer.links.slugOf(title, (name) => taken.has(name));
  taken.add(slug);
  const { x, y, width, height } = root.getBoundingClientRect();
  return [title, said(root), slug, { x, y: y + scrollY, width, height }];
});
"""
TITLE_PAGE = """
const { x, y, width, height } = document.querySelector(".title-page").getBoundingClientRect();
return { x, y, width, height };
"""


def build_pages(folder: Path) -> Path:
    """Have Sphinx make the pages; return the folder they are in."""
    jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
    command = [
        jupyter_book,
        "build",
        str(ROOT),
        "--path-output",
        str(folder),
        "--builder",
        "custom",
    ]
    command += ["--custom-builder", "epub", "--quiet"]
    environment = os.environ | {"BOOK_EPUB": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"The EPUB was not built:\n{run.stdout[-3000:]}{run.stderr[-3000:]}")
    return folder / "_build" / "epub"


def site_address(site: Path) -> str:
    """Return the address that the built site was given, or "" if it has none."""
    page = BeautifulSoup(
        (site / "chapters" / "index.html").read_text(encoding="utf-8"), "html.parser"
    )
    canonical = page.select_one("link[rel=canonical]")
    return str(canonical["href"]).removesuffix("chapters/index.html") if canonical else ""


def to_mathml(
    driver: Any, site: Path, formulas: set[tuple[str, bool]]
) -> dict[tuple[str, bool], str]:
    """Return the MathML of each formula, set by the site's MathJax."""
    driver.get((site / "chapters" / "notation.html").as_uri())
    driver.execute_async_script("MathJax.startup.promise.then(() => arguments[0]())")
    ordered = sorted(formulas)
    found = driver.execute_script(TO_MATHML, ordered)
    for formula, mathml in zip(ordered, found, strict=True):
        if "<merror" in mathml:
            raise SystemExit(f"A formula could not be set: {formula[0]}")
    return dict(zip(ordered, found, strict=True))


def capture(driver: Any, place: dict[str, float]) -> bytes:
    """Return a picture of a rectangle of the open page, however far down, as PNG."""
    settings = {"clip": {**place, "scale": SCALE}, "captureBeyondViewport": True}
    return base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", settings)["data"])


def photograph(driver: Any, site: Path, stem: str, images: Path, web: str) -> list[Picture]:
    """Take a picture of each explorer of a page, answered."""
    open_page(driver, site / "chapters" / f"{stem}.html")
    pictures: list[Picture] = []
    for title, said, slug, place in driver.execute_script(EXPLORERS):
        name = f"explorer-{stem}-{len(pictures) + 1}.png"
        (images / name).write_bytes(capture(driver, place))
        link = f"{web}chapters/{stem}.html#dx={quote(slug)}&shown=yes" if web else ""
        pictures.append(Picture(name, title, said, link))
    return pictures


def make_pages(site: Path, pages: Path, solutions: bool) -> None:
    """Rewrite all pages in the folder `pages`, and add the pictures they show."""
    files = [pages / f"{file}.xhtml" for _, file in contents()]
    parsed = {file.stem: _parse(file) for file in files}
    formulas = set[tuple[str, bool]]().union(*map(formulas_of, parsed.values()))
    web = site_address(site)
    pictures: dict[str, list[Picture]] = {}
    with browser() as driver:
        mathml = to_mathml(driver, site, formulas)
        for stem, page in parsed.items():
            if page.select_one("div.dx"):
                pictures[stem] = photograph(driver, site, stem, pages / "_images", web)
        open_text(driver, site, title_page())
        (pages / COVER).write_bytes(capture(driver, driver.execute_script(TITLE_PAGE)))
    book = Book(frozenset(parsed), pictures, mathml, web, solutions)
    for file in files:
        rewrite(file.stem, parsed[file.stem], book)
        file.write_text(str(parsed[file.stem]), encoding="utf-8")


def _parse(file: Path) -> BeautifulSoup:
    return BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")


def pack(pages: Path, target: Path) -> None:
    """Pack the pages, and list what is in the package, as EPUB wants it."""
    used = {"_static/pygments.css", "_static/book-epub.css", COVER}
    shutil.copyfile(ROOT / "tools" / "epub.css", pages / "_static" / "book-epub.css")
    chapters = [pages / f"{file}.xhtml" for _, file in contents()]
    for file in chapters:
        text = file.read_text(encoding="utf-8")
        used |= {f"_images/{name}" for name in re.findall(r'src="\.\./_images/([^"]+)"', text)}
    (pages / "nav.xhtml").write_text(navigation(chapters), encoding="utf-8")
    kept = [pages / "nav.xhtml", *chapters, *(pages / name for name in sorted(used))]
    package = pages / "content.opf"
    listed = listing(package.read_text(encoding="utf-8"), pages, kept, chapters)
    package.write_text(listed, encoding="utf-8")
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for file in (pages / "META-INF" / "container.xml", package, *kept):
            archive.write(file, file.relative_to(pages))


def navigation(chapters: list[Path]) -> str:
    """Return the table of contents: the chapters, numbered, and their sections."""
    items = []
    for file in chapters:
        page, href = _parse(file), f"chapters/{file.name}"
        sections = [
            f'<li><a href="{href}#{section["id"]}">{_heading(section, "h2")}</a></li>'
            for section in page.select("section > section[id]")
            if section.find("h2", recursive=False)
        ]
        below = f"<ol>{''.join(sections)}</ol>" if sections else ""
        items.append(f'<li><a href="{href}">{_heading(page, "h1")}</a>{below}</li>')
    return NAVIGATION.format(items="\n".join(items))


def _heading(place: Tag, name: str) -> str:
    found = place.find(name)
    return html.escape(" ".join(found.get_text().split()), quote=False) if found else ""


def listing(package: str, pages: Path, kept: list[Path], chapters: list[Path]) -> str:
    """Return content.opf with the files that are there, what each needs, and the reading order."""
    items = []
    for number, file in enumerate(kept):
        href = file.relative_to(pages).as_posix()
        needs = {"nav.xhtml": "nav", COVER: "cover-image"}.get(href, "")
        if file in chapters and "<math" in file.read_text(encoding="utf-8"):
            needs = "mathml"
        properties = f' properties="{needs}"' if needs else ""
        kind = f'media-type="{TYPES[file.suffix]}"{properties}'
        items.append(f'<item id="file-{number}" href="{href}" {kind}/>')
    order = [f'<itemref idref="file-{kept.index(file)}"/>' for file in chapters]
    cover = f'<meta name="cover" content="file-{kept.index(pages / COVER)}"/>'
    before, rest = package.split("</metadata>")[0], package[package.index("<manifest>") :]
    guide = rest[rest.index("<guide>") :]
    manifest = ["<manifest>", *items, "</manifest>"]
    spine = ["<spine>", *order, "</spine>"]
    return "\n".join([before, cover, "</metadata>", *manifest, *spine, guide])


def make_epub(site: Path, target: Path, solutions: bool = False) -> None:
    """Write the EPUB of the built site to `target`."""
    if not (site / "chapters" / "index.html").is_file():
        raise SystemExit(f"There is no built site in {site}: run `make book` first.")
    with tempfile.TemporaryDirectory() as folder:
        pages = build_pages(Path(folder))
        make_pages(site, pages, solutions)
        pack(pages, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html")
    parser.add_argument("--output", type=Path, default=ROOT / "_build" / NAME)
    parser.add_argument("--solutions", action="store_true", help="print the exercises' solutions")
    args = parser.parse_args()
    make_epub(args.site.resolve(), args.output.resolve(), args.solutions)
    print(f"{args.output.stat().st_size / 2**20:.1f} MB: {args.output}")


if __name__ == "__main__":
    main()
