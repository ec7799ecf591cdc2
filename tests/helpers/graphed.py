"""A model beside its graphed twin."""

import random

import torch

import decodelib as dl
from decodelib.graphs.model import GraphedGPT2
from decodelib.models.gpt2.model import GPT2
from tests.helpers.gpt2 import PROMPTS


def ragged(lm: dl.LanguageModel) -> list[torch.Tensor]:
    prompts = [lm.encode(prompt)[:17] for prompt in PROMPTS]
    assert len(set(map(len, prompts))) > 2
    return prompts


def assert_close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)


class Pair:
    """The same rows in a model and in its graphed twin, held to give the same."""

    def __init__(self, lm: GPT2, fast: GraphedGPT2, prompts: list[torch.Tensor], capacity: int):
        self.lm, self.fast = lm, fast
        expected, self.cache = lm.prefill(prompts, capacity)
        found, self.fast_cache = fast.prefill(prompts, capacity)
        self.rows = len(prompts)
        assert_close(found, expected)

    def step(self, chance: random.Random) -> None:
        ids = torch.tensor([chance.randrange(8192) for _ in range(self.rows)])
        expected = self.lm.step(ids, self.cache)
        assert_close(self.fast.step(ids, self.fast_cache), expected)
        assert_close(self.fast_cache.hidden, self.cache.hidden)

    def extend(self, chance: random.Random, count: int) -> None:
        ids = torch.tensor([[chance.randrange(8192)] * count for _ in range(self.rows)])
        expected = self.lm.extend(ids, self.cache)
        assert_close(self.fast.extend(ids, self.fast_cache), expected)

    def select(self, rows: list[int]) -> None:
        self.cache = self.cache.select(torch.tensor(rows))
        self.fast_cache = self.fast_cache.select(torch.tensor(rows))
        self.rows = len(rows)

    def rewind(self, count: int) -> None:
        self.cache.rewind(count)
        self.fast_cache.rewind(count)

    @property
    def in_buffer(self) -> bool:
        return self.fast_cache.buffer is self.fast._static.buffer
