"""How a `Generation` shows itself in a notebook: each token shaded by its probability.

The one piece of HTML outside `decodelib.viz`, since a notebook that imports decodelib alone shows
its texts too, and `import decodelib` is to load none of what `viz` needs.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable

DEEPEST_SHADE_NATS = 8.0
"""The surprisal with the deepest shade: twenty nats would be a once-in-a-book surprise."""

CSS = (
    ".dl-generation{white-space:pre-wrap;line-height:1.7}"
    ".dl-prompt{font-weight:600}"
    ".dl-token{background:rgb(230 159 0/calc(var(--surprise)*1%));border-radius:2px}"
)


def shaded(prompt: str, tokens: Iterable[tuple[str, float]]) -> str:
    """Return HTML of a prompt and its continuation.

    Args:
        prompt: Shown in bold.
        tokens: The text and ln p (in nats) of each token; the less probable, the deeper its shade.
    """
    spans = (
        f'<span class="dl-token" style="--surprise:{_shade(logprob)}" '
        f'title="p = {math.exp(logprob):.3f}">{html.escape(text)}</span>'
        for text, logprob in tokens
    )
    # The two classes tell MathJax 3 and 2 that dollar signs are no formulas here.
    return (
        f"<style>{CSS}</style>"
        '<div class="dl-generation mathjax_ignore tex2jax_ignore">'
        f'<span class="dl-prompt">{html.escape(prompt)}</span>{"".join(spans)}</div>'
    )


def _shade(logprob: float) -> int:
    return round(85 * min(1.0, -logprob / DEEPEST_SHADE_NATS))
