"""What decoding returns: a `Generation`, and the `Step` records that every plot and test reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from decodelib.decoding.beam_tree import BeamTree
from decodelib.decoding.display import shaded
from decodelib.decoding.stopping import FinishReason

NUM_CANDIDATES = 10


class Candidate(NamedTuple):
    """A token that could have come, and its probability before and after the strategy's changes."""

    id: int
    token: str
    p_before: float
    p_after: float


@dataclass(frozen=True)
class Step:
    """One decoded token and what the model and the strategy made of it.

    Attributes:
        token_id, token: The token and its own text.
        text: What this step added to the continuation's text. Empty while a character or a
            possible stop string is incomplete; over all steps it adds up to `Generation.text`.
        logprob: ln p of the token under the model's own distribution, in nats.
        rank: Its place in that distribution, 1 for the most probable.
        entropy, varentropy: Of the model's own distribution, in nats and square nats.
        kept: How many tokens the strategy left to choose from.
        candidates: The ten most probable tokens, and the chosen one if it is not among them.
        decision: What the strategy did and why, for those that decide (else "").
        kept_mass: The probability, under the model's own distribution, of all tokens that the
            strategy left to choose from; under a constraint, the feasible mass.
    """

    token_id: int
    token: str
    text: str
    logprob: float
    rank: int
    entropy: float
    varentropy: float
    kept: int
    candidates: tuple[Candidate, ...]
    decision: str = ""
    kept_mass: float = 1.0


@dataclass(frozen=True)
class Proposal:
    """One move of a Metropolis-Hastings chain over texts.

    Attributes:
        place: How many tokens of the text before were kept; those from here on were drawn anew.
            None where there was nothing to decide: the text the chain begins with, and one that
            goes on from where a block ended.
        token_ids, text: The text that was proposed, EOS included.
        logprob: ln p of all of it under the model's own distribution, in nats.
        log_ratio: ln of the Metropolis-Hastings ratio; 0 where there was nothing to decide.
        acceptance: The probability of taking it: the ratio, or 1 if that is smaller.
        drawn: The number of [0, 1) that decided; None where there was nothing to decide.
        accepted: Whether it was taken: whether `drawn` was below `acceptance`. If not, the chain
            stayed at the text before.
    """

    place: int | None
    token_ids: tuple[int, ...]
    text: str
    logprob: float
    log_ratio: float
    acceptance: float
    drawn: float | None
    accepted: bool


@dataclass(frozen=True, repr=False)
class Generation:
    """A finished continuation.

    Attributes:
        prompt: The prompt's text.
        text: The continuation alone: without the EOS token, and cut before a stop string or stop
            token unless `include_stop` keeps that.
        token_ids: Every token decoded, EOS and the tokens of a stop string included.
        tokens: Their texts, one by one. A token that only begins a character has none; the one
            that completes it has the whole character.
        logprobs: ln p of each under the model's own distribution, in nats.
        score: What the strategy ranks continuations by: the sum of `logprobs`; for beam search,
            that sum divided by length^length_penalty; for best-of-n the reward, for minimum Bayes
            risk the mean utility, for self-consistency the share of votes.
        finish_reason: "eos", "stop" (a stop string or stop token came), "length" or "interrupted".
        stop_reason: The stop string that ended the text, or the id of the token that did; None if
            its length did.
        steps: A `Step` for each token with `trace=True`, else empty.
        alternatives: The other continuations, of a strategy that makes several: best first if it
            ranks them, else in the order drawn.
        tree: What the beam search weighed on the way, with `trace=True`; of diverse beam search,
            the tree of this hypothesis's group. None for other strategies.
        moves: The moves of power sampling, in order. Empty for other strategies.
    """

    prompt: str
    text: str
    token_ids: list[int]
    tokens: list[str]
    logprobs: list[float]
    score: float
    finish_reason: FinishReason
    stop_reason: str | int | None = None
    steps: list[Step] = field(default_factory=list)
    alternatives: list[Generation] = field(default_factory=list)
    tree: BeamTree | None = None
    moves: list[Proposal] = field(default_factory=list)

    @property
    def full_text(self) -> str:
        """The prompt's text followed by the continuation's."""
        return self.prompt + self.text

    def __repr__(self) -> str:
        return (
            f"Generation({self.full_text!r}, {len(self.token_ids)} new tokens, "
            f"finish_reason={self.finish_reason!r}, score={self.score:.4g})"
        )

    def _repr_html_(self) -> str:
        """Return the text with each token shaded by its probability, deeper for less probable."""
        return shaded(self.prompt, zip(self.tokens, self.logprobs, strict=True))
