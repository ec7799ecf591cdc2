"""Models and strategies as the Python source that makes them."""

from __future__ import annotations

import re

import torch

import decodelib as dl
from decodelib.decoding.search import Strategy
from decodelib.models.base import LanguageModel


def as_call(lm: LanguageModel) -> str:
    """Return `dl.load('storybook', dtype='float64')` for that model, and likewise for others.

    The dtype is stated where it is float64, which no device chooses by itself: with another one a
    text can differ. A model of `first_layers` becomes a call of it, a table itself, and a model
    from a folder is loaded from that folder, whose name alone may be another model's.
    """
    if isinstance(lm, dl.TableLM):
        return f"dl.TableLM({lm.table})"
    precise = ", dtype='float64'" if lm.dtype == torch.float64 else ""
    shallow = re.fullmatch(r"(.+), (\d+) of \d+ layers", lm.name)
    if shallow is None:
        return f"dl.load({(lm.folder or lm.name)!r}{precise})"
    return f"first_layers(dl.load({(lm.folder or shallow[1])!r}{precise}), {shallow[2]})"


def load_of(lm: LanguageModel) -> dict[str, str]:
    """Return {"load": source} for a model from a folder: what a page cannot tell from its name."""
    return {} if lm.folder is None else {"load": as_call(lm)}


def as_source(strategy: Strategy) -> str:
    """Return `dl.Sampling(dl.TopP(0.9))` for `Sampling(TopP(0.9))`.

    Models become what `as_call` makes of them. What decodelib does not define keeps its repr, which
    runs if the reader's own class has a faithful one.
    """
    text = repr(strategy)
    if isinstance(strategy, dl.SpeculativeSampling) and isinstance(
        strategy.draft, dl.LanguageModel
    ):
        text = text.replace(f"({strategy.draft.name}", f"({as_call(strategy.draft)}", 1)
    for model in vars(strategy).values() if hasattr(strategy, "__dict__") else ():
        if isinstance(model, dl.LanguageModel):
            text = text.replace(repr(model), as_call(model))
    if isinstance(strategy, dl.BestOfN) and strategy.reward is dl.mean_logprob:
        text = text.replace("(mean_logprob", "(dl.mean_logprob", 1)
    return re.sub(
        r"(?<![\w.])([A-Z]\w*)\(", lambda m: f"dl.{m[0]}" if m[1] in dl.__all__ else m[0], text
    )
