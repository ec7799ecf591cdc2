"""Processors in every strategy that has a distribution to change, each by what it must equal."""

import math

import pytest
import torch

import decodelib as dl
from tests.helpers.exact import DRAFT, MAX_NEW, TREE, chi_square_p, continuations, drawn
from tests.helpers.plain_library import plain_library
from tests.helpers.tables import random_table

BANS = (dl.NoRepeatNGram(2), dl.LogitBias({2: 0.7, (2, 3): -1.5}))
SEVERAL = (dl.RepetitionPenalty(1.4, skip="prompt"), dl.PresencePenalty(0.6), dl.TopP(0.9))
WITH = {
    "beams": lambda chain: dl.BeamSearch(3, processors=chain),
    "diverse beams": lambda chain: dl.DiverseBeamSearch(4, 2, processors=chain),
    "stochastic beams": lambda chain: dl.StochasticBeamSearch(3, chain),
    "entropix": lambda chain: dl.EntropySampling(processors=chain),
    "speculative": lambda chain: dl.SpeculativeSampling(DRAFT, *chain),
    "power": lambda chain: dl.PowerSampling(num_moves=3, processors=chain),
    "contrastive decoding": lambda chain: dl.ContrastiveDecoding(DRAFT, processors=chain),
    "contrastive search": lambda chain: dl.ContrastiveSearch(processors=chain),
}
TAKING_BACK = list(WITH)[:6]


def tokens(lm, strategy, **settings):
    g = dl.generate(lm, "", strategy, max_new_tokens=6, **settings)
    return [g.token_ids, *(other.token_ids for other in g.alternatives)]


def exhaustive(lm, chain, length, length_penalty):
    """Return (score, token ids) of every continuation under the processed log-probabilities."""
    found = []

    def extend(ids, total):
        if len(ids) == length or ids[-1:] == [lm.eos_token_id]:
            found.append((total / len(ids) ** length_penalty, ids))
            return
        logprobs = lm.next_logits([0, *ids]).log_softmax(-1)[None]
        left = chain(torch.tensor([[0, *ids]]), logprobs)[0]
        for token_id, value in enumerate(left.tolist()):
            if value > -math.inf:
                extend([*ids, token_id], total + value)

    extend([], 0.0)
    return sorted(found, key=lambda pair: -pair[0])


@pytest.mark.parametrize("processors", [BANS, SEVERAL[::2]], ids=repr)
@pytest.mark.parametrize("seed", range(3))
def test_wide_beams_with_processors_equal_exhaustive_search(seed, processors):
    lm = dl.TableLM(random_table(seed))
    for length_penalty in (0.0, 1.0):
        everything = exhaustive(lm, dl.Chain(*processors), 4, length_penalty)
        strategy = dl.BeamSearch(91, length_penalty, False, min(91, len(everything)), processors)
        best = dl.generate(lm, "", strategy, max_new_tokens=4)
        found = [best, *best.alternatives]
        assert [g.score for g in found] == pytest.approx([score for score, _ in everything])
        assert {tuple(g.token_ids) for g in found} == {tuple(ids) for _, ids in everything}


def test_beams_show_what_the_processors_left_and_what_the_model_said():
    strategy = dl.BeamSearch(
        2, 0.0, processors=dl.LogitBias({(0, 3): 1.0}) | dl.SuppressTokens([1])
    )
    g = dl.generate(TREE, "", strategy, max_new_tokens=2, trace=True)
    assert g.text == " b a"  # a, the most probable, if nothing were changed
    assert g.logprobs == pytest.approx([math.log(0.3), math.log(0.7)])
    assert g.score == pytest.approx(sum(g.logprobs) + 1.0)
    assert [step.kept for step in g.steps] == [2, 2]
    leaf = g.tree.find(g.token_ids)
    assert g.tree.nodes[leaf].total == pytest.approx(g.score)
    assert g.tree.nodes[leaf].logprob == pytest.approx(math.log(0.7))


def test_one_group_of_diverse_beams_with_processors_is_beam_search():
    diverse = dl.DiverseBeamSearch(3, 1, num_return_sequences=3, processors=SEVERAL)
    plain = dl.BeamSearch(3, num_return_sequences=3, processors=SEVERAL)
    assert tokens(TREE, diverse) == tokens(TREE, plain)
    two = dl.DiverseBeamSearch(4, 2, num_return_sequences=4, processors=dl.SuppressTokens([2]))
    assert not any(2 in ids for ids in tokens(TREE, two))


def test_stochastic_beams_draw_from_the_distribution_that_sampling_draws_from():
    exact = continuations(chain=dl.Chain(*BANS))
    assert chi_square_p(drawn(dl.StochasticBeamSearch(2, BANS), 300), exact) > 1e-3
    g = dl.generate(TREE, "", dl.StochasticBeamSearch(100, BANS), max_new_tokens=MAX_NEW)
    assert {tuple(x.token_ids) for x in (g, *g.alternatives)} == set(exact)
    own = continuations()
    for x in (g, *g.alternatives):  # the score is the model's own log-probability
        assert math.exp(x.score) == pytest.approx(own[tuple(x.token_ids)])


