"""Typical, epsilon, eta, top-n-sigma, penalties and the entropy's temperatures, worked by hand."""

import math

import pytest
import torch

import decodelib as dl

NO_IDS = torch.empty(1, 0, dtype=torch.long)


def kept(processor, probs):
    logits = torch.tensor([probs], dtype=torch.float64).log()
    return (processor(NO_IDS, logits) > -math.inf).nonzero()[:, 1].tolist()


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


def test_repetition_penalty_divides_positive_and_multiplies_negative_logits():
    logits = torch.tensor([[2.0, -2.0, 1.0, -1.0]])
    result = dl.RepetitionPenalty(2.0)(torch.tensor([[0, 1, 0]]), logits)
    assert result.tolist() == [[1.0, -4.0, 1.0, -1.0]]


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("a b c a b", {"c": 2}),  # "a b" has been followed by c
        ("a b c x b", {}),  # only "b" matches: shorter than 2
        ("a b c a b c a b", {"c": 5}),  # the longest match counts
        ("a b c d a b e a b", {"c": 2, "e": 2}),
        ("a a a a", {"a": 3}),
        ("a . b c a . b", {}),  # a match does not cross the breaker
        ("a b . a b", {}),  # nor is a breaker itself penalised
        ("", {}),
    ],
)
def test_dry_finds_what_would_extend_a_repetition(text, matches):
    words = "abcdex."
    ids = [words.index(word) for word in text.split()]
    found = dl.DRY(breaker_ids=(6,)).matches(ids)
    assert {words[token]: length for token, length in found.items()} == matches


def test_dry_subtracts_multiplier_times_base_to_the_length_beyond_the_allowed():
    ids = torch.tensor([[0, 1, 2, 0, 1, 2, 0, 1]])  # a match of 5, followed by 2
    result = dl.DRY(multiplier=0.8, base=1.75, allowed_length=2)(ids, torch.zeros(1, 4))
    assert result[0].tolist() == pytest.approx([0, 0, -0.8 * 1.75**3, 0])


def test_dry_stays_finite_on_the_longest_loops():
    result = dl.DRY()(torch.zeros(1, 3000, dtype=torch.long), torch.zeros(1, 2))
    assert result.tolist() == [[-1e4, 0]]


def test_dynamic_temperature_goes_from_its_minimum_to_its_maximum_with_the_entropy():
    processor = dl.DynamicTemperature(0.5, 1.5)
    uniform = torch.tensor([[1.0, 1.0, -math.inf]])
    assert processor(NO_IDS, uniform).softmax(-1).tolist() == [[0.5, 0.5, 0]]
    probs = torch.tensor([[0.9, 0.1]], dtype=torch.float64)
    share = float(-(probs * probs.log()).sum()) / math.log(2)
    expected = (probs.log() / (0.5 + share)).softmax(-1)
    torch.testing.assert_close(processor(NO_IDS, probs.log()).softmax(-1), expected)


def xtc_set(processor, probs, step=0):
    logits = torch.tensor([probs], dtype=torch.float64).log()
    result = processor(torch.zeros(1, step, dtype=torch.long), logits)
    return (result > -math.inf).nonzero()[:, 1].tolist()


def test_xtc_removes_the_top_choices_but_the_least_likely_of_them():
    always = dl.XTC(1.0, 0.1)
    assert xtc_set(always, [0.5, 0.3, 0.15, 0.05]) == [2, 3]
    assert xtc_set(always, [0.95, 0.05]) == [0, 1]  # one top choice alone stays
    assert xtc_set(dl.XTC(1.0, 0.51), [0.5, 0.5]) == [0, 1]
    assert xtc_set(dl.XTC(0.0, 0.1), [0.5, 0.3, 0.2]) == [0, 1, 2]


def test_xtc_acts_at_the_share_of_steps_it_was_given_and_by_the_seed():
    def acts(seed, step):
        return xtc_set(dl.XTC(0.3, 0.1, seed=seed), [0.5, 0.5], step) == [0]

    pattern = [[acts(seed, step) for step in range(100)] for seed in range(20)]
    assert sum(map(sum, pattern)) / 2000 == pytest.approx(0.3, abs=0.04)
    assert [acts(3, step) for step in range(100)] == pattern[3] != pattern[4]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dl.Typical(0), r"typical_p must be in \(0, 1\], got 0"),
        (lambda: dl.Epsilon(1.0), r"epsilon must be in \[0, 1\), got 1.0"),
        (lambda: dl.Eta(-0.1), r"epsilon must be in \[0, 1\), got -0.1"),
        (lambda: dl.TopNSigma(-1), r"n must be a finite number of at least 0|n must be"),
        (lambda: dl.RepetitionPenalty(0), "repetition_penalty must be a finite number greater"),
        (lambda: dl.DRY(base=0.5), "base must be a finite number of at least 1, got 0.5"),
        (lambda: dl.DRY(allowed_length=0), "allowed_length must be at least 1, got 0"),
        (lambda: dl.XTC(1.5, 0.1), r"probability must be in \[0, 1\], got 1.5"),
        (lambda: dl.XTC(0.5, 0.0), r"threshold must be in \(0, 1\], got 0.0"),
        (lambda: dl.DynamicTemperature(0, 1), "min_temperature must be in"),
        (lambda: dl.DynamicTemperature(2, 1), "min_temperature must be in"),
        (lambda: dl.Mirostat(tau=0), "tau must be a finite number greater than 0, got 0"),
    ],
)
def test_values_out_of_range_are_refused_in_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
