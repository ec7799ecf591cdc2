"""`make package`: addresses for a package index, and a source distribution that lacks nothing."""

import tarfile
import tomllib
from pathlib import Path

import decodelib
from tools import package

REPOSITORY = "https://example.org/owner/decodelib"


def test_relative_links_and_pictures_point_into_the_repository():
    readme = (
        "![a\npicture](.github/p.png) [page](chapters/index.md) [far](https://a.example/b) [up](#x)"
    )
    assert package.absolute_links(readme, REPOSITORY) == (
        f"![a\npicture]({REPOSITORY}/raw/main/.github/p.png) "
        f"[page]({REPOSITORY}/blob/main/chapters/index.md) [far](https://a.example/b) [up](#x)"
    )


def test_no_link_of_the_readme_stays_relative():
    readme = (package.ROOT / "README.md").read_text(encoding="utf-8")
    assert package.LINK.search(readme)
    assert not package.LINK.search(package.absolute_links(readme, REPOSITORY))


def test_the_stamped_project_is_the_project_with_urls():
    text = (package.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    stamped = tomllib.loads(package.with_urls(text, REPOSITORY))
    urls = stamped["project"].pop("urls")
    assert urls["Source"] == REPOSITORY
    assert stamped == tomllib.loads(text)


def test_a_file_that_was_not_packed_is_named(tmp_path: Path):
    sdist = tmp_path / "decodelib-0.tar.gz"
    with tarfile.open(sdist, "w:gz") as archive:
        for name in package.tracked_files():
            if name != "decodelib/py.typed":
                archive.add(package.ROOT / name, f"decodelib-0/{name}")
    assert package.missing_from(sdist) == ["decodelib/py.typed"]


def test_the_version_stands_in_one_place_and_citation_follows():
    citation = (package.ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {decodelib.__version__}\n" in citation
