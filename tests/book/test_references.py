"""The bibliography: every entry has an identifier of the right form, every citation an entry."""

import re
import unicodedata
from pathlib import Path

import pytest
from pybtex.database import Entry, parse_file, parse_string
from pybtex.richtext import Text

CHAPTERS = Path(__file__).resolve().parents[2] / "chapters"
BIBLIOGRAPHY = CHAPTERS / "references.bib"
ENTRIES = parse_file(str(BIBLIOGRAPHY), bib_format="bibtex").entries

WITHOUT_IDENTIFIER = {"lowerre1976", "zipf1949"}
"""A thesis of 1976 and a book of 1949, which have neither a DOI nor an ISBN."""

IDENTIFIERS = {
    "doi": r"10\.\d{4,9}/[^\s{}]+",
    "eprint": r"\d{4}\.\d{4,5}",
    "isbn": r"97[89]-[\d-]{13}",
    "url": r"https://[^\s{}]+",
}
VENUE = {
    "article": "journal",
    "inproceedings": "booktitle",
    "book": "publisher",
    "phdthesis": "school",
    "techreport": "institution",
}
CITED = re.compile(r"\{cite:[a-z]+\}`([^`]+)`")

KEY_NAMES = {"qwenteam": "qwen", "benallal": "allal"}
"""Names that keys shorten."""

each_entry = pytest.mark.parametrize("key", sorted(ENTRIES))


def problems(key: str, entry: Entry) -> list[str]:
    """What is wrong with the form of an entry."""
    fields = entry.fields
    found = [f"no {name}" for name in ("title", "year") if name not in fields]
    if "author" not in entry.persons:
        return [*found, "no author"]
    if (venue := VENUE.get(entry.type, "title")) not in fields:
        found.append(f"no {venue}")
    if not IDENTIFIERS.keys() & fields.keys() and key not in WITHOUT_IDENTIFIER:
        found.append("no identifier")
    found += [
        f"{name} is {fields[name]}"
        for name, form in IDENTIFIERS.items()
        if name in fields and not re.fullmatch(form, fields[name])
    ]
    if not re.fullmatch(r"(16|17|18|19|20)\d\d", fields.get("year", "")):
        found.append(f"year is {fields.get('year')}")
    elif fields.get("eprint", "0")[:2] > fields["year"][2:] and fields["year"] > "2000":
        found.append("posted after it was published")
    if not rising(fields.get("pages", "1--1")):
        found.append(f"pages are {fields['pages']}")
    if not key.startswith(first_author(entry)):
        found.append(f"key does not begin with {first_author(entry)}")
    return found


def rising(pages: str) -> bool:
    numbers = re.fullmatch(r"(\d+)--(\d+)", pages)
    return bool(numbers) and int(numbers[1]) <= int(numbers[2])


def first_author(entry: Entry) -> str:
    """The family name's last word in small ASCII letters, as keys have it."""
    person = entry.persons["author"][0]
    names = [*person.prelast_names, *person.last_names]
    plain = unicodedata.normalize("NFKD", str(Text.from_latex("".join(names))))
    letters = re.sub(r"[^a-z]", "", plain.lower())
    return KEY_NAMES.get(letters, letters)


def citations() -> dict[str, set[str]]:
    """The keys that each page cites."""
    pages = [*CHAPTERS.glob("*.md"), *CHAPTERS.glob("*.ipynb")]
    return {
        page.name: {
            key.strip()
            for keys in CITED.findall(page.read_text(encoding="utf-8"))
            for key in keys.split(",")
        }
        for page in pages
    }


@each_entry
def test_entry_is_well_formed(key):
    assert not problems(key, ENTRIES[key])


def test_entries_are_in_order_and_listed_once():
    text = BIBLIOGRAPHY.read_text(encoding="utf-8")
    keys = re.findall(r"^@\w+\{(.+),$", text, re.MULTILINE)
    assert keys == sorted(set(keys))


@pytest.mark.parametrize("name", ["doi", "eprint", "isbn", "url", "title"])
def test_no_two_entries_are_the_same_work(name):
    values = [entry.fields[name].lower() for entry in ENTRIES.values() if name in entry.fields]
    assert len(values) == len(set(values))


def test_every_citation_has_an_entry():
    missing = {page: keys - set(ENTRIES) for page, keys in citations().items()}
    assert not any(missing.values()), {page: keys for page, keys in missing.items() if keys}


GOOD = """@article{doe2020,
  author = {Doe, Jane}, title = {T}, journal = {J}, year = {2020}, pages = {1--9},
  doi = {10.1234/x.1}, eprint = {2001.00001} }"""


def test_a_good_entry_has_no_problems():
    assert not problems("doe2020", parse_string(GOOD, "bibtex").entries["doe2020"])


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("10.1234/x.1", "https://doi.org/10.1234/x.1", "doi is"),
        ("2001.00001", "arXiv:2001.00001", "eprint is"),
        ("2001.00001", "2101.00001", "posted after"),
        ("1--9", "1-9", "pages are"),
        ("1--9", "9--1", "pages are"),
        ("{2020}, pages", "{in press}, pages", "year is"),
        ("Doe, Jane", "Poe, Jane", "key does not begin"),
        ("journal = {J},", "", "no journal"),
        ("doi = {10.1234/x.1}, eprint = {2001.00001}", "note = {N}", "no identifier"),
    ],
)
def test_a_planted_mistake_is_found(right, wrong, problem):
    assert right in GOOD
    entry = parse_string(GOOD.replace(right, wrong), "bibtex").entries["doe2020"]
    assert [found for found in problems("doe2020", entry) if found.startswith(problem)]
