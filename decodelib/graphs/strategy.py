"""Strategies whose choice of a token is part of the CUDA graph: one transfer to the host a token.

The host sees each token once, to tell whether its text has ended, and draws the uniform numbers.
Those come from each sequence's own generator on the CPU, so the tokens are those that `Greedy()`
and `Sampling()` give, up to how a device rounds.

Processors stay outside: their checks look at logits on the host, which a graph cannot wait for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from decodelib.decoding.samplers import on_host, uniforms
from decodelib.decoding.search import Move, Search
from decodelib.decoding.transcript import Transcript
from decodelib.graphs.model import GraphedGPT2
from decodelib.graphs.step import pick
from decodelib.kernels.seeds import seeded
from decodelib.models.base import LanguageModel
from decodelib.models.gpt2.kv_cache import KVCache
from decodelib.strategies.sampling import Greedy, Sampling


@dataclass(frozen=True)
class InGraph:
    """Decode as `Greedy()` or `Sampling()` does, with the choice made in the model's CUDA graph.

    For models from `graphed`.

    Args:
        strategy: `Greedy()`, or `Sampling()` without processors.

    Raises:
        ValueError: For another strategy. Decoding raises TypeError for a model that isn't graphed.
    """

    strategy: Greedy | Sampling

    def __post_init__(self) -> None:
        if self.strategy not in (Greedy(), Sampling()):
            raise ValueError(
                f"strategy must be Greedy() or Sampling() without processors, got {self.strategy!r}"
            )

    @property
    def is_deterministic(self) -> bool:
        return self.strategy.is_deterministic

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[GraphSearch]:
        if not isinstance(lm, GraphedGPT2):
            raise TypeError(f"lm must be a model from graphed(), got {lm!r}")
        stopping = transcripts[0].stopping
        if stopping.min_new_tokens and not stopping.ends <= set(lm.eos_token_ids):
            raise ValueError(
                "min_new_tokens must be 0 with stop_token_ids, because a graph forbids the model's "
                f"own ends alone, got {stopping.min_new_tokens}"
            )
        draws = isinstance(self.strategy, Sampling)
        generators = [seeded(seed) for seed in seeds] if draws else None
        return [GraphSearch(lm, transcripts, generators)]


class GraphSearch(Search):
    """Decoding in progress, one row for each prompt until it is finished."""

    runs_itself = True

    def __init__(
        self,
        lm: GraphedGPT2,
        transcripts: list[Transcript],
        generators: Sequence[torch.Generator] | None,
    ) -> None:
        self.lm, self.transcripts, self.generators = lm, transcripts, generators
        self.stopping, self.running = transcripts[0].stopping, list(range(len(transcripts)))
        self._cache: KVCache | None = None

    def advance(self, logits: Float[Tensor, "0 vocab"]) -> Move:
        """Take a step with every row, and append what was picked."""
        running = [self.transcripts[i] for i in self.running]
        seen, picked = self._step(running)
        after = self.stopping.forbid_early_end(seen, [len(t.token_ids) for t in running])
        _, chosen = on_host(picked, after)  # all that a round brings to the host
        for transcript, choice, *of_row in zip(running, chosen, seen, after, strict=True):
            transcript.append(*choice, *of_row)
        alive = [row for row, t in enumerate(running) if t.finish_reason is None]
        if self._cache is not None and 0 < len(alive) < len(running):
            self._cache = self._cache.select(torch.tensor(alive))
        self.running = [self.running[row] for row in alive]
        return Move.of([])

    def _step(
        self, running: Sequence[Transcript]
    ) -> tuple[Float[Tensor, "rows vocab"], Float[Tensor, "rows 3"]]:
        may_end = torch.tensor([len(t.token_ids) >= self.stopping.min_new_tokens for t in running])
        draws = None if self.generators is None else uniforms(self._of_running(self.generators))
        if self._cache is not None:
            next_ids = torch.tensor([t.token_ids[-1] for t in running])
            return self.lm.step_and_pick(next_ids, self._cache, may_end, draws)
        prompts = [torch.tensor(t.prompt_ids, device=self.lm.device) for t in running]
        longest = max(map(len, prompts)) + self.stopping.max_new_tokens
        logits, self._cache = self.lm.prefill(prompts, longest)
        draws = None if draws is None else draws.to(logits.device)
        return logits, pick(logits, self.lm.eos_token_ids, may_end.to(logits.device), draws)

    def _of_running(self, generators: Sequence[torch.Generator]) -> list[torch.Generator]:
        return [generators[i] for i in self.running]
