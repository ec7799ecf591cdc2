"""GPT-2's decoding step as a CUDA graph: all of its kernels started by a single call.

A step of one token runs well over a hundred small kernels, and on a fast GPU the host takes longer
to start them than they take to run. A graph records them once and replays them on the same memory.
So everything lives in buffers that never move: keys and values have room for `capacity` positions,
and what a row may look at is said by a mask, not by a slice.

This has been tested on the CPU, where the very function that is captured is called instead of
replayed. The capture itself has not yet run on a GPU, and no timing has been taken.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from decodelib.arguments import check_integer
from decodelib.graphs.step import Called, Picking, Replayable, StaticStep, captured, pick
from decodelib.models.base import LanguageModel
from decodelib.models.gpt2.kv_cache import KVCache
from decodelib.models.gpt2.model import GPT2


def graphed(lm: LanguageModel[Any], rows: int = 8, capacity: int | None = None) -> GraphedGPT2:
    """Return a model that decodes like `lm`, with its steps replayed as CUDA graphs.

    It serves every strategy. A graph is captured the first time that a step has 1, 2, 4, ... or
    `rows` rows, a batch in between being filled up with idle rows, and serves all later texts.
    One batch at a time is in the buffers: one with more rows or positions than they have, and one
    that another has displaced, goes on by the steps of `lm` itself, as right but not as fast.

    Logits are those of `lm` up to rounding, which in 16 bits may now and then turn one token into
    another. On devices other than CUDA the steps are the same calculation, without a graph and
    without any gain. Not for several threads at a time.

    Args:
        lm: A GPT-2 model, such as `load("storybook")`; the weights are shared.
        rows: The most sequences side by side, beams and branches counted; at least 1.
        capacity: The most positions of a sequence, its prompt included, in [1, context_length];
            the context length if not given. A step takes time for all of them, used or not.

    Raises:
        TypeError: For a model of another kind, and numbers that are not integers.
        ValueError: For numbers out of range.
    """
    if not isinstance(lm, GPT2):
        raise TypeError(f"lm must be a GPT-2 model of this package, got {lm!r}")
    positions = lm.context_length if capacity is None else capacity
    check_integer("rows", rows, 1)
    check_integer("capacity", positions, 1, lm.context_length)
    return GraphedGPT2(lm, rows, positions)


class GraphedGPT2(LanguageModel[KVCache]):
    """A GPT-2 model whose steps are replayed; made by `graphed`.

    Args:
        lm: The model itself, which reads the prompts.
        rows, positions: The size of the buffers.
    """

    def __init__(self, lm: GPT2, rows: int, positions: int) -> None:
        self.name, self.device, self.dtype = lm.name, lm.device, lm.dtype
        self.vocab_size, self.context_length = lm.vocab_size, lm.context_length
        self.eos_token_ids, self.bos_token_id = lm.eos_token_ids, lm.bos_token_id
        self.begins_with_bos, self.num_layers = lm.begins_with_bos, lm.num_layers
        self.num_parameters, self.num_bytes = lm.num_parameters, lm.num_bytes
        self._lm, self._rows, self._positions = lm, rows, positions
        with torch.inference_mode(False):  # so that they can be changed in any mode
            self._static = StaticStep(lm, rows, positions)
        self._graphs: dict[tuple[int, Picking], Replayable] = {}
        self._placed = [0] * (1 + rows)  # what `now` and `starts` hold
        self._in_buffer: weakref.ref[KVCache] | None = None

    def __reduce__(self) -> tuple[type[GraphedGPT2], tuple[GPT2, int, int]]:
        # A copy has buffers of its own, and captures its own graphs of them.
        return GraphedGPT2, (self._lm, self._rows, self._positions)

    def encode(self, text: str) -> Int[Tensor, " seq"]:
        return self._lm.encode(text)

    def decode(self, ids: Sequence[int] | Int[Tensor, " seq"]) -> str:
        return self._lm.decode(ids)

    def logits(self, ids: Sequence[int] | Int[Tensor, " seq"]) -> Float[Tensor, "seq vocab"]:
        return self._lm.logits(ids)

    @torch.no_grad()
    def prefill(
        self, prompts: Sequence[Int[Tensor, " _seq"]], capacity: int
    ) -> tuple[Float[Tensor, "rows vocab"], KVCache]:
        logits, cache = self._lm.prefill(prompts, capacity)
        if len(prompts) <= self._rows and cache.capacity <= self._positions:
            self._take_in(cache)
        return logits, cache

    @torch.no_grad()
    def step(self, next_ids: Int[Tensor, " rows"], cache: KVCache) -> Float[Tensor, "rows vocab"]:
        if not self._holds(cache):
            return self._lm.step(next_ids, cache)
        self._replay(next_ids, cache, "nothing")
        return cache.to_rows(self._static.logits[: len(next_ids)].clone())

    @torch.no_grad()
    def step_and_pick(
        self,
        next_ids: Int[Tensor, " rows"],
        cache: KVCache,
        may_end: Bool[Tensor, " rows"],
        uniforms: Float[Tensor, " rows"] | None = None,
    ) -> tuple[Float[Tensor, "rows vocab"], Float[Tensor, "rows 3"]]:
        """Append one token to every row, and return the logits and what `pick` picks from them.

        The arguments may be on the CPU; `pick` says what they mean.
        """
        count, static = len(next_ids), self._static
        next_ids, may_end = self._sent(next_ids), self._sent(may_end)
        uniforms = None if uniforms is None else self._sent(uniforms)
        if not self._holds(cache):
            logits = self._lm.step(next_ids, cache)
            return logits, pick(logits, self.eos_token_ids, may_end, uniforms)
        static.may_end[:count] = cache.to_slots(may_end)
        if uniforms is not None:
            static.uniforms[:count] = cache.to_slots(uniforms)
        self._replay(next_ids, cache, "argmax" if uniforms is None else "draw")
        logits, picked = static.logits[:count].clone(), static.picked[:count].clone()
        return cache.to_rows(logits), cache.to_rows(picked)

    def extend(
        self, ids: Int[Tensor, "rows new"], cache: KVCache
    ) -> Float[Tensor, "rows new vocab"]:
        _make_room(cache, ids.shape[1])
        return self._lm.extend(ids, cache)

    def _sent(self, tensor: Tensor) -> Tensor:
        # CUDA has read memory that isn't pinned before it returns, so nothing has to be waited for.
        return tensor.to(self.device, non_blocking=True)

    def _holds(self, cache: KVCache) -> bool:
        """Make room for a token, and return whether that is in the buffers."""
        _make_room(cache, 1)
        return cache.buffer is self._static.buffer

    def _replay(self, next_ids: Tensor, cache: KVCache, picking: Picking) -> None:
        count = len(next_ids)
        self._static.ids[:count] = cache.to_slots(next_ids)
        self._place(cache)
        self._graph_for(count, picking).replay()
        self._placed[0] += 1
        cache.used += 1
        # A copy, since the next step overwrites what this one found.
        cache.hidden = cache.to_rows(self._static.hidden[:count, None].clone())

    def _take_in(self, cache: KVCache) -> None:
        """Move a cache into the buffer, and out of it the one that was there if it is in use."""
        buffer = self._static.buffer
        before = self._in_buffer() if self._in_buffer else None
        if before is not None and before.buffer is buffer:
            _move_out(before)
        buffer.zero_()  # a NaN left there would spoil sums even where it is masked
        buffer[:, :, : len(cache.lengths), :, : cache.used] = cache.buffer[..., : cache.used, :]
        cache.buffer, self._in_buffer = buffer, weakref.ref(cache)

    def _place(self, cache: KVCache) -> None:
        """Tell the device where rows are, unless the last step left them there."""
        starts = [cache.used - length for length in cache.lengths]
        wanted = [cache.used, *starts, *[0] * (self._rows - len(starts))]
        if wanted != self._placed:
            self._placed = wanted
            self._upload()

    def _upload(self) -> None:
        now, *starts = self._placed
        self._static.now.fill_(now)
        self._static.starts.copy_(torch.tensor(starts))

    def _graph_for(self, count: int, picking: Picking) -> Replayable:
        """Return the graph for the next larger power of two, or for all rows."""
        rows = min(1 << (count - 1).bit_length(), self._rows)
        if (rows, picking) not in self._graphs:
            step = partial(self._static.run, rows, picking)
            on_gpu = self.device.type == "cuda"
            graph = captured(step, self._upload, self.device) if on_gpu else Called(step)
            self._graphs[rows, picking] = graph
        return self._graphs[rows, picking]


def _make_room(cache: KVCache, count: int) -> None:
    """Move a cache out of a buffer that ends before the cache is full."""
    cache.make_room(count)
    if cache.used + count > cache.buffer.shape[-2]:
        _move_out(cache)


def _move_out(cache: KVCache) -> None:
    """Give a cache a buffer of its own, with room for all that its capacity allows."""
    halves, layers, _, heads, _, width = cache.buffer.shape
    slots, positions = len(cache.lengths), cache.used - min(cache.lengths) + cache.capacity
    own = cache.buffer.new_zeros(halves, layers, slots, heads, positions, width)
    own[..., : cache.used, :] = cache.buffer[:, :, :slots, :, : cache.used]
    cache.buffer = own
