"""The built site holds what the notebooks hold, asks no other host, and has no dead links."""

import functools
import json
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from decodelib.viz.shell.explorer import front_end, styles
from tools.book import chapter_notebooks

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = chapter_notebooks()
FETCHED = {
    "script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src",
    "audio": "src", "embed": "src", "object": "data", "image": "href", "use": "href",
}  # fmt: skip
UNFETCHED_LINKS = {"canonical", "license", "author", "alternate", "index", "search", "next", "prev"}
IMAGE_TYPES = {"image/png", "image/jpeg", "image/svg+xml"}

each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


@functools.cache
def soup(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def stored_outputs(notebook: Path) -> list[dict]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [
        output.get("data", {})
        for cell in cells
        if cell["cell_type"] == "code" and "remove-output" not in cell["metadata"].get("tags", [])
        for output in cell["outputs"]
    ]


def names_a_host(url: str) -> bool:
    return bool(urlsplit(url).netloc)


@each_notebook
def test_page_shows_every_explorer_of_its_notebook(site, notebook):
    stored = sum(
        "".join(data.get("text/html", "")).count('class="dx"') for data in stored_outputs(notebook)
    )
    shown = soup(site / "chapters" / f"{notebook.stem}.html").select(
        "div.cell_output div.dx[data-dx]"
    )
    assert len(shown) == stored > 0


@each_notebook
def test_page_shows_every_figure_of_its_notebook(site, notebook):
    stored = sum(bool(IMAGE_TYPES & data.keys()) for data in stored_outputs(notebook))
    page = site / "chapters" / f"{notebook.stem}.html"
    shown = soup(page).select("div.cell_output img")
    assert len(shown) == stored
    assert all((page.parent / unquote(image["src"])).is_file() for image in shown)


@each_notebook
def test_figures_of_the_page_have_alternative_text(site, notebook):
    figures = soup(site / "chapters" / f"{notebook.stem}.html").select("div.cell_output img")
    assert all(
        len(image.get("alt", "")) > 20 and "_images" not in image["alt"] for image in figures
    )


@each_notebook
def test_page_says_which_model_made_its_outputs(site, notebook):
    outputs = soup(site / "chapters" / f"{notebook.stem}.html").select("div.cell_output")
    assert "storybook" in outputs[0].get_text()


def test_pages_fetch_nothing_from_another_host(site):
    asked = [
        f"{page.name}: {element[attribute]}"
        for page in pages(site)
        for name, attribute in FETCHED.items()
        for element in soup(page).find_all(name)
        if element.get(attribute)
        and names_a_host(element[attribute])
        and not UNFETCHED_LINKS & set(element.get("rel") or [])
    ]
    assert not asked


def test_style_sheets_fetch_nothing_from_another_host(site):
    found = {
        sheet.name: urls
        for sheet in site.rglob("*.css")
        if (
            urls := re.findall(
                r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")]+)", sheet.read_text("utf-8")
            )
        )
    }
    assert not found


def test_links_within_the_site_lead_somewhere(site):
    anchors: dict[Path, set[str]] = {}

    def has_anchor(page: Path, name: str) -> bool:
        if page not in anchors:
            anchors[page] = {element["id"] for element in soup(page).find_all(id=True)}
        return name in anchors[page]

    dead = []
    for page in pages(site):
        for link in soup(page).find_all("a", href=True):
            url = urlsplit(link["href"])
            if url.scheme or url.netloc:
                continue
            target = (page.parent / unquote(url.path)).resolve() if url.path else page
            missing_anchor = url.fragment and target.suffix == ".html" and target.is_file()
            if not target.is_file() or (
                missing_anchor and not has_anchor(target, unquote(url.fragment))
            ):
                dead.append(f"{page.relative_to(site)}: {link['href']}")
    assert not dead


def test_pages_have_no_trace_of_a_widget_without_a_kernel(site):
    traces = [
        page.name
        for page in pages(site)
        if "vnd.jupyter.widget" in (text := page.read_text("utf-8")) or "VBox(children" in text
    ]
    assert not traces


def test_site_has_an_icon_and_an_entry_page(site):
    index = soup(site / "index.html")
    assert "url=chapters/index.html" in str(index)
    icon = soup(site / "chapters" / "index.html").find("link", rel="icon")
    assert (site / "chapters" / icon["href"]).is_file()


def test_pages_and_notebooks_get_the_same_front_end(site):
    static = site / "_static"
    assert front_end().startswith((static / "explorers.js").read_text("utf-8"))
    assert (static / "explorers.css").read_text("utf-8") == styles()
    index = soup(site / "chapters" / "index.html")
    loaded = [tag["src"].split("?")[0] for tag in index.find_all("script", src=True)]
    assert "../_static/explorers.js" in loaded
    linked = [tag["href"].split("?")[0] for tag in index.find_all("link", rel="stylesheet")]
    own = [name for name in linked if name.endswith(("explorers.css", "book.css", "print.css"))]
    assert own == [f"../_static/{name}" for name in ("explorers.css", "book.css", "print.css")]


def test_citations_and_bibliography_agree(site):
    keys = set(
        re.findall(r"@\w+\{([\w-]+),", (ROOT / "chapters" / "references.bib").read_text("utf-8"))
    )
    sources = [
        p.read_text("utf-8") for p in (ROOT / "chapters").iterdir() if p.suffix in {".md", ".ipynb"}
    ]
    cited = {
        key.strip()
        for source in sources
        for group in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", source)
        for key in group.split(",")
    }
    assert cited <= keys
    entries = soup(site / "chapters" / "references.html").select("div.citation")
    assert len(entries) == len(cited)
