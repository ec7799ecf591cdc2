"""The book on paper: title page, contents, numbered pages, answered explorers, links inside."""

import pytest
from pypdf import PdfReader

from tests.helpers.browser import chromium
from tools import paper
from tools.book import ROOT, chapter_notebooks
from tools.pdf import LEFT_OUT, TITLE, contents, print_book

pytestmark = pytest.mark.browser
CHAPTERS = [
    "8. Top-p: keep as many tokens as it takes",
    "15. The playground: a strategy for the job",
]


@pytest.fixture(scope="module")
def printed(site, tmp_path_factory):
    """The first page of the book, the chapter on top-p, and the one with the race."""
    chromium()
    target = tmp_path_factory.mktemp("pdf") / "book.pdf"
    files = [("", "index"), ("Sampling", "08_top_p"), ("Practice", "15_playground")]
    print_book(site, target, [(part, site / f"chapters/{file}.html") for part, file in files])
    return PdfReader(target)


@pytest.fixture(scope="module")
def texts(printed):
    return [sheet.extract_text() for sheet in printed.pages]


def starts(printed):
    """The number, counted from 0, of the sheet on which each item of the outline begins."""
    tops = [item for item in printed.outline if not isinstance(item, list)]
    return {item.title: printed.get_destination_page_number(item) for item in tops}


def links(document):
    return [
        (number, annotation.get_object())
        for number, sheet in enumerate(document.pages)
        for annotation in sheet.get("/Annots", ())
    ]


def test_it_begins_with_a_title_page_and_says_who_made_it_when(printed, texts):
    assert TITLE.split()[0] in texts[0]
    assert "The decodelib developers" in texts[0]
    assert printed.metadata.author == "The decodelib developers"
    assert printed.metadata.title.startswith(TITLE)
    assert printed.metadata.creation_date is not None


def number_on(text):
    """The page number, which stands in the margins with the running head."""
    return next((line for line in text.splitlines()[:4] if line.isdecimal()), None)


def test_contents_name_the_page_that_carries_the_number(printed, texts):
    number = number_on(texts[starts(printed)[CHAPTERS[0]]])
    assert f"{CHAPTERS[0]} {number}" in texts[1]
    assert "SAMPLING" in texts[1].upper()
    assert "Where it fails" in texts[1]


def test_pages_are_numbered_through_and_labelled(printed, texts):
    body = starts(printed)[f"{TITLE}: from logits to text"]
    numbers = [number_on(text) for text in texts[body:]]
    assert numbers == [str(n) for n in range(1, len(numbers) + 1)]
    assert printed.page_labels[body:] == numbers
    assert printed.page_labels[1] == "i"


def test_outline_has_chapters_and_their_sections(printed):
    titles = [item.title for item in printed.outline if not isinstance(item, list)]
    assert titles[:2] == [TITLE, "Contents"]
    assert titles[3:] == CHAPTERS
    sections = [item.title for item in printed.outline[printed_index(printed, CHAPTERS[0]) + 1]]
    assert {"The definition", "Where it fails", "Quiz", "Summary"} <= set(sections)


def printed_index(printed, title):
    outline = printed.outline
    return next(i for i, x in enumerate(outline) if not isinstance(x, list) and x.title == title)


def test_explorers_are_answered_and_nothing_is_folded_or_pressed(texts):
    text = "\n".join(texts)
    assert "The answer:" in text
    assert "Just show me" not in text
    assert "?\n?" not in text
    for fold in ("Show code", "Show the imports", "Show a solution", "Click to", "Copy link"):
        assert fold not in text
    assert "Answers" in text
    assert r"\sum" not in text, "the equations were printed before MathJax set them"
    assert "(8.1)" in text


def test_solutions_are_left_out_unless_asked_for(site, texts, tmp_path):
    body = "for count, prob in enumerate"
    assert body not in "\n".join(texts)
    page = [("Sampling", site / "chapters/08_top_p.html")]
    print_book(site, tmp_path / "answers.pdf", page, solutions=True)
    answers = PdfReader(tmp_path / "answers.pdf")
    assert body in "\n".join(sheet.extract_text() for sheet in answers.pages)


def test_links_lead_to_the_place_they_name_or_to_the_web(printed):
    addresses = [str(link.get("/A", {}).get("/URI", "")) for _, link in links(printed)]
    assert not [address for address in addresses if address.startswith("file:")]
    sections = printed.outline[printed_index(printed, CHAPTERS[0]) + 1]
    wanted = {
        printed.pages[printed.get_destination_page_number(x)].indirect_reference for x in sections
    }
    reached = {
        link["/Dest"][0]
        for number, link in links(printed)
        if number < 3 and isinstance(link.get("/Dest"), list)
    }
    assert wanted <= reached


def test_a_missing_page_is_reported_before_anything_is_printed(tmp_path):
    with pytest.raises(SystemExit, match="make book"):
        print_book(tmp_path, tmp_path / "book.pdf")
    assert not (tmp_path / "book.pdf").exists()


def test_no_browser_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="chromium"), paper.browser():
        pass


def test_pages_that_live_on_a_screen_are_left_out():
    for page in (ROOT / "chapters").glob("*.md"):
        if "data-live=" in page.read_text(encoding="utf-8") and page.stem != "index":
            assert page.stem in LEFT_OUT


def test_every_chapter_is_printed_and_the_lists_for_a_screen_are_not(site):
    files = [file for _, file in contents()]
    chapters = [f"chapters/{notebook.stem}" for notebook in chapter_notebooks()]
    assert files[0] == "chapters/index"
    assert files[1 : len(chapters) + 1] == chapters
    assert {"chapters/glossary", "chapters/references"} <= set(files)
    assert "chapters/claims" not in files
    assert all((site / f"{file}.html").is_file() for file in files)
