"""GPT-2's attention over a key-value cache, for several new tokens and for one."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from decodelib.models.gpt2.kv_cache import KVCache

Attend = Callable[[int, Tensor], Tensor]


def split_heads(qkv: Float[Tensor, "N 3 H D"], rows: int) -> Float[Tensor, "3 B H S D"]:
    """Return queries, keys and values (3, B, H, S, D) of the projections of N = B * S tokens."""
    return qkv.view(rows, -1, *qkv.shape[1:]).permute(2, 0, 3, 1, 4)


def join_heads(heads: Float[Tensor, "B H S D"]) -> Float[Tensor, "N E"]:
    """Concatenate the heads' outputs (B, H, S, D) into one row (H * D) for each token."""
    return heads.transpose(1, 2).flatten(0, 1).flatten(1)


# Both take the slices of all layers at once: for a small model, a slice costs as much as a product.


def _attention(cache: KVCache, rows: int, new: int) -> Attend:
    """Return causal attention over the cache, for `new` tokens in each row."""
    end = cache.used + new
    written = cache.buffer[:, :, :rows, :, cache.used : end].unbind(1)
    runs = [(run, cache.buffer[:, :, run, :, start:end].unbind(1)) for run, start in cache.runs()]

    def attend(layer: int, qkv: Tensor) -> Tensor:
        by_head = split_heads(qkv, rows)
        written[layer].copy_(by_head[1:])
        done = [_of_run(by_head[0, run], *kv[layer]) for run, kv in runs]
        return join_heads(done[0] if len(done) == 1 else torch.cat(done))

    return attend


def _of_run(
    q: Float[Tensor, "B H S D"], k: Float[Tensor, "B H T D"], v: Float[Tensor, "B H T D"]
) -> Float[Tensor, "B H S D"]:
    """Compute causal attention of the last S of T tokens."""
    new, total = q.shape[2], k.shape[2]
    seen = torch.ones(new, total, dtype=torch.bool, device=q.device).tril(total - new)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=None if new == 1 else seen)


def _attention_of_one(cache: KVCache, rows: int, new: int) -> Attend:
    """Return attention over the cache for one new token in each row: softmax(q k) v."""
    written = cache.buffer[:, :, :rows, :, cache.used].unbind(1)
    slices = [cache.buffer[:, :, r, :, start : cache.used + 1] for r, start in cache.runs()]
    by_head = [part.flatten(2, 3) for part in slices]
    keys = list(zip(*(part[0].transpose(-1, -2).unbind() for part in by_head), strict=True))
    values = list(zip(*(part[1].unbind() for part in by_head), strict=True))
    sizes = [k.shape[0] for k in keys[0]]
    scale, nothing = cache.buffer.shape[-1] ** -0.5, cache.buffer.new_empty(1)

    def attend(layer: int, qkv: Tensor) -> Tensor:
        written[layer].copy_(qkv[:, 1:].transpose(0, 1))
        q = qkv[:, 0].reshape(-1, 1, qkv.shape[-1])
        done = []
        for part, k, v in zip(q.split_with_sizes(sizes), keys[layer], values[layer], strict=True):
            scores = torch.baddbmm(nothing, part, k, beta=0, alpha=scale)
            done.append(torch.bmm(scores.softmax(-1), v))
        return (done[0] if len(done) == 1 else torch.cat(done)).view(rows, -1)

    return attend
