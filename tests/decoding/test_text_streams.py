"""What is streamed, the tokens' texts and the text are one, with stop strings and without."""

import random

import pytest

import decodelib as dl
from tests.helpers.tokenizer_families import FAMILIES, Recital, random_ids

EOS = 1
STRATEGIES = {
    "greedy": lambda lm: dl.Greedy(),
    "sampling": lambda lm: dl.Sampling(dl.TopP(0.9)),
    "beams": lambda lm: dl.BeamSearch(2),
    "diverse beams": lambda lm: dl.DiverseBeamSearch(2, 2),
    "stochastic beams": lambda lm: dl.StochasticBeamSearch(2),
    "entropix": lambda lm: dl.EntropySampling(),
    "contrastive search": lambda lm: dl.ContrastiveSearch(),
    "contrastive decoding": lambda lm: dl.ContrastiveDecoding(lm),
    "speculative": lambda lm: dl.SpeculativeSampling(lm),
    "power": lambda lm: dl.PowerSampling(num_moves=2, block_length=3),
    "arithmetic": lambda lm: dl.ArithmeticSampling(num_return_sequences=2),
    "minimum Bayes risk": lambda lm: dl.MinimumBayesRisk(),
}
each_family = pytest.mark.parametrize("family", FAMILIES)


def stop_strings(rng, text):
    """Return up to three strings, most of them from the text."""
    stops = ["zz", "\ufffd🦊"][: rng.randint(0, 2)] if rng.random() < 0.3 else []
    for _ in range(rng.randint(0, 2)):
        start = rng.randrange(len(text)) if text else 0
        stops.append(text[start : start + rng.randint(1, 5)] or "zz")
    return stops


def check(lm, strategy, stops, **settings):
    """Decode and stream; return the generation if all of it agrees."""
    settings |= {"stop": stops, "max_new_tokens": len(lm.ids)} | settings
    g = dl.generate(lm, [EOS], strategy, **settings)
    traced = dl.generate(lm, [EOS], strategy, trace=True, **settings)
    steps = list(dl.stream(lm, [EOS], strategy, **settings))
    assert (traced.text, traced.tokens, traced.token_ids) == (g.text, g.tokens, g.token_ids)
    assert (traced.finish_reason, traced.stop_reason) == (g.finish_reason, g.stop_reason)
    assert "".join(step.text for step in steps) == g.text
    assert [step.text for step in steps] == [step.text for step in traced.steps]
    assert len(steps) == len(g.tokens) == len(g.token_ids)
    assert "".join(g.tokens).startswith(g.text)
    return g


@pytest.mark.parametrize(
    "count", [pytest.param(18, id="few"), pytest.param(5000, id="many", marks=pytest.mark.long)]
)
@each_family
def test_stream_tokens_and_text_agree_on_random_texts(family, count):
    tokenizer, rng = FAMILIES[family](), random.Random(21)
    for number in range(count):
        ids = [i for i in random_ids(rng, tokenizer) if i != EOS] or [2]
        lm = Recital(tokenizer, ids, EOS)
        # Greedy decoding on all of the many, and the others in turn on some.
        turn = number % len(STRATEGIES) if count < 100 or number % 10 == 0 else 0
        make = list(STRATEGIES.values())[turn]
        whole = check(lm, make(lm), [])
        assert (whole.finish_reason, whole.token_ids) == ("eos", lm.ids)
        assert whole.text + lm.decode([EOS]) == "".join(whole.tokens)
        stops = stop_strings(rng, whole.text)
        g = check(lm, make(lm), stops)
        found = [
            (whole.text.index(stop) + len(stop), whole.text.index(stop), stop)
            for stop in stops
            if stop in whole.text
        ]
        if found:
            end, start, stop = min(found)
            assert (g.text, g.finish_reason, g.stop_reason) == (whole.text[:start], "stop", stop)
            kept = check(lm, make(lm), stops, include_stop=True)
            assert (kept.text, kept.token_ids) == (whole.text[:end], g.token_ids)
            assert kept.stop_reason == stop
        else:
            assert (g.text, g.finish_reason, g.stop_reason) == (whole.text, "eos", EOS)


@pytest.mark.parametrize("name", STRATEGIES)
@each_family
def test_every_strategy_stops_at_what_completes_first(family, name):
    tokenizer = FAMILIES[family]()
    ids = tokenizer.encode("hello 🦊 do not stop here", add_special_tokens=False).ids
    lm = Recital(tokenizer, ids, EOS)
    g = check(lm, STRATEGIES[name](lm), ["stop here", "not", "do not stop"])
    assert g.text.endswith(" do ")
    assert (g.finish_reason, g.stop_reason) == ("stop", "not")
    assert g.token_ids == lm.ids[: len(g.token_ids)]


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_stop_token_ends_the_text_and_is_told(name):
    tokenizer = FAMILIES["word-piece"]()
    hello, fox = tokenizer.token_to_id("hello"), tokenizer.token_to_id("fox")
    lm = Recital(tokenizer, [hello, fox, hello], EOS)
    strategy = STRATEGIES[name](lm)
    g = check(lm, strategy, [], stop_token_ids=[fox])
    assert (g.text, g.token_ids) == (" hello", [hello, fox])
    assert (g.finish_reason, g.stop_reason) == ("stop", fox)
    kept = check(lm, strategy, [], stop_token_ids=[fox], include_stop=True)
    assert (kept.text, kept.token_ids) == (" hello fox", [hello, fox])
    ended = check(lm, strategy, [], include_stop=True)
    assert (ended.text, ended.finish_reason) == (" hello fox hello", "eos")
    cut = check(lm, strategy, [], max_new_tokens=2)
    assert (cut.text, cut.finish_reason, cut.stop_reason) == (" hello fox", "length", None)


@pytest.mark.parametrize("name", STRATEGIES)
def test_any_of_several_ends_ends_the_text(name):
    tokenizer = FAMILIES["word-piece"]()
    hello, fox = tokenizer.token_to_id("hello"), tokenizer.token_to_id("fox")
    lm = Recital(tokenizer, [hello, fox, hello], EOS)
    lm.eos_token_ids = (EOS, fox)
    g = check(lm, STRATEGIES[name](lm), [])
    assert (g.text, g.finish_reason, g.stop_reason) == (" hello", "eos", fox)
    assert lm.eos_token_id == EOS
