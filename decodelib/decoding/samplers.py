"""Choosing the next token from logits, greedily or by chance, and the strategies that do just that.

Chance comes from the sequence's own seed alone: every sequence has its own generator, one uniform
number is drawn for each of its tokens, and the token is found by inverting the cumulative
distribution. So neither its neighbours in a batch nor the global random state can change it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.distributions import check_logits, widen
from decodelib.kernels import rows
from decodelib.kernels.gpu import sent


def argmax(logits: Float[Tensor, "batch vocab"]) -> Int[Tensor, " batch"]:
    """Return the most probable token of each row, of equals the one with the lowest id."""
    check_logits(logits)
    if logits.device.type != "cpu":
        return logits.argmax(-1)
    # NumPy's is many times faster, and takes the first of equals as well.
    return torch.from_numpy(rows.as_arrays(logits).argmax(-1))


def sample(
    logits: Float[Tensor, "batch vocab"], uniforms: Float[Tensor, " batch"]
) -> Int[Tensor, " batch"]:
    """Return a draw from softmax(logits) for each row, by inverting its cumulative distribution.

    Token i is drawn when the row's uniform number, in [0, 1), falls into the i-th of the intervals
    of lengths p_0, p_1, ... laid end to end. Raises ValueError for NaN, +inf or all -inf.
    """
    check_logits(logits)
    if not rows.are_long(logits):
        return _draw(logits, uniforms)
    pairs = zip(logits.split(1), uniforms.split(1), strict=True)
    return torch.cat([_draw_from_long(*pair) for pair in pairs])


def _draw_from_long(
    logits: Float[Tensor, "1 vocab"], uniforms: Float[Tensor, " 1"]
) -> Int[Tensor, " 1"]:
    ids = rows.few_left(logits[0])
    return _draw(logits, uniforms) if ids is None else ids[_draw(logits[:, ids], uniforms)]


def _draw(
    logits: Float[Tensor, "batch vocab"], uniforms: Float[Tensor, " batch"]
) -> Int[Tensor, " batch"]:
    cdf = widen(logits).softmax(-1).cumsum(-1)
    total = cdf[:, -1:]
    target = sent(uniforms.to(cdf.dtype), cdf.device)[:, None] * total
    # A uniform near 1 may round up to the total: the last token with any probability is meant.
    target = torch.minimum(target, total.nextafter(torch.zeros_like(total)))
    drawn = torch.searchsorted(cdf, target, right=True)[:, 0]
    return drawn.clamp(max=logits.shape[-1] - 1)  # NaN, if not yet checked, is drawn beyond it


def log_probs_of(
    logits: Float[Tensor, "batch vocab"], ids: Int[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """Return ln p of one token of each row, in the widest float of the device."""
    if len(logits) > 1 and rows.are_long(logits):
        # The float64 copies of one long row fit into a processor's cache.
        pairs = zip(logits.split(1), ids.split(1), strict=True)
        return torch.cat([log_probs_of(*pair) for pair in pairs])
    return widen(logits).log_softmax(-1).gather(-1, ids[:, None])[:, 0]


def fetch(*values: Tensor, checked: Sequence[Tensor] = ()) -> list[list[Any]]:
    """Return the numbers of several tensors, a flat list for each, in one transfer from the device.

    The host waits for a GPU at every transfer, so that a search makes do with one a token.

    Args:
        checked: Logits that have not been checked if they are on a GPU. Raises ValueError if a row
            of them has NaN, +inf or nothing but -inf.
    """
    if values[0].device.type == "cpu":
        return [value.flatten().tolist() for value in values]
    bests = [logits.amax(-1) for logits in checked]  # finite in every row, if all is well
    parts = [*values, *bests]
    # The widest float holds every token id.
    numbers = torch.cat([widen(part).flatten() for part in parts]).tolist()
    ends = list(itertools.accumulate(part.numel() for part in parts))
    lists = [numbers[end - part.numel() : end] for part, end in zip(parts, ends, strict=True)]
    if not all(map(math.isfinite, itertools.chain(*lists[len(values) :]))):
        raise ValueError("logits must be finite, or -inf for removed tokens")
    return [
        found if value.is_floating_point() else [int(number) for number in found]
        for value, found in zip(values, lists, strict=False)
    ]


def uniforms(generators: Sequence[torch.Generator]) -> Float[Tensor, " batch"]:
    """Return one number in [0, 1) from each generator, as float64 on the CPU."""
    draws = [torch.rand((), generator=g, dtype=torch.float64) for g in generators]
    return torch.stack(draws)


def without_replacement(
    logits: Float[Tensor, " options"], count: int, generator: torch.Generator
) -> Int[Tensor, " count"]:
    """Return `count` draws from softmax(logits) without replacement, in the order drawn.

    Those are the largest of logits + Gumbel noise. Removed options (-inf) come last.
    """
    uniform = torch.rand(len(logits), generator=generator, dtype=torch.float64)
    uniform = uniform.clamp(min=torch.finfo(torch.float64).tiny)
    noise = -(-uniform.log()).log()
    wide = widen(logits)
    return (wide + noise.to(wide)).topk(count).indices


def systematic(log_weights: Float[Tensor, " particles"], count: int, uniform: float) -> list[int]:
    """Return `count` draws by the weights, at equal distances on their cumulative distribution.

    The points are (i + uniform) / count: each particle is drawn count * weight times on average,
    and never more than one off.
    """
    cdf = log_weights.softmax(0).cumsum(0)
    points = (torch.arange(count, dtype=cdf.dtype) + uniform) / count * cdf[-1]
    points = torch.minimum(points, cdf[-1].nextafter(cdf.new_zeros(())))
    return torch.searchsorted(cdf, points, right=True).tolist()
