"""A Sphinx extension: what the site says of its own address and of its repository, if it has them.

BOOK_URL=https://...         where the pages will stand: canonical addresses, previews, sitemap, 404
BOOK_REPOSITORY=https://...  where the sources stand: buttons to edit a page, to report a fault,
                             and to open a chapter in Colab
BOOK_EPUB=1                  the pages are for `tools.epub`, which packs them

The addresses are known when a site is published, and only then. Without them pages name no host.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import yaml

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DESCRIPTION = (
    "How text is decoded from language models: greedy, beam search, temperature, top-k, top-p, "
    "min-p and more, with explorers that work in the page and notebooks that check every claim."
)

COLAB = "https://colab.research.google.com/github"
BRANCH = "notebooks"
"""Where the workflow puts the notebooks that `make book` offers for download."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Read the two addresses before Sphinx fixes its configuration."""
    config: Any = app.config
    footer = f"<p>{_version(Path(app.confdir))}</p>{config.html_theme_options['extra_footer']}"
    config.html_theme_options = {**config.html_theme_options, "extra_footer": footer}
    if url := _address("BOOK_URL"):
        config.html_baseurl = f"{url}/"
        config.sitemap_url_scheme = "{link}"
        config.notfound_urls_prefix = f"{urlparse(url).path}/"
        config.ogp_site_url = f"{url}/"
        config.ogp_image = f"{url}/_static/card.png"
        config.ogp_image_alt = "One prompt, continued by four decoding strategies"
        config.ogp_site_name = config.html_title
        for extension in ("sphinx_sitemap", "notfound.extension", "sphinxext.opengraph"):
            app.setup_extension(extension)
    if repository := _address("BOOK_REPOSITORY"):
        options = {**config.html_theme_options, "repository_url": repository}
        options |= {"repository_branch": "main", "path_to_docs": ""}
        buttons = ("use_edit_page_button", "use_issues_button", "use_repository_button")
        config.html_theme_options = options | dict.fromkeys(buttons, True)
    if os.environ.get("BOOK_EPUB"):
        _for_epub(config, url)
    app.connect("source-read", _say_where)
    app.connect("html-page-context", _describe)
    app.connect("html-page-context", _offer_colab, priority=502)  # after the theme's own buttons
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _for_epub(config: Any, url: str) -> None:
    """Set what Sphinx's EPUB builder asks for; without an address, a UUID identifies the book."""
    config.epub_title = config.html_title or config.project
    config.epub_description = DESCRIPTION
    config.epub_identifier = url or "urn:uuid:6b1f7c1e-6a0d-5d0e-9a43-0c7d1f0b8a55"
    config.epub_scheme = "URL" if url else "UUID"
    config.epub_uid = "book-id"
    config.epub_language = "en"
    config.epub_contributor = config.author
    config.epub_use_index = False
    config.epub_show_urls = "no"
    config.version = "1"


def _version(root: Path) -> str:
    """Return which version of the book this is, as its citation says."""
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    return f"Version {citation['version']}, {citation['date-released']}"


def _address(variable: str) -> str:
    address = os.environ.get(variable, "").rstrip("/")
    if address and not urlparse(address).netloc:
        raise ValueError(f"{variable} must be an address such as https://..., got {address!r}")
    return address


def _describe(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Give the front page a description; those of other pages come from their own text."""
    if page == app.config.root_doc:
        context["metatags"] = (
            f'{context.get("metatags", "")}<meta name="description" content="{DESCRIPTION}">\n'
        )


def where(text: str, url: str, repository: str) -> str:
    """Return the first page's text with the addresses of what it speaks of, as far as known.

    Beside a site that has an address the workflow puts the PDF and the EPUB.
    """
    clone, teach = "In a clone of the repository", "**Teach from it.**"
    for part in (clone, teach):
        if part not in text:
            raise ValueError(f"chapters/index.md must say {part!r}, where addresses are put in")
    if repository:
        text = text.replace(clone, f"In a clone of [the repository]({repository})")
    if url:
        pdf, epub = (f"{url}/decoding-language-models.{kind}" for kind in ("pdf", "epub"))
        text = text.replace(
            teach, f"**Take it along** as a [PDF]({pdf}) or as an [EPUB]({epub}).\n\n{teach}"
        )
    return text


def _say_where(app: Sphinx, page: str, source: list[str]) -> None:
    if page == app.config.root_doc:
        source[0] = where(source[0], _address("BOOK_URL"), _address("BOOK_REPOSITORY"))


def colab_address(repository: str, page: str) -> str:
    """Return where Colab opens a chapter, or "" for a page or a repository that it cannot open."""
    name = page.removeprefix("chapters/")
    if urlparse(repository).netloc != "github.com" or not name[:2].isdecimal():
        return ""
    return f"{COLAB}{urlparse(repository).path}/blob/{BRANCH}/{name}.ipynb"


def _offer_colab(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Give a chapter a button that opens it in Colab, where its repository is on GitHub."""
    if address := colab_address(_address("BOOK_REPOSITORY"), page):
        button = {"type": "link", "text": "Colab", "tooltip": "Open in Colab", "label": "colab"}
        context["header_buttons"].insert(0, {**button, "url": address})


__all__ = ["setup"]
