"""The decoding loop, and the three ways to run it: `generate`, `generate_batch`, `stream`.

prompts -> prefill -> logits -> each strategy's search chooses -> cache rows follow -> step -> ...

One loop serves every strategy. Prompts that share a strategy share a search; all searches share
the forward passes; rows that finish leave the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm.auto import tqdm

from decodelib.decoding.ambient import undisturbed
from decodelib.decoding.generation import Generation, Step
from decodelib.decoding.inputs import (
    Stop,
    checked_seeds,
    groups_of,
    one_for_each,
    prompt_ids_of,
    stopping_of,
)
from decodelib.decoding.search import Move, Search, Strategy
from decodelib.decoding.transcript import Transcript
from decodelib.distributions import with_late_checks
from decodelib.kernels.gpu import sent
from decodelib.models.base import LanguageModel, Prompt


def generate(
    lm: LanguageModel,
    prompt: Prompt,
    strategy: Strategy,
    *,
    max_new_tokens: int = 50,
    min_new_tokens: int = 0,
    stop: Stop = (),
    stop_token_ids: Sequence[int] = (),
    include_stop: bool = False,
    seed: int = 0,
    trace: bool = False,
    progress: bool = False,
) -> Generation:
    """Continue one prompt.

    Args:
        lm: The model, from `load`.
        prompt: Text, or token ids of shape [seq]. An empty one starts from BOS.
        strategy: How to decode, such as `Greedy()` or `Sampling(TopP(0.9))`.
        max_new_tokens: The most tokens to add, at least 1. Prompt and new tokens must fit into
            the model's context.
        min_new_tokens: How many tokens must come before one that ends the text; in
            [0, max_new_tokens].
        stop: A string, or several, that end the text. The one that is completed first does, of
            those completed at once the longest; `stop_reason` says which.
        stop_token_ids: Tokens that end the text as the model's own `eos_token_ids` do.
        include_stop: Whether the stop string or stop token stays in the text.
        seed: From which all chance comes, in [0, 2^63). The same prompt, strategy and seed give
            the same tokens, alone or in any batch.
        trace: Whether to record a `Step` for each token.
        progress: Whether to show a progress bar. Then an interrupt (Ctrl-C, or the notebook's stop
            button) ends the decoding and returns what there is, with the finish_reason
            "interrupted"; searches that have decided nothing yet raise KeyboardInterrupt.

    Raises:
        ValueError: For values out of range, a prompt that does not fit, or logits that are NaN.
        TypeError: For arguments of the wrong kind.
    """
    return generate_batch(
        lm,
        [prompt],
        strategy,
        max_new_tokens=max_new_tokens,
        min_new_tokens=min_new_tokens,
        stop=stop,
        stop_token_ids=stop_token_ids,
        include_stop=include_stop,
        seeds=[seed],
        trace=trace,
        progress=progress,
    )[0]


def generate_batch(
    lm: LanguageModel,
    prompts: Sequence[Prompt],
    strategies: Strategy | Sequence[Strategy],
    *,
    max_new_tokens: int = 50,
    min_new_tokens: int = 0,
    stop: Stop = (),
    stop_token_ids: Sequence[int] = (),
    include_stop: bool = False,
    seeds: Sequence[int] | None = None,
    trace: bool = False,
    progress: bool = False,
) -> list[Generation]:
    """Continue several prompts, of any lengths, side by side; each as `generate` would alone.

    Args:
        prompts: At least one prompt.
        strategies: One strategy for all prompts, or one for each.
        seeds: One for each prompt; 0, 1, 2, ... if not given.

    The other arguments, and the errors, are those of `generate`.
    """
    stopping = stopping_of(lm, max_new_tokens, min_new_tokens, stop, stop_token_ids, include_stop)
    with undisturbed(lm):
        ids = prompt_ids_of(lm, prompts, max_new_tokens)
        chosen = one_for_each(strategies, len(ids))
        seeds = list(range(len(ids))) if seeds is None else checked_seeds(seeds, len(ids))
        transcripts = [Transcript(row.tolist(), stopping, trace) for row in ids]
        groups = groups_of(chosen)
        searches: list[Search] = []
        for group in groups:
            own = [transcripts[i] for i in group], [seeds[i] for i in group]
            searches += chosen[group[0]].start(lm, *own)
    rounds = _decode(lm, searches, max_new_tokens)
    try:
        for _ in tqdm(rounds, total=max_new_tokens, unit="token", disable=not progress):
            pass
    except KeyboardInterrupt:
        if not progress:
            raise
        for search in searches:
            search.interrupt()
    order = [index for group in groups for index in group]
    found = [generation for search in searches for generation in search.results()]
    results = dict(zip(order, found, strict=True))
    return [results[index] for index in range(len(ids))]


def stream(
    lm: LanguageModel,
    prompt: Prompt,
    strategy: Strategy,
    *,
    max_new_tokens: int = 50,
    min_new_tokens: int = 0,
    stop: Stop = (),
    stop_token_ids: Sequence[int] = (),
    include_stop: bool = False,
    seed: int = 0,
) -> Iterator[Step]:
    """Yield the `Step` of each token as soon as it is decided; arguments and errors of `generate`.

    The steps' `text` adds up to the text that `generate` returns. A strategy that keeps several
    hypotheses decides late: beam search yields all its steps at the end.
    """
    stopping = stopping_of(lm, max_new_tokens, min_new_tokens, stop, stop_token_ids, include_stop)
    with undisturbed(lm):
        [ids] = prompt_ids_of(lm, [prompt], max_new_tokens)
        [chosen], seeds = one_for_each(strategy, 1), checked_seeds([seed], 1)
        transcript = Transcript(ids.tolist(), stopping, trace=True)
        [search] = chosen.start(lm, [transcript], seeds)
    return _stream(lm, search, max_new_tokens)


def _stream(lm: LanguageModel, search: Search, max_new_tokens: int) -> Iterator[Step]:
    # A generator of its own, so that `stream` itself raises for bad arguments at once.
    for _ in _decode(lm, [search], max_new_tokens):
        yield from search.take_steps()
        if search.transcripts[0].finish_reason is not None:
            return  # whatever else the strategy may be drawing


def _decode(lm: LanguageModel, searches: Sequence[Search], max_new_tokens: int) -> Iterator[None]:
    """Run the searches to their end over one batch, in which each has its rows next to each other.

    Yields after every round. Modes are entered anew each time: left on across a yield, they would
    leak out.
    """
    counts = [0 if search.runs_itself else len(search.transcripts) for search in searches]
    sharing = [search for search in searches if not search.runs_itself]
    prompts = [transcript.prompt_ids for search in sharing for transcript in search.transcripts]
    logits, cache = torch.empty(0, lm.vocab_size, device=lm.device), None
    if prompts:
        with undisturbed(lm):
            rows = [torch.tensor(ids, device=lm.device) for ids in prompts]
            logits, cache = lm.prefill(rows, max(map(len, rows)) + max_new_tokens)
    while True:
        with undisturbed(lm):
            next_ids, ancestors, counts = _advance(searches, logits, counts)
        yield
        if all(search.is_over for search in searches):
            return
        with undisturbed(lm):
            if cache is not None and len(next_ids):
                if ancestors.tolist() != list(range(len(logits))):
                    cache = cache.select(ancestors)
                logits = lm.step(next_ids, cache)


def _advance(
    searches: Sequence[Search], logits: Float[Tensor, "rows vocab"], counts: Sequence[int]
) -> tuple[Int[Tensor, " next"], Int[Tensor, " next"], list[int]]:
    """Let every search move its rows; return the ids and ancestors of all, and the new counts."""
    moves, start = [], 0
    for search, count in zip(searches, counts, strict=True):
        own = partial(search.advance, logits[start : start + count])
        move = Move.of([]) if search.is_over else with_late_checks(logits.device, own)
        next_ids = move.next_ids
        if next_ids.device != logits.device:
            next_ids = sent(next_ids, logits.device)
        # The loop and most caches read ancestors on the host, so they had better be there.
        moves.append(Move(next_ids, move.ancestors.cpu() + start))
        start += count
    ids, ancestors = (torch.cat(parts) for parts in zip(*moves, strict=True))
    return ids, ancestors, [len(move.next_ids) for move in moves]
