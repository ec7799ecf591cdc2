"""What there is to say about a distribution over tokens: surprisal, entropy, varentropy, nucleus.

Every function takes logits of shape `[..., vocab]`; the distribution is p = softmax(logits), and a
logit of -inf is a token of probability 0. Results are float32, or float64 for float64 logits;
quantities in nats unless the name says otherwise. Chapters 1 and 10 derive them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from decodelib.arguments import check_number

ROUNDING = {torch.float64: 1e-12}
"""How far a sum of probabilities may fall short of a bound and still count as reaching it."""


def rounding(dtype: torch.dtype) -> float:
    """Return the slack for sums of probabilities that came from logits of this type.

    1e-12 for float64, 1e-7 for everything else: about what one rounding of float32 logits moves a
    probability, so that {.5, .3, .2} reaches a mass of .8 with two tokens. Half-precision logits
    are themselves off by more than this, so with them an exact hit is a matter of luck.
    """
    return ROUNDING.get(dtype, 1e-7)


def widen(x: Tensor) -> Tensor:
    """Return `x` in the widest float its device has: float64, or float32 on Apple's GPUs."""
    return x.float() if x.device.type == "mps" else x.double()


def _narrow(x: Tensor, like: Tensor) -> Tensor:
    return x if like.dtype == torch.float64 else x.float()


Result = TypeVar("Result")
_deferred: ContextVar[bool] = ContextVar("_deferred", default=False)


def checks_are_deferred() -> bool:
    """Return whether numbers are not to be looked at now; see `with_late_checks`."""
    return _deferred.get()


def with_late_checks(device: torch.device, compute: Callable[[], Result]) -> Result:
    """Return compute(), in which `check_logits` passes over everything if `device` is a GPU.

    Every check would wait for the GPU. `compute` is to check what it fetches in the end, as
    `samplers.fetch` does. If that raises ValueError, `compute` is called again with all checks,
    whose error says what was wrong first.
    """
    if device.type == "cpu":
        return compute()
    token = _deferred.set(True)
    try:
        return compute()
    except ValueError:
        _deferred.set(False)
        compute()
        raise
    finally:
        _deferred.reset(token)


def check_logits(logits: Float[Tensor, "*batch vocab"]) -> None:
    """Raise ValueError unless every row has a finite maximum and no NaN.

    Removed tokens (-inf) are fine as long as one token is left; NaN and +inf never are, because
    any token chosen from such a row would be an accident. Raises TypeError unless they are floats.
    """
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        kind = getattr(logits, "dtype", type(logits).__name__)
        raise TypeError(f"logits must be a tensor of floats, got {kind}")
    if logits.ndim == 0:
        raise ValueError("logits must have a last dimension of tokens, got a single number")
    if logits.shape[-1] == 0:
        raise ValueError("logits must have at least one token in the last dimension, got none")
    if _deferred.get():
        return
    best = logits.amax(-1)  # NaN spreads through a maximum, so one pass finds all three troubles
    if float((best - best).sum()) == 0:  # it is NaN for NaN and infinities
        return
    row = int((~torch.isfinite(best.flatten())).nonzero()[0])
    worst = best.flatten()[row]
    found = "every token at -inf" if worst == -torch.inf else "NaN" if worst.isnan() else "+inf"
    raise ValueError(f"logits must be finite, or -inf for removed tokens, got {found} in row {row}")


def log_probs(logits: Float[Tensor, "*batch vocab"]) -> Float[Tensor, "*batch vocab"]:
    """Return ln p = logits - ln sum exp(logits). Raises ValueError for NaN, +inf or all -inf."""
    check_logits(logits)
    return _narrow(widen(logits).log_softmax(-1), logits)


def at_least(
    logits: Float[Tensor, "*batch vocab"],
    top: Float[Tensor, "*batch 1"],
    distance: Float[Tensor, "*batch 1"] | float,
) -> Bool[Tensor, "*batch vocab"]:
    """Return which logits are at least `top - distance`, up to the rounding of the logits.

    `top` was computed from the logits, in the widest float. Each logit was rounded once, by up to
    half its last digit, and `top` inherits as much; so a difference below two units in the last
    place does not count. A distance of 0 asks for equality. A logit of -inf never qualifies.
    """
    bound = top - distance
    slack = 2 * torch.finfo(logits.dtype).eps * torch.maximum(top.abs(), bound.abs())
    bound = torch.where(bound < top, bound - slack, bound)
    return logits >= bound.clamp(min=torch.finfo(logits.dtype).min).to(logits.dtype)


def reaches(
    logits: Float[Tensor, "*batch vocab"], log_cutoff: Float[Tensor, "*batch 1"] | float
) -> Bool[Tensor, "*batch vocab"]:
    """Return which tokens have ln p >= log_cutoff, up to the rounding of the logits.

    A token of probability 0.1 reaches a cut-off of 0.1, although ln 0.1 is no float of any type.
    Raises ValueError for rows with NaN, +inf or nothing but -inf.
    """
    check_logits(logits)
    return at_least(logits, widen(logits).logsumexp(-1, keepdim=True), -log_cutoff)


