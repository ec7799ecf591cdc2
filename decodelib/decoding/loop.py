"""The decoding loop, and the three ways to run it: `generate`, `generate_batch`, `stream`.

prompts -> prefill -> logits -> each strategy's search chooses -> cache rows follow -> step -> ...

One loop serves every strategy. Prompts that share a strategy share a search; all searches share
the forward passes; rows that finish leave the batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm.auto import tqdm

from decodelib.arguments import check_integer
from decodelib.decoding.generation import Generation, Step
from decodelib.decoding.search import Move, Search, Strategy
from decodelib.decoding.stopping import Stopping
from decodelib.decoding.transcript import Transcript
from decodelib.models.base import Cache, LanguageModel, Prompt

Stop: TypeAlias = str | Sequence[str]


def generate(
    lm: LanguageModel,
    prompt: Prompt,
    strategy: Strategy,
    *,
    max_new_tokens: int = 50,
    min_new_tokens: int = 0,
    stop: Stop = (),
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
        min_new_tokens: How many tokens must come before EOS may; in [0, max_new_tokens].
        stop: A string, or several, that end the text where they appear.
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
    stopping = _stopping(lm, max_new_tokens, min_new_tokens, stop)
    ids = _prompt_ids(lm, prompts, max_new_tokens)
    chosen = _one_for_each(strategies, len(ids))
    seeds = list(range(len(ids))) if seeds is None else _checked_seeds(seeds, len(ids))

    transcripts = [Transcript(row.tolist(), stopping, trace) for row in ids]

    members: dict[object, list[int]] = {}
    for index, strategy in enumerate(chosen):
        # A reader's processor may be unhashable: its strategy is then equal to itself alone.
        key = strategy if _is_hashable(strategy) else id(strategy)
        members.setdefault(key, []).append(index)
    searches = [
        search
        for group in members.values()
        for search in chosen[group[0]].start(
            lm, [transcripts[i] for i in group], [seeds[i] for i in group]
        )
    ]
    rounds = _decode(lm, searches, max_new_tokens)
    try:
        for _ in tqdm(rounds, total=max_new_tokens, unit="token", disable=not progress):
            pass
    except KeyboardInterrupt:
        if not progress:
            raise
        for search in searches:
            search.interrupt()
    order = [index for group in members.values() for index in group]
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
    seed: int = 0,
) -> Iterator[Step]:
    """Yield the `Step` of each token as soon as it is decided; arguments and errors of `generate`.

    The steps' `text` adds up to the text that `generate` returns. A strategy that keeps several
    hypotheses decides late: beam search yields all its steps at the end.
    """
    stopping = _stopping(lm, max_new_tokens, min_new_tokens, stop)
    ids = _prompt_ids(lm, [prompt], max_new_tokens)
    transcript = Transcript(ids[0].tolist(), stopping, trace=True)
    chosen = _one_for_each(strategy, 1)[0]
    [search] = chosen.start(lm, [transcript], _checked_seeds([seed], 1))
    return _stream(lm, search, max_new_tokens)


def _stream(lm: LanguageModel, search: Search, max_new_tokens: int) -> Iterator[Step]:
    # A generator of its own, so that `stream` itself raises for bad arguments at once.
    seen = 0
    for _ in _decode(lm, [search], max_new_tokens):
        steps = search.steps(0)
        yield from steps[seen:]
        seen = len(steps)


def _decode(lm: LanguageModel, searches: Sequence[Search], max_new_tokens: int) -> Iterator[None]:
    """Run the searches to their end over one batch, in which each has its rows next to each other.

    Yields after every round. Inference mode is entered anew each time: left on across a yield, it
    would leak out.
    """
    counts = [0 if search.runs_itself else len(search.transcripts) for search in searches]
    with torch.inference_mode():
        logits, cache = _prefill(lm, searches, max_new_tokens)
    while True:
        with torch.inference_mode():
            next_ids, ancestors, counts = _advance(searches, logits, counts)
        yield
        if all(search.is_over for search in searches):
            return
        with torch.inference_mode():
            if cache is not None and len(next_ids):
                if ancestors.tolist() != list(range(len(logits))):
                    cache = cache.select(ancestors)
                logits = lm.step(next_ids, cache)


def _prefill(
    lm: LanguageModel, searches: Sequence[Search], max_new_tokens: int
) -> tuple[Float[Tensor, "rows vocab"], Cache | None]:
    """Read the prompts of the searches that share the batch, if any do."""
    sharing = [search for search in searches if not search.runs_itself]
    prompts = [transcript.prompt_ids for search in sharing for transcript in search.transcripts]
    if not prompts:
        return torch.empty(0, lm.vocab_size, device=lm.device), None
    rows = [torch.tensor(ids, device=lm.device) for ids in prompts]
    return lm.prefill(rows, max(map(len, rows)) + max_new_tokens)


def _advance(
    searches: Sequence[Search], logits: Float[Tensor, "rows vocab"], counts: Sequence[int]
) -> tuple[Int[Tensor, " next"], Int[Tensor, " next"], list[int]]:
    """Let every search move its rows; return the ids and ancestors of all, and the new counts."""
    moves, start = [], 0
    for search, count in zip(searches, counts, strict=True):
        move = Move.of([]) if search.is_over else search.advance(logits[start : start + count])
        # The loop and most caches read ancestors on the host, so they had better be there.
        moves.append(Move(move.next_ids.to(logits.device), move.ancestors.cpu() + start))
        start += count
    ids, ancestors = (torch.cat(parts) for parts in zip(*moves, strict=True))
    return ids, ancestors, [len(move.next_ids) for move in moves]


def _stopping(lm: LanguageModel, max_new_tokens: int, min_new_tokens: int, stop: Stop) -> Stopping:
    if not isinstance(lm, LanguageModel):
        raise TypeError(f"lm must be a model, such as load() returns, got {lm!r}")
    if not isinstance(stop, Iterable):
        raise TypeError(f"stop must be a string or a list of strings, got {stop!r}")
    stops = (stop,) if isinstance(stop, str) else tuple(stop)
    return Stopping(lm, max_new_tokens, min_new_tokens, stops)


def _prompt_ids(
    lm: LanguageModel, prompts: Sequence[Prompt], max_new_tokens: int
) -> list[Int[Tensor, " _seq"]]:
    if isinstance(prompts, str):
        raise TypeError("prompts must be a list of prompts, got one string: use generate() for one")
    if not isinstance(prompts, Sequence | Tensor):
        raise TypeError(f"prompts must be a list of prompts, got {prompts!r}")
    if len(prompts) == 0:
        raise ValueError("prompts must hold at least one prompt, got none")
    ids = [lm.prompt_ids(prompt) for prompt in prompts]
    longest = max(map(len, ids))
    if longest + max_new_tokens > lm.context_length:
        raise ValueError(
            f"the prompt's {longest} tokens plus max_new_tokens={max_new_tokens} make "
            f"{longest + max_new_tokens}, more than the {lm.context_length} of {lm.name}'s "
            "context: shorten one of them"
        )
    return ids


def _is_hashable(strategy: Strategy) -> bool:
    try:
        hash(strategy)
    except TypeError:
        return False
    return True


def _one_for_each(strategies: Strategy | Sequence[Strategy], count: int) -> list[Strategy]:
    if isinstance(strategies, Sequence) and not isinstance(strategies, str):
        chosen = list(strategies)
    else:
        chosen = [strategies] * count
    for strategy in chosen:
        if isinstance(strategy, type) or not hasattr(strategy, "start"):
            raise TypeError(
                f"strategy must be one such as Greedy() or Sampling(TopP(0.9)), got {strategy!r}"
            )
    if len(chosen) != count:
        raise ValueError(
            f"strategies must be one, or one for each of {count} prompts, got {len(chosen)}"
        )
    return chosen


def _checked_seeds(seeds: Sequence[int], count: int) -> list[int]:
    if not isinstance(seeds, Sequence):
        raise TypeError(f"seeds must be a list of integers, got {seeds!r}")
    if len(seeds) != count:
        raise ValueError(f"seeds must be one for each of {count} prompts, got {len(seeds)}")
    for seed in seeds:
        check_integer("seed", seed, 0, 2**63 - 1)
    return [int(seed) for seed in seeds]
