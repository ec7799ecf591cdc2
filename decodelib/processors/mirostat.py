"""Mirostat: keep the surprisal of the text near a target by feedback, token after token."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_number
from decodelib.distributions import log_probs, reaches, widen
from decodelib.processors.base import Processor, remove


@dataclass(frozen=True, repr=False)
class Mirostat(Processor):
    """Remove tokens of more than mu bits of surprisal, and move mu so that the mean becomes tau.

    Mirostat 2.0: mu starts at 2 tau; keep the tokens with -log2 p <= mu (at least the most probable
    one); after the draw of a token with surprisal S, mu -= eta * (S - tau). As in the paper, S is
    measured under the distribution before the truncation; llama.cpp measures it after, which makes
    the text less surprising than tau says.

    The state belongs to a sequence: a strategy gives each of its sequences its own. By itself, a
    processor has no sequence and raises TypeError when called.

    Args:
        tau: The target surprisal in bits a token, greater than 0. Usual values: 3 to 5.
        eta: The learning rate, greater than 0. Usual value: 0.1.

    Raises:
        ValueError: For values outside these ranges.

    Source: Basu et al. 2021, arXiv 2007.14966, algorithm 2. Chapter 17.

    Example:
        >>> logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
        >>> Mirostat(tau=1.0).for_sequence(0)(torch.tensor([[0]]), logits).softmax(-1)
        tensor([[0.5714, 0.4286, 0.0000, 0.0000]])
    """

    tau: float = 5.0
    eta: float = 0.1
    reads_input_ids = True

    def __post_init__(self) -> None:
        check_number("tau", self.tau, 0, math.inf, True, True)
        check_number("eta", self.eta, 0, math.inf, True, True)

    def for_sequence(self, seed: int) -> MirostatState:
        """Return the processor of one sequence, at its beginning; no chance is involved."""
        return MirostatState(self)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        raise TypeError("Mirostat needs a sequence to follow: use it in Sampling(Mirostat())")


class MirostatState:
    """Mirostat in the middle of one sequence; call it once for each token, in order.

    `mu` is the present bound on the surprisal, in bits: a tensor after the first token, so that no
    GPU is waited for.
    """

    reads_input_ids = True

    def __init__(self, settings: Mirostat) -> None:
        self.settings = settings
        self.mu: float | Float[Tensor, "1 1"] = 2 * settings.tau
        self._bits: Tensor | None = None  # of every token, at the step before

    def __call__(
        self, input_ids: Int[Tensor, "1 seq"], logits: Float[Tensor, "1 vocab"]
    ) -> Float[Tensor, "1 vocab"]:
        if self._bits is not None:
            surprise = widen(self._bits.gather(-1, input_ids[:, -1:]))
            self.mu = self.mu - self.settings.eta * (surprise - self.settings.tau)
        self._bits = -log_probs(logits) / math.log(2)
        best = logits == logits.amax(-1, keepdim=True)
        return remove(logits, reaches(logits, -self.mu * math.log(2)) | best)
