"""Strategies as the Python source that makes them."""

from __future__ import annotations

import re

import decodelib as dl
from decodelib.types import Strategy


def as_source(strategy: Strategy) -> str:
    """Return `dl.Sampling(dl.TopP(0.9))` for `Sampling(TopP(0.9))`.

    Models become calls of `dl.load`. What decodelib does not define keeps its repr, which runs if
    the reader's own class has a faithful one.
    """
    text = repr(strategy)
    if isinstance(strategy, dl.SpeculativeSampling):
        name = strategy.draft.name
        text = text.replace(f"({name}", f"(dl.load({name!r})", 1)
    for model in vars(strategy).values() if hasattr(strategy, "__dict__") else ():
        if isinstance(model, dl.LanguageModel):
            text = text.replace(repr(model), f"dl.load({model.name!r})")
    return re.sub(
        r"(?<![\w.])([A-Z]\w*)\(", lambda m: f"dl.{m[0]}" if m[1] in dl.__all__ else m[0], text
    )
