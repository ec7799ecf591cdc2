"""A weaker model out of a model: its first layers alone, for drafts and amateurs.

Nothing is trained and nothing is copied, so it can be had wherever the model can.
"""

from __future__ import annotations

from typing import Any

from decodelib.arguments import check_integer
from decodelib.models.base import LanguageModel
from decodelib.models.gpt2.model import GPT2
from decodelib.models.hf import HFModel


def first_layers(lm: LanguageModel[Any], count: int) -> GPT2 | HFModel:
    """Return a model that stops after the first `count` layers of `lm`, weights shared.

    The final norm and the unembedding then read an earlier layer's states than they were trained
    for. So the fewer layers, the cheaper and the worse; with all of them the logits are those of
    `lm`. Serves as the draft of `SpeculativeSampling` and as the amateur of `ContrastiveDecoding`.

    Args:
        lm: A model that `load` returns: GPT-2, or one of transformers whose layers stand one above
            the other in a list.
        count: In [1, lm.num_layers].

    Raises:
        TypeError: For another kind of model.
        ValueError: For a count out of range, and a model whose layers cannot be parted.

    Source: the early exit of Schuster et al. 2022, arXiv 2207.07061, without its training; as an
    amateur, Chuang et al. 2024, arXiv 2309.03883. Chapter 17.
    """
    if not isinstance(lm, GPT2 | HFModel):
        raise TypeError(f"lm must be GPT-2 or a model of transformers, got {lm!r}")
    check_integer("count", count, 1, lm.num_layers)
    shallow = lm.first_layers(count)
    shallow.name = f"{lm.name}, {count} of {lm.num_layers} layers"
    shallow.folder = lm.folder
    return shallow
