"""What the site says of its own address and of its repository, and of how to cite it."""

import pytest
import yaml

from tools.book import ROOT
from tools.book_site import where

INDEX = (ROOT / "chapters" / "index.md").read_text(encoding="utf-8")


def test_without_addresses_the_first_page_is_what_is_written():
    assert where(INDEX, "", "") == INDEX
    assert "http" not in INDEX


def test_with_addresses_the_first_page_says_where_to_get_the_book():
    said = where(INDEX, "https://book.example/decoding", "https://code.example/book")
    assert "In a clone of [the repository](https://code.example/book)" in said
    assert "[PDF](https://book.example/decoding/decoding-language-models.pdf)" in said
    assert "[EPUB](https://book.example/decoding/decoding-language-models.epub)" in said


def test_a_first_page_without_the_places_for_addresses_is_an_error():
    with pytest.raises(ValueError, match="In a clone of the repository"):
        where("# Another page", "", "")


def test_the_first_page_is_cited_as_the_citation_file_says():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    (author,) = citation["authors"]
    year = str(citation["date-released"])[:4]
    expected = f"{author['name']}, *{citation['title']}*, version {citation['version']}, {year}."
    assert f"To cite the book: {expected}" in " ".join(INDEX.split())
