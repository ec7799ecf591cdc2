"""Strategies against the exact distribution over all continuations of a table."""

import itertools
import math
from collections import Counter
from typing import ClassVar

import pytest
import torch

import decodelib as dl
from decodelib.strategies.speculative import acceptance, residual
from tests.helpers.exact import DRAFT, MAX_NEW, TREE, chi_square_p, continuations

DRAWS = 4000


def drawn(strategy, lm=TREE, draws=DRAWS):
    generations = dl.generate_batch(
        lm, [""] * draws, strategy, max_new_tokens=MAX_NEW, seeds=range(draws)
    )
    return Counter(tuple(g.token_ids) for g in generations)


def test_the_continuations_of_the_tree_are_all_there_is():
    assert sum(continuations().values()) == pytest.approx(1)
    assert len(continuations()) == 1 + 2 + 4 + 8  # an end after 0, 1 or 2 words, or three words


@pytest.mark.parametrize(
    "processors",
    [
        (),
        (dl.Temperature(0.5),),
        (dl.TopK(2),),
        (dl.TopP(0.75),),
        (dl.MinP(0.4),),
        (dl.Typical(0.6),),
        (dl.Eta(0.3),),
        (dl.Epsilon(0.22),),
        (dl.TopNSigma(1.0),),
        (dl.DynamicTemperature(0.5, 2.0),),
        (dl.EntropyTemperature(),),
        (dl.RepetitionPenalty(1.5),),
        (dl.DRY(allowed_length=1),),
        (dl.Temperature(1.5), dl.TopP(0.8)),
    ],
    ids=repr,
)
def test_sampling_draws_continuations_with_their_exact_probabilities(processors):
    exact = continuations(chain=dl.Chain(*processors))
    assert chi_square_p(drawn(dl.Sampling(*processors)), exact) > 1e-3


@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("processors", [(), (dl.Temperature(0.7), dl.TopP(0.9))], ids=repr)
def test_speculative_sampling_draws_from_the_target_alone(processors, length):
    strategy = dl.SpeculativeSampling(DRAFT, *processors, num_draft_tokens=length)
    exact = continuations(chain=dl.Chain(*processors))
    assert chi_square_p(drawn(strategy, draws=1000), exact) > 1e-3


@pytest.mark.parametrize("vocab", [1, 2, 5, 50])
def test_speculative_acceptance_and_residual_add_up_to_the_target(vocab):
    generator = torch.Generator().manual_seed(vocab)
    for scale in (0.1, 1.0, 10.0):
        noise = scale * torch.randn(2, vocab, generator=generator, dtype=torch.float64)
        p, q = noise.softmax(-1)
        accepted = q * acceptance(p, q)
        total = accepted + (1 - accepted.sum()) * residual(p, q)
        assert (total - p).abs().sum() / 2 < 1e-14  # total variation


def test_a_draft_that_is_the_target_is_never_rejected():
    strategy = dl.SpeculativeSampling(TREE, num_draft_tokens=2)
    for seed in range(50):
        g = dl.generate(TREE, "", strategy, seed=seed, max_new_tokens=MAX_NEW, trace=True)
        assert not any("rejected" in step.decision for step in g.steps)


@pytest.mark.parametrize("length", [1, 3])
def test_the_draft_always_reads_the_text_as_it_stands(length):
    class Witness(dl.TableLM):
        read: ClassVar[list] = []

        def step(self, next_ids, cache):
            logits = super().step(next_ids, cache)
            self.read.append(list(cache.rows[0]))
            return logits

    draft = Witness({"": {"a": 0.2, "b": 0.6, "<eos>": 0.2}})
    strategy = dl.SpeculativeSampling(draft, num_draft_tokens=length)
    for seed in range(40):
        draft.read.clear()
        g = dl.generate(TREE, "", strategy, seed=seed, max_new_tokens=8)
        text = [draft.bos_token_id, *g.token_ids]
        # A proposal that was rejected is read beyond the text; everything before it is the text.
        for read in draft.read:
            assert read[: len(read) - length + 1] == text[: len(read) - length + 1]


def test_speculative_sampling_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="must have table's vocabulary of 4 tokens, got 3"):
        dl.generate(TREE, "", dl.SpeculativeSampling(dl.TableLM({"": {"a": 1}})))
    with pytest.raises(ValueError, match="must not follow a sequence"):
        dl.SpeculativeSampling(DRAFT, dl.Mirostat())
    with pytest.raises(ValueError, match="num_draft_tokens must be at least 1, got 0"):
        dl.SpeculativeSampling(DRAFT, num_draft_tokens=0)
    with pytest.raises(TypeError, match="draft"):
        dl.SpeculativeSampling("gpt2")


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


