"""The key-value cache of a transformers model, as decodelib's `Cache`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor


@dataclass
class HFCache:
    """A transformers cache, and which of its positions are padding (0) and tokens (1).

    `lengths` are the numbers of tokens of the rows.
    """

    past: Any
    mask: Int[Tensor, "rows slots"]
    lengths: list[int]
    hidden: Float[Tensor, "rows new width"] | None = None

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Layers, rows, heads, positions and a head's width: of the keys, and of the values.

        Only layers that keep a key for each position count. Heads are those of the keys, which
        several query heads may share.
        """
        kept = [layer.keys for layer in self.past.layers if _has_keys(layer)]
        rows, heads, positions, width = kept[0].shape if kept else (len(self.mask), 0, 0, 0)
        return len(kept), rows, heads, positions, width

    @property
    def num_bytes(self) -> int:
        """The bytes of all keys and values."""
        kept = [layer for layer in self.past.layers if _has_keys(layer)]
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in kept)

    def select(self, rows: Int[Tensor, " rows"]) -> HFCache:
        self.past.reorder_cache(rows)  # which also repeats and drops rows
        return HFCache(self.past, self.mask[rows], [self.lengths[row] for row in rows.tolist()])

    def rewind(self, count: int) -> None:
        """Forget the last `count` tokens of every row, in place.

        Raises ValueError for a model with layers that keep no key and value of each token.
        """
        if not count:
            return
        from transformers.cache_utils import LinearAttentionCacheLayerMixin

        layers = self.past.layers
        if any(isinstance(layer, LinearAttentionCacheLayerMixin) for layer in layers):
            raise ValueError(
                "cache cannot be rewound, because some of the model's layers keep a running state "
                "instead of a key and a value for each token: use a model of attention layers only"
            )
        for layer in layers:
            if layer.is_initialized and hasattr(layer, "cumulative_length"):
                # The layer's own crop would forget what lies outside the window as well, which the
                # next rewind may bring back into it.
                layer.keys = layer.keys[..., :-count, :]
                layer.values = layer.values[..., :-count, :]
                layer.cumulative_length -= count
            else:
                layer.crop(-count)
        self.mask = self.mask[:, :-count]
        self.lengths = [length - count for length in self.lengths]


def _has_keys(layer: Any) -> bool:
    return getattr(layer, "keys", None) is not None and layer.keys.ndim == 4
