"""How a step grows with context, batch and beams, and a sampler with the vocabulary."""

import math
from typing import Any
from unittest.mock import patch

import torch
from transformers import DynamicCache

import decodelib as dl
from benchmarks.cases import GREEDY, TOP_P, beams, sampler_calls
from benchmarks.pairs import Pair
from benchmarks.timing import compare, median_ms
from decodelib.models.gpt2 import graphs

CONTEXTS = [16, 64, 256, 512, 1000]
BATCHES = [1, 2, 4, 8, 16, 32, 64]
MORE_ON_A_GPU = [128, 256, 512, 1024]
BEAMS = [1, 2, 5, 10]
VOCABULARIES = [8_192, 50_257, 151_936, 262_144]  # storybook, GPT-2, Qwen 2.5, Gemma 3


def with_context(pair: Pair, repeats: int) -> list[dict[str, Any]]:
    """Time one forward step of one row after so many tokens."""
    rows = []
    for context in (c for c in CONTEXTS if c < pair.ours.context_length):
        ids = pair.prompt(context).to(pair.ours.device)
        token = ids[:1]
        with torch.inference_mode():
            _, cache = pair.ours.prefill([ids], context + 1)
            past = DynamicCache(config=pair.theirs.config)
            pair.theirs(ids[None], past_key_values=past)

            def ours(cache: Any = cache, token: torch.Tensor = token) -> None:
                pair.ours.step(token, cache)
                cache.rewind(1)

            def theirs(past: Any = past, token: torch.Tensor = token) -> None:
                pair.theirs(token[None], past_key_values=past)
                past.crop(-1)

            times = compare(ours, theirs, 1, repeats, pair.ours.device)
        rows.append({"context": context, "ours_ms": times["ours_ms"]} | _theirs(times))
    return rows


def with_batch(pair: Pair, repeats: int) -> list[dict[str, Any]]:
    """Time one forward step of so many rows, 16 tokens into each; on a GPU recorded and not."""
    rows = []
    on_gpu = pair.ours.device.type == "cuda"
    for batch in BATCHES + MORE_ON_A_GPU * on_gpu:
        prompts = [pair.prompt(16, row).to(pair.ours.device) for row in range(batch)]
        next_ids = torch.stack([ids[0] for ids in prompts])
        with torch.inference_mode():
            _, cache = pair.ours.prefill(prompts, 17)

            def step(cache: Any = cache, next_ids: torch.Tensor = next_ids) -> None:
                pair.ours.step(next_ids, cache)
                cache.rewind(1)

            row: dict[str, Any] = {"batch": batch}
            if on_gpu:
                with patch.object(graphs, "STEPS_BEFORE", math.inf):
                    row["unrecorded_ms"] = median_ms(step, repeats, pair.ours.device)
                for _ in range(graphs.STEPS_BEFORE):
                    step()
            rows.append(row | {"ours_ms": median_ms(step, repeats, pair.ours.device)})
    return rows


def with_beams(pair: Pair, repeats: int, new_tokens: int) -> list[dict[str, Any]]:
    """Time a step of a whole beam search with so many beams; one beam is greedy."""
    rows = []
    prompts = [pair.prompt(16)]
    for count in BEAMS:
        strategy = dl.BeamSearch(count) if count > 1 else dl.Greedy()
        settings = beams(count) if count > 1 else GREEDY
        times = compare(
            lambda s=strategy: pair.generate_ours(s, prompts, new_tokens),  # type: ignore[misc]
            lambda s=settings: pair.generate_theirs(s, prompts, new_tokens),  # type: ignore[misc]
            new_tokens,
            repeats,
            pair.ours.device,
        )
        rows.append({"beams": count, "ours_ms": times["ours_ms"]} | _theirs(times))
    return rows


def with_vocabulary(device: torch.device, repeats: int) -> list[dict[str, Any]]:
    """Time top-p and a draw from sixteen peaked rows of so many tokens."""
    rows = []
    for size in VOCABULARIES:
        generator = torch.Generator().manual_seed(0)
        logits = (6 * torch.randn(16, size, generator=generator)).to(device)
        ours, theirs = sampler_calls(TOP_P, dl.Chain(dl.TopP(0.9)), logits)
        times = compare(ours, theirs, 1, repeats, device)
        rows.append({"vocabulary": size, "ours_ms": times["ours_ms"]} | _theirs(times))
    return rows


def _theirs(times: dict[str, Any]) -> dict[str, Any]:
    return {"theirs_ms": times["theirs_ms"], "ratio": times["ratio"]}
