"""Choosing the next token from logits, greedily or by chance, and the strategies that do just that.

Chance comes from the sequence's own seed alone: every sequence has its own generator, one uniform
number is drawn for each of its tokens, and the token is found by inverting the cumulative
distribution. So neither its neighbours in a batch nor the global random state can change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.distributions import alone, as_arrays, check_logits, probabilities, widen
from decodelib.fields import check_expressible, field, fields_of, processors_of
from decodelib.generation import Generation, Step, Transcript
from decodelib.processors import Chain
from decodelib.stopping import Stopping
from decodelib.survivors import CHUNK, are_few
from decodelib.types import LanguageModel, LogitsProcessor, Move


def argmax(logits: Float[Tensor, "batch vocab"]) -> Int[Tensor, " batch"]:
    """Return the most probable token of each row, of equals the one with the lowest id."""
    check_logits(logits)
    if logits.device.type != "cpu":
        return logits.argmax(-1)
    # NumPy's is many times faster, and takes the first of equals as well.
    return torch.from_numpy(as_arrays(logits).argmax(-1))


def sample(
    logits: Float[Tensor, "batch vocab"], uniforms: Float[Tensor, " batch"]
) -> Int[Tensor, " batch"]:
    """Return a draw from softmax(logits) for each row, by inverting its cumulative distribution.

    Token i is drawn when the row's uniform number, in [0, 1), falls into the i-th of the intervals
    of lengths p_0, p_1, ... laid end to end. Raises ValueError for NaN, +inf or all -inf.
    """
    check_logits(logits)
    if not alone(logits):
        return _draw(logits, uniforms)
    pairs = zip(as_arrays(logits), uniforms.tolist(), strict=True)
    return torch.tensor([_draw_from_row(*pair) for pair in pairs], dtype=torch.long)


def _draw(
    logits: Float[Tensor, "batch vocab"], uniforms: Float[Tensor, " batch"]
) -> Int[Tensor, " batch"]:
    cdf = widen(logits).softmax(-1).cumsum(-1)
    total = cdf[:, -1:]
    target = uniforms.to(cdf.dtype).to(cdf.device)[:, None] * total
    # A uniform near 1 may round up to the total: the last token with any probability is meant.
    target = torch.minimum(target, total.nextafter(torch.zeros_like(total)))
    return torch.searchsorted(cdf, target, right=True)[:, 0]


def _draw_from_row(row: np.ndarray, uniform: float) -> int:
    """Draw alike on the CPU; if most tokens are removed, look only at the others."""
    stays = row > -np.inf
    few = are_few(int(np.count_nonzero(stays)), len(row))
    ids = np.flatnonzero(stays) if few else None
    cdf = probabilities(row if ids is None else row[ids]).cumsum()
    target = min(uniform * cdf[-1], np.nextafter(cdf[-1], 0))
    place = int(cdf.searchsorted(target, side="right"))
    return place if ids is None else int(ids[place])


def log_probs_of(
    logits: Float[Tensor, "batch vocab"], ids: Int[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """Return ln p of one token of each row, in the widest float of the device."""
    rows = max(1, CHUNK // logits.shape[-1])
    parts = [slice(start, start + rows) for start in range(0, len(logits), rows)]
    logp = [widen(logits[p]).log_softmax(-1).gather(-1, ids[p, None])[:, 0] for p in parts]
    return torch.cat(logp)


def choose(
    logits: Float[Tensor, "batch vocab"],
    allowed: Float[Tensor, "batch vocab"],
    uniforms: Float[Tensor, " batch"] | None = None,
) -> tuple[Int[Tensor, " batch"], list[tuple[int, float]]]:
    """Return a token for each row, and again on the host, each with its ln p under `logits`.

    The tokens are draws from softmax(allowed), or its argmax without uniform numbers. A GPU is
    waited for once. Raises what `argmax` and `sample` raise.
    """
    if allowed.device.type == "cpu":
        ids = argmax(allowed) if uniforms is None else sample(allowed, uniforms)
        return ids, list(zip(ids.tolist(), log_probs_of(logits, ids).tolist(), strict=True))
    return on_host(choices(logits, allowed, uniforms), allowed)


def choices(
    logits: Float[Tensor, "batch vocab"],
    allowed: Float[Tensor, "batch vocab"],
    uniforms: Float[Tensor, " batch"] | None,
) -> Float[Tensor, "batch 3"]:
    """Return each row's token, its ln p, and the largest of `allowed`, without a look at any.

    They stand together in the widest float, which holds every id, for `on_host` to fetch at once.
    """
    ids = allowed.argmax(-1) if uniforms is None else _draw(allowed, uniforms)
    ids = ids.clamp(max=allowed.shape[-1] - 1)  # NaN is drawn beyond the last token
    return widen(torch.stack([ids, log_probs_of(logits, ids), allowed.amax(-1)], dim=-1))


def on_host(
    chosen: Float[Tensor, "batch 3"], allowed: Float[Tensor, "batch vocab"]
) -> tuple[Int[Tensor, " batch"], list[tuple[int, float]]]:
    """Fetch what `choices` found; raise ValueError if `allowed` is what `check_logits` refuses."""
    rows = chosen.tolist()
    if any(best - best != 0 for _, _, best in rows):
        check_logits(allowed)
    return chosen[:, 0].long(), [(int(token_id), logprob) for token_id, logprob, _ in rows]


def uniforms(generators: Sequence[torch.Generator]) -> Float[Tensor, " batch"]:
    """Return one number in [0, 1) from each generator, as float64 on the CPU."""
    draws = [torch.rand((), generator=g, dtype=torch.float64) for g in generators]
    return torch.stack(draws)


def seeded(seed: int) -> torch.Generator:
    """Return a generator for one sequence's draws, on the CPU so that all devices draw alike."""
    return torch.Generator().manual_seed(seed)


