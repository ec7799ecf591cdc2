"""The texts on the front page: one prompt, one model, four strategies.

`python -m tools.front_page` writes chapters/data/front_page.html, which index.md includes; a test
holds that it is what storybook gives.
"""

from __future__ import annotations

import html

import decodelib as dl
from tools.book import ROOT

PAGE = ROOT / "chapters" / "data" / "front_page.html"
PROMPT = "The old lighthouse keeper"
LENGTH = 45
SEED = 2
TEXTS = (
    ("A loop", dl.Greedy(), "always the most probable token", "03_greedy"),
    ("A dull paragraph", dl.BeamSearch(num_beams=5), "the best of five at once", "04_beam_search"),
    ("Word salad", dl.Sampling(dl.Temperature(1.8)), "any token, almost", "06_temperature"),
    (
        "A lively one",
        dl.Sampling(dl.Temperature(0.8), dl.TopP(0.9)),
        "drawn from the probable ones",
        "08_top_p",
    ),
)


def front_page(lm: dl.LanguageModel) -> str:
    """Return the four texts as HTML, each token shaded by how surprising the model found it."""
    cards = []
    for title, strategy, gloss, chapter in TEXTS:
        text = dl.generate(lm, PROMPT, strategy, max_new_tokens=LENGTH, seed=SEED)
        code = html.escape(repr(strategy))
        cards.append(
            f'<figure class="front-text"><figcaption><strong>{title}</strong>: {gloss}<br>'
            f'<a href="{chapter}.html"><code>{code}</code></a></figcaption>'
            f"{text._repr_html_()}</figure>"
        )
    return "\n".join(['<div class="front-texts">', *cards, "</div>", ""])


def main() -> None:
    lm = dl.load("storybook", device="cpu", dtype="float64")
    PAGE.write_text(front_page(lm), encoding="utf-8")


if __name__ == "__main__":
    main()
