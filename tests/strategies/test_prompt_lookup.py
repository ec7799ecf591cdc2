"""Prompt lookup: transformers' proposals, and the text that there would be without them."""

import random
from pathlib import Path

import pytest
import torch
from transformers import GPT2LMHeadModel
from transformers.generation.candidate_generator import PromptLookupCandidateGenerator

import decodelib as dl
from tests.helpers.exact import TREE, chi_square_p, continuations

STORYBOOK = Path(dl.__file__).parent / "models" / "storybook"
REPEATING = "The cat sat on the mat. The cat sat on the"


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_proposals_are_those_of_transformers(size):
    chance = random.Random(size)
    lookup, proposed = dl.PromptLookup(size), 0
    for _ in range(200):
        ids = [chance.randrange(5) for _ in range(chance.randint(1, 14))]
        count = chance.randint(1, 6)
        theirs = PromptLookupCandidateGenerator(
            num_output_tokens=count, max_matching_ngram_size=size, max_length=100
        ).get_candidates(torch.tensor([ids]))[0][0, len(ids) :]
        assert lookup.propose(ids, count) == theirs.tolist()
        proposed += len(theirs)
    assert proposed > 100


def test_greedy_gives_the_same_tokens_with_it_without_it_and_in_transformers():
    lm = dl.load("storybook", device="cpu", dtype="float32")
    strategy = dl.SpeculativeSampling(dl.PromptLookup(), dl.TopK(1), num_draft_tokens=5)
    g = dl.generate(lm, REPEATING, strategy, max_new_tokens=30, trace=True)
    assert g.token_ids == dl.generate(lm, REPEATING, dl.Greedy(), max_new_tokens=30).token_ids
    assert {"accepted", "rejected: residual"} <= {step.decision for step in g.steps}
    reference = GPT2LMHeadModel.from_pretrained(STORYBOOK, dtype=torch.float32).eval()
    ids = lm.encode(REPEATING)[None]
    found = reference.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=30, do_sample=False,
        prompt_lookup_num_tokens=5, eos_token_id=lm.eos_token_id, pad_token_id=0,
    )  # fmt: skip
    assert g.token_ids == found[0, ids.shape[1] :].tolist()


@pytest.mark.parametrize("processors", [(), (dl.Temperature(0.7), dl.XTC(0.5, 0.2))], ids=repr)
def test_a_draw_is_one_of_the_model_alone(processors):
    # After "a b a" the pair "b a" has no match and "a" has: "b" is proposed first.
    strategy = dl.SpeculativeSampling(dl.PromptLookup(), *processors, num_draft_tokens=2)
    draws = 400
    found = dl.generate_batch(
        TREE, ["a b a"] * draws, strategy, max_new_tokens=3, seeds=range(draws), trace=True
    )
    decisions = [step.decision for g in found for step in g.steps]
    assert {"accepted", "rejected: residual", "bonus"} <= set(decisions)
    if not processors:  # XTC is exact for each seed
        counts: dict[tuple[int, ...], int] = {}
        for g in found:
            counts[tuple(g.token_ids)] = counts.get(tuple(g.token_ids), 0) + 1
        exact = continuations(prompt="a b a")
        rare = [text for text, p in exact.items() if p * draws < 5]
        pooled = {text: p for text, p in exact.items() if text not in rare} | {
            ("rare",): sum(exact[text] for text in rare) or 1e-12
        }
        merged = {text: n for text, n in counts.items() if text not in rare}
        merged["rare",] = sum(counts.get(text, 0) for text in rare)
        assert chi_square_p(merged, pooled) > 1e-3


def test_a_loop_is_accepted_whole_in_one_pass_for_each_proposal(monkeypatch):
    lm = dl.TableLM({"": {"a": 1.0}, "a": {"b": 1.0}, "b": {"a": 1.0}}, context_length=99)
    passes = []
    extend = type(lm).extend
    monkeypatch.setattr(
        type(lm), "extend", lambda *given: passes.append(given[1].shape[-1]) or extend(*given)
    )
    strategy = dl.SpeculativeSampling(dl.PromptLookup(), num_draft_tokens=4)
    g = dl.generate(lm, "a b a b a b a b", strategy, max_new_tokens=21)
    assert g.text == " a b" * 10 + " a"
    assert passes == [5] * 4


def test_it_is_one_and_the_same_alone_in_a_batch_and_streamed():
    lm = dl.load("storybook", device="cpu")
    strategy = dl.SpeculativeSampling(dl.PromptLookup(3), dl.Temperature(0.5))
    prompts = [REPEATING, "Once", "One, two, three, one, two, three,"]
    together = dl.generate_batch(lm, prompts, strategy, seeds=[1, 2, 3], max_new_tokens=8)
    for prompt, seed, g in zip(prompts, [1, 2, 3], together, strict=True):
        steps = list(dl.stream(lm, prompt, strategy, seed=seed, max_new_tokens=8))
        assert [step.token_id for step in steps] == g.token_ids


def test_an_end_closes_a_proposal_and_sizes_are_checked():
    lm = dl.TableLM({"": {"a": 1.0}, "a": {"b": 0.5, "<eos>": 0.5}, "b": {"a": 1.0}})
    strategy = dl.SpeculativeSampling(dl.PromptLookup(), num_draft_tokens=5)
    eos = lm.eos_token_id
    ids = [*lm.encode("a b a").tolist(), eos, *lm.encode("a b").tolist()]
    for seed in range(8):
        g = dl.generate(lm, ids, strategy, seed=seed, max_new_tokens=9)
        assert g.token_ids.count(eos) == (g.finish_reason == "eos")
    with pytest.raises(ValueError, match="max_matching_ngram_size must be at least 1, got 0"):
        dl.PromptLookup(0)
    assert repr(strategy) == "SpeculativeSampling(PromptLookup(), num_draft_tokens=5)"
