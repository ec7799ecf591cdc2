"""GPT-2's decoding step as a CUDA graph: all of its kernels started by a single call.

A step of one token runs well over a hundred small kernels, and on a fast GPU the host takes longer
to start them than they take to run. A graph records them once and replays them on the same memory.
So everything lives in buffers that never move: keys and values have room for `capacity` positions,
and what a row may look at is said by a mask, not by a slice.

This has been tested on the CPU, where the very function that is captured is called instead of
replayed; no timing on a GPU has been taken yet.

Sources: torch.cuda.graph and its notes on CUDA semantics, for what may be captured and how.
Shape comments: R rows of the buffers, T positions, H heads, D width of a head, E = H * D.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.gpt2 import GPT2, _by_head, _joined
from decodelib.kv_cache import KVCache
from decodelib.types import LanguageModel
from decodelib.validation import check_integer

# cuBLAS and the attention kernels choose and allocate what they need in the first few calls.
WARM_UPS = 3


def graphed(lm: LanguageModel[Any], rows: int = 8, capacity: int | None = None) -> GraphedGPT2:
    """Return a model that decodes like `lm`, with its steps replayed as CUDA graphs.

    It serves every strategy. A graph is captured the first time that a step has 1, 2, 4, ... or
    `rows` rows, a batch in between being filled up with idle rows, and serves all later texts.
    One batch at a time is in the buffers: one with more rows or positions than they have, and one
    that another has displaced, goes on by the steps of `lm` itself, as right but not as fast.

    On devices other than CUDA the steps are the same calculation, without a graph and without any
    gain. Not for several threads at a time.

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


@runtime_checkable
class Replayable(Protocol):
    """Recorded work: a `torch.cuda.CUDAGraph`, or what stands in for one."""

    def replay(self) -> None:
        """Do the work again, on what is now in its buffers."""
        ...


class Called:
    """A function that is called whenever a graph of it would be replayed."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function

    def replay(self) -> None:
        """Call the function."""
        self._function()


class StaticStep:
    """GPT-2's step over buffers that never move, without any decision taken on the host.

    Attributes:
        ids: The token that each row reads next.
        now: The position that it is read at, the same for all rows; `run` adds 1.
        starts: The position of each row's first token, at most `now`.
        buffer: Keys and values of the positions before `now`.
        logits, hidden: What the last step found, for every row that it ran on.
    """

    def __init__(self, lm: GPT2, rows: int, positions: int) -> None:
        config, device = lm.config, lm.device
        dtype = lm._embedding.dtype
        shape = (2, config.n_layer, rows, config.n_head, positions, config.n_embd // config.n_head)
        self._lm = lm
        self.buffer = torch.zeros(shape, dtype=dtype, device=device)
        self.ids = torch.zeros(rows, dtype=torch.long, device=device)
        self.now = torch.zeros(1, dtype=torch.long, device=device)
        self.starts = torch.zeros(rows, dtype=torch.long, device=device)
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        self.logits = torch.zeros(rows, config.vocab_size, dtype=wide, device=device)
        self.hidden = torch.zeros(rows, config.n_embd, dtype=dtype, device=device)
        self._positions = torch.arange(positions, device=device)

    def run(self, rows: int) -> None:
        """Let the first `rows` rows read their `ids`, and move `now` on by one."""
        starts = self.starts[:rows]
        seen = (self._positions >= starts[:, None]) & (self._positions <= self.now)
        seen = seen[:, None, None]  # (rows, 1, 1, T)

        def attend(layer: int, qkv: Tensor) -> Tensor:
            by_head = _by_head(qkv, rows)
            kept = self.buffer[:, layer, :rows]
            kept.index_copy_(3, self.now, by_head[1:])
            return _joined(F.scaled_dot_product_attention(by_head[0], kept[0], kept[1], seen))

        hidden = self._lm._hidden(self.ids[:rows], self.now - starts, attend)
        self.hidden[:rows].copy_(hidden)
        self.logits[:rows].copy_(self._lm._unembed(hidden))
        self.now.add_(1)


class GraphedGPT2(LanguageModel[KVCache]):
    """A GPT-2 model whose steps are replayed; made by `graphed`.

    Args:
        lm: The model itself, which reads the prompts.
        rows, positions: The size of the buffers.
    """

    def __init__(self, lm: GPT2, rows: int, positions: int) -> None:
        self.name, self.device, self.dtype = lm.name, lm.device, lm.dtype
        self.vocab_size, self.context_length = lm.vocab_size, lm.context_length
        self.eos_token_id, self.bos_token_id = lm.eos_token_id, lm.bos_token_id
        self._lm, self._rows, self._positions = lm, rows, positions
        with torch.inference_mode(False):  # so that they can be changed in any mode
            self._static = StaticStep(lm, rows, positions)
        self._graphs: dict[int, Replayable] = {}
        self._placed = [0] * (1 + rows)  # what `now` and `starts` hold
        self._in_buffer: weakref.ref[KVCache] | None = None

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
        _make_room(cache, 1)
        if cache.buffer is not self._static.buffer:
            return self._lm.step(next_ids, cache)
        count, static = len(next_ids), self._static
        static.ids[:count] = cache.to_slots(next_ids)
        self._place(cache)
        self._graph_for(count).replay()
        self._placed[0] += 1
        cache.used += 1
        # The next step overwrites what this one found.
        cache.hidden = cache.to_rows(static.hidden[:count, None].clone())
        return cache.to_rows(static.logits[:count].clone())

    def extend(
        self, ids: Int[Tensor, "rows new"], cache: KVCache
    ) -> Float[Tensor, "rows new vocab"]:
        _make_room(cache, ids.shape[1])
        return self._lm.extend(ids, cache)

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

    def _graph_for(self, count: int) -> Replayable:
        """Return the graph for the next larger power of two, or for all rows."""
        rows = min(1 << (count - 1).bit_length(), self._rows)
        if rows not in self._graphs:
            self._graphs[rows] = self._recorded(lambda: self._static.run(rows))
        return self._graphs[rows]

    def _recorded(self, step: Callable[[], None]) -> Replayable:
        if self.device.type != "cuda":
            return Called(step)
        return _captured(step, self._upload, self.device)


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


def _captured(
    step: Callable[[], None], restore: Callable[[], None], device: torch.device
) -> torch.cuda.CUDAGraph:
    """Record a step; `restore` takes back what it changes, since warming up is no decoding.

    Outside inference mode, because what the first capture of a process allocates for random
    numbers must serve captures in any mode (pytorch issue 166792).
    """
    with torch.inference_mode(False), torch.no_grad(), torch.cuda.device(device):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                step()
                restore()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=side):
            step()
    return graph