@pytest.mark.parametrize("k", [1, 2])
def test_stochastic_beam_search_draws_without_replacement(k):
    draws = 1000
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


def test_one_group_of_diverse_beams_is_beam_search():
    for beams in (1, 3):
        diverse = dl.DiverseBeamSearch(beams, 1, 0.5, num_return_sequences=beams)
        plain = dl.BeamSearch(beams, num_return_sequences=beams)
        a, b = (dl.generate(TREE, "", s, max_new_tokens=MAX_NEW) for s in (diverse, plain))
        assert a == b


def test_diverse_groups_take_other_first_tokens_when_the_penalty_is_high():
    strategy = dl.DiverseBeamSearch(3, 3, 100.0, num_return_sequences=3)
    g = dl.generate(TREE, "", strategy, max_new_tokens=MAX_NEW)
    assert len({x.token_ids[0] for x in (g, *g.alternatives)}) == 3


def test_diverse_beams_subtract_the_penalty_for_each_earlier_choice():
    # Group 1 takes a (.5). Group 2 sees a at ln .5 - 1, below b at ln .3: takes b.
    strategy = dl.DiverseBeamSearch(2, 2, 1.0, num_return_sequences=2)
    g = dl.generate(TREE, "", strategy, max_new_tokens=1)
    assert [x.token_ids for x in (g, *g.alternatives)] == [[2], [3]]
    # At a penalty of ln(.5/.3) - .01 the second group still prefers a.
    close = dl.DiverseBeamSearch(2, 2, math.log(0.5 / 0.3) - 0.01, num_return_sequences=2)
    g = dl.generate(TREE, "", close, max_new_tokens=1)
    assert [x.token_ids for x in (g, *g.alternatives)] == [[2], [2]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((6, 4), "num_beams must be a multiple of num_beam_groups=4, got 6"),
        ((6, 7), r"num_beam_groups must be in \[1, 6\], got 7"),
        ((6, 3, -1.0), "diversity_penalty must be a finite number of at least 0, got -1.0"),
    ],
)
def test_diverse_beams_refuse_groups_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        dl.DiverseBeamSearch(*arguments)


def test_mirostat_cuts_at_mu_and_moves_mu_by_the_surprisal_of_what_was_drawn():
    probs = torch.tensor([[0.5, 0.25, 0.125, 0.125]], dtype=torch.float64)
    state = dl.Mirostat(tau=1.0, eta=0.5).for_sequence(seed=0)
    kept = state(torch.tensor([[0]]), probs.log()).isfinite()[0].tolist()
    assert kept == [True, True, False, False]  # mu = 2 bits: those of 1 and 2 bits
    kept = state(torch.tensor([[0, 1]]), probs.log()).isfinite()[0].tolist()
    assert state.mu == pytest.approx(2 - 0.5 * (2 - 1))  # token 1 had 2 bits
    assert kept == [True, False, False, False]
    state(torch.tensor([[0, 1, 0]]), probs.log())
    assert state.mu == pytest.approx(1.5 - 0.5 * (1 - 1))


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


def test_contrastive_decoding_takes_the_best_ratio_among_the_plausible():
    # Expert .5 .3 .2, amateur .2 .6 .2 for a, b, end: ratios 2.5, .5, 1.
    g = dl.generate(TREE, "", dl.ContrastiveDecoding(DRAFT, alpha=0.1), max_new_tokens=1)
    assert g.token_ids == [2]
    # After a: expert .1 .6 .3, amateur .4 .4 .2: ratios .25, 1.5, 1.5; of equals the lower id.
    g = dl.generate(TREE, "a", dl.ContrastiveDecoding(DRAFT, alpha=0.1), max_new_tokens=1)
    assert g.token_ids == [1]
    # An implausible token never wins: at alpha = .6 the end (.3 < .6 * .6) is out.
    g = dl.generate(TREE, "a", dl.ContrastiveDecoding(DRAFT, alpha=0.6), max_new_tokens=1)
    assert g.token_ids == [3]


def test_contrastive_decoding_with_alpha_one_is_greedy():
    g = dl.generate(TREE, "b", dl.ContrastiveDecoding(DRAFT, alpha=1.0), max_new_tokens=MAX_NEW)
    assert g.token_ids == dl.generate(TREE, "b", dl.Greedy(), max_new_tokens=MAX_NEW).token_ids


def test_contrastive_search_needs_hidden_states():
    with pytest.raises(ValueError, match="needs a model with hidden states, and table has none"):
        dl.generate(TREE, "", dl.ContrastiveSearch())