@dataclass(frozen=True)
class Greedy:
    """Always take the most probable token; of equals, the one with the lowest id.

    Deterministic: seeds change nothing. The same as `Sampling(TopK(1))`. Chapter 3.
    """

    def start(
        self,
        lm: LanguageModel,
        prompts: Sequence[Int[Tensor, " _seq"]],
        seeds: Sequence[int],
        stopping: Stopping,
        trace: bool,
    ) -> TokenSearch:
        return TokenSearch(prompts, stopping, trace, [Chain()] * len(prompts))


@dataclass(frozen=True, init=False, repr=False)
class Sampling:
    """Draw each token from the model's distribution, changed by processors from left to right.

    `Sampling()` alone is ancestral sampling: the model's own distribution.

    Args:
        processors: Callables `p(input_ids, logits)`, such as `Temperature(0.7)`.

    Raises:
        TypeError: For arguments that are not callables.

    Source: of each processor, its own. Chapters 5 to 9 and 12.
    """

    processors: tuple[LogitsProcessor, ...]

    def __init__(self, *processors: LogitsProcessor) -> None:
        object.__setattr__(self, "processors", Chain(*processors).processors)

    def __repr__(self) -> str:
        return f"Sampling({', '.join(map(repr, self.processors))})"

    @classmethod
    def from_generation_config(cls, config: Any) -> Sampling:
        """Return the sampling that a transformers GenerationConfig with do_sample=True describes.

        Its fields become processors in transformers' own order; a top_k of None is 50. Raises
        TypeError for what is no such configuration, and ValueError for one that does not sample or
        has settings without a counterpart here; the function `from_generation_config` says which.
        """
        check_expressible(config)
        if not field(config, "do_sample", False) or field(config, "num_beams", 1) != 1:
            raise ValueError(
                "config must have do_sample=True and num_beams=1, got one of another strategy: use "
                "from_generation_config()"
            )
        return cls(*processors_of(config))

    def to_generation_config(self) -> dict[str, Any]:
        """Return the fields of a GenerationConfig under which transformers samples alike.

        All that matter are there, top_k=0 against the hidden default of 50 included. Raises
        ValueError for processors that transformers does not have or applies in another order.
        """
        return {"do_sample": True, "num_beams": 1} | fields_of(self.processors)

    def start(
        self,
        lm: LanguageModel,
        prompts: Sequence[Int[Tensor, " _seq"]],
        seeds: Sequence[int],
        stopping: Stopping,
        trace: bool,
    ) -> TokenSearch:
        shared, generators = Chain(*self.processors), [seeded(seed) for seed in seeds]
        bound = shared.is_sequence_bound
        chains = [shared.for_sequence(seed) if bound else shared for seed in seeds]
        return TokenSearch(prompts, stopping, trace, chains, generators)


