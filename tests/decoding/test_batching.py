"""A sequence's tokens and logits do not depend on its neighbours, its row, padding or caching."""

import itertools

import pytest
import torch

import decodelib as dl

PROMPTS = [
    "Once upon a time",
    "",
    "The old man looked at the sea and the ships that",
    "Oh",
    "He was",
]
MIXED = [
    dl.Sampling(dl.Temperature(0.8), dl.TopP(0.9)),
    dl.BeamSearch(3),
    dl.EntropySampling(),
    dl.Greedy(),
    dl.Sampling(dl.Temperature(0.8), dl.TopP(0.9)),
]


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu", dtype="float32")


def ids_of(generations):
    return [g.token_ids for g in generations]


@pytest.mark.parametrize("strategy", [*MIXED[:4], dl.Sampling()], ids=repr)
def test_the_same_prompt_strategy_and_seed_give_the_same_tokens_alone_and_in_a_batch(lm, strategy):
    settings = {"max_new_tokens": 16}
    seeds = [3, 1, 4, 1, 5]
    alone = [
        dl.generate(lm, prompt, strategy, seed=seed, **settings).token_ids
        for prompt, seed in zip(PROMPTS, seeds, strict=True)
    ]
    assert ids_of(dl.generate_batch(lm, PROMPTS, strategy, seeds=seeds, **settings)) == alone
    traced = dl.generate_batch(lm, PROMPTS, strategy, seeds=seeds, trace=True, **settings)
    assert ids_of(traced) == alone


def test_any_order_of_a_mixed_batch_gives_each_row_the_same(lm):
    seeds = [7, 8, 9, 10, 11]
    rows = list(zip(PROMPTS, MIXED, seeds, strict=True))
    alone = {
        row: dl.generate(lm, row[0], row[1], seed=row[2], max_new_tokens=12).token_ids
        for row in rows
    }
    for order in itertools.islice(itertools.permutations(rows), 0, 120, 17):
        prompts, strategies, order_seeds = map(list, zip(*order, strict=True))
        batch = dl.generate_batch(lm, prompts, strategies, seeds=order_seeds, max_new_tokens=12)
        assert ids_of(batch) == [alone[row] for row in order]


def test_equal_rows_of_a_batch_are_equal_and_different_seeds_differ(lm):
    same = dl.generate_batch(lm, ["Well"] * 4, dl.Sampling(), seeds=[5] * 4, max_new_tokens=10)
    assert len({tuple(ids) for ids in ids_of(same)}) == 1
    other = dl.generate_batch(lm, ["Well"] * 4, dl.Sampling(), max_new_tokens=10)
    assert len({tuple(ids) for ids in ids_of(other)}) == 4
    first = dl.generate(lm, "Well", dl.Sampling(), max_new_tokens=10, seed=0)
    assert first.token_ids == other[0].token_ids


def test_rows_that_finish_early_do_not_disturb_the_others():
    lm = dl.TableLM({"": {"a": 0.4, "b": 0.3, "<eos>": 0.3}})
    batch = dl.generate_batch(lm, [""] * 60, dl.Sampling(), max_new_tokens=12)
    assert len({len(g.token_ids) for g in batch}) > 4
    for seed, g in enumerate(batch):
        assert (
            g.token_ids
            == dl.generate(lm, "", dl.Sampling(), seed=seed, max_new_tokens=12).token_ids
        )


def test_one_strategy_for_each_prompt_is_used_for_just_that_prompt():
    lm = dl.TableLM({"": {"a": 0.6, "b": 0.4}})
    strategies = [dl.Greedy(), dl.Sampling(), dl.Greedy(), dl.BeamSearch(2)]
    batch = dl.generate_batch(lm, ["", "b", "a", ""], strategies, max_new_tokens=4)
    assert [g.prompt for g in batch] == ["", " b", " a", ""]
    assert batch[0].text == batch[2].text == batch[3].text == " a a a a"


def close(one, other):
    return torch.allclose(one.double(), other.double(), atol=2e-4, rtol=1e-5)


def test_cached_padded_and_batched_logits_are_those_of_a_full_forward_pass(lm):
    prompts = [lm.prompt_ids(prompt) for prompt in PROMPTS]
    logits, cache = lm.prefill(prompts, 40)
    texts = [ids.tolist() for ids in prompts]
    generator = torch.Generator().manual_seed(0)
    for _ in range(10):
        for row, text in enumerate(texts):
            assert close(logits[row], lm.logits(text)[-1])
        next_ids = torch.randint(0, lm.vocab_size, (len(texts),), generator=generator)
        logits = lm.step(next_ids, cache)
        for text, token in zip(texts, next_ids.tolist(), strict=True):
            text.append(token)


def test_caches_that_are_reordered_forked_and_pruned_still_give_those_logits(lm):
    prompts = [lm.prompt_ids(prompt) for prompt in PROMPTS]
    _, cache = lm.prefill(prompts, 40)
    texts = [ids.tolist() for ids in prompts]
    for rows in ([4, 3, 2, 1, 0], [0, 0, 2, 4, 4, 1], [5, 1, 3], [1], [0, 0, 0]):
        cache = cache.select(torch.tensor(rows))
        texts = [texts[row].copy() for row in rows]
        next_ids = torch.arange(100, 100 + len(rows))
        logits = lm.step(next_ids, cache)
        for row, text in enumerate(texts):
            text.append(100 + row)
            assert close(logits[row], lm.logits(text)[-1])


def test_what_memory_held_before_cannot_leak_into_a_cache(lm):
    # torch fills memory that a program should not read with NaN; a masked NaN spoils a sum too.
    prompts = [lm.prompt_ids("Short"), lm.prompt_ids("A prompt that is quite a bit longer")]
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        _, cache = lm.prefill(prompts, 30)
        cache = cache.select(torch.tensor([1, 0, 0]))
        for _ in range(3):
            logits = lm.step(torch.tensor([5, 6, 7]), cache)
            assert torch.isfinite(logits).all()
    finally:
        torch.use_deterministic_algorithms(deterministic)


def test_next_logits_are_the_last_row_of_logits(lm):
    for prompt in PROMPTS:
        assert close(lm.next_logits(prompt), lm.logits(lm.prompt_ids(prompt))[-1])
    assert lm.next_logits("Hm").dtype == torch.float32
