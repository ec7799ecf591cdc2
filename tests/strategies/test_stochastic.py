"""Stochastic beam search draws continuations without replacement, with their exact chances."""

import itertools
import math
from collections import Counter

import pytest
import torch

import decodelib as dl
from decodelib.kernels.seeds import seeded
from decodelib.strategies.stochastic import perturb
from tests.helpers.exact import MAX_NEW, TREE, chi_square_p, continuations


def in_order_without_replacement(k):
    """Return the probability of each ordered draw of k continuations without replacement."""
    exact = continuations()
    result = {}
    for order in itertools.permutations(exact, k):
        probability, left = 1.0, 1.0
        for outcome in order:
            probability *= exact[outcome] / left
            left -= exact[outcome]
        result[order] = probability
    return result


@pytest.mark.parametrize("draws", [250, pytest.param(1000, marks=pytest.mark.long)])
@pytest.mark.parametrize("k", [1, 2])
def test_stochastic_beam_search_draws_without_replacement(k, draws):
    generations = dl.generate_batch(
        TREE, [""] * draws, dl.StochasticBeamSearch(k), max_new_tokens=MAX_NEW, seeds=range(draws)
    )
    counts = Counter(tuple(tuple(x.token_ids) for x in (g, *g.alternatives)) for g in generations)
    exact = in_order_without_replacement(k)
    rare = [order for order, p in exact.items() if p * draws < 5]  # chi-square wants five of each
    pooled = {order: p for order, p in exact.items() if order not in rare}
    pooled["rare",] = sum(exact[order] for order in rare) or 1e-12
    merged = Counter()
    for order, n in counts.items():
        merged[order if order in pooled else ("rare",)] += n
    assert set(counts) <= set(exact)
    assert chi_square_p(merged, pooled) > 1e-3


def test_stochastic_beam_search_finds_every_continuation_when_it_is_wide_enough():
    g = dl.generate(TREE, "", dl.StochasticBeamSearch(100), max_new_tokens=MAX_NEW)
    found = {tuple(x.token_ids): math.exp(x.score) for x in (g, *g.alternatives)}
    assert found == pytest.approx(continuations())


def test_the_best_extension_of_a_beam_has_the_beams_own_noise():
    logprobs = torch.tensor([[0.5, 0.3, 0.2, 0.0], [0.1, 0.6, 0.3, 0.0]], dtype=torch.float64).log()
    ceilings = torch.tensor([-0.7, 2.5], dtype=torch.float64)
    first = Counter()
    for seed in range(400):
        noisy = perturb(logprobs, ceilings, seeded(seed))
        torch.testing.assert_close(noisy.amax(-1), ceilings)
        assert torch.equal(noisy == -torch.inf, logprobs == -torch.inf)
        first[int(noisy[1].argmax())] += 1
    assert chi_square_p(first, {0: 0.1, 1: 0.6, 2: 0.3}) > 1e-3
