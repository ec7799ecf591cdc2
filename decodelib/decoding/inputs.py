"""What `generate` and its kin are given, each thing checked before anything is decoded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from jaxtyping import Int
from torch import Tensor

from decodelib.arguments import check_integer
from decodelib.decoding.search import Strategy
from decodelib.decoding.stopping import Stopping
from decodelib.models.base import LanguageModel, Prompt

Stop: TypeAlias = str | Sequence[str]


def stopping_of(
    lm: LanguageModel,
    max_new_tokens: int,
    min_new_tokens: int,
    stop: Stop,
    stop_token_ids: Sequence[int],
    include_stop: bool,
) -> Stopping:
    if not isinstance(lm, LanguageModel):
        raise TypeError(f"lm must be a model, such as load() returns, got {lm!r}")
    if not isinstance(stop, Iterable):
        raise TypeError(f"stop must be a string or a list of strings, got {stop!r}")
    if not isinstance(stop_token_ids, Iterable) or isinstance(stop_token_ids, str):
        raise TypeError(f"stop_token_ids must be a list of token ids, got {stop_token_ids!r}")
    stops = (stop,) if isinstance(stop, str) else tuple(stop)
    ids = tuple(stop_token_ids)
    return Stopping(lm, max_new_tokens, min_new_tokens, stops, ids, include_stop)


def prompt_ids_of(
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


def one_for_each(strategies: Strategy | Sequence[Strategy], count: int) -> list[Strategy]:
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


def groups_of(strategies: Sequence[Strategy]) -> list[list[int]]:
    """Return the places of equal strategies, group by group."""
    groups: dict[object, list[int]] = {}
    for index, strategy in enumerate(strategies):
        key: object = strategy
        try:
            hash(strategy)
        except TypeError:  # a reader's processor may have no hash: its strategy equals itself alone
            key = id(strategy)
        groups.setdefault(key, []).append(index)
    return list(groups.values())


def checked_seeds(seeds: Sequence[int], count: int) -> list[int]:
    if not isinstance(seeds, Sequence):
        raise TypeError(f"seeds must be a list of integers, got {seeds!r}")
    if len(seeds) != count:
        raise ValueError(f"seeds must be one for each of {count} prompts, got {len(seeds)}")
    for seed in seeds:
        check_integer("seed", seed, 0, 2**63 - 1)
    return [int(seed) for seed in seeds]
