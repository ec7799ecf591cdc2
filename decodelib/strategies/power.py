"""Power sampling: whole texts in proportion to p(x)^alpha, by a Metropolis-Hastings chain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

from jaxtyping import Float
from torch import Tensor

from decodelib.arguments import check_integer, check_number, short_repr
from decodelib.decoding.generation import Generation, Proposal
from decodelib.decoding.processing import chains_of, process
from decodelib.decoding.samplers import fetch, log_probs_of, sample, uniforms
from decodelib.decoding.search import LateSearch, Move
from decodelib.decoding.transcript import Transcript
from decodelib.distributions import divided
from decodelib.kernels.gpu import integers_on
from decodelib.kernels.seeds import seeded
from decodelib.models.base import LanguageModel
from decodelib.processors.base import Chain, Processors, given_processors


@dataclass(frozen=True, repr=False)
class PowerSampling:
    """Draw a whole text x with a probability proportional to p(x)^alpha.

    Temperature 1 / alpha raises every step's probabilities to that power and normalises them there,
    so it is blind to what a token leads to. Here the text is raised as one. Its normaliser, a sum
    over all texts, is never needed: a Metropolis-Hastings chain begins with a text drawn at
    `temperature`, and each of its moves draws a place t of the text x, all its tokens being equally
    likely, draws everything from t on anew, and takes the new text x' with probability

        min(1, (p(x') / p(x))^alpha * q(x | x') / q(x' | x)),

    where q(x' | x) = 1 / |x| times the probabilities of the new tokens at `temperature`. Otherwise
    x stays. The more moves, the nearer the text is to a draw from p^alpha.

    With a `block_length` the text grows by so many tokens at a time, with `num_moves` moves after
    each block, on all of the text so far. `Generation.moves` records every move. The strategy
    decides late: `stream` yields all steps at the end. A move costs a pass of the model for every
    token drawn anew, half a text on average.

    Args:
        alpha: At least 0. 1 is the model itself, 0 all texts alike. Usual value: 4.
        num_moves: Moves after each block, at least 1. Usual value: 10, with blocks.
        block_length: Tokens, at least 1; None for a single block, the whole text.
        temperature: Of the proposals, greater than 0; None for 1 / alpha. It changes how soon the
            chain arrives, not where.
        processors: One or several: p is then the distribution of `Sampling(*processors)`. Not
            processors that follow a sequence, such as Mirostat.

    Raises:
        ValueError, TypeError: For values outside these ranges.

    Source: Karan and Du 2025, arXiv 2510.14901, where all texts are of one length; 1 / |x| is what
    others need. Chapter 6.

    >>> table = {"": {"a": 0.6, "b": 0.4}, "a": {"c": 1, "d": 1, "e": 1}, "b": {"c": 1}}
    >>> strategy = dl.PowerSampling(num_moves=3, temperature=1.0)
    >>> g = dl.generate(dl.TableLM(table), "c", strategy, max_new_tokens=2)
    >>> [(move.text, round(move.acceptance, 3), move.accepted) for move in g.moves[1:]]
    [(' b c', 1.0, True), (' a d', 0.125, False), (' a d', 0.125, False)]
    """

    is_deterministic: ClassVar[bool] = False

    alpha: float = 4.0
    num_moves: int = 10
    block_length: int | None = None
    temperature: float | None = None
    processors: Processors = ()

    def __post_init__(self) -> None:
        check_number("alpha", self.alpha, 0, math.inf, open_high=True)
        check_integer("num_moves", self.num_moves, 1)
        if self.block_length is not None:
            check_integer("block_length", self.block_length, 1)
        if self.temperature is not None:
            check_number("temperature", self.temperature, 0, math.inf, True, True)
        elif self.alpha == 0:
            raise ValueError("temperature must be given where alpha is 0, got None")
        processors = given_processors(self.processors, "a text that is not accepted is")
        object.__setattr__(self, "processors", processors)

    def __repr__(self) -> str:
        return short_repr(self)

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[SuffixChain]:
        own = zip(transcripts, seeds, chains_of(self.processors, seeds), strict=True)
        return [SuffixChain(self, lm, *of_one) for of_one in own]


class Drawn(NamedTuple):
    """A token of the chain's text, and what was known when it was drawn.

    Attributes:
        token_id: The token.
        logprob: ln p under the model's own distribution.
        log_p: ln p as the processors leave it, without EOS if that is not due.
        log_q: ln of the probability with which it was proposed.
        before, after: The logits of the model and of the proposal, empty unless steps are recorded.
        move: The place in `Generation.moves` of the move that drew it.
    """

    token_id: int
    logprob: float
    log_p: float
    log_q: float
    before: Tensor
    after: Tensor
    move: int


def log_ratio(
    current: Sequence[Drawn], proposed: Sequence[Drawn], place: int, alpha: float
) -> float:
    """Return ln of the Metropolis-Hastings ratio of a text that parts from `place` on."""
    log_p = math.fsum(d.log_p for d in proposed[place:]) - math.fsum(
        d.log_p for d in current[place:]
    )
    log_q = math.fsum(d.log_q for d in current[place:]) - math.fsum(
        d.log_q for d in proposed[place:]
    )
    places = math.log(len(current)) - math.log(len(proposed))
    return alpha * log_p + log_q + places


def acceptance(log_ratio: float) -> float:
    """Return the probability of taking a proposal: the Metropolis-Hastings ratio, at most 1."""
    return math.exp(min(0.0, log_ratio))


class SuffixChain(LateSearch):
    """The chain of one prompt: its text, and the model's cache of a text that shares a beginning.

    The cache is brought to a text only where the next token's logits are needed. It then forgets
    what the two do not share, and reads the rest at once.
    """

    runs_itself = True

    def __init__(
        self,
        strategy: PowerSampling,
        lm: LanguageModel,
        transcript: Transcript,
        seed: int,
        processors: Chain,
    ) -> None:
        self.strategy, self.lm, self.transcripts = strategy, lm, [transcript]
        self.generator, self.processors = seeded(seed), processors
        self.text: list[Drawn] = []
        self.moves: list[Proposal] = []
        self.room = self.moves_left = 0
        self.limit = transcript.stopping.max_new_tokens
        self.temperature = strategy.temperature or 1 / strategy.alpha
        ids = integers_on(lm.device, transcript.prompt_ids)
        self._first, self._cache = lm.prefill([ids], len(ids) + self.limit)
        self._read: list[int] = []

    @property
    def live(self) -> list[list[Drawn]]:
        """The text, while there is a move to come."""
        return [self.text] if self.moves_left or self.room < self.limit else []

    def advance(self, logits: Float[Tensor, "0 vocab"]) -> Move:
        """Begin a block, or make a move."""
        if self.moves_left:
            self.moves_left -= 1
            self._move()
        else:
            self.room = min(self.room + (self.strategy.block_length or self.limit), self.limit)
            self.moves_left = self.strategy.num_moves
            self.text = self._drawn_anew(len(self.text))
            decided = {"log_ratio": 0.0, "acceptance": 1.0, "drawn": None, "accepted": True}
            self._note(None, self.text, **decided)
        return Move.of([])

    def _move(self) -> None:
        place = self._place()
        proposed = self._drawn_anew(place)
        ratio = log_ratio(self.text, proposed, place, self.strategy.alpha)
        chance = acceptance(ratio)
        drawn, accepted = self._takes(chance)
        decided = {"log_ratio": ratio, "acceptance": chance, "drawn": drawn, "accepted": accepted}
        self._note(place, proposed, **decided)
        if accepted:
            self.text = proposed

    def _place(self) -> int:
        return int(float(uniforms([self.generator])) * len(self.text))

    def _takes(self, chance: float) -> tuple[float, bool]:
        drawn = float(uniforms([self.generator]))
        return drawn, drawn < chance

    def _note(self, place: int | None, text: Sequence[Drawn], **decided: Any) -> None:
        ids = tuple(d.token_id for d in text)
        logprob = math.fsum(d.logprob for d in text)
        self.moves.append(Proposal(place, ids, self.lm.decode(ids), logprob, **decided))

    def _drawn_anew(self, place: int) -> list[Drawn]:
        """Return the text up to `place`, continued from there until it ends or fills the block."""
        text = self.text[:place]
        transcript = self._transcript(text, trace=False)
        while transcript.finish_reason is None and len(text) < self.room:
            before = self._logits_after([d.token_id for d in text])
            text.append(self._draw(before, transcript))
            transcript.append(text[-1].token_id, text[-1].logprob, before[0], before[0])
        return text

    def _draw(self, before: Float[Tensor, "1 vocab"], transcript: Transcript) -> Drawn:
        allowed = transcript.stopping.forbid_early_end(before, [len(transcript.token_ids)])
        allowed = process([self.processors], [transcript], allowed)
        after = divided(allowed, self.temperature)
        ids = sample(after, uniforms([self.generator]))
        logprobs = (log_probs_of(logits, ids) for logits in (before, allowed, after))
        found = fetch(ids, *logprobs, checked=(before, after))
        [token_id], [logprob], [log_p], [log_q] = found
        kept = (before[0], after[0]) if self.transcripts[0].trace else (before[0, :0], after[0, :0])
        return Drawn(token_id, logprob, log_p, log_q, *kept, len(self.moves))

    def _logits_after(self, ids: list[int]) -> Float[Tensor, "1 vocab"]:
        if not ids:
            return self._first
        shared = 0
        while shared < min(len(ids) - 1, len(self._read)) and ids[shared] == self._read[shared]:
            shared += 1
        unshared, self._read = len(self._read) - shared, ids
        try:
            self._cache.rewind(unshared)
        except ValueError:  # layers with a running state forget nothing: read it all again
            whole = integers_on(self.lm.device, self.transcripts[0].prompt_ids + ids)
            room = len(self.transcripts[0].prompt_ids) + self.limit
            logits, self._cache = self.lm.prefill([whole], room)
            return logits
        new = integers_on(self.lm.device, ids[shared:])[None]
        return self.lm.extend(new, self._cache)[:, -1]

    def _transcript(self, text: Sequence[Drawn], trace: bool) -> Transcript:
        transcript = self.transcripts[0].fork()
        transcript.trace = trace
        for d in text:
            how = f"drawn in move {d.move}" if d.move else "drawn at first"
            transcript.append(d.token_id, d.logprob, d.before, d.after, how)
        return transcript

    def results(self) -> list[Generation]:
        generation = self._transcript(self.text, self.transcripts[0].trace).generation()
        return [replace(generation, moves=self.moves)]
