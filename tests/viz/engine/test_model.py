"""The page's forward pass and random numbers are decodelib's in float64 and PyTorch's."""

from __future__ import annotations

import random

import pytest
import torch

from decodelib.kernels.seeds import seeded
from tests.helpers.engine import storybook


def sequences(count, seed, full, longest=30):
    """Random ids: a single BOS, one of `full` tokens, and others in between."""
    lm, r = storybook(), random.Random(seed)
    lengths = [full, *(r.randint(1, longest) for _ in range(count - 2))]
    return [[lm.bos_token_id], *([r.randrange(lm.vocab_size) for _ in range(n)] for n in lengths)]


def assert_same_logits(ask, prompts):
    worst = 0.0
    for ids in prompts:
        (got,) = ask(logits=[ids])
        want = storybook().next_logits(ids)
        worst = max(worst, float((torch.tensor(got, dtype=torch.float64) - want).abs().max()))
    assert worst < 1e-10


def test_logits_are_decodelibs_in_float64(ask):
    assert_same_logits(ask, sequences(5, seed=0, full=120))


@pytest.mark.long
@pytest.mark.parametrize("part", range(4))
def test_logits_are_decodelibs_on_200_prompts(ask, part):
    full = storybook().context_length if part == 0 else 120
    assert_same_logits(ask, sequences(50, seed=1 + part, full=full))


SEEDS = (0, 1, 42, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 12_345 * 2**32 + 678, 2**63 - 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_numbers_are_those_of_the_seed(ask, seed):
    generator = seeded(seed)
    want = [float(torch.rand((), generator=generator, dtype=torch.float64)) for _ in range(1500)]
    assert ask(uniforms=[str(seed), 1500]) == want
