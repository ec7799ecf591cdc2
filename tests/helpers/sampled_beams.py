"""Sampled beams in both libraries, with the same draws."""

from __future__ import annotations

from unittest import mock

import torch
from transformers import GenerationConfig

import decodelib as dl
from decodelib.decoding.samplers import without_replacement
from decodelib.models.hf import HFModel


def with_the_same_draws(
    lm: HFModel, ids: list[int], seed: int = 7, **settings: object
) -> tuple[list[list[int]], list[list[int]]]:
    """Return the token ids of all sampled beams, of decodelib and of transformers.

    Both ask for draws without replacement; what answers is one generator, begun anew for each.
    """
    config = GenerationConfig(do_sample=True, pad_token_id=0, **settings)
    strategy = dl.from_generation_config(config)
    generator = torch.Generator().manual_seed(seed)
    draws: list[int] = []
    seen: list[int] = []

    def multinomial(probs: torch.Tensor, num_samples: int) -> torch.Tensor:
        # All rows are there in their first step; only one of them may be extended.
        live = probs[0].nonzero()[:, 0] if len(draws) else torch.arange(lm.vocab_size)
        draws.append(num_samples)
        chosen = without_replacement(probs[0, live].double().log(), num_samples, generator)
        return live[chosen][None]

    def recorded(logits: torch.Tensor, count: int, _: object) -> torch.Tensor:
        seen.append(count)
        allowed = logits > -torch.inf
        live = allowed.nonzero()[:, 0] if len(seen) > 1 else torch.arange(lm.vocab_size)
        chosen = live[without_replacement(logits[live], count, generator)]
        return chosen

    with torch.no_grad(), mock.patch.object(torch, "multinomial", multinomial):
        theirs = lm.model.generate(torch.tensor([ids]), generation_config=config)
    generator.manual_seed(seed)
    with mock.patch("decodelib.strategies.beam.without_replacement", recorded):
        best = dl.generate(lm, ids, strategy, max_new_tokens=config.max_new_tokens)
    assert seen == draws
    return [best.token_ids, *(g.token_ids for g in best.alternatives)], theirs[
        :, len(ids) :
    ].tolist()