@pytest.mark.parametrize("processors", [BANS, SEVERAL], ids=repr)
def test_the_deterministic_ones_are_greedy_where_they_have_nothing_to_weigh(processors):
    for seed in range(4):
        lm, amateur = (dl.TableLM(random_table(s)) for s in (seed, seed + 10))
        greedy = tokens(lm, dl.Sampling(*processors, dl.TopK(1)))
        alone = dl.ContrastiveDecoding(amateur, alpha=1, processors=processors)
        assert tokens(lm, alone) == greedy
        assert tokens(lm, dl.EntropySampling(processors=(*processors, dl.TopK(1)))) == greedy
        # One beam adds up log-probabilities, on which a repetition penalty does something else.
        if processors is BANS:
            assert tokens(lm, dl.BeamSearch(1, processors=processors)) == greedy


def test_contrastive_search_chooses_among_what_the_processors_leave():
    lm = dl.load("storybook", device="cpu")
    bans = dl.NoRepeatNGram(2) | dl.RepetitionPenalty(1.3)
    settings = {"max_new_tokens": 6, "trace": True}
    greedy = dl.generate(lm, "Once", dl.Sampling(bans, dl.TopK(1)), **settings)
    lone = dl.generate(lm, "Once", dl.ContrastiveSearch(4, 0.0, bans), **settings)
    assert lone.token_ids == greedy.token_ids
    few = dl.generate(lm, "Once", dl.ContrastiveSearch(9, 0.6, dl.TopK(2)), **settings)
    assert {step.kept for step in few.steps} == {2}
    assert max(step.rank for step in few.steps) == 2


def test_the_quadrants_are_those_of_the_models_own_distribution():
    strategy = dl.EntropySampling(processors=dl.Temperature(0.01))
    plain = dl.generate(TREE, "", dl.EntropySampling(), max_new_tokens=1, trace=True).steps[0]
    step = dl.generate(TREE, "", strategy, max_new_tokens=1, trace=True).steps[0]
    assert step.decision == plain.decision == "between: sample, heat 1"
    assert (step.entropy, step.kept) == (pytest.approx(plain.entropy), 1)


def test_the_branches_of_a_fork_are_processed_too():
    settings = {"low_varentropy": 0.0, "high_varentropy": 0.0, "branch_length": 3}
    strategy = dl.EntropySampling(**settings, processors=dl.SuppressTokens([2]))
    assert not any(2 in tokens(TREE, strategy, seed=seed)[0] for seed in range(6))
    plain = dl.EntropySampling(**settings)
    assert any(2 in tokens(TREE, plain, seed=seed)[0] for seed in range(6))


@pytest.mark.parametrize("name", WITH)
def test_processors_that_change_nothing_change_nothing(name):
    lm = dl.load("storybook", device="cpu") if name == "contrastive search" else TREE
    neutral = (dl.Temperature(1.0), dl.TopP(1.0), lambda ids, logits: logits)
    for seed in (0, 1):
        assert tokens(lm, WITH[name](neutral), seed=seed) == tokens(lm, WITH[name](()), seed=seed)


@pytest.mark.parametrize("name", TAKING_BACK)
def test_what_takes_tokens_back_refuses_processors_that_remember_them(name):
    with pytest.raises(ValueError, match=r"processors must not follow a sequence, because a .*"):
        WITH[name]([dl.TopP(0.9), dl.Mirostat()])
    for allowed in (dl.XTC(0.5, 0.1), dl.PresencePenalty(1.0), dl.DRY(skip="prompt")):
        assert WITH[name]([allowed]).processors == (allowed,)


def test_mirostat_follows_the_one_sequence_of_a_contrast():
    strategy = dl.ContrastiveDecoding(DRAFT, alpha=0, processors=dl.Mirostat(0.5, 0.9))
    steps = dl.generate(TREE, "", strategy, max_new_tokens=20, min_new_tokens=20, trace=True).steps
    assert len({step.kept for step in steps}) > 1


@pytest.mark.parametrize("name", [name for name in WITH if name != "speculative"])
def test_processors_may_be_one_a_chain_or_several_and_nothing_else(name):
    pair = dl.Temperature(0.5), dl.TopP(0.9)
    assert WITH[name](pair) == WITH[name](list(pair)) == WITH[name](pair[0] | pair[1])
    assert WITH[name](pair[0]).processors == pair[:1]
    assert "processors=(Temperature(0.5), TopP(0.9))" in repr(WITH[name](pair))
    assert "processors" not in repr(WITH[name](()))


def test_what_is_no_processor_is_named():
    plain = plain_library()
    for wrong in (3, "top_p", [plain.TopP], None):
        for strategy in (plain.BeamSearch, plain.EntropySampling, plain.ContrastiveSearch):
            with pytest.raises(TypeError, match="processors must be callables"):
                strategy(processors=wrong)


def test_a_search_is_deterministic_unless_a_processor_draws():
    for name in ("beams", "diverse beams", "contrastive search", "contrastive decoding"):
        assert WITH[name](BANS).is_deterministic
        assert not WITH[name]([dl.XTC(0.5, 0.1)]).is_deterministic
    assert dl.Sampling(dl.TopK(1)).is_deterministic
    assert not dl.Sampling(dl.XTC(0.5, 0.1), dl.TopK(1)).is_deterministic
    assert not dl.Sampling(dl.TopK(1), dl.TopP(0.5)).is_deterministic
    xtc = dl.BeamSearch(2, processors=dl.XTC(0.5, 0.2))
    assert len({tuple(tokens(TREE, xtc, seed=seed)[0]) for seed in range(9)}) > 1
