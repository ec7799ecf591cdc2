"""Choosing the next token from logits, greedily or by chance, and the strategies that do just that.

Chance comes from the sequence's own seed alone: every sequence has its own generator, one uniform
number is drawn for each of its tokens, and the token is found by inverting the cumulative
distribution. So neither its neighbours in a batch nor the global random state can change it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.distributions import check_logits, widen
from decodelib.kernels import rows


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
    target = uniforms.to(cdf.dtype).to(cdf.device)[:, None] * total
    # A uniform near 1 may round up to the total: the last token with any probability is meant.
    target = torch.minimum(target, total.nextafter(torch.zeros_like(total)))
    return torch.searchsorted(cdf, target, right=True)[:, 0]


def log_probs_of(
    logits: Float[Tensor, "batch vocab"], ids: Int[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """Return ln p of one token of each row, in the widest float of the device."""
    # The float64 copies of one long row fit into a processor's cache.
    size = 1 if rows.are_long(logits) else max(1, len(logits))
    parts = zip(logits.split(size), ids[:, None].split(size), strict=True)
    return torch.cat([widen(row).log_softmax(-1).gather(-1, chosen)[:, 0] for row, chosen in parts])


def choose(
    logits: Float[Tensor, "batch vocab"],
    allowed: Float[Tensor, "batch vocab"],
    uniforms: Float[Tensor, " batch"] | None = None,
) -> tuple[Int[Tensor, " batch"], list[tuple[int, float]]]:
    """Return a token for each row, and again on the host, each with its ln p under `logits`.

    The tokens are draws from softmax(allowed), or its argmax without uniform numbers. Raises what
    `argmax` and `sample` raise.
    """
    if allowed.device.type == "cpu":
        ids = argmax(allowed) if uniforms is None else sample(allowed, uniforms)
        return ids, list(zip(ids.tolist(), log_probs_of(logits, ids).tolist(), strict=True))
    # A GPU is asked once, for all at a time, in the widest float, which holds every id.
    ids = allowed.argmax(-1) if uniforms is None else _draw(allowed, uniforms)
    ids = ids.clamp(max=allowed.shape[-1] - 1)  # NaN is drawn beyond the last token
    found = [ids, log_probs_of(logits, ids), logits.amax(-1), allowed.amax(-1)]
    chosen = torch.stack([widen(of_rows) for of_rows in found], dim=-1).tolist()
    if any(best - best != 0 for _, _, *bests in chosen for best in bests):
        check_logits(logits)
        check_logits(allowed)
    return ids, [(int(token_id), logprob) for token_id, logprob, *_ in chosen]


def uniforms(generators: Sequence[torch.Generator]) -> Float[Tensor, " batch"]:
    """Return one number in [0, 1) from each generator, as float64 on the CPU."""
    draws = [torch.rand((), generator=g, dtype=torch.float64) for g in generators]
    return torch.stack(draws)


def without_replacement(
    logits: Float[Tensor, " options"], count: int, generator: torch.Generator
) -> list[int]:
    """Return `count` draws from softmax(logits) without replacement, in the order drawn.

    Those are the largest of logits + Gumbel noise. Removed options (-inf) come last.
    """
    uniform = torch.rand(len(logits), generator=generator, dtype=torch.float64)
    uniform = uniform.clamp(min=torch.finfo(torch.float64).tiny)
    noisy = logits.double().cpu() - (-uniform.log()).log()
    return noisy.topk(count).indices.tolist()
