"""A generation recorded for a player: its steps, who removed which candidate, and its branches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from jaxtyping import Float, Int
from torch import Tensor

from decodelib.decoding.detokenizer import token_texts
from decodelib.decoding.generation import Generation, Step
from decodelib.decoding.loop import generate
from decodelib.decoding.search import Strategy
from decodelib.models.base import LanguageModel
from decodelib.processors.base import LogitsProcessor
from decodelib.strategies.sampling import Sampling

Record: TypeAlias = dict[str, Any]
"""JSON for the page; probabilities and entropies to six significant digits."""


class Watched:
    """A processor that remembers its calls, so that one can ask what it removed in each."""

    def __init__(self, processor: LogitsProcessor) -> None:
        self.processor = processor
        self.reads_input_ids = getattr(processor, "reads_input_ids", True)
        self._calls: list[tuple[Tensor, Tensor]] = []

    def __call__(
        self, input_ids: Int[Tensor, "batch seq"], logits: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]:
        after = self.processor(input_ids, logits)
        self._calls.append((logits, after))
        return after

    def for_sequence(self, seed: int) -> Watched:
        """Remember the calls of the sequence's own processor, where it has one."""
        if hasattr(self.processor, "for_sequence"):
            self.processor = self.processor.for_sequence(seed)
        return self

    def removed(self, call: int, token_id: int) -> bool:
        """Return whether that call set this token's logit to -inf."""
        before, after = self._calls[call]
        return bool(before[0, token_id] > -math.inf) and bool(after[0, token_id] == -math.inf)

    def __repr__(self) -> str:
        return repr(self.processor)


class Recorder:
    """Runs one strategy on one prompt, and on what branches from it.

    Args:
        lm, prompt, strategy, max_new_tokens, seed: As for `generate`.
        candidates: How many candidates of each step are recorded, the chosen one besides.
    """

    def __init__(
        self,
        lm: LanguageModel,
        prompt: str,
        strategy: Strategy,
        max_new_tokens: int,
        seed: int,
        candidates: int,
    ) -> None:
        self.lm, self.prompt_ids = lm, lm.prompt_ids(prompt).tolist()
        self.strategy, self.seed = strategy, seed
        self.max_new_tokens, self.candidates = max_new_tokens, candidates

    def original(self) -> tuple[Generation, Record]:
        """Return the strategy's own continuation, and the branch from which all others grow."""
        generation, steps = self._run([])
        return generation, _branch(None, 0, steps, generation.finish_reason)

    def branch(self, parent: int, path: Sequence[Record], token_id: int) -> Record:
        """Return the branch that leaves `parent` for another candidate of its last step in `path`.

        The same strategy continues it, from the same seed, as if all before had been the prompt.
        """
        start = len(path) - 1
        first = _forced(path[-1], token_id)
        chosen = [step["id"] for step in path[:-1]] + [token_id]
        if token_id in self.lm.eos_token_ids:
            steps, end = [first], "eos"
        elif len(chosen) == self.max_new_tokens:
            steps, end = [first], "length"
        else:
            generation, more = self._run(chosen)
            steps, end = [first, *more], generation.finish_reason
            chosen += generation.token_ids
        for step, text in zip(steps, token_texts(self.lm, chosen)[start:], strict=True):
            step["text"] = text
        return _branch(parent, start, steps, end)

    def _run(self, chosen: Sequence[int]) -> tuple[Generation, list[Record]]:
        watched: list[Watched] = []
        strategy = self.strategy
        if isinstance(strategy, Sampling):
            watched = [Watched(processor) for processor in strategy.processors]
            strategy = Sampling(*watched)
        generation = generate(
            self.lm,
            [*self.prompt_ids, *chosen],
            strategy,
            max_new_tokens=self.max_new_tokens - len(chosen),
            seed=self.seed,
            trace=True,
        )
        steps = [
            self._step(step, text, _removers(watched, call, step))
            for call, (step, text) in enumerate(
                zip(generation.steps, generation.tokens, strict=True)
            )
        ]
        return generation, steps

    def _step(self, step: Step, text: str, removers: Sequence[int | None]) -> Record:
        listed = [
            [c.id, c.token, rounded(c.p_before), rounded(c.p_after), remover]
            for place, (c, remover) in enumerate(zip(step.candidates, removers, strict=True))
            if place < self.candidates or c.id == step.token_id
        ]
        return {
            "id": step.token_id,
            "text": text,
            "p": rounded(math.exp(step.logprob)),
            "rank": step.rank,
            "entropy": rounded(step.entropy),
            "kept": step.kept,
            "decision": step.decision,
            "candidates": listed,
        }


def path_of(branches: Sequence[Record], index: int) -> list[Record]:
    """Return all steps of a branch, those that it shares with its parents first."""
    branch = branches[index]
    if branch["parent"] is None:
        return list(branch["steps"])
    return path_of(branches, branch["parent"])[: branch["start"]] + branch["steps"]


def find_branch(branches: Sequence[Record], ids: Sequence[int]) -> int | None:
    """Return the first branch that begins with these tokens, or None."""
    for index in range(len(branches)):
        if [step["id"] for step in path_of(branches, index)[: len(ids)]] == list(ids):
            return index
    return None


def most_uncertain(steps: Sequence[Record], count: int) -> list[int]:
    """Return the `count` places of highest entropy, in the order of the text; ties go first."""
    places = sorted(range(len(steps)), key=lambda place: (-steps[place]["entropy"], place))
    return sorted(places[:count])


def alternatives(step: Record, count: int) -> list[int]:
    """Return the most probable candidates that the strategy could have chosen and did not."""
    others = (c for c in step["candidates"] if c[0] != step["id"] and c[3] > 0)
    return [c[0] for c in others][:count]


def rounded(value: float) -> float:
    """Return the value to six significant digits."""
    return float(f"{value:.6g}")


def _branch(parent: int | None, start: int, steps: list[Record], end: str) -> Record:
    return {"parent": parent, "start": start, "steps": steps, "end": end}


def _forced(step: Record, token_id: int) -> Record:
    ids = [candidate[0] for candidate in step["candidates"]]
    place = ids.index(token_id)
    p = step["candidates"][place][2]
    # The candidates stand by rank, but for one chosen from below all of them.
    return step | {"id": token_id, "p": p, "rank": place + 1, "decision": ""}


def _removers(watched: Iterable[Watched], call: int, step: Step) -> list[int | None]:
    removers: list[int | None] = []
    for candidate in step.candidates:
        by = (i for i, one in enumerate(watched) if one.removed(call, candidate.id))
        removers.append(next(by, None))
    return removers
