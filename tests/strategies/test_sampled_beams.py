"""Sampled beams: the candidates of each step are drawn, exactly as their distribution says."""

import itertools
import math
from collections import Counter, defaultdict

import pytest
import torch
from transformers import GenerationConfig

import decodelib as dl
from decodelib.decoding.samplers import without_replacement
from decodelib.models.hf import HFModel
from tests.helpers.exact import TREE, chi_square_p
from tests.helpers.hf_models import CONFIGS, byte_tokenizer, random_model
from tests.helpers.sampled_beams import with_the_same_draws

IDS = [5, 6, 7, 5, 6, 8, 9, 5]
STEPS = 2


def orders(weights, count):
    """Yield each way to draw `count` options without replacement, and its probability."""
    for order in itertools.permutations(weights, count):
        probability, left = 1.0, sum(weights.values())
        for option in order:
            probability *= weights[option] / left
            left -= weights[option]
        yield order, probability


def exact_distribution(width, length_penalty):
    """Return the probability of each result, from the rules alone, on plain tuples."""
    eos, found = TREE.eos_token_id, defaultdict(float)

    def score(text, total):
        return total / len(text) ** length_penalty

    def run(live, finished, chance):
        if not live or len(next(iter(live))) == STEPS:
            found[max(finished, key=lambda pair: pair[0])[1]] += chance
            return
        options = {}
        for text, total in live.items():
            logprobs = TREE.next_logits([0, *text]).log_softmax(-1).tolist()
            options |= {
                (*text, i): total + logp for i, logp in enumerate(logprobs) if logp > -math.inf
            }
        weights = {text: math.exp(total) for text, total in options.items()}
        for drawn, p in orders(weights, min(2 * width, len(weights))):
            done = [text for text in drawn if text[-1] == eos or len(text) == STEPS]
            closed = [(score(text, options[text]), text) for text in drawn[:width] if text in done]
            ended = sorted([*finished, *closed], key=lambda pair: -pair[0])[:width]
            going = sorted((t for t in drawn if t not in done), key=lambda t: -options[t])[:width]
            run({text: options[text] for text in going}, ended, chance * p)

    run({(): 0.0}, [], 1.0)
    return found


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_the_texts_come_as_often_as_the_rules_say(length_penalty):
    exact = exact_distribution(2, length_penalty)
    assert sum(exact.values()) == pytest.approx(1)
    strategy = dl.BeamSearch(2, length_penalty, "never", do_sample=True)
    draws = 500
    found = dl.generate_batch(
        TREE, [""] * draws, strategy, max_new_tokens=STEPS, seeds=range(draws)
    )
    counts = Counter(tuple(g.token_ids) for g in found)
    pooled = {text: p for text, p in exact.items() if p * draws >= 5}
    rest = sum(p for text, p in exact.items() if text not in pooled)
    merged = Counter({text: n for text, n in counts.items() if text in pooled})
    merged["rest",] = draws - sum(merged.values())
    assert set(counts) <= set(exact)
    assert chi_square_p(merged, pooled | {("rest",): rest or 1e-12}) > 1e-3


def test_draws_without_replacement_come_in_the_order_of_their_chances():
    logits = torch.tensor([0.5, 0.3, 0.2, 0.0]).log()
    counts = Counter(
        tuple(without_replacement(logits, 2, torch.Generator().manual_seed(seed)).tolist())
        for seed in range(600)
    )
    exact = dict(orders({0: 0.5, 1: 0.3, 2: 0.2}, 2))
    assert chi_square_p(counts, exact) > 1e-3


@pytest.fixture(scope="module")
def lm():
    model = random_model(CONFIGS["llama: rotary positions, grouped queries"])
    return HFModel(model, byte_tokenizer(), "random")


@pytest.mark.parametrize(
    "settings",
    [{"top_k": 0}, {}, {"top_p": 0.6, "temperature": 0.7, "no_repeat_ngram_size": 2, "top_k": 0}],
    ids=repr,
)
def test_with_the_same_draws_the_ids_are_those_of_transformers(lm, settings):
    size = {"num_beams": 3, "num_return_sequences": 3, "max_new_tokens": 8}
    ours, theirs = with_the_same_draws(lm, IDS, **size, **settings)
    assert ours == theirs


def test_settings_go_there_and_back():
    keep = {"min_tokens_to_keep": 2}
    strategy = dl.BeamSearch(
        3,
        0.5,
        processors=[dl.RepetitionPenalty(1.2), dl.Temperature(0.7), dl.TopP(0.9, **keep)],
        do_sample=True,
    )
    settings = dl.to_generation_config(strategy)
    assert settings["do_sample"]
    assert (settings["top_p"], settings["top_k"]) == (0.9, 0)
    assert dl.from_generation_config(GenerationConfig(**settings)) == strategy
    with pytest.raises(ValueError, match="processors must keep two tokens, as transformers' do"):
        dl.to_generation_config(dl.BeamSearch(2, processors=dl.TopP(0.9), do_sample=True))
    three = GenerationConfig(do_sample=True, num_beams=2, eos_token_id=[1, 2], min_p=0.1, top_k=1)
    assert dl.from_generation_config(three).processors == (dl.TopK(3), dl.MinP(0.1, 3))


def test_sampled_beams_are_drawn_from_their_own_seed_and_refused_for_one_beam():
    strategy = dl.BeamSearch(2, do_sample=True)
    assert not strategy.is_deterministic
    settings = {"max_new_tokens": 6, "trace": True}
    texts = {dl.generate(TREE, "", strategy, seed=seed, **settings).text for seed in range(9)}
    assert len(texts) > 2
    g = dl.generate(TREE, "", strategy, seed=3, **settings)
    assert g.tree.nodes[g.tree.find(g.token_ids)].fate == "finished"
    for length in range(1, g.tree.num_steps + 1):
        totals = [g.tree.nodes[i].total for i in g.tree.step(length)]
        assert totals == sorted(totals, reverse=True)
    with pytest.raises(ValueError, match="num_beams must be at least 2 with do_sample, got 1"):
        dl.BeamSearch(1, do_sample=True)
