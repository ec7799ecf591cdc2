"""The book as one PDF: its pages in order, an outline, and links that stay inside."""

import pytest
from pypdf import PdfReader

from tests.helpers.browser import chromium
from tools.pdf import find_browser, pages, print_book

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def printed(site, tmp_path_factory):
    """The first page of the book and the one on top-p, which link to each other's neighbours."""
    chromium()
    target = tmp_path_factory.mktemp("pdf") / "book.pdf"
    print_book(site, target, [site / "chapters/index.html", site / "chapters/08_top_p.html"])
    return PdfReader(target)


def links(document):
    return [
        (number, annotation.get_object())
        for number, sheet in enumerate(document.pages)
        for annotation in sheet.get("/Annots", ())
    ]


def test_outline_names_each_page_in_order(printed):
    starts = {item.title: printed.get_destination_page_number(item) for item in printed.outline}
    index, top_p = starts.values()
    assert "Top-p" in list(starts)[1]
    assert index == 0 < top_p < len(printed.pages)


def test_text_equations_and_explorers_are_there(printed):
    text = "\n".join(sheet.extract_text() for sheet in printed.pages)
    assert "A nucleus breathes" in text
    assert "Tokens kept" in text, "the explorer was printed before it came alive"
    assert r"\sum" not in text, "the equations were printed before MathJax set them"


def test_links_lead_inside_or_to_the_web(printed):
    addresses = [str(link.get("/A", {}).get("/URI", "")) for _, link in links(printed)]
    assert not [address for address in addresses if address.startswith("file:")]
    first = printed.get_destination_page_number(printed.outline[1])
    inside = [
        link["/Dest"][0]
        for number, link in links(printed)
        if number < first and isinstance(link.get("/Dest"), list)
    ]
    assert printed.pages[first].indirect_reference in inside


def test_a_missing_page_is_reported_before_anything_is_printed(tmp_path):
    with pytest.raises(SystemExit, match="make book"):
        print_book(tmp_path, tmp_path / "book.pdf")
    assert not (tmp_path / "book.pdf").exists()


def test_no_browser_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="chromium"):
        find_browser()


def test_every_page_of_the_table_of_contents_is_printed(site):
    assert all(page.is_file() for page in pages(site))
    assert pages(site)[0].name == "index.html"
