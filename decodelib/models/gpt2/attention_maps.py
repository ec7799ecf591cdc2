"""Where a GPT-2 model looks: its attention weights, and what it says when it may not look."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from decodelib.arguments import check_integer
from decodelib.models.base import Prompt
from decodelib.models.gpt2.model import GPT2


class Attention(NamedTuple):
    """What `attention` found.

    Attributes:
        weights: `weights[l, h, i, j]` is how much of what head h of layer l reads at position i
            comes from position j. Rows sum to 1, and j is never after i.
        logits: After every position, as `lm.logits` has them.
    """

    weights: Float[Tensor, "layers heads seq seq"]
    logits: Float[Tensor, "seq vocab"]


@torch.no_grad()
def attention(lm: GPT2, prompt: Prompt, hidden: Collection[int] = ()) -> Attention:
    """Run the model once and return its attention weights.

    A head weighs the positions up to its own by a_ij = softmax_j(q_i . k_j / sqrt(d)), and reads
    the mean of their values under these weights.

    Args:
        lm: A GPT-2 model, as `load` returns.
        prompt: Text, or token ids of shape [seq]. Nothing is put before it; an empty one is BOS.
        hidden: Positions, from 0, that no later position may look at; each still sees itself. The
            weights of the others then sum to 1.

    Raises:
        TypeError: For a model of another architecture.  ValueError: For positions outside the text.

    Source: Vaswani et al. 2017, arXiv 1706.03762. Chapter 13.
    """
    if not isinstance(lm, GPT2):
        raise TypeError(f"lm must be a GPT-2 model, got {lm!r}")
    ids = lm.prompt_ids(prompt)
    positions = torch.arange(len(ids), device=lm.device)
    forbidden = positions > positions[:, None]
    for place in hidden:
        check_integer("hidden", place, 0, len(ids) - 1)
        forbidden[place + 1 :, place] = True
    maps: list[Tensor] = []

    def attend(layer: int, qkv: Float[Tensor, "seq 3 heads width"]) -> Float[Tensor, "seq hidden"]:
        q, k, v = qkv.permute(1, 2, 0, 3)
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        maps.append(scores.masked_fill(forbidden, -torch.inf).softmax(-1))
        return (maps[-1] @ v).transpose(0, 1).flatten(1)

    logits = lm._unembed(lm._hidden(ids, positions, attend))
    return Attention(torch.stack(maps), logits)
