"""Conditioned sampling draws from the model's own distribution given the form, and no other."""

import math
import re
from collections import Counter

import pytest
import torch

import decodelib as dl
from decodelib.decoding.samplers import systematic
from decodelib.decoding.stopping import Stopping
from decodelib.decoding.transcript import Transcript
from decodelib.processors.automata import OTHER
from decodelib.strategies.conditioned import effective_number
from tests.helpers.exact import MAX_NEW, TREE, chi_square_p, continuations, drawn

# No text ends after an odd number of a: the mask knows only at the end what it costs.
ODD = dl.DFA([{"a": 1, OTHER: 0}, {"a": 0, OTHER: 1}], accepting=[0])
CONSTRAINT = dl.Constraint.from_dfa(TREE, ODD)
# After a b the model nearly always ends: whoever begins with a has taken an improbable way.
TRAP = dl.Constraint.from_choices(TREE, [" a b a", " b a"], open_end=True)


def feasible(constraint, chain=None):
    """Return the probabilities of the texts that satisfy a constraint, and of all together."""
    own = continuations(chain=chain)
    masked = dl.Constraint(constraint.automaton, skip=1)
    kept = set(continuations(chain=dl.Chain(*(chain.processors if chain else ()), masked)))
    total = sum(p for ids, p in own.items() if ids in kept)
    return {ids: p / total for ids, p in own.items() if ids in kept}, total


def distance(counts: Counter, probabilities: dict) -> float:
    total = counts.total()
    keys = set(counts) | set(probabilities)
    return sum(abs(counts[key] / total - probabilities.get(key, 0)) for key in keys) / 2


@pytest.mark.parametrize("constraint", [CONSTRAINT, TRAP])
def test_rejection_is_exact(constraint):
    strategy = dl.ConditionedSampling(constraint, method="rejection", num_particles=4)
    truth, _ = feasible(constraint)
    assert chi_square_p(drawn(strategy, 250), truth) > 1e-3
    stepwise = drawn(dl.Sampling(constraint), 250)
    assert chi_square_p(stepwise, truth) < 1e-3  # so this could have failed


def test_rejection_takes_the_first_text_that_sampling_gives_and_the_form_allows():
    truth, _ = feasible(TRAP, dl.Chain(dl.Temperature(1.3)))
    for seed in range(6):
        many = dl.Sampling(dl.Temperature(1.3), num_return_sequences=60)
        g = dl.generate(TREE, "", many, seed=seed, max_new_tokens=MAX_NEW)
        first = next(t for t in (g, *g.alternatives) if tuple(t.token_ids) in truth)
        for count in (1, 5, 60):
            strategy = dl.ConditionedSampling(
                TRAP, dl.Temperature(1.3), method="rejection", num_particles=count
            )
            found = dl.generate(TREE, "", strategy, seed=seed, max_new_tokens=MAX_NEW)
            assert found.token_ids == first.token_ids


def test_one_particle_is_masking_step_by_step():
    one = dl.ConditionedSampling(TRAP, dl.Temperature(0.8), num_particles=1)
    masked = dl.Sampling(dl.Temperature(0.8), TRAP)
    assert drawn(one, 100) == drawn(masked, 100)


def test_many_particles_come_near_the_exact_distribution():
    truth, _ = feasible(TRAP)
    far = distance(drawn(dl.Sampling(TRAP), 300), truth)
    near = distance(drawn(dl.ConditionedSampling(TRAP, num_particles=16), 150), truth)
    assert near < 0.1 < 0.2 < far


@pytest.mark.long
@pytest.mark.parametrize("constraint", [CONSTRAINT, TRAP])
def test_a_hundred_particles_cannot_be_told_from_the_exact_distribution(constraint):
    truth, _ = feasible(constraint)
    strategy = dl.ConditionedSampling(constraint, num_particles=64)
    assert chi_square_p(drawn(strategy, 500), truth) > 1e-3


# Whoever begins with a dies out at the next step, when the particles are drawn anew.
STEEP = dl.TableLM(
    {
        "": {"a": 0.7, "b": 0.3},
        "a": {"c": 0.01, "a": 0.99},
        "b": {"c": 1},
        "c": {"a": 0.5, "b": 0.5},
    }
)
AGAIN = dl.Constraint.from_choices(STEEP, [" a c a", " b c a"], open_end=True)


