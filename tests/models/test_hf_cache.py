"""decodelib.hf: whatever its cache has been through, it continues as a plain run would."""

import random

import pytest
import torch
import transformers

from decodelib.models.hf import HFModel
from tests.helpers.hf_models import (
    CONFIGS,
    PROMPTS,
    SMALL,
    VOCAB,
    byte_tokenizer,
    plain,
    random_model,
)


@pytest.fixture(scope="module", params=CONFIGS)
def lm(request: pytest.FixtureRequest) -> HFModel:
    return HFModel(random_model(CONFIGS[request.param]), byte_tokenizer(), "random")


def assert_close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def prefilled(lm: HFModel, prompts: list[list[int]]):
    return lm.prefill([torch.tensor(ids) for ids in prompts], 64)[1]


@pytest.mark.parametrize("count", [1, 2, 9])
def test_several_tokens_at_once_give_the_logits_of_plain_passes(lm: HFModel, count: int) -> None:
    cache, rows = prefilled(lm, PROMPTS), [list(ids) for ids in PROMPTS]
    for turn in range(2):  # the second time on top of the first
        new = [[(5 * turn + 7 * row + 3 * i) % VOCAB for i in range(count)] for row in range(4)]
        logits = lm.extend(torch.tensor(new), cache)
        assert logits.shape == (4, count, VOCAB)
        for i in range(count):
            rows = [[*ids, new[row][i]] for row, ids in enumerate(rows)]
            assert_close(logits[:, i], torch.stack([plain(lm, ids) for ids in rows]))


def test_several_tokens_at_once_equal_one_after_the_other(lm: HFModel) -> None:
    new = torch.arange(4 * 6).reshape(4, 6) % VOCAB
    at_once, one_by_one = prefilled(lm, PROMPTS), prefilled(lm, PROMPTS)
    logits = lm.extend(new, at_once)
    steps = [lm.step(column, one_by_one) for column in new.T]
    assert_close(logits, torch.stack(steps, dim=1))
    assert_close(lm.step(new[:, 0], at_once), lm.step(new[:, 0], one_by_one))


def test_several_tokens_take_one_forward_pass(lm: HFModel, monkeypatch) -> None:
    cache, passes = prefilled(lm, PROMPTS), []
    forward = lm.model.base_model.forward

    def counted(*args: object, **kwargs: object) -> object:
        passes.append(1)
        return forward(*args, **kwargs)

    monkeypatch.setattr(lm.model.base_model, "forward", counted)
    lm.extend(torch.ones(4, 7, dtype=torch.long), cache)
    assert len(passes) == 1


def test_several_tokens_beyond_the_context_are_refused() -> None:
    config = CONFIGS["llama: rotary positions, grouped queries"]
    lm = HFModel(random_model(config), byte_tokenizer(), "random")
    cache = prefilled(lm, [list(range(60))])
    with pytest.raises(ValueError, match="cache is full: random has 64 positions"):
        lm.extend(torch.ones(1, 5, dtype=torch.long), cache)
    assert lm.extend(torch.ones(1, 4, dtype=torch.long), cache).isfinite().all()


def last_hidden(lm: HFModel, ids: list[int]) -> torch.Tensor:
    """The hidden states that a plain pass unembeds, one for each position."""
    with torch.no_grad():
        output = lm.model(torch.tensor([ids]), use_cache=False, output_hidden_states=True)
    return output.hidden_states[-1][0]


def test_the_cache_holds_the_hidden_states_of_the_positions_read_last(lm: HFModel) -> None:
    cache = prefilled(lm, PROMPTS)
    for row, ids in enumerate(PROMPTS):  # padding stands on the left
        assert_close(cache.hidden[row, -len(ids) :], last_hidden(lm, ids))
    lm.step(torch.tensor([3, 4, 5, 6]), cache)
    rows = [[*ids, 3 + row] for row, ids in enumerate(PROMPTS)]
    assert_close(cache.hidden[:, 0], torch.stack([last_hidden(lm, ids)[-1] for ids in rows]))
    lm.extend(torch.tensor([[7, 8, 9]] * 4), cache)
    rows = [[*ids, 7, 8, 9] for ids in rows]
    assert_close(cache.hidden, torch.stack([last_hidden(lm, ids)[-3:] for ids in rows]))


def test_reading_leaves_no_hook_on_the_model(lm: HFModel) -> None:
    prefilled(lm, PROMPTS)
    assert not lm.model.base_model._forward_hooks


@pytest.mark.parametrize("seed", range(3))
def test_a_rewound_cache_goes_on_as_if_nothing_had_been_there(lm: HFModel, seed: int) -> None:
    chance = random.Random(seed)
    cache, rows = prefilled(lm, PROMPTS), [list(ids) for ids in PROMPTS]
    for _ in range(8):
        if chance.random() < 0.2:
            chosen = [chance.randrange(len(rows)) for _ in range(chance.randint(1, 4))]
            cache, rows = cache.select(torch.tensor(chosen)), [rows[i] for i in chosen]
        count = chance.randint(1, 6)
        new = [[chance.randrange(VOCAB) for _ in range(count)] for _ in rows]
        logits = lm.extend(torch.tensor(new), cache)
        rows = [ids + more for ids, more in zip(rows, new, strict=True)]
        assert_close(logits[:, -1], torch.stack([plain(lm, ids) for ids in rows]))
        for back in (chance.randint(0, 3), chance.randint(0, 2)):  # twice, with nothing between
            back = min(back, len(rows[0]) - 1, len(min(rows, key=len)) - 1)
            cache.rewind(back)
            rows = [ids[: len(ids) - back] for ids in rows]


def test_a_prompt_can_be_rewound_past_the_sliding_window(lm: HFModel) -> None:
    ids = PROMPTS[1]  # 17 tokens, under a window of 5
    cache = prefilled(lm, [ids])
    cache.rewind(12)
    logits = lm.extend(torch.tensor([[40, 41]]), cache)[0, -1]
    assert_close(logits, plain(lm, [*ids[:5], 40, 41]))


def test_a_model_with_a_running_state_cannot_be_rewound_and_says_so() -> None:
    layers = ["conv", "full_attention"]
    config = transformers.Lfm2Config(**SMALL, num_key_value_heads=2, layer_types=layers)
    lm = HFModel(random_model(config), byte_tokenizer(), "random")
    cache = prefilled(lm, [[3, 4, 5]])
    cache.rewind(0)
    with pytest.raises(ValueError, match=r"cache cannot be rewound, because .* a running state"):
        cache.rewind(1)