def divided(
    logits: Float[Tensor, "*batch vocab"], divisor: Float[Tensor, "*batch 1"] | float
) -> Float[Tensor, "*batch vocab"]:
    """Return logits / divisor, for a divisor > 0 of any size, in the type of the logits.

    Rows that would overflow are shifted first so that their maximum is 0, which changes no
    probability; logits far below it may then become -inf, a probability of 0 in any case.
    """
    single, limit = torch.finfo(torch.float32), torch.finfo(logits.dtype).max
    if isinstance(divisor, Tensor):
        divisor = widen(divisor.clamp(single.tiny, single.max))
    else:
        divisor = min(max(float(divisor), single.tiny), single.max)  # 0 / 0 and inf / inf are NaN
    best = logits.amax(-1, keepdim=True)
    overflows = (widen(best) / divisor).abs() > limit
    if logits.device.type != "cpu" or overflows.any():  # a GPU is not waited for
        logits = logits - torch.where(overflows, best, 0)
    return (logits / divisor).to(logits.dtype)


def surprisal(
    logits: Float[Tensor, "*batch vocab"], ids: Int[Tensor, "*batch"]
) -> Float[Tensor, "*batch"]:
    """Return -ln p of the given tokens, in nats: how unexpected each was. Never negative."""
    return -log_probs(logits).gather(-1, ids[..., None])[..., 0]


def entropy(logits: Float[Tensor, "*batch vocab"]) -> Float[Tensor, "*batch"]:
    """Return H = -sum p ln p, the expected surprisal, in nats: from 0 to ln V (Shannon 1948)."""
    return _narrow(entropy_and_varentropy(logits)[0], logits)


def varentropy(logits: Float[Tensor, "*batch vocab"]) -> Float[Tensor, "*batch"]:
    """Return sum p (-ln p - H)^2, the variance of the surprisal, in square nats.

    0 for a uniform distribution over any number of tokens, and for a certain token.
    """
    return _narrow(entropy_and_varentropy(logits)[1], logits)


def entropy_and_varentropy(
    logits: Float[Tensor, "*batch vocab"],
) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
    """Return both `entropy` and `varentropy` from one pass, in the widest float of the device."""
    check_logits(logits)
    logp = widen(logits).log_softmax(-1)
    p = logp.exp()
    surprise = -logp.masked_fill(p == 0, 0.0)  # 0 ln 0 = 0, where floats would give NaN
    mean = (p * surprise).sum(-1)
    return mean, (p * (surprise - mean[..., None]) ** 2).sum(-1)


def perplexity(logprobs: Sequence[float] | Float[Tensor, " seq"]) -> float:
    """Return exp of the mean surprisal of a text's tokens, from their log-probabilities.

    From 1 (every token certain) up; a perplexity of n is the surprise of n equal choices.
    Raises ValueError for an empty sequence and for log-probabilities above 0.
    """
    values = torch.as_tensor(logprobs, dtype=torch.float64)
    if values.numel() == 0:
        raise ValueError("logprobs must hold at least one token, got none")
    if not (values <= 0).all():
        raise ValueError(f"logprobs must be at most 0, got {float(values.max())}")
    return float((-values.mean()).exp())


def smallest_set(
    order: Int[Tensor, "*batch vocab"],
    probs: Float[Tensor, "*batch vocab"],
    enough: float,
    least: int = 1,
) -> Bool[Tensor, "*batch vocab"]:
    """Return the fewest tokens, taken in this order, whose probabilities sum to `enough`.

    The token that reaches `enough` belongs to the set; the first `least` tokens always do.
    """
    mass = probs.gather(-1, order).cumsum(-1)
    member = F.pad(mass[..., :-1], (1, 0)) < enough
    member[..., :least] = True
    return torch.zeros_like(member).scatter(-1, order, member)


def nucleus(logits: Float[Tensor, "*batch vocab"], top_p: float) -> Bool[Tensor, "*batch vocab"]:
    """Return which tokens form the nucleus: the fewest, most probable ones whose mass is >= top_p.

    The token that crosses `top_p` belongs to it; a mass that equals `top_p` (up to `rounding`) is
    enough; of equally probable tokens at the boundary the lower ids come first. At `top_p=1` every
    token belongs, whatever its probability.

    Source: Holtzman et al., arXiv 1904.09751, section 3.1.
    """
    check_logits(logits)
    check_number("top_p", top_p, 0, 1, open_low=True)
    if top_p == 1:
        return torch.ones_like(logits, dtype=torch.bool)
    order = logits.argsort(dim=-1, descending=True, stable=True)
    return smallest_set(order, widen(logits).softmax(-1), top_p - rounding(logits.dtype))


def largest(logits: Float[Tensor, "*batch vocab"], k: int) -> Bool[Tensor, "*batch vocab"]:
    """Return which tokens are the k largest of their row; of equals, the lower ids."""
    last = logits.topk(k).values[..., -1:]
    above, level = logits > last, logits == last
    spare = k - above.sum(-1, keepdim=True)
    return above | (level & (level.cumsum(-1) <= spare))


def nucleus_size(logits: Float[Tensor, "*batch vocab"], top_p: float) -> Int[Tensor, "*batch"]:
    """Return how many tokens top-p keeps, by the rule of `nucleus`; `top_p` is in (0, 1]."""
    return nucleus(logits, top_p).sum(-1)
