"""Inside a transformers model: its attention weights, and its first layers alone.

What has to be set on a model for that is set on a copy that shares its tensors, so that the model
itself stays as it is for everyone else who uses it.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


def twin(model: Any) -> Any:
    """Return a copy of a transformers model with modules of its own and the same tensors."""
    tensors = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, tensors)


def without_hooks(model: Any) -> Any:
    """Return a twin that can be pickled: transformers' hooks are functions within functions.

    transformers puts them back where they are needed.
    """
    copied = twin(model)
    for module in copied.modules():
        module._forward_hooks.clear()
        module.__dict__.pop("_output_capturing_hooks_installed", None)
    return copied


def num_layers(model: Any) -> int:
    """Return how many transformer blocks a model has, as its config says; 0 if that is silent."""
    return int(getattr(_text_config(model), "num_hidden_layers", None) or 0)


def first_blocks(model: Any, count: int) -> Any:
    """Return a twin of a transformers model without the blocks above the first `count`.

    Raises ValueError for a model whose blocks are not one list, or whose upper blocks read keys
    that lower ones keep for them.
    """
    total = num_layers(model)
    copied = twin(model)
    lists = [
        (parent, name, blocks)
        for parent in copied.base_model.modules()
        for name, blocks in parent.named_children()
        if isinstance(blocks, nn.ModuleList) and len(blocks) == total
    ]
    if len(lists) != 1 or getattr(_text_config(model), "num_kv_shared_layers", None):
        raise ValueError(
            "lm must be a model whose layers stand one above the other in one list, each with its "
            f"own keys, got {type(model).__name__}"
        )
    parent, name, blocks = lists[0]
    setattr(parent, name, blocks[:count])
    config = _text_config(copied)
    config.num_hidden_layers = count
    for key, value in vars(config).items():  # such as layer_types, which caches are built from
        if "layer" in key and isinstance(value, list) and len(value) == total:
            setattr(config, key, value[:count])
    return copied


def attentions(
    model: Any, ids: Int[Tensor, " seq"], hidden: Collection[int]
) -> tuple[Float[Tensor, "layers heads seq seq"], Float[Tensor, "seq vocab"]]:
    """Return the attention weights and the logits of one sequence.

    Args:
        hidden: Positions in [0, seq) that no later position may look at.

    Raises:
        ValueError: For a model whose attention transformers does not give out; for hidden positions
            where it takes no mask for each pair of positions, or where a window hides others.
    """
    copied = twin(model)
    copied.set_attn_implementation("eager")
    settings: dict[str, Any] = {"output_attentions": True, "use_cache": False}
    if hidden:
        window = getattr(_text_config(model), "sliding_window", None)
        if window and window < len(ids):
            raise ValueError(
                f"hidden must be empty for texts longer than the model's sliding window of {window}"
                f" tokens, got {sorted(hidden)} in a text of {len(ids)}"
            )
        where = forbidden(len(ids), hidden).to(model.device)
        mask = torch.zeros_like(where, dtype=model.dtype)
        mask.masked_fill_(where, torch.finfo(model.dtype).min)
        settings["attention_mask"] = mask[None, None]
    try:
        output = copied(input_ids=ids[None], **settings)
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        if not hidden:
            raise
        raise ValueError(
            f"hidden must be empty for {type(model).__name__}, which takes no mask for each pair "
            f"of positions, got {sorted(hidden)}"
        ) from error
    given = [weights[0] for weights in output.attentions or () if weights is not None]
    if not given:
        raise ValueError(
            f"lm must be a model whose attention weights transformers gives out, got "
            f"{type(model).__name__}"
        )
    return torch.stack(given), output.logits[0]


def forbidden(count: int, hidden: Collection[int]) -> Bool[Tensor, "seq seq"]:
    """Return where no position may look: after itself, and at `hidden` positions before itself."""
    positions = torch.arange(count, device="cpu")
    ahead = positions > positions[:, None]
    for place in hidden:
        ahead[place + 1 :, place] = True
    return ahead


def _text_config(model: Any) -> Any:
    return model.config.get_text_config(decoder=True)
