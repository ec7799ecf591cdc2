"""A weaker model out of a model: its first layers alone, for drafts and amateurs.

Nothing is trained and nothing is copied, so it can be had wherever the model can.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from decodelib.arguments import check_integer
from decodelib.models.base import LanguageModel
from decodelib.models.gpt2.model import GPT2


def first_layers(lm: LanguageModel[Any], count: int) -> GPT2:
    """Return a model that stops after the first `count` layers of `lm`, weights shared.

    What follows the last layer, a norm and the unembedding, then reads an earlier layer's states
    than it was trained for. So the fewer layers, the cheaper and the worse; with all of them it is
    `lm` itself. It drafts for `SpeculativeSampling` and is the amateur of `ContrastiveDecoding`.

    Args:
        lm: A GPT-2 model, such as `load("storybook")`.
        count: In [1, number of layers].

    Raises:
        TypeError, ValueError: For another kind of model, and a count out of range.

    Source: the early exit of Schuster et al. 2022, arXiv 2207.07061, without its training; as an
    amateur, Chuang et al. 2024, arXiv 2309.03883. Chapter 17.
    """
    if not isinstance(lm, GPT2):
        raise TypeError(f"lm must be a GPT-2 model of this package, got {lm!r}")
    check_integer("count", count, 1, lm.config.n_layer)
    shallow = copy.copy(lm)
    shallow.config = replace(lm.config, n_layer=count)
    shallow._blocks = lm._blocks[:count]
    shallow.name = f"{lm.name}, {count} of {lm.config.n_layer} layers"
    return shallow
