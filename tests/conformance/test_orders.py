"""Which processors commute, and that the order explains what the systems keep of ordinary rows."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decodelib import (  # fmt: skip
    Chain,
    Epsilon,
    Eta,
    MinP,
    RepetitionPenalty,
    Temperature,
    TopK,
    TopNSigma,
    TopP,
    Typical,
)

from .systems import OURS, SYSTEMS

KINDS = [Temperature, TopK, TopP, MinP, Typical, Epsilon, Eta, TopNSigma, RepetitionPenalty]
COMMUTE = [
    (Temperature, Temperature), (Temperature, TopK), (Temperature, TopNSigma),
    (Temperature, RepetitionPenalty), (TopK, TopK), (TopK, MinP), (MinP, MinP),
    (Epsilon, Epsilon), (RepetitionPenalty, RepetitionPenalty),
]  # fmt: skip
# The probabilities for which the two orders keep different tokens.
DO_NOT = [
    (Temperature(0.25), TopP(0.7), (0.4, 0.3, 0.2, 0.1)),
    (Temperature(0.5), MinP(0.2), (0.5, 0.25, 0.15, 0.1)),
    (Temperature(2.0), Typical(0.5), (0.5, 0.25, 0.2, 0.05)),
    (Temperature(0.5), Epsilon(0.15), (0.5, 0.25, 0.2, 0.05)),
    (Temperature(0.5), Eta(0.2), (0.5, 0.25, 0.2, 0.05)),
    (TopK(2), TopP(0.5), (0.45, 0.35, 0.15, 0.05)),
    (TopK(2), Typical(0.5), (0.5, 0.25, 0.2, 0.05)),
    (TopK(2), Epsilon(0.15), (0.75, 0.14, 0.06, 0.05)),
    (TopK(2), Eta(0.5), (0.5, 0.25, 0.2, 0.05)),
    (TopK(2), TopNSigma(0.5), (0.45, 0.35, 0.15, 0.05)),
    (TopK(1), RepetitionPenalty(2.0), (0.4, 0.3, 0.2, 0.1)),
    (TopP(0.5), MinP(0.6), (0.4, 0.3, 0.2, 0.1)),
    (TopP(0.5), Typical(0.5), (0.4, 0.3, 0.2, 0.1)),
    (TopP(0.5), Epsilon(0.15), (0.45, 0.25, 0.2, 0.1)),
    (TopP(0.5), Eta(0.2), (0.45, 0.25, 0.2, 0.1)),
    (TopP(0.5), TopNSigma(1.0), (0.4, 0.35, 0.2, 0.05)),
    (TopP(0.5), RepetitionPenalty(2.0), (0.5, 0.25, 0.2, 0.05)),
    (MinP(0.2), Typical(0.5), (0.5, 0.25, 0.2, 0.05)),
    (MinP(0.2), Epsilon(0.15), (0.56, 0.14, 0.1, 0.1, 0.1)),
    (MinP(0.2), Eta(0.2), (0.45, 0.35, 0.15, 0.05)),
    (MinP(0.2), TopNSigma(0.5), (0.45, 0.35, 0.15, 0.05)),
    (MinP(0.5), RepetitionPenalty(2.0), (0.35, 0.3, 0.2, 0.15)),
    (Typical(0.5), Epsilon(0.15), (0.5, 0.25, 0.2, 0.05)),
    (Typical(0.5), Eta(0.2), (0.5, 0.25, 0.2, 0.05)),
    (Typical(0.5), TopNSigma(0.5), (0.4, 0.3, 0.2, 0.1)),
    (Typical(0.5), RepetitionPenalty(2.0), (0.5, 0.25, 0.2, 0.05)),
    (Epsilon(0.15), Eta(0.2), (0.45, 0.35, 0.15, 0.05)),
    (Epsilon(0.15), TopNSigma(0.5), (0.45, 0.35, 0.15, 0.05)),
    (Epsilon(0.25), RepetitionPenalty(2.0), (0.6, 0.2, 0.15, 0.05)),
    (Eta(0.2), TopNSigma(0.5), (0.45, 0.35, 0.15, 0.05)),
    (Eta(0.2), RepetitionPenalty(2.0), (0.55, 0.2, 0.15, 0.1)),
    (TopNSigma(0.5), RepetitionPenalty(2.0), (0.5, 0.3, 0.15, 0.05)),
]

MAKE = {
    Temperature: st.builds(Temperature, st.sampled_from([0.25, 0.5, 0.75, 2.0, 5.0])),
    TopK: st.builds(TopK, st.integers(1, 9)),
    MinP: st.builds(MinP, st.sampled_from([0.0, 0.03, 0.1, 0.3, 0.7, 1.0])),
    Epsilon: st.builds(Epsilon, st.sampled_from([0.0, 0.003, 0.03, 0.1, 0.3])),
    TopNSigma: st.builds(TopNSigma, st.sampled_from([0.1, 0.3, 0.9, 1.7, math.inf])),
    RepetitionPenalty: st.builds(RepetitionPenalty, st.sampled_from([0.5, 1.25, 2.0])),
}
# Steps of 1/8, so that no division makes equals of two that were not, and -inf; many ties.
rows = st.lists(
    st.one_of(st.integers(-40, 40).map(lambda n: n / 8), st.just(-math.inf)), min_size=1, max_size=9
).filter(lambda row: max(row) > -math.inf)
thorough = settings(deadline=None, max_examples=300, derandomize=True)
each_effort = pytest.mark.parametrize("tries", [60, pytest.param(300, marks=pytest.mark.long)])


def both_orders(first, second, logits):
    ids = torch.tensor([[0, len(logits) // 2]])
    row = torch.tensor([logits], dtype=torch.float64)
    return (first | second)(ids, row), (second | first)(ids, row)


@each_effort
@pytest.mark.parametrize(("one", "other"), COMMUTE, ids=lambda kind: kind.__name__)
def test_these_pairs_commute_as_sets_and_as_distributions(one, other, tries):
    @settings(thorough, max_examples=tries)
    @given(MAKE[one], MAKE[other], rows)
    def holds(first, second, logits):
        there, back = both_orders(first, second, logits)
        assert torch.equal(there > -math.inf, back > -math.inf)
        assert torch.allclose(there.softmax(-1), back.softmax(-1), atol=1e-12)

    holds()


@pytest.mark.parametrize(("first", "second", "probs"), DO_NOT, ids=lambda item: repr(item))
def test_these_pairs_do_not_commute(first, second, probs):
    assert sum(probs) == pytest.approx(1)
    logits = [math.log(p) + 1.5 for p in probs]  # some logits positive, some negative
    there, back = both_orders(first, second, logits)
    assert not torch.equal(there > -math.inf, back > -math.inf)


def test_every_pair_is_known_to_commute_or_not_to():
    known = {frozenset(pair) for pair in COMMUTE}
    counterexamples = {frozenset((type(first), type(second))) for first, second, _ in DO_NOT}
    pairs = {frozenset(pair) for pair in itertools.combinations(KINDS, 2)}
    assert not known & counterexamples
    assert pairs <= known | counterexamples


def test_some_truncations_are_not_done_when_they_are_done():
    """Top-p of top-p removes more: the mass was renormalised. Top-k of top-k removes nothing."""
    examples = {
        TopP(0.5): (0.45, 0.25, 0.2, 0.1), Typical(0.5): (0.5, 0.25, 0.2, 0.05),
        Eta(0.2): (0.45, 0.35, 0.15, 0.05), TopNSigma(0.5): (0.45, 0.35, 0.15, 0.05),
    }  # fmt: skip
    for processor, probs in examples.items():
        once = kept(processor, torch.tensor(probs, dtype=torch.float64).log())
        twice = kept(processor | processor, torch.tensor(probs, dtype=torch.float64).log())
        assert set(twice) < set(once), processor


@thorough
@given(st.one_of(MAKE[TopK], MAKE[MinP], MAKE[Epsilon]), rows)
def test_top_k_min_p_and_epsilon_twice_are_the_same_as_once(processor, logits):
    row = torch.tensor(logits, dtype=torch.float64)
    assert kept(processor | processor, row) == kept(processor, row)


def test_in_half_precision_even_temperature_and_top_k_may_not_commute():
    """Division can make equals of two logits, and of equals top-k keeps the lower id."""
    row, ids = torch.tensor([[1.0, 1.001]], dtype=torch.float16), torch.zeros(1, 1).long()
    hot = Temperature(1e5)
    assert ((hot | TopK(1))(ids, row) > -math.inf).tolist() == [[True, False]]
    assert ((TopK(1) | hot)(ids, row) > -math.inf).tolist() == [[False, True]]


def kept(processor, row):
    result = processor(torch.zeros(1, 1).long(), row[None])[0]
    return (result > -math.inf).nonzero()[:, 0].tolist()


# The order of each system, applied by decodelib


ORDINARY = torch.randn(60, 200, generator=torch.Generator().manual_seed(5)) * 2.5
KNOBS = {"temperature": 0.8, "top_k": 40, "top_p": 0.9, "min_p": 0.02}


def in_the_order_of(name, knobs):
    order = [setting for setting in SYSTEMS[name].order if setting in knobs]
    return Chain(*(OURS[setting](knobs[setting]) for setting in order))


@pytest.mark.parametrize("name", ["transformers", "vLLM", "llama.cpp"])
def test_on_ordinary_rows_a_system_is_its_order_and_nothing_else(name):
    subsets = [
        {key: KNOBS[key] for key in keys}
        for size in range(5)
        for keys in itertools.combinations(KNOBS, size)
    ]
    for knobs in subsets:
        ours = in_the_order_of(name, knobs)
        for row in ORDINARY:
            theirs = SYSTEMS[name].keep(row, knobs)
            assert (theirs > -math.inf).nonzero()[:, 0].tolist() == kept(ours, row), knobs


def test_the_orders_differ_where_they_are_said_to():
    def sets(name, knobs):
        return [kept(in_the_order_of(name, knobs), row) for row in ORDINARY]

    without_top_p = {key: KNOBS[key] for key in ("temperature", "top_k", "min_p")}
    assert sets("transformers", without_top_p) == sets("vLLM", without_top_p)
    assert sets("transformers", KNOBS) != sets("vLLM", KNOBS)  # min-p and top-p change places
    assert sets("transformers", without_top_p) != sets("llama.cpp", without_top_p)  # T is last
    cold = {"temperature": 0.8, "top_k": 40}
    assert sets("transformers", cold) == sets("llama.cpp", cold)


def test_entropix_is_not_its_order():
    """Its documents name min-p and top-p; its code does neither, so no order explains it."""
    knobs = {"top_p": 0.5, "min_p": 0.1}
    ours = in_the_order_of("entropix", knobs)
    wrong = [
        (SYSTEMS["entropix"].keep(row, knobs) > -math.inf).nonzero()[:, 0].tolist()
        != kept(ours, row)
        for row in ORDINARY
    ]
    assert all(wrong)
