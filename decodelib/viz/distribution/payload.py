"""A whole distribution in about a byte per token: what an explorer sends to the reader's browser.

The logits travel sorted from the most probable token down. A vocabulary of up to 300 tokens travels
as it is. A larger one travels relative to its maximum: the first 300 rounded to 1e-9, with their
ids and texts; the rest in steps of 2^-14 to 2^-22 nats, fine enough that no probability moves by
1e-9, each as the difference from the one before (LEB128 in base64), without ids or texts. A few
are rounded the other way, so that the tail's mass does not drift. Nothing is left out or added up:
`unpack` gives back V logits, and they are the explorer's distribution, here and in the browser.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

HEAD = 300
"""How many tokens travel with their ids and texts."""

PRECISION = 5e-10
"""The most that rounding one logit may move its token's probability."""


def pack(
    logits: Float[Tensor, " vocab"] | Sequence[float], token_text: Callable[[int], str]
) -> tuple[dict[str, Any], Int[Tensor, " vocab"]]:
    """Return a JSON-ready record of the logits, and the token ids in its order.

    Equal logits keep the order of their ids. Raises ValueError unless all logits are finite.
    """
    values = torch.as_tensor(logits, dtype=torch.float64, device="cpu").detach()
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(f"logits must have the shape [vocab], got {list(values.shape)}")
    if not torch.isfinite(values).all():
        raise ValueError("logits must be finite numbers, got NaN or infinity among them")
    values, ids = values.sort(descending=True, stable=True)
    if len(values) > HEAD:
        values = values - values[0]
    head = values[:HEAD].tolist()
    if len(values) > HEAD:
        head = [round(value, 9) + 0.0 for value in head]  # + 0.0 turns -0.0 into 0.0
    record = {
        "vocab": len(values),
        "ids": ids[:HEAD].tolist(),
        "tokens": [token_text(i) for i in ids[:HEAD].tolist()],
        "logits": head,
        "tail": _pack_tail(values, head[-1]),
    }
    return record, ids


def unpack(record: dict[str, Any]) -> Float[Tensor, " vocab"]:
    """Return the float64 logits of a record, sorted from the most probable token down."""
    logits = list(record["logits"])
    for exponent, _, text in record["tail"]:
        level = 0
        for delta in _from_leb128(base64.b64decode(text)):
            level += delta
            logits.append(-level * 2.0**-exponent)
    return torch.tensor(logits, dtype=torch.float64)


def _pack_tail(values: Tensor, last: float) -> list[list[Any]]:
    tail = values[HEAD:]
    if len(tail) == 0:
        return []
    # The finer steps are for the more probable tokens, so the bands of one step are contiguous.
    probs = values.softmax(-1)[HEAD:]
    exponents = (probs / PRECISION).log2().ceil().clamp(14, 22).int()
    bands = []
    for exponent in exponents.unique_consecutive().tolist():
        step = 2.0**-exponent
        band = tail[exponents == exponent].tolist()
        least = math.ceil(-last / step)  # a coarser step may not lead back
        levels = [max(least, round(-value / step)) for value in band]
        last = -levels[-1] * step
        bands.append((exponent, band, levels))
    _balance(bands)
    return [[e, len(levels), _text(levels)] for e, _, levels in bands]


def _balance(bands: Sequence[tuple[int, list[float], list[int]]]) -> None:
    """Move a few levels to the logit's other neighbour, until their mass is that of the logits.

    The first ones that help, and no more of them: the last bits of logits differ from CPU to CPU,
    and would show in every level if each made up for all those before it.
    """
    error = sum(
        math.exp(-level * 2.0**-exponent) - math.exp(value)
        for exponent, band, levels in bands
        for value, level in zip(band, levels, strict=True)
    )
    for exponent, band, levels in bands:
        step = 2.0**-exponent
        for i in range(1, len(levels) - 1):
            other = levels[i] + (1 if error > 0 else -1)
            change = math.exp(-other * step) - math.exp(-levels[i] * step)
            is_neighbour = abs(other * step + band[i]) < step
            if is_neighbour and levels[i - 1] <= other <= levels[i + 1]:
                if abs(error) < abs(change):
                    return
                levels[i] = other
                error += change


def _text(levels: Sequence[int]) -> str:
    deltas = [level - before for level, before in zip(levels, [0, *levels], strict=False)]
    return base64.b64encode(_leb128(deltas)).decode("ascii")


def _leb128(numbers: Iterable[int]) -> bytes:
    """Return non-negative integers in groups of 7 bits, lowest first; the top bit: more follow."""
    out = bytearray()
    for number in numbers:
        while number > 127:
            out.append(number & 127 | 128)
            number >>= 7
        out.append(number)
    return bytes(out)


def _from_leb128(data: bytes) -> Iterable[int]:
    number = shift = 0
    for byte in data:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield number
            number = shift = 0
