"""Stochastic beam search: several continuations drawn without replacement, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from decodelib.arguments import check_integer, named_repr
from decodelib.decoding.generation import Generation
from decodelib.decoding.processing import chains_of, process_hypotheses
from decodelib.decoding.samplers import fetch
from decodelib.decoding.search import LateSearch, Move
from decodelib.decoding.transcript import Transcript
from decodelib.distributions import check_logits, widen
from decodelib.kernels.gpu import sent
from decodelib.kernels.seeds import seeded
from decodelib.models.base import LanguageModel
from decodelib.processors.base import Chain, Processors, given_processors


@dataclass(frozen=True, repr=False)
class StochasticBeamSearch:
    """Draw `num_beams` different continuations from the model's distribution.

    Every continuation y gets the perturbed log-probability G_y = ln p(y) + Gumbel noise; the ones
    with the largest G are a sample without replacement, in the order drawn. A beam search finds
    them without looking at all: a partial continuation's G is the largest of its extensions', so
    the noise is drawn top-down, each child's conditioned on its parent's.

    The Generation is the first draw, distributed as random sampling; its `alternatives` are the
    others. `score` is the sum of the log-probabilities.

    Args:
        num_beams: How many continuations, at least 1. Fewer come if the model has fewer.
        processors: One or several: the continuations are those of `Sampling(*processors)`, without
            replacement. Not processors that follow a sequence, such as Mirostat.

    Raises:
        ValueError, TypeError: For other values.

    Source: Kool, van Hoof and Welling 2019, arXiv 1903.06059. Chapter 17.

    >>> lm = dl.TableLM({"": {"a": 6, "b": 4}, "a": {"a": 1, "b": 1, "c": 1}, "b": {"d": 1}})
    >>> g = dl.generate(lm, "c", dl.StochasticBeamSearch(num_beams=3), max_new_tokens=2)
    >>> [g.text, *(other.text for other in g.alternatives)]
    [' b d', ' a a', ' a b']
    """

    is_deterministic: ClassVar[bool] = False

    num_beams: int = 5
    processors: Processors = ()

    def __post_init__(self) -> None:
        check_integer("num_beams", self.num_beams, 1)
        processors = given_processors(self.processors, "a beam that is not drawn is")
        object.__setattr__(self, "processors", processors)

    def __repr__(self) -> str:
        return named_repr(self)

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[StochasticBeams]:
        chains = chains_of(self.processors, seeds)
        return [
            StochasticBeams(self.num_beams, transcript, seeded(seed), chain)
            for transcript, seed, chain in zip(transcripts, seeds, chains, strict=True)
        ]


@dataclass(frozen=True)
class Perturbed:
    """A continuation, its log-probability, and that with the Gumbel noise it was given, in nats."""

    transcript: Transcript
    logprob: float
    perturbed: float


class Extension(NamedTuple):
    """One more token after a live beam's row; logprob is the token's, total the continuation's."""

    perturbed: float
    row: int
    token_id: int
    logprob: float
    total: float


class StochasticBeams(LateSearch):
    """The beams of one prompt, finished ones among them, by falling perturbed log-probability."""

    def __init__(
        self, num_beams: int, first: Transcript, generator: torch.Generator, chain: Chain
    ) -> None:
        self.num_beams, self.generator, self.chain = num_beams, generator, chain
        self.transcripts = [first]
        self.beams = [Perturbed(first, 0.0, 0.0)]

    @property
    def live(self) -> list[Perturbed]:
        """The beams that go on, one for each row of logits."""
        return [beam for beam in self.beams if beam.transcript.finish_reason is None]

    def advance(self, logits: Float[Tensor, "rows vocab"]) -> Move:
        live = self.live
        finished = [beam for beam in self.beams if beam.transcript.finish_reason is not None]
        noisy, drawn = self._draw(live, logits)
        entries: list[Extension | Perturbed] = [*drawn, *finished]
        ranked = sorted(entries, key=lambda entry: -entry.perturbed)
        if not ranked:
            first = live[0].transcript
            raise first.stopping.dead_end(len(first.token_ids))

        self.beams, moves = [], []
        for entry in ranked[: self.num_beams]:
            if isinstance(entry, Perturbed):
                self.beams.append(entry)
                continue
            transcript = live[entry.row].transcript.fork()
            transcript.append(entry.token_id, entry.logprob, logits[entry.row], noisy[entry.row])
            self.beams.append(Perturbed(transcript, entry.total, entry.perturbed))
            if transcript.finish_reason is None:
                moves.append((entry.row, entry.token_id))
        return Move.of(moves)

    def _draw(
        self, live: Sequence[Perturbed], logits: Float[Tensor, "rows vocab"]
    ) -> tuple[Float[Tensor, "rows vocab"], list[Extension]]:
        """Return all perturbed extensions of the live beams, and those with the largest."""
        check_logits(logits)
        logprobs = widen(logits).log_softmax(-1)
        transcripts = [beam.transcript for beam in live]
        lengths = [len(transcript.token_ids) for transcript in transcripts]
        stopping = transcripts[0].stopping
        allowed = stopping.forbid_early_end(logits, lengths, dead_rows="keep")
        # Sampling is from what is left, so what is left is renormalised.
        allowed = widen(process_hypotheses(self.chain, transcripts, allowed))
        alive = allowed.amax(-1, keepdim=True) > -torch.inf
        allowed = allowed.log_softmax(-1).where(alive, -torch.inf)
        so_far = torch.tensor([beam.logprob for beam in live], dtype=allowed.dtype)
        ceilings = torch.tensor([beam.perturbed for beam in live], dtype=allowed.dtype)
        totals = allowed + sent(so_far, allowed.device)[:, None]
        noisy = perturb(totals, sent(ceilings, allowed.device), self.generator)
        best = noisy.flatten().topk(min(self.num_beams, noisy.numel()))
        rows, ids = best.indices // logits.shape[-1], best.indices % logits.shape[-1]
        values = best.values, rows, ids, logprobs[rows, ids], totals[rows, ids]
        drawn = map(Extension._make, zip(*fetch(*values, checked=[logits]), strict=True))
        return noisy, [extension for extension in drawn if extension.perturbed > -torch.inf]

    def results(self) -> list[Generation]:
        first, *others = (beam.transcript.generation() for beam in self.beams)
        return [replace(first, alternatives=others)]


def perturb(
    logprobs: Float[Tensor, "rows vocab"],
    ceilings: Float[Tensor, " rows"],
    generator: torch.Generator,
) -> Float[Tensor, "rows vocab"]:
    """Return logprobs + Gumbel noise, conditioned on every row's maximum being its ceiling.

    Source: Kool et al. 2019, section 4.1 and appendix B.3, whose form is stable in floats.
    """
    draws = torch.rand(logprobs.shape, generator=generator, dtype=torch.float64)
    uniform = draws.clamp(min=torch.finfo(torch.float64).tiny).to(logprobs.dtype)
    gumbel = logprobs - (-sent(uniform, logprobs.device).log()).log()
    gap = ceilings[:, None] - gumbel
    below = gap + torch.log1p(-(gumbel - gumbel.amax(-1, keepdim=True)).exp())
    conditioned = ceilings[:, None] - below.clamp(min=0) - torch.log1p((-below.abs()).exp())
    return conditioned.masked_fill(logprobs == -torch.inf, -torch.inf)