class TokenSearch:
    """Decoding one token at a time, one row for each prompt until it is finished.

    With generators it draws from the processed distribution; without, it takes the argmax.
    """

    def __init__(
        self,
        prompts: Sequence[Int[Tensor, " _seq"]],
        stopping: Stopping,
        trace: bool,
        chains: Sequence[Chain],
        generators: Sequence[torch.Generator] | None = None,
    ) -> None:
        self.transcripts = [Transcript(ids.tolist(), stopping, trace) for ids in prompts]
        self.running = list(range(len(prompts)))
        self.stopping, self.chains, self.generators = stopping, chains, generators

    def advance(self, logits: Float[Tensor, "rows vocab"]) -> Move:
        running = [self.transcripts[i] for i in self.running]
        allowed = self.stopping.forbid_early_eos(logits, [len(t.token_ids) for t in running])
        after = process([self.chains[i] for i in self.running], running, allowed)
        own = self.generators and [self.generators[i] for i in self.running]
        next_ids, chosen = choose(logits, after, uniforms(own) if own else None)
        for transcript, choice, *rows in zip(running, chosen, logits, after, strict=True):
            transcript.append(*choice, *rows)
        alive = [row for row, t in enumerate(running) if t.finish_reason is None]
        self.running = [self.running[row] for row in alive]
        ancestors = torch.tensor(alive, dtype=torch.long)
        if len(alive) < len(running):
            next_ids = next_ids.index_select(0, ancestors.to(next_ids.device))
        return Move(next_ids, ancestors)

    def interrupt(self) -> None:
        """End all continuations where they are."""
        for row in self.running:
            self.transcripts[row].finish_reason = "interrupted"
        self.running = []

    def steps(self, index: int) -> list[Step]:
        return self.transcripts[index].steps

    def results(self) -> list[Generation]:
        return [transcript.generation() for transcript in self.transcripts]


def process(
    chains: Sequence[Chain], transcripts: Sequence[Transcript], logits: Float[Tensor, "rows vocab"]
) -> Float[Tensor, "rows vocab"]:
    """Return each row as its own chain leaves it, given the row's token ids if it wants them.

    Rows that share a chain share a call; if it reads their ids, those of one length do, since
    padding would be tokens that nobody wrote.
    """
    calls: dict[tuple[int, int], list[int]] = {}
    for row, (chain, transcript) in enumerate(zip(chains, transcripts, strict=True)):
        length = len(transcript.prompt_ids) + len(transcript.token_ids)
        calls.setdefault((id(chain), length if chain.reads_input_ids else 0), []).append(row)
    result = torch.empty_like(logits) if len(calls) > 1 else logits
    for (_, length), rows in calls.items():
        input_ids = torch.empty(len(rows), 0, dtype=torch.long, device=logits.device)
        if length:
            ids = [transcripts[row].prompt_ids + transcripts[row].token_ids for row in rows]
            input_ids = torch.tensor(ids, device=logits.device)
        if len(calls) == 1:
            return chains[0](input_ids, logits if chains[0].is_own else logits.clone())
        result[rows] = chains[rows[0]](input_ids, logits[rows])
    return result
