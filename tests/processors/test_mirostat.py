"""Mirostat moves its bound by the surprisal of what was drawn, until the mean is its target."""

import math

import pytest
import torch

import decodelib as dl


def test_mirostat_cuts_at_mu_and_moves_mu_by_the_surprisal_of_what_was_drawn():
    probs = torch.tensor([[0.5, 0.25, 0.125, 0.125]], dtype=torch.float64)
    state = dl.Mirostat(tau=1.0, eta=0.5).for_sequence(seed=0)
    kept = state(torch.tensor([[0]]), probs.log()).isfinite()[0].tolist()
    assert kept == [True, True, False, False]  # mu = 2 bits: those of 1 and 2 bits
    kept = state(torch.tensor([[0, 1]]), probs.log()).isfinite()[0].tolist()
    assert float(state.mu) == pytest.approx(2 - 0.5 * (2 - 1))  # token 1 had 2 bits
    assert kept == [True, False, False, False]
    state(torch.tensor([[0, 1, 0]]), probs.log())
    assert float(state.mu) == pytest.approx(1.5 - 0.5 * (1 - 1))


def test_mirostat_keeps_the_mean_surprisal_near_its_target():
    size = 200
    zipf = {f"w{rank}": rank**-1.1 for rank in range(1, size + 1)}
    lm = dl.TableLM({"": zipf}, context_length=2000)
    for tau in (3.0, 4.5):
        g = dl.generate(lm, "", dl.Sampling(dl.Mirostat(tau)), max_new_tokens=1500, seed=1)
        bits = [-logprob / math.log(2) for logprob in g.logprobs]
        assert sum(bits) / len(bits) == pytest.approx(tau, abs=0.15)


def test_mirostat_by_itself_says_where_it_belongs():
    with pytest.raises(TypeError, match=r"use it in Sampling\(Mirostat\(\)\)"):
        dl.Mirostat()(torch.tensor([[0]]), torch.zeros(1, 3))
