"""The growing continuation of one prompt: its tokens, its text, and the `Step` records of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.decoding.detokenizer import Detokenizer
from decodelib.decoding.generation import NUM_CANDIDATES, Candidate, Generation, Step
from decodelib.decoding.samplers import fetch
from decodelib.decoding.stopping import FinishReason, Stopping
from decodelib.distributions import entropy_and_varentropy, largest, widen
from decodelib.models.base import LanguageModel


def make_step(
    lm: LanguageModel,
    token_id: int,
    text: str,
    before: Float[Tensor, " vocab"],
    after: Float[Tensor, " vocab"],
    decision: str = "",
) -> Step:
    """Return the record of one token, from the model's logits and those the strategy chose from."""
    p_before, p_after = widen(before).softmax(-1), widen(after).softmax(-1)
    own, kept = before[token_id], after > -math.inf
    better = (before > own).sum() + (before[:token_id] == own).sum()
    own_logprob = widen(before).log_softmax(-1)[token_id]
    numbers = torch.stack([own_logprob, *entropy_and_varentropy(before), p_before[kept].sum()])
    ids = torch.cat([most_probable(before, NUM_CANDIDATES), better.new_tensor([token_id])])
    (logprob, entropy, varentropy, mass), (rank, size), *candidates = fetch(
        numbers, torch.stack([better + 1, kept.sum()]), ids, p_before[ids], p_after[ids]
    )
    once = {i: Candidate(i, lm.decode([i]), *p) for i, *p in zip(*candidates, strict=True)}
    return Step(
        token_id=token_id,
        token=lm.decode([token_id]),
        text=text,
        logprob=logprob,
        rank=rank,
        entropy=entropy,
        varentropy=varentropy,
        kept=size,
        candidates=tuple(once.values()),
        decision=decision,
        kept_mass=min(1.0, mass),
    )


def most_probable(logits: Float[Tensor, " vocab"], count: int) -> Int[Tensor, " count"]:
    """Return the ids of the `count` largest logits, largest first, of equals the lower id first."""
    count = min(count, len(logits))
    ids = largest(logits, count).long().topk(count).indices.sort().values
    return ids[logits[ids].argsort(descending=True, stable=True)]


class Transcript:
    """The growing continuation of one prompt, from which its `Generation` is made.

    Branches and beams copy it (`fork`), so that each keeps its own history.

    Attributes:
        token_ids, logprobs: Of every new token.
        finish_reason: Why the continuation has ended, or None while it goes on.
        stop_reason: The stop string or the token id that ended it, else None.
        steps: A `Step` for each token, if they are recorded and until they are taken.
    """

    def __init__(self, prompt_ids: Sequence[int], stopping: Stopping, trace: bool) -> None:
        self.prompt_ids = list(prompt_ids)
        self.stopping = stopping
        self.trace = trace
        self.token_ids: list[int] = []
        self.logprobs: list[float] = []
        self.finish_reason: FinishReason | None = None
        self.stop_reason: str | int | None = None
        self.steps: list[Step] = []
        self._detokenizer = Detokenizer(stopping.lm.decode)
        # For each token that has been read: its text, and what that added to the visible text.
        self._tokens: list[str] = []
        self._shown: list[str] = []
        self._withheld = ""  # may become a stop string

    def fork(self) -> Transcript:
        """Return an independent copy."""
        copy = Transcript(self.prompt_ids, self.stopping, self.trace)
        copy.token_ids, copy.logprobs = self.token_ids.copy(), self.logprobs.copy()
        copy.finish_reason, copy.stop_reason = self.finish_reason, self.stop_reason
        copy.steps = self.steps.copy()
        copy._detokenizer, copy._withheld = self._detokenizer.fork(), self._withheld
        copy._tokens, copy._shown = self._tokens.copy(), self._shown.copy()
        return copy

    def append(
        self,
        token_id: int,
        logprob: float,
        before: Float[Tensor, " vocab"],
        after: Float[Tensor, " vocab"],
        decision: str = "",
    ) -> None:
        """Add a token chosen from `after`, where the model said `before`; see if it is the last."""
        stopping = self.stopping
        self.token_ids.append(token_id)
        self.logprobs.append(logprob)
        if token_id in stopping.ends:
            self.finish_reason = "eos" if token_id in stopping.lm.eos_token_ids else "stop"
            self.stop_reason = token_id
        elif len(self.token_ids) >= stopping.max_new_tokens:
            self.finish_reason = "length"
        if stopping.stop or self.trace:
            self._read()
        if self.trace:
            text = self._shown[-1]
            self.steps.append(make_step(stopping.lm, token_id, text, before, after, decision))

    def revise(self, place: int, decision: str) -> None:
        """Change the recorded decision of one token, for a reason that was found out later."""
        if self.trace:
            from_the_end = place - len(self.token_ids)
            self.steps[from_the_end] = replace(self.steps[from_the_end], decision=decision)

    def take_steps(self) -> list[Step]:
        """Return the steps and forget them, so that a long stream does not keep them all."""
        steps, self.steps = self.steps, []
        return steps

    def _read(self) -> None:
        """Decode the first token that has not been read, and see what its text shows and ends."""
        token_id = self.token_ids[len(self._tokens)]
        self._tokens.append("")
        self._shown.append("")
        if token_id in self.stopping.ends:
            self._close()
            own = self.stopping.lm.decode([token_id])
            self._tokens[-1] += own
            if self.stopping.include_stop and (self.finish_reason, self.stop_reason) == (
                "stop",
                token_id,
            ):
                self._shown[-1] += own
            return
        new = self._detokenizer.push(token_id)
        self._tokens[-1] = new
        self._shown[-1] = self._visible(new) if self.stopping.stop else new
        is_last = self.finish_reason is not None and len(self._tokens) == len(self.token_ids)
        if is_last and (self._detokenizer.open_ids or self._withheld):
            self._close()

    def _visible(self, new: str) -> str:
        """Return what new text adds to the visible text; end the continuation at a stop string."""
        text = self._withheld + new
        match = self.stopping.match(text)
        if match is not None:
            self.finish_reason, self.stop_reason, self._withheld = "stop", match.stop, ""
            return text[: match.end if self.stopping.include_stop else match.start]
        settled = len(text) - self.stopping.withheld(text)
        self._withheld = text[settled:]
        return text[:settled]

    def _close(self) -> None:
        """Give out what was kept back for a token that will not come."""
        rest = self._detokenizer.finish()
        self._tokens[-1] += rest
        if not isinstance(self.stop_reason, str):
            visible = self._visible(rest) if self.stopping.stop else rest
            self._shown[-1] += visible + self._withheld
            self._withheld = ""

    def generation(self, score: float | None = None) -> Generation:
        """Return the finished continuation; the score is the sum of the logprobs unless given."""
        assert self.finish_reason is not None
        while len(self._tokens) < len(self.token_ids):
            self._read()
        if self.finish_reason == "interrupted" and self._tokens:
            self._close()
            if self.steps:
                self.steps[-1] = replace(self.steps[-1], text=self._shown[-1])
        lm = self.stopping.lm
        # The BOS that stands for an empty prompt is not text that anybody wrote.
        begun = self.prompt_ids[:1] == [lm.bos_token_id]
        return Generation(
            prompt=lm.decode(self.prompt_ids[begun:]),
            text="".join(self._shown),
            token_ids=self.token_ids,
            tokens=self._tokens,
            logprobs=self.logprobs,
            score=math.fsum(self.logprobs) if score is None else score,
            finish_reason=self.finish_reason,
            stop_reason=self.stop_reason,
            steps=self.steps,
        )
