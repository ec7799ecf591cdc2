"""The key-value cache: what attention needs of the tokens so far, in a buffer allocated once.

Rows stand flush right: every row's last token is at the same position, so that a step writes one
slice, whatever the prompts' lengths. Rows live in slots. Reordering rows moves no data; a row that
forks is copied into the slot of one that ended, and only from where the two differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.kernels.gpu import integers_on

if TYPE_CHECKING:
    from decodelib.models.gpt2.graphs import StepGraph


class KVCache:
    """Keys and values of every row's tokens.

    Args:
        shape: The model's layers, heads and width of a head.
        lengths: How many tokens each row begins with. Shorter rows get the lower slots.
        capacity: The most tokens that a row may have.
        dtype, device: Of the buffer.

    Attributes:
        buffer: Keys and values in one tensor. Slots beyond `lengths` are unused.
        used: The position after every row's last token.
        hidden: The final hidden states of the positions read last.
        graph, steps: On a GPU, the recorded step, and the steps taken without one.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        lengths: Sequence[int],
        capacity: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        layers, heads, width = shape
        self.capacity, self.used = capacity, max(lengths)
        # The shortest row starts last and has room for as many tokens as the others.
        positions = capacity + self.used - min(lengths)
        size = (2, layers, len(lengths), heads, positions, width)
        # Zeros, not whatever memory held: a masked NaN would still spoil a sum.
        self.buffer: Float[Tensor, "2 layers slots heads positions width"]
        with torch.inference_mode(False):  # or it could be written in that mode alone
            self.buffer = torch.zeros(size, dtype=dtype, device=device)
        self.hidden: Float[Tensor, "rows new width"] | None = None
        self.graph: StepGraph | None = None
        self.steps = 0
        rows = sorted(range(len(lengths)), key=lengths.__getitem__)
        self._starts = [self.used - lengths[row] for row in rows]  # of each slot's first token
        # For each slot the others it has a history in common with, and up to which position.
        self._common: list[dict[int, int]] = [{} for _ in rows]
        self._place([rows.index(row) for row in range(len(rows))])

    @property
    def keys(self) -> Float[Tensor, "layers slots heads positions width"]:
        """The half of the buffer that holds the keys."""
        return self.buffer[0]

    @property
    def values(self) -> Float[Tensor, "layers slots heads positions width"]:
        """The half of the buffer that holds the values."""
        return self.buffer[1]

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Layers, slots, heads, positions and a head's width: of the keys, and of the values."""
        layers, slots, heads, positions, width = self.keys.shape
        return layers, slots, heads, positions, width

    @property
    def num_bytes(self) -> int:
        """The bytes of all keys and values, slots and positions not yet used included."""
        return self.buffer.nbytes

    @property
    def starts(self) -> list[int]:
        """Where the first token of each slot that has a row is."""
        return self._starts

    @property
    def lengths(self) -> list[int]:
        """The number of tokens in each slot."""
        return [self.used - start for start in self._starts]

    def runs(self) -> Iterator[tuple[slice, int]]:
        """Yield the slots that lie side by side with rows of one length, and where these start."""
        begin = 0
        for start, run in groupby(self._starts):
            end = begin + len(list(run))
            yield slice(begin, end), start
            begin = end

    def to_slots(self, of_rows: Tensor) -> Tensor:
        """Return what is given for each row in the order of their slots."""
        return of_rows if self._order is None else of_rows[self._order.argsort()]

    def to_rows(self, of_slots: Tensor) -> Tensor:
        """Return what is given for each slot in the order of the rows."""
        return of_slots if self._order is None else of_slots[self._order]

    def select(self, rows: Int[Tensor, " rows"]) -> KVCache:
        wanted = [self._slots[row] for row in rows.tolist()]
        count = len(wanted)
        self._grow(count)
        slots = [-1] * count
        free = set(range(count))
        for row, slot in enumerate(wanted):  # the first that continues a slot stays in it
            if slot in free:
                free.remove(slot)
                slots[row] = slot
        for row, source in enumerate(wanted):
            if slots[row] < 0:
                common = self._common[source]
                slot = max(free, key=lambda s: (common.get(s, 0), -s))
                free.remove(slot)
                self._copy(source, slot)
                slots[row] = slot
        self._forget_slots_from(count)
        self._place(slots)
        self.hidden = None
        return self

    def rewind(self, count: int) -> None:
        self.used -= count
        self._common = [
            {slot: min(end, self.used) for slot, end in common.items()} for common in self._common
        ]

    def _place(self, slots: list[int]) -> None:
        """Say which slot each row is in."""
        self._slots = slots
        in_order = slots == list(range(len(slots)))
        self._order = None if in_order else integers_on(self.buffer.device, slots)

    def _copy(self, source: int, slot: int) -> None:
        start = self._common[source].get(slot, self._starts[source])
        differing = self.buffer[:, :, :, :, start : self.used]
        differing[:, :, slot] = differing[:, :, source]
        self._starts[slot] = self._starts[source]
        for other in self._common[slot]:
            del self._common[other][slot]
        self._common[slot] = {**self._common[source], source: self.used}
        for other, end in self._common[slot].items():
            self._common[other][slot] = end

    def _grow(self, count: int) -> None:
        """Make the buffer large enough for `count` slots, the new ones empty."""
        new = count - len(self._starts)
        self._starts += [self.used] * new
        self._common += [{} for _ in range(new)]
        halves, layers, slots, *rest = self.buffer.shape
        if count > slots:
            with torch.inference_mode(False):
                wider = self.buffer.new_zeros(halves, layers, count, *rest)
            wider[:, :, :slots, :, : self.used] = self.buffer[:, :, :, :, : self.used]
            self.buffer = wider

    def _forget_slots_from(self, count: int) -> None:
        for dropped in range(count, len(self._starts)):
            for other in self._common[dropped]:
                self._common[other].pop(dropped, None)
        del self._starts[count:], self._common[count:]
