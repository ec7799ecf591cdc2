"""Arithmetic sampling: each text a fair draw, together a cover, and means that vary less."""

import itertools
import math
from collections import Counter

import pytest
import torch

import decodelib as dl
from decodelib.strategies import arithmetic
from tests.helpers.exact import MAX_NEW, TREE, continuations

STORYBOOK = dl.load("storybook", device="cpu", dtype="float32")


def intervals():
    """Return each continuation's interval of [0, 1), in the order of their token ids."""
    ends, start = {}, 0.0
    for ids, p in sorted(continuations().items()):
        ends[ids] = (start, start + p)
        start += p
    return ends


def at(shift, n, monkeypatch, **settings):
    """Return the texts of the points (shift + i / n) mod 1."""
    with monkeypatch.context() as patch:
        patch.setattr(
            arithmetic, "uniforms", lambda gs: torch.full((len(gs),), shift, dtype=torch.float64)
        )
        strategy = dl.ArithmeticSampling(num_return_sequences=n)
        g = dl.generate(TREE, "", strategy, max_new_tokens=MAX_NEW, **settings)
    return [tuple(text.token_ids) for text in (g, *g.alternatives)]


def test_a_point_draws_the_text_in_whose_interval_it_lies(monkeypatch):
    """The interval is as long as the text is probable, so a uniform point is a fair draw."""
    for ids, (start, end) in intervals().items():
        for inside in (1e-9, 0.3, 0.5, 1 - 1e-9):
            assert at(start + inside * (end - start), 1, monkeypatch) == [ids]


@pytest.mark.parametrize("n", [2, 5])
def test_the_points_are_equally_spaced_and_go_round(n, monkeypatch):
    found = at(0.77, n, monkeypatch)
    points = [(0.77 + i / n) % 1 for i in range(n)]
    wanted = [
        next(ids for ids, (start, end) in intervals().items() if start <= point < end)
        for point in points
    ]
    assert found == wanted


def every_shift(n, monkeypatch):
    """Yield (weight, texts) for every interval of shifts that give the same texts."""
    ends = [end for pair in intervals().values() for end in pair]
    cuts = sorted({0.0, 1 / n, *(round(end % (1 / n), 12) for end in ends)})
    for low, high in itertools.pairwise(cut for cut in cuts if cut <= 1 / n):
        if high - low > 1e-10:
            yield (high - low) * n, at((low + high) / 2, n, monkeypatch)


@pytest.mark.parametrize("n", [2, 4, 7])
def test_means_are_unbiased_and_vary_less_than_those_of_independent_draws(n, monkeypatch):
    exact = continuations()
    drawn = list(every_shift(n, monkeypatch))
    assert sum(weight for weight, _ in drawn) == pytest.approx(1)

    def variance(value):
        mean = sum(p * value(ids) for ids, p in exact.items())
        found = [(weight, sum(map(value, texts)) / n) for weight, texts in drawn]
        assert sum(weight * x for weight, x in found) == pytest.approx(mean, abs=1e-9)
        independent = sum(p * (value(ids) - mean) ** 2 for ids, p in exact.items()) / n
        return sum(weight * (x - mean) ** 2 for weight, x in found), independent

    for ids, p in exact.items():  # how often a single text comes
        own, independent = variance(lambda text, ids=ids: text == ids)
        beyond = n * p % 1  # it comes floor(n p) times, and once more with this probability
        assert own == pytest.approx(beyond * (1 - beyond) / n**2, abs=1e-9)
        assert own <= independent + 1e-12
    for value in (len, lambda ids: ids.count(2)):
        own, independent = variance(value)
        assert own < independent


@pytest.mark.parametrize("n", [4, 16])
def test_a_text_comes_as_often_as_its_probability_says_give_or_take_one(n):
    exact = continuations()
    strategy = dl.ArithmeticSampling(num_return_sequences=n)
    for seed in range(20):
        g = dl.generate(TREE, "", strategy, max_new_tokens=MAX_NEW, seed=seed)
        counts = Counter(tuple(text.token_ids) for text in (g, *g.alternatives))
        for ids, p in exact.items():
            assert math.floor(n * p) <= counts[ids] <= math.ceil(n * p)


def test_long_texts_do_not_run_out_of_digits():
    lm = dl.TableLM({"": {"a": 0.5, "b": 0.5}}, context_length=400)
    strategy = dl.ArithmeticSampling(num_return_sequences=2)
    g = dl.generate(lm, "a", strategy, max_new_tokens=300, seed=1)
    for text in (g, *g.alternatives):
        words = text.text.split()[60:]
        assert abs(words.count("b") - 120) < 4 * math.sqrt(240 / 4)
    assert g.token_ids[60:] != g.alternatives[0].token_ids[60:]


def test_a_token_that_is_all_but_impossible_breaks_nothing(monkeypatch):
    lm = dl.TableLM({"": {"a": 1.0, "b": 1e-15, "c": 1e-15}})
    for shift in (0.0, 0.5, 1 - 2.0**-53):
        with monkeypatch.context() as patch:
            patch.setattr(
                arithmetic,
                "uniforms",
                lambda gs, u=shift: torch.full((len(gs),), u, dtype=torch.float64),
            )
            strategy = dl.ArithmeticSampling(num_return_sequences=1)
            g = dl.generate(lm, "a", strategy, max_new_tokens=5)
        assert len(g.token_ids) == 5


def test_a_single_point_begins_as_sampling_does():
    for seed in range(6):
        chain = (dl.Temperature(0.9), dl.TopP(0.95))
        one = dl.ArithmeticSampling(*chain, num_return_sequences=1)
        g = dl.generate(STORYBOOK, "Once", one, max_new_tokens=1, seed=seed)
        wanted = dl.generate(STORYBOOK, "Once", dl.Sampling(*chain), max_new_tokens=1, seed=seed)
        assert g.token_ids == wanted.token_ids


def test_first_tokens_of_a_real_model_cover_its_distribution():
    n = 32
    strategy = dl.ArithmeticSampling(dl.TopK(50), num_return_sequences=n)
    g = dl.generate(STORYBOOK, "The King said", strategy, max_new_tokens=1, seed=3)
    counts = Counter(text.token_ids[0] for text in (g, *g.alternatives))
    logits = dl.TopK(50)(torch.empty(1, 0).long(), STORYBOOK.next_logits("The King said")[None])[0]
    for token_id, p in enumerate(logits.double().softmax(-1).tolist()):
        assert math.floor(n * p - 1e-6) <= counts[token_id] <= math.ceil(n * p + 1e-6)


def test_chains_that_follow_a_sequence_follow_each_of_them():
    chain = (dl.RepetitionPenalty(1.2), dl.XTC(0.5, 0.05), dl.Mirostat(4.0))
    strategy = dl.ArithmeticSampling(*chain, num_return_sequences=3)
    prompts = ["Once", "The sea was"]
    together = dl.generate_batch(STORYBOOK, prompts, strategy, seeds=[4, 9], max_new_tokens=6)
    for prompt, seed, g in zip(prompts, [4, 9], together, strict=True):
        alone = dl.generate(STORYBOOK, prompt, strategy, seed=seed, max_new_tokens=6)
        assert [a.token_ids for a in g.alternatives] == [a.token_ids for a in alone.alternatives]


def test_fewer_than_one_are_refused():
    with pytest.raises(ValueError, match="num_return_sequences must be at least 1, got 0"):
        dl.ArithmeticSampling(num_return_sequences=0)
    shown = "ArithmeticSampling(TopP(0.9), num_return_sequences=16)"
    assert repr(dl.ArithmeticSampling(dl.TopP(0.9))) == shown
