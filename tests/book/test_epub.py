"""The book as an EPUB: valid, in order, formulas and explorers readable where no script runs."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tests.helpers.browser import chromium
from tools.epub import make_epub
from tools.epub_pages import Book, Picture, formulas_of, rewrite
from tools.pdf import contents

FILES = [file for _, file in contents()]


@pytest.fixture(scope="module")
def epub(site, tmp_path_factory):
    """The EPUB of the built site."""
    chromium()
    target = tmp_path_factory.mktemp("epub") / "book.epub"
    make_epub(site, target)
    return target


@pytest.fixture(scope="module")
def pages(epub):
    with zipfile.ZipFile(epub) as archive:
        return {
            name: BeautifulSoup(archive.read(name), "html.parser")
            for name in archive.namelist()
            if name.endswith(".xhtml")
        }


def checker():
    """The command that runs epubcheck; skips the test, saying what to install, without it."""
    found = shutil.which("epubcheck")
    if not found:
        pytest.skip("NO EPUBCHECK: install epubcheck to validate the EPUB")
    if Path(found).read_bytes()[:2] == b"PK":  # Debian's is a jar
        return ["java", "-jar", found]
    return [found]


@pytest.mark.long
@pytest.mark.browser
def test_epubcheck_finds_nothing(epub):
    run = subprocess.run([*checker(), str(epub)], capture_output=True, text=True, check=False)
    said = run.stdout + run.stderr
    assert "No errors or warnings detected" in said, said[-3000:]


@pytest.mark.long
@pytest.mark.browser
def test_it_has_the_pages_in_order_with_a_cover_and_two_levels_of_contents(epub, pages):
    with zipfile.ZipFile(epub) as archive:
        package = BeautifulSoup(archive.read("content.opf").split(b"?>", 1)[1], "html.parser")
        assert archive.namelist()[0] == "mimetype"
    files = {item["id"]: item["href"] for item in package.select("manifest item")}
    assert [files[ref["idref"]] for ref in package.select("spine itemref")] == [
        f"{file}.xhtml" for file in FILES
    ]
    assert package.select_one("item[properties=cover-image]")["href"] == "_images/cover.png"
    chapters = pages["nav.xhtml"].select("nav > ol > li")
    assert len(chapters) == len(FILES)
    assert chapters[8].a.get_text().startswith("8. Top-p")
    assert "Where it fails" in chapters[8].ol.get_text()


@pytest.mark.long
@pytest.mark.browser
def test_every_explorer_is_a_picture_that_says_its_answer(site, pages):
    for file in FILES:
        source = BeautifulSoup((site / f"{file}.html").read_text("utf-8"), "html.parser")
        explorers = source.select(".dx[data-dx]")
        pictures = pages[f"{file}.xhtml"].select("figure.explorer img")
        assert len(pictures) == len(explorers), file
        assert all(len(picture["alt"]) > len("Explorer: .") for picture in pictures)
    answers = pages["chapters/08_top_p.xhtml"].select("figure.explorer figcaption")
    assert "The answer: 5" in answers[0].get_text()


@pytest.mark.long
@pytest.mark.browser
def test_formulas_are_mathml_and_nothing_asks_for_a_script_or_a_press(pages):
    for name, page in pages.items():
        text = page.get_text()
        assert "\\(" not in text, name
        assert "\\[" not in text, name
        assert not page.select("script, button, details, iframe, form, .tag_solution, [data-dx]"), (
            name
        )
    chapter = pages["chapters/08_top_p.xhtml"]
    numbered = [node for node in chapter.select("div.math") if node.select_one(".eqno")]
    assert numbered[0].math is not None
    assert numbered[0].select_one(".eqno").get_text() == "(8.1)"
    assert (
        "0.72 is the first running total"
        in chapter.select_one(".quiz-answers").find_next("ol").get_text()
    )


PAGE = """<html><head><title>T</title></head><body>
<a href="live.xhtml#x">live</a> <a href="08_top_p.xhtml">top-p</a> <a href="_static/x.zip">file</a>
<div class="dx" data-dx="{}"><pre>text</pre></div>
<span class="dl-token" style="--surprise:50">word</span>
</body></html>"""


@pytest.mark.parametrize("web", ["", "https://book.example/"])
def test_links_out_of_the_book_lead_to_the_site_if_it_has_an_address(web):
    page = BeautifulSoup(PAGE, "html.parser")
    live = f"{web}chapters/08_top_p.html#dx=a&shown=yes" if web else ""
    picture = Picture("explorer.png", "An explorer", "How many? The answer: 3.", live)
    book = Book(frozenset({"08_top_p"}), {"08_top_p": [picture]}, web=web)
    rewrite("08_top_p", page, book)
    links = [link["href"] for link in page.select("a")]
    if web:
        assert links == [f"{web}chapters/live.html#x", "08_top_p.xhtml", live]
    else:
        assert links == ["08_top_p.xhtml"]
    assert page.img["alt"] == "Explorer: An explorer. How many? The answer: 3."
    assert page.select_one(".dl-token")["style"] == "background-color: #f5d999"


CELLS = """<html><head></head><body>
<p class="math">\\(p\\)</p><div class="math"><span class="eqno">(1)</span>\\[x\\]</div>
<div class="tag_hide-input"><details><summary>Show</summary>import torch</details>out</div>
<div class="tag_solution"><details><summary>Show a solution</summary>answer</details></div>
<div class="quiz"><ol><li><p>How many?</p>
<details class="quiz-wrong"><summary>1</summary><p><strong>No.</strong> Too few.</p></details>
<details class="quiz-right"><summary>2</summary><p><strong>Right.</strong> Two.</p></details>
</li></ol></div></body></html>"""


@pytest.mark.parametrize("solutions", [False, True])
def test_formulas_quizzes_and_folds_are_made_readable_without_scripts(solutions):
    page = BeautifulSoup(CELLS, "html.parser")
    assert formulas_of(page) == {("p", False), ("x", True)}
    mathml = {("p", False): "<math><mi>p</mi></math>", ("x", True): "<math><mi>x</mi></math>"}
    rewrite("08_top_p", page, Book(frozenset(), formulas=mathml, solutions=solutions))
    assert [str(node) for node in page.select("math")] == list(mathml.values())
    assert page.select_one("div.math").get_text() == "(1)x"
    text = " ".join(page.get_text().split())
    assert ("answer" in text) is solutions
    assert "import" not in text
    assert "How many? 12Answers2: Two." in text
    assert "Too few" not in text
    assert not page.select("details, summary")


def test_an_epub_without_a_site_says_what_to_run(tmp_path):
    with pytest.raises(SystemExit, match="make book"):
        make_epub(tmp_path, tmp_path / "book.epub")
