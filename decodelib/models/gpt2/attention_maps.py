"""Where a model looks: its attention weights, and its logits when some positions are hidden."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor

from decodelib.arguments import check_integer
from decodelib.models.base import LanguageModel, Prompt
from decodelib.models.gpt2.model import GPT2
from decodelib.models.hf import HFModel


class Attention(NamedTuple):
    """What `attention` found.

    Attributes:
        weights: `weights[l, h, i, j]` is the weight that head h of layer l gives at position i to
            the value of position j. Rows sum to 1, and j is never after i.
        logits: After every position, as `lm.logits` has them.
    """

    weights: Float[Tensor, "layers heads seq seq"]
    logits: Float[Tensor, "seq vocab"]


def attention(lm: LanguageModel[Any], prompt: Prompt, hidden: Collection[int] = ()) -> Attention:
    """Run the model once and return its attention weights.

    A head weighs the positions up to its own by a_ij = softmax_j(q_i . k_j / sqrt(d)), and reads
    the mean of their values under these weights.

    Args:
        lm: A model that `load` returns: GPT-2, or one of transformers with attention layers.
        prompt: Text, or token ids of shape [seq]. A text begins with BOS where `lm` puts one; an
            empty prompt is BOS.
        hidden: Positions, from 0, that no later position may look at; each still sees itself. The
            weights of the others then sum to 1.

    Raises:
        TypeError: For another kind of model.
        ValueError: For positions outside the text; for a model of transformers that gives no
            attention weights out, or that cannot hide positions (the message says why).

    Source: Vaswani et al. 2017, arXiv 1706.03762. Chapter 13.
    """
    if not isinstance(lm, GPT2 | HFModel):
        raise TypeError(f"lm must be GPT-2 or a model of transformers, got {lm!r}")
    ids = lm.prompt_ids(prompt)
    for place in hidden:
        check_integer("hidden", place, 0, len(ids) - 1)
    return Attention(*lm.attention(ids, hidden))
