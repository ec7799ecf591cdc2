"""The growing continuation of one prompt, and the `Step` records made from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from decodelib.decoding.generation import NUM_CANDIDATES, Candidate, Generation, Step
from decodelib.decoding.stopping import FinishReason, Stopping, settled_text
from decodelib.distributions import entropy_and_varentropy, widen
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
    ranking = before.argsort(descending=True, stable=True)
    top = ranking[:NUM_CANDIDATES].tolist()
    entropy, varentropy = entropy_and_varentropy(before)
    return Step(
        token_id=token_id,
        token=lm.decode([token_id]),
        text=text,
        logprob=float(widen(before).log_softmax(-1)[token_id]),
        rank=int((ranking == token_id).nonzero()) + 1,
        entropy=float(entropy),
        varentropy=float(varentropy),
        kept=int((after > -torch.inf).sum()),
        candidates=tuple(
            Candidate(i, lm.decode([i]), float(p_before[i]), float(p_after[i]))
            for i in top + [token_id] * (token_id not in top)
        ),
        decision=decision,
    )


class Record(NamedTuple):
    """What a `Step` is made from: the model's logits, those chosen from, and the decision."""

    before: Float[Tensor, " vocab"]
    after: Float[Tensor, " vocab"]
    decision: str


class Transcript:
    """The growing continuation of one prompt, from which its `Generation` is made.

    Branches and beams copy it (`fork`), so that each keeps its own history.
    """

    def __init__(self, prompt_ids: Sequence[int], stopping: Stopping, trace: bool) -> None:
        self.prompt_ids = list(prompt_ids)
        self.stopping = stopping
        self.trace = trace
        self.token_ids: list[int] = []
        self.logprobs: list[float] = []
        self.finish_reason: FinishReason | None = None
        # Steps are made when they are asked for: most beams and branches never are.
        self._records: list[Record] = []
        self._steps: list[Step] = []

    def fork(self) -> Transcript:
        """Return an independent copy."""
        copy = Transcript(self.prompt_ids, self.stopping, self.trace)
        copy.token_ids, copy.logprobs = self.token_ids.copy(), self.logprobs.copy()
        copy._records, copy._steps = self._records.copy(), self._steps.copy()
        copy.finish_reason = self.finish_reason
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
        self.token_ids.append(token_id)
        self.logprobs.append(logprob)
        self.finish_reason = self.stopping.reason(self.token_ids)
        if self.trace:
            self._records.append(Record(before, after, decision))

    def revise(self, place: int, decision: str) -> None:
        """Change the recorded decision of one token, for a reason that was found out later."""
        if self.trace:
            self._records[place] = self._records[place]._replace(decision=decision)
            del self._steps[place:]

    @property
    def steps(self) -> list[Step]:
        """A `Step` for each token so far, if they are recorded."""
        shown = sum(len(step.text) for step in self._steps)
        for place in range(len(self._steps), len(self._records)):
            end = place + 1
            reason = self.finish_reason if end == len(self.token_ids) else None
            text = self.stopping.visible_text(self.token_ids[:end], reason)
            lm, token_id = self.stopping.lm, self.token_ids[place]
            self._steps.append(make_step(lm, token_id, text[shown:], *self._records[place]))
            shown = max(shown, len(text))
        return self._steps

    def generation(self, score: float | None = None) -> Generation:
        """Return the finished continuation; the score is the sum of the logprobs unless given."""
        assert self.finish_reason is not None
        lm = self.stopping.lm
        return Generation(
            prompt=_prompt_text(lm, self.prompt_ids),
            text=self.stopping.visible_text(self.token_ids, self.finish_reason),
            token_ids=self.token_ids,
            tokens=token_texts(lm, self.token_ids),
            logprobs=self.logprobs,
            score=math.fsum(self.logprobs) if score is None else score,
            finish_reason=self.finish_reason,
            steps=self.steps,
        )


def token_texts(lm: LanguageModel, ids: Sequence[int]) -> list[str]:
    """Return the texts of tokens in a row, one by one, as `Generation.tokens` has them."""
    texts, shown = [], 0
    for end in range(1, len(ids) + 1):
        text = lm.decode(ids[:end])
        settled = text if end == len(ids) else settled_text(text)
        texts.append(settled[shown:])
        shown = max(shown, len(settled))
    return texts


def _prompt_text(lm: LanguageModel, ids: Sequence[int]) -> str:
    # The BOS that stands for an empty prompt is not text that anybody wrote.
    return lm.decode(ids[1:] if list(ids[:1]) == [lm.bos_token_id] else ids)
