"""Logits processors at work in a strategy: what each sequence's own chain makes of its logits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from decodelib.decoding.transcript import Transcript
from decodelib.kernels.gpu import integers_on
from decodelib.processors.base import Chain, Processors, chain_of


def chains_of(processors: Processors, seeds: Sequence[int]) -> list[Chain]:
    """Return the chain of each sequence: one for all, unless a processor is bound to its own."""
    shared = chain_of(processors)
    bound = shared.is_sequence_bound
    return [shared.for_sequence(seed) if bound else shared for seed in seeds]


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
        input_ids = torch.empty(len(rows), 0, dtype=torch.long)  # on the CPU, as `Chain` takes them
        if length:
            ids = [transcripts[row].prompt_ids + transcripts[row].token_ids for row in rows]
            input_ids = torch.tensor(ids)
        if len(calls) == 1:
            return chains[0](input_ids, logits if chains[0].is_own else logits.clone())
        places = integers_on(logits.device, rows)
        result[places] = chains[rows[0]](input_ids, logits[places])
    return result


def process_hypotheses(
    chain: Chain, transcripts: Sequence[Transcript], logits: Float[Tensor, "rows vocab"]
) -> Float[Tensor, "rows vocab"]:
    """Return the rows of one prompt's hypotheses as its chain leaves them.

    A row without any token left, of a hypothesis that cannot go on, stays as it is.
    """
    if not chain.processors:
        return logits
    alive = logits.amax(-1, keepdim=True) != -torch.inf
    # Zeros stand in for a dead row, which no processor would take.
    processed = process([chain] * len(logits), transcripts, logits.where(alive, 0.0))
    return processed.where(alive, -torch.inf)
