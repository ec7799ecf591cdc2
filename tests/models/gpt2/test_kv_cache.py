"""decodelib.gpt2: reading several tokens at once, rewinding, and the hidden states on the way."""

import random

import pytest
import torch
from safetensors.torch import load_file

import decodelib as dl
from tests.helpers.gpt2 import PROMPTS, STORYBOOK


@pytest.fixture(scope="module")
def lm() -> dl.LanguageModel:
    return dl.load("storybook", device="cpu", dtype="float32")


def ragged(lm: dl.LanguageModel) -> list[list[int]]:
    rows = [lm.encode(prompt).tolist() for prompt in PROMPTS]
    assert len(set(map(len, rows))) > 2
    return rows


def prefilled(lm: dl.LanguageModel, rows: list[list[int]]):
    return lm.prefill([torch.tensor(ids) for ids in rows], 120)[1]


def assert_last_logits(lm: dl.LanguageModel, logits: torch.Tensor, rows: list[list[int]]) -> None:
    """Each row's logits are the last of as many positions of a plain full forward pass."""
    for found, ids in zip(logits, rows, strict=True):
        expected = lm.logits(ids)[-len(found) :]
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_several_tokens_on_rows_of_different_lengths_give_the_logits_of_full_passes(
    lm, count: int
) -> None:
    rows = ragged(lm)
    cache = prefilled(lm, rows)
    for turn in range(2):  # the second time on top of the first
        new = [[(311 * turn + 97 * row + 13 * i) % 8192 for i in range(count)] for row in range(4)]
        rows = [ids + more for ids, more in zip(rows, new, strict=True)]
        logits = lm.extend(torch.tensor(new), cache)
        assert logits.shape == (4, count, lm.vocab_size)
        assert_last_logits(lm, logits, rows)


def test_several_tokens_equal_one_after_the_other(lm) -> None:
    new = torch.arange(4 * 6).reshape(4, 6) * 7
    at_once, one_by_one = prefilled(lm, ragged(lm)), prefilled(lm, ragged(lm))
    steps = [lm.step(column, one_by_one) for column in new.T]
    torch.testing.assert_close(lm.extend(new, at_once), torch.stack(steps, 1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_a_rewound_cache_goes_on_as_if_nothing_had_been_there(lm, seed: int) -> None:
    chance = random.Random(seed)
    rows = [ids + [5] * 4 for ids in ragged(lm)]  # so that even the shortest can go back a little
    cache = prefilled(lm, rows)
    for _ in range(6):
        chosen = [chance.randrange(len(rows)) for _ in range(chance.randint(2, 4))]
        cache, rows = cache.select(torch.tensor(chosen)), [rows[i] for i in chosen]
        new = [[chance.randrange(8192) for _ in range(4)] for _ in rows]
        rows = [ids + more for ids, more in zip(rows, new, strict=True)]
        assert_last_logits(lm, lm.extend(torch.tensor(new), cache), rows)
        back = chance.randint(0, 5)
        back = min(back, min(map(len, rows)) - 1)
        cache.rewind(back)
        rows = [ids[: len(ids) - back] for ids in rows]


def test_the_cache_holds_the_hidden_states_that_the_logits_are_made_of(lm) -> None:
    rows = ragged(lm)
    cache = prefilled(lm, rows)
    unembed = load_file(STORYBOOK / "model.safetensors")["transformer.wte.weight"].float().T
    for row, ids in enumerate(rows):  # padding stands on the right
        logits = cache.hidden[row, : len(ids)] @ unembed
        torch.testing.assert_close(logits, lm.logits(ids), atol=1e-4, rtol=0)
    logits = lm.extend(torch.tensor([[7, 8, 9]] * 4), cache)
    assert cache.hidden.shape[:2] == (4, 3)
    torch.testing.assert_close(cache.hidden @ unembed, logits, atol=1e-4, rtol=0)
