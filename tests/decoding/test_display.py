"""A generation in a notebook: shaded, escaped, and left alone by MathJax."""

import subprocess
import sys

from bs4 import BeautifulSoup

import decodelib as dl


def shown(words):
    lm = dl.TableLM({"": words})
    g = dl.generate(lm, "", dl.Sampling(), max_new_tokens=20, seed=0)
    return g, BeautifulSoup(g._repr_html_(), "html.parser")


def test_every_token_is_a_span_with_its_text_and_its_probability() -> None:
    g, page = shown({"a": 0.75, "b": 0.25})
    spans = page.select(".dl-token")
    assert [span.text for span in spans] == g.tokens
    assert [span["title"] for span in spans] == [
        {" a": "p = 0.750", " b": "p = 0.250"}[token] for token in g.tokens
    ]


def test_the_less_probable_token_has_the_deeper_shade() -> None:
    _, page = shown({"a": 0.75, "b": 0.25})
    shades = {span.text: int(span["style"].split(":")[1]) for span in page.select(".dl-token")}
    assert shades[" b"] > shades[" a"] > 0


def test_markup_in_a_text_is_shown_as_text() -> None:
    g, page = shown({"<b>&": 1})
    assert page.find("b") is None
    assert page.select_one(".dl-generation").text == g.full_text == " <b>&" * 20


def test_dollar_signs_are_kept_from_mathjax() -> None:
    _, page = shown({"$5,": 0.5, "$10": 0.5})
    classes = page.select_one(".dl-generation")["class"]
    assert "mathjax_ignore" in classes  # MathJax 3 and later
    assert "tex2jax_ignore" in classes  # MathJax 2


def test_a_generation_shows_itself_without_any_plotting_library() -> None:
    code = (
        "import sys, decodelib as dl\n"
        "g = dl.generate(dl.TableLM({'': {'a': 1}}), '', dl.Greedy(), max_new_tokens=1)\n"
        "assert 'dl-token' in g._repr_html_() and ' a' in repr(g)\n"
        "loaded = {'matplotlib', 'ipywidgets', 'anywidget', 'IPython', 'transformers'}\n"
        "print(sorted(loaded & set(sys.modules)), 'decodelib.viz' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[] False"
