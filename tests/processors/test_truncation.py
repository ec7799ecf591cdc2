"""What each truncating processor keeps, on small rows worked out by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import decodelib as dl
from decodelib import MinP, TopK, TopP
from decodelib.distributions import nucleus
from tests.helpers.small_rows import INF, NO_IDS, apply, each_dtype, kept

numbers = st.one_of(
    st.floats(-30, 30, width=32), st.sampled_from([-INF, 0.0, 1.0, 1e4, -1e4]), st.integers(-3, 3)
)
rows = st.lists(numbers, min_size=1, max_size=9).filter(lambda row: max(row) > -INF)
fast = settings(deadline=None, max_examples=80, derandomize=True)


# Top-k


def test_top_k_keeps_the_k_largest():
    assert kept(TopK(1), [0.1, 0.4, 0.2, 0.3]) == [1]
    assert kept(TopK(2), [0.1, 0.4, 0.2, 0.3]) == [1, 3]
    assert kept(TopK(3), [0.1, 0.4, 0.2, 0.3]) == [1, 2, 3]
    assert kept(TopK(4), [0.1, 0.4, 0.2, 0.3]) == [0, 1, 2, 3]
    assert kept(TopK(99), [0.1, 0.4, 0.2, 0.3]) == [0, 1, 2, 3]


def test_top_k_gives_ties_at_the_boundary_to_the_lower_ids():
    assert kept(TopK(2), [0.25, 0.25, 0.25, 0.25]) == [0, 1]
    assert kept(TopK(2), [0.2, 0.4, 0.2, 0.2]) == [0, 1]
    assert kept(TopK(3), [0.2, 0.2, 0.4, 0.2]) == [0, 1, 2]


@pytest.mark.parametrize("vocab", [5, 40, 300, 5000])
def test_top_k_keeps_exactly_k_of_any_ties_in_any_size(vocab):
    # Sorting networks switch algorithm with size; the rule for ties may not.
    logits = torch.randint(0, 4, (3, vocab), generator=torch.Generator().manual_seed(vocab)).float()
    for k in (1, 2, vocab // 2, vocab - 1):
        result = TopK(k)(torch.empty(3, 0, dtype=torch.long), logits) > -INF
        for row, marks in zip(logits.tolist(), result, strict=True):
            wanted = sorted(range(vocab), key=lambda i: (-row[i], i))[:k]
            assert marks.nonzero().flatten().tolist() == sorted(wanted)


def test_top_k_beyond_the_possible_tokens_keeps_just_those():
    assert apply(TopK(3), [1.0, -INF, -INF, 0.0]).tolist() == [[1.0, -INF, -INF, 0.0]]


# Top-p


def test_top_p_keeps_the_smallest_sufficient_set():
    probs = [0.1, 0.4, 0.2, 0.3]
    for p, wanted in [
        (1e-9, [1]), (0.39, [1]), (0.4, [1]), (0.41, [1, 3]), (0.7, [1, 3]), (0.71, [1, 2, 3]),
        (0.9, [1, 2, 3]), (0.91, [0, 1, 2, 3]), (1.0, [0, 1, 2, 3]),
    ]:  # fmt: skip
        assert kept(TopP(p), probs) == wanted, p
        assert kept(TopP(p), probs, torch.float32) == wanted, p


def test_top_p_keeps_the_token_that_crosses():
    assert kept(TopP(0.5), [0.45, 0.45, 0.1]) == [0, 1]


def test_top_p_gives_ties_at_the_boundary_to_the_lower_ids():
    assert kept(TopP(0.5), [0.25, 0.25, 0.25, 0.25]) == [0, 1]
    assert kept(TopP(0.51), [0.25, 0.25, 0.25, 0.25]) == [0, 1, 2]
    assert kept(TopP(0.7), [0.2, 0.2, 0.4, 0.2]) == [0, 1, 2]


@fast
@given(rows, st.floats(0.01, 0.99))
def test_top_p_members_are_sufficient_and_none_is_superfluous(row, p):
    logits = torch.tensor([row], dtype=torch.float64)
    probs = logits.softmax(-1)[0]
    marks = (TopP(p)(NO_IDS, logits) > -INF)[0]
    members = [i for i in range(len(row)) if nucleus(logits, p)[0, i]]
    mass = float(probs[members].sum())
    assert mass >= p - 1e-11
    assert mass - float(probs[members].min()) < p
    # No outsider is more probable than a member, and of equals the lower ids are in.
    ranking = sorted(range(len(row)), key=lambda i: (-float(probs[i]), i))
    assert sorted(ranking[: len(members)]) == members
    assert marks.nonzero().flatten().tolist() == [i for i in members if row[i] > -INF]


# Min-p


def test_min_p_keeps_what_is_at_least_m_times_the_most_probable():
    probs = [0.05, 0.5, 0.1, 0.35]
    for m, wanted in [
        (0, [0, 1, 2, 3]), (0.09, [0, 1, 2, 3]), (0.11, [1, 2, 3]), (0.19, [1, 2, 3]),
        (0.21, [1, 3]), (0.69, [1, 3]), (0.71, [1]), (1, [1]),
    ]:  # fmt: skip
        assert kept(MinP(m), probs) == wanted, m


@each_dtype
def test_min_p_keeps_a_token_exactly_at_the_bound(dtype):
    for top in range(1, 20):
        for m in range(1, 21):
            assert kept(MinP(m / 20), [top / 20, top / 20 * (m / 20)], dtype) == [0, 1], (top, m)


def test_min_p_drops_a_token_just_below_the_bound():
    for m in (0.1, 0.25, 0.9):
        assert kept(MinP(m), [0.5, 0.5 * m * (1 - 1e-5)], torch.float32) == [0]
        assert kept(MinP(m), [0.5, 0.5 * m * (1 - 1e-12)], torch.float64) == [0]


def test_min_p_of_one_keeps_all_of_the_most_probable():
    assert kept(MinP(1), [0.3, 0.1, 0.3, 0.3]) == [0, 2, 3]
    assert apply(MinP(1), [1.0, 1.0 - 1e-9]).tolist() == [[1.0, -INF]]


# Typical, epsilon, eta, top-n-sigma


def test_typical_can_remove_the_most_probable_token():
    # H = 1.03; surprisals .51, 1.61, 1.61: the two at 1.61 are .58 off, the first .52 off.
    assert kept(dl.Typical(0.5), [0.6, 0.2, 0.2]) == [0]
    # H of .94, .03, .03 is .27; .06 is .21 off, 3.51 is 3.2 off.
    assert kept(dl.Typical(0.9), [0.94, 0.03, 0.03]) == [0]
    # Many tails raise H to 2.72: tails (3.21) are .49 off, the head (1.2) is 1.51 off.
    probs = [0.3] + [0.7 / 17] * 17
    assert 0 not in kept(dl.Typical(0.6), probs)


def test_typical_keeps_the_token_that_crosses_and_nothing_after_an_exact_hit():
    uniform = [0.25] * 4
    assert kept(dl.Typical(0.5), uniform) == [0, 1]
    assert kept(dl.Typical(0.51), uniform) == [0, 1, 2]
    assert kept(dl.Typical(1), uniform) == [0, 1, 2, 3]


def test_epsilon_keeps_what_reaches_it_and_always_the_best():
    assert kept(dl.Epsilon(0.2), [0.5, 0.3, 0.2]) == [0, 1, 2]
    assert kept(dl.Epsilon(0.21), [0.5, 0.3, 0.2]) == [0, 1]
    assert kept(dl.Epsilon(0.9), [0.5, 0.3, 0.2]) == [0]


def test_eta_takes_the_root_of_epsilon_times_exp_of_minus_the_entropy():
    # H(.5, .3, .1, .1) = 1.168; sqrt(.4) * exp(-1.168) = .197 (and .353 if H were under the root).
    probs = [0.5, 0.3, 0.1, 0.1]
    assert kept(dl.Eta(0.4), probs) == [0, 1]
    # At .01 the bound is min(.01, .1 * .311) = .01, which all reach.
    assert kept(dl.Eta(0.01), probs) == [0, 1, 2, 3]
    # H = 1.04: .224 keeps all three, where .376 (H under the root) would keep the first alone.
    assert kept(dl.Eta(0.4), [0.5, 0.26, 0.24]) == [0, 1, 2]


def test_top_n_sigma_measures_in_standard_deviations_of_the_finite_logits():
    logits = torch.tensor([[4.0, 2.0, 0.0, -math.inf]], dtype=torch.float64)
    sigma = math.sqrt(8 / 3)

    def keep(n):
        return dl.TopNSigma(n)(NO_IDS, logits).isfinite()[0].tolist()

    assert keep(0) == [True, False, False, False]
    assert keep(2 / sigma + 1e-9) == [True, True, False, False]
    assert keep(2 / sigma - 1e-9) == [True, False, False, False]
    assert keep(math.inf) == [True, True, True, False]


def test_the_set_of_top_n_sigma_does_not_depend_on_temperature():
    logits = torch.randn(4, 100, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ids = torch.empty(4, 0, dtype=torch.long)
    cold = dl.TopNSigma(1.0)(ids, logits).isfinite()
    for temperature in (0.1, 3.0):
        assert torch.equal(dl.TopNSigma(1.0)(ids, logits / temperature).isfinite(), cold)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dl.Typical(0), r"typical_p must be in \(0, 1\], got 0"),
        (lambda: dl.Epsilon(1.0), r"epsilon must be in \[0, 1\), got 1.0"),
        (lambda: dl.Eta(-0.1), r"epsilon must be in \[0, 1\), got -0.1"),
        (lambda: dl.TopNSigma(-1), r"n must be a finite number of at least 0|n must be"),
    ],
)
def test_values_out_of_range_are_refused_in_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
