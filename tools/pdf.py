"""Print the built site to one PDF, in reading order: `make pdf` writes _build/decoding-*.pdf.

Chromium prints the pages, since it is what draws their figures, equations and explorers; what is
left is to join them, with an outline, and to make links between chapters lead inside the file.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject
from tqdm import tqdm

from tools.book import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NAME = "decoding-language-models.pdf"
# A page is printed when its scripts have run for this long on the page's own clock.
SETTLE_MS = 20_000
PRINT_TIMEOUT_S = 120


def pages(site: Path) -> list[Path]:
    """The pages of _toc.yml, in reading order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]
    return [site / f"{file}.html" for file in files]


def find_browser() -> str:
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    raise SystemExit("No browser to print with: install chromium, then run `make pdf` again.")


def print_page(browser: str, page: Path, folder: Path) -> Path:
    """Print one page with headless Chromium."""
    target = folder / f"{page.stem}.pdf"
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-pdf-header-footer",
        f"--user-data-dir={folder / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--virtual-time-budget={SETTLE_MS}",
        f"--print-to-pdf={target}",
        page.as_uri(),
    ]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=PRINT_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"{page.name} took more than {PRINT_TIMEOUT_S} s to print.") from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{page.name} could not be printed: {error.stderr.decode()}") from None
    return target


def title(page: Path) -> str:
    heading = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find("h1")
    return heading.get_text().removesuffix("#") if heading else page.stem


def join(printed: dict[Path, Path]) -> PdfWriter:
    """Join the printed pages into one document; `printed` maps each page to its PDF."""
    writer = PdfWriter()
    first_page = {}
    for page, pdf in printed.items():
        first_page[page.resolve()] = len(writer.pages)
        writer.append(PdfReader(pdf), outline_item=title(page), import_outline=False)
    for sheet in writer.pages:
        for annotation in sheet.get("/Annots", ArrayObject()):
            _lead_inside(annotation.get_object(), first_page, writer)
    writer.add_metadata({"/Title": "Decoding Language Models: from logits to text"})
    return writer


def _lead_inside(link: DictionaryObject, first_page: dict[Path, int], writer: PdfWriter) -> None:
    """Point a link to a file of the site at its place in the document, or remove it."""
    action = link.get("/A", {})
    address = urlsplit(str(action.get("/URI", "")))
    if address.scheme != "file":
        return
    del link["/A"]
    target = Path(unquote(address.path)).resolve()
    if target in first_page:
        sheet = writer.pages[first_page[target]]
        link[NameObject("/Dest")] = ArrayObject([sheet.indirect_reference, NameObject("/Fit")])


def print_book(site: Path, target: Path, wanted: list[Path] | None = None) -> None:
    """Print the pages of the site that are `wanted`, by default all of them, to `target`."""
    wanted = pages(site) if wanted is None else wanted
    missing = [page.name for page in wanted if not page.is_file()]
    if missing:
        raise SystemExit(f"The site in {site} has no {missing[0]}: run `make book` first.")
    browser = find_browser()
    with tempfile.TemporaryDirectory() as folder:
        progress = tqdm(wanted, desc="printing", unit="page", file=sys.stderr)
        printed = {page: print_page(browser, page, Path(folder)) for page in progress}
        target.parent.mkdir(parents=True, exist_ok=True)
        join(printed).write(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html")
    parser.add_argument("--output", type=Path, default=ROOT / "_build" / NAME)
    args = parser.parse_args()
    print_book(args.site.resolve(), args.output.resolve())
    print(f"{len(PdfReader(args.output).pages)} pages: {args.output}")


if __name__ == "__main__":
    main()
