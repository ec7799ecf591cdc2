"""Arithmetic sampling: several texts, from equally spaced points of [0, 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_integer
from decodelib.decoding.processing import chains_of
from decodelib.decoding.samplers import uniforms
from decodelib.decoding.transcript import Transcript
from decodelib.distributions import widen
from decodelib.kernels.seeds import seeded
from decodelib.models.base import LanguageModel
from decodelib.processors.base import Chain, LogitsProcessor
from decodelib.strategies.sampling import TokenSearch, seeds_of_copies

_SPENT = 2.0**-20
"""How narrow an interval may become before its point is drawn again, out of 53 bits."""


@dataclass(frozen=True, init=False, repr=False)
class ArithmeticSampling:
    """Draw n texts at n equally spaced points of [0, 1), shifted together by one random number.

    All texts, laid end to end in the order of their token ids, fill [0, 1): each has an interval as
    long as its probability, divided among its continuations. A point picks the text in whose
    interval it lies, by one inverse cumulative distribution after another, as in arithmetic coding.
    Point i is (u + i / n) mod 1, with u uniform: so each text is a fair draw, and together they
    cover the model's texts, a text of probability p coming floor(n p) or ceil(n p) times. Means
    over the n texts are unbiased, and mostly vary less than those over independent draws.

    The first point's text is the Generation, the others are its `alternatives`.

    Args:
        processors: Applied to the logits, as in `Sampling`.
        num_return_sequences: n, at least 1. Usual values: 4 to 64.

    Raises:
        TypeError: For processors that are not callables.
        ValueError, TypeError: For a number out of range.

    Source: Vilnis et al. 2023, arXiv 2210.15458. Chapters 5 and 18.

    >>> lm = dl.TableLM({"": {"a": 0.5, "b": 0.25, "c": 0.25}})
    >>> g = dl.generate(lm, "a", dl.ArithmeticSampling(num_return_sequences=4), max_new_tokens=1)
    >>> sorted([g.text, *(other.text for other in g.alternatives)])
    [' a', ' a', ' b', ' c']
    """

    is_deterministic: ClassVar[bool] = False

    processors: tuple[LogitsProcessor, ...]
    num_return_sequences: int

    def __init__(self, *processors: LogitsProcessor, num_return_sequences: int = 16) -> None:
        check_integer("num_return_sequences", num_return_sequences, 1)
        object.__setattr__(self, "processors", Chain(*processors).processors)
        object.__setattr__(self, "num_return_sequences", num_return_sequences)

    def __repr__(self) -> str:
        parts = [*map(repr, self.processors), f"num_return_sequences={self.num_return_sequences}"]
        return f"ArithmeticSampling({', '.join(parts)})"

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[PointSearch]:
        copies = self.num_return_sequences
        own = seeds_of_copies(seeds, copies)
        generators = [seeded(seed) for seed in own]
        chains = chains_of(self.processors, own) if self.processors else None
        return [PointSearch(transcripts, generators, chains, copies)]


class PointSearch(TokenSearch):
    """Decoding in which every continuation follows a point of [0, 1).

    Attributes:
        points: Where each continuation's point lies in the interval of its text so far, scaled to
            [0, 1).
        widths: The length of that interval, since the point was drawn.
    """

    def __init__(
        self,
        transcripts: list[Transcript],
        generators: Sequence[torch.Generator],
        chains: Sequence[Chain] | None,
        copies: int,
    ) -> None:
        super().__init__(transcripts, generators, chains, copies)
        self.sources = generators
        shifts = uniforms(generators[::copies]).tolist()  # one for each prompt
        self.points = [(u + copy / copies) % 1 for u in shifts for copy in range(copies)]
        self.widths = [1.0] * len(self.points)

    def draws(self) -> Float[Tensor, " rows"]:
        return torch.tensor([self.points[i] for i in self.running], dtype=torch.float64)

    def wanted(
        self, after: Float[Tensor, "rows vocab"], next_ids: Int[Tensor, " rows"]
    ) -> Sequence[Float[Tensor, " rows"]]:
        """Return where the interval of each row's new token begins and ends."""
        cdf = widen(after).softmax(-1).cumsum(-1)
        ends = cdf.gather(-1, next_ids[:, None])[:, 0]
        begins = cdf.roll(1, -1).gather(-1, next_ids[:, None])[:, 0].where(next_ids > 0, 0.0)
        return begins / cdf[:, -1], ends / cdf[:, -1]

    def take_note(self, *found: list[float]) -> None:
        """Scale the interval of each row's new token to [0, 1), its point with it.

        Digits are used up: a token of probability p takes -log2 p of a float's 53 bits. Before they
        run out the point is drawn anew, which is fair, since all that is known of a point is that
        it lies in its interval. So narrow an interval holds no second point, unless there were a
        million.
        """
        for row, begin, end in zip(self.running, *found, strict=True):
            width = max(end - begin, _SPENT**2)  # above 0, whatever was rounded
            self.widths[row] *= width
            if self.widths[row] < _SPENT:
                self.points[row] = float(uniforms([self.sources[row]]))
                self.widths[row] = 1.0
            else:
                inside = (self.points[row] - begin) / width
                self.points[row] = min(max(inside, 0.0), 1 - 2.0**-53)
