"""What a CUDA graph records of GPT-2: a step over buffers that never move, its choice included.

Nothing here looks at a number on the host, and no shape depends on one: that is what makes it fit
to be captured. On the CPU the very same function is called instead of replayed.

Sources: torch.cuda.graph and its notes on CUDA semantics, for what may be captured and how.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from decodelib.decoding.samplers import choices
from decodelib.models.gpt2.attend import join_heads, split_heads
from decodelib.models.gpt2.model import GPT2

# cuBLAS and the attention kernels choose and allocate what they need in the first few calls.
WARM_UPS = 3

Picking: TypeAlias = Literal["nothing", "argmax", "draw"]
"""What a step does with its logits."""


class StaticStep:
    """GPT-2's step over buffers that never move, without any decision taken on the host.

    Attributes:
        ids: The token that each row reads next.
        now: The position that it is read at, the same for all rows; `run` adds 1.
        starts: The position of each row's first token, at most `now`.
        buffer: Keys and values of the positions before `now`.
        logits, hidden: What the last step found, for every row that it ran on.
        uniforms: A number in [0, 1) for each row, to draw its next token with.
        may_end: Whether each row's next token may be EOS.
        picked: Each row's next token as `pick` returns it.
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
        self.uniforms = torch.zeros(rows, dtype=torch.float64, device=device)
        self.may_end = torch.ones(rows, dtype=torch.bool, device=device)
        self.picked = torch.zeros(rows, 3, dtype=torch.float64, device=device)
        self._positions = torch.arange(positions, device=device)

    def run(self, rows: int, picking: Picking = "nothing") -> None:
        """Let the first `rows` rows read their `ids`, pick tokens, and move `now` on by one."""
        starts = self.starts[:rows]
        seen = (self._positions >= starts[:, None]) & (self._positions <= self.now)
        seen = seen[:, None, None]  # (rows, 1, 1, T)

        def attend(layer: int, qkv: Tensor) -> Tensor:
            by_head = split_heads(qkv, rows)
            kept = self.buffer[:, layer, :rows]
            kept.index_copy_(3, self.now, by_head[1:])
            return join_heads(F.scaled_dot_product_attention(by_head[0], kept[0], kept[1], seen))

        hidden = self._lm._hidden(self.ids[:rows], self.now - starts, attend)
        self.hidden[:rows].copy_(hidden)
        self.logits[:rows].copy_(self._lm._unembed(hidden))
        self.now.add_(1)
        if picking != "nothing":
            uniforms = self.uniforms[:rows] if picking == "draw" else None
            ends, may_end = self._lm.eos_token_ids, self.may_end[:rows]
            self.picked[:rows].copy_(pick(self.logits[:rows], ends, may_end, uniforms))


def pick(
    logits: Float[Tensor, "rows vocab"],
    eos_token_ids: Sequence[int],
    may_end: Bool[Tensor, " rows"],
    uniforms: Float[Tensor, " rows"] | None = None,
) -> Float[Tensor, "rows 3"]:
    """Return each row's next token as `choices` does, for `on_host` to fetch.

    Args:
        eos_token_ids: Picked only where `may_end` is true.
        uniforms: Numbers in [0, 1) to draw with, as `sample` does; without them the argmax is
            taken, of equals the one with the lowest id.
    """
    allowed = logits
    if eos_token_ids:
        allowed = logits.clone()
        for token_id in eos_token_ids:  # one by one: a list would be sent to the device each time
            allowed[:, token_id].masked_fill_(~may_end, -torch.inf)
    return choices(logits, allowed, uniforms)


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


def captured(
    step: Callable[[], None], restore: Callable[[], None], device: torch.device
) -> Replayable:
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
