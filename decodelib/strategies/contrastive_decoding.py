"""Contrastive decoding: what an expert model says and an amateur does not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from decodelib.arguments import check_number, named_repr
from decodelib.decoding.processing import chains_of
from decodelib.decoding.transcript import Transcript
from decodelib.models.base import LanguageModel
from decodelib.processors.base import Processors, chain_of, given_processors
from decodelib.strategies.guidance import ContrastSearch, Other, contrast


@dataclass(frozen=True, repr=False)
class ContrastiveDecoding:
    """Take the token that an expert model finds more probable than an amateur does.

    The score of v is ln p_expert(v) - ln p_amateur(v) for the tokens with
    p_expert(v) >= alpha * max p_expert, the set that `MinP(alpha)` keeps; the best score wins.
    Without that condition the amateur's absurdities would win. The model given to `generate` is
    the expert. Deterministic, unless a processor draws.

    Args:
        amateur: A weaker model with the same vocabulary.
        alpha: In [0, 1]; 1 is greedy. Usual value: 0.1.
        amateur_temperature: What the amateur's logits are divided by, greater than 0; below 1 it is
            contrasted with the amateur's favourites alone. Usual values: 0.5 to 1.
        processors: One or several, applied to the expert's logits before the two are compared.

    Raises:
        ValueError, TypeError: For values outside these ranges, and for an amateur whose vocabulary
            has another size.

    Source: Li et al. 2023, arXiv 2210.15097, which searches with beams; this is its greedy form.
    Chapter 17.

    >>> lm = dl.TableLM({"": {"a": 0.6, "b": 0.4}})
    >>> amateur = dl.TableLM({"": {"a": 0.9, "b": 0.1}})
    >>> dl.generate(lm, "a", dl.ContrastiveDecoding(amateur), max_new_tokens=3).text
    ' b b b'
    """

    amateur: LanguageModel
    alpha: float = 0.1
    amateur_temperature: float = 1.0
    processors: Processors = ()

    def __post_init__(self) -> None:
        if not isinstance(self.amateur, LanguageModel):
            raise TypeError(
                f"amateur must be a model, such as load() returns, got {self.amateur!r}"
            )
        check_number("alpha", self.alpha, 0, 1)
        check_number("amateur_temperature", self.amateur_temperature, 0, math.inf, True, True)
        object.__setattr__(self, "processors", given_processors(self.processors))

    def __repr__(self) -> str:
        return named_repr(self)

    @property
    def is_deterministic(self) -> bool:
        """Whether no processor draws, as XTC does."""
        return not chain_of(self.processors).is_random

    def scores(
        self, expert: Float[Tensor, "rows vocab"], amateur: Float[Tensor, "rows vocab"]
    ) -> Float[Tensor, "rows vocab"]:
        """Return the scores of all tokens from both models' logits; -inf for implausible ones."""
        return contrast(expert, amateur / self.amateur_temperature, self.alpha)

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[ContrastSearch]:
        other = Other(self.amateur, lm, transcripts, "amateur")
        before = chains_of(self.processors, seeds)
        return [ContrastSearch(self.scores, other, transcripts, before=before)]