@pytest.mark.parametrize(
    ("lm", "constraint", "count"), [(TREE, TRAP, 1), (TREE, TRAP, 3), (STEEP, AGAIN, 6)]
)
def test_the_estimate_of_the_forms_probability_is_right_on_average(lm, constraint, count):
    truth = feasible(TRAP)[1] if lm is TREE else (0.7 * 0.01 + 0.3) * 0.5
    stopping = Stopping(lm, MAX_NEW)
    estimates, nothing = [], torch.empty(0, lm.vocab_size)
    for seed in range(150):
        strategy = dl.ConditionedSampling(constraint, num_particles=count)
        [search] = strategy.start(lm, [Transcript([0], stopping, False)], [seed])
        while not search.is_over:
            search.advance(nothing)
        estimates.append(math.exp(search.log_evidence))
    mean = sum(estimates) / len(estimates)
    spread = math.sqrt(sum((e - mean) ** 2 for e in estimates)) / len(estimates)
    assert abs(mean - truth) < 4 * spread + 1e-12
    assert spread > 0


@pytest.mark.parametrize("method", ["smc", "rejection"])
def test_steps_record_the_feasible_mass_and_the_model_s_own_probability(method):
    strategy = dl.ConditionedSampling(TRAP, dl.Temperature(2.0), method=method)
    g = dl.generate(TREE, "", strategy, max_new_tokens=3, trace=True, seed=3)
    assert g.steps[0].kept_mass == pytest.approx(0.8)
    p = TREE.next_logits("").softmax(-1)[g.token_ids[0]]
    assert g.logprobs[0] == pytest.approx(math.log(p))
    assert {step.decision for step in g.steps} <= {
        "",
        *(f"resampled: {n} of 16 kept" for n in range(17)),
    }


def test_continuations_of_one_character_tokens_depend_on_their_own_seed_alone():
    lm = dl.load("storybook", device="cpu")
    constraint = dl.Constraint.from_choices(lm, [" sea", " little sea"], open_end=True)
    strategies = [
        dl.ConditionedSampling(constraint, num_particles=5),
        dl.ConditionedSampling(
            constraint, dl.Temperature(1.2), method="rejection", max_tries=10**5
        ),
    ]
    prompts = ["She went down to the", "They came from the distant"]
    for strategy in strategies:
        alone = [
            dl.generate(lm, prompt, strategy, seed=seed, max_new_tokens=6).token_ids
            for prompt, seed in zip(prompts, (7, 8), strict=True)
        ]
        both = dl.generate_batch(lm, prompts[::-1], strategy, seeds=[8, 7], max_new_tokens=6)
        assert [g.token_ids for g in both[::-1]] == alone
        steps = list(dl.stream(lm, prompts[0], strategy, seed=7, max_new_tokens=6))
        assert [step.token_id for step in steps] == alone[0]


def test_systematic_draws_keep_every_particle_within_one_of_its_share():
    weights = torch.tensor([0.5, 0.0, 0.2, 0.3], dtype=torch.float64)
    for u in (0.0, 0.3, 0.999999, 1 - 1e-16):
        counts = Counter(systematic(weights.log(), 10, u))
        assert counts[1] == 0
        assert all(abs(counts[i] - 10 * float(weights[i])) <= 1 for i in range(4))
    assert effective_number(weights.log()) == pytest.approx(1 / (0.25 + 0.04 + 0.09))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: dl.ConditionedSampling(TRAP, method="mcmc"),
            "method must be 'smc' or 'rejection'",
        ),
        (lambda: dl.ConditionedSampling(TRAP, num_particles=0), "num_particles must be at least 1"),
        (lambda: dl.ConditionedSampling(TRAP, max_tries=0), "max_tries must be at least 1, got 0"),
        (
            lambda: dl.ConditionedSampling(TRAP, dl.Mirostat()),
            "processors must not follow a sequence",
        ),
    ],
)
def test_bad_arguments_are_refused_in_a_sentence(make, said):
    with pytest.raises((ValueError, TypeError), match=re.escape(said)):
        make()


def test_what_cannot_be_had_is_said_and_how_often_it_was_tried():
    lm = dl.TableLM({"": {"a": 1.0}, "never": {"b": 1.0}})
    constraint = dl.Constraint.from_choices(lm, [" b"])
    hopeless = dl.ConditionedSampling(constraint, method="rejection", max_tries=20)
    with pytest.raises(ValueError, match="max_tries=20 texts were drawn and none satisfies"):
        dl.generate(lm, "", hopeless)
    with pytest.raises(ValueError, match="leaves no token in any of num_particles=16 texts"):
        dl.generate(lm, "", dl.ConditionedSampling(constraint))
