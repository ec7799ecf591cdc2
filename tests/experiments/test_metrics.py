"""Metrics against values worked out by hand."""

import math

import pytest
import torch

from decodelib import TableLM
from decodelib.experiments import metrics


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("x a b a b a b", True),
        ("x a b a b", False),  # twice is not three times
        ("a a a", False),  # a phrase has at least two tokens
        ("a a a a a a", True),  # "a a", three times
        ("a b a b a b x", False),  # it must be at the end
        ("a b c a b c a b c", True),
        ("", False),
    ],
)
def test_repetition_is_a_phrase_of_two_tokens_three_times_at_the_end(text, loops):
    assert metrics.ends_in_repetition(text.split()) is loops


def test_repetition_is_the_share_of_texts_that_loop():
    assert metrics.repetition(["ababab", "abc", "xyxyxy", "q"]) == 0.5


def test_distinct_n_counts_over_all_texts():
    # bigrams: ab ba ab | ab  -> {ab, ba} of 4
    assert metrics.distinct_n(["abab", "ab"], 2) == 0.5
    assert metrics.distinct_n(["abc"], 3) == 1.0
    with pytest.raises(ValueError, match="at least one 4-gram, got none"):
        metrics.distinct_n(["abc"], 4)


def test_self_bleu_of_equal_texts_is_one_and_of_disjoint_texts_near_zero():
    assert metrics.self_bleu(["the cat sat on the mat"] * 3) == pytest.approx(1)
    disjoint = ["a b c d e f", "g h i j k l", "m n o p q r"]
    assert metrics.self_bleu(disjoint) < 0.05
    with pytest.raises(ValueError, match="at least 2, got 1"):
        metrics.self_bleu(["alone"])


def test_self_bleu_of_one_word_changed_is_what_the_definition_gives():
    # Precisions of "a b c d" against "a b c e" are 3/4, 2/3, 1/2, and there is no brevity penalty.
    expected = (3 / 4 * 2 / 3 * 1 / 2) ** (1 / 3)
    assert metrics.self_bleu(["a b c d", "a b c e"], max_n=3) == pytest.approx(expected)


def test_zipf_exponent_of_an_exact_power_law():
    text = [rank for rank in range(1, 21) for _ in range(232_792_560 // 10**5 // rank)]
    assert metrics.zipf_exponent([text]) == pytest.approx(1, abs=0.01)
    assert metrics.zipf_exponent(["abab"]) == pytest.approx(0)


def coin(context_length=64):
    table = {"": {"h": 0.75, "t": 0.25}, "t": {"h": 0.5, "t": 0.5}}
    return TableLM(table, context_length=context_length)


def test_perplexity_is_the_inverse_geometric_mean_of_the_probabilities():
    # after h: h .75, t .25; after t: h .5
    perplexity = metrics.model_perplexity(coin(), "h h t h")
    assert perplexity == pytest.approx((0.75 * 0.25 * 0.5) ** (-1 / 3))


@pytest.mark.parametrize("stride", [1, 2, 3, None])
def test_perplexity_by_windows_counts_every_token_once(stride):
    text = "h t h h t t h t h h h"
    whole = metrics.model_perplexity(coin(), text)
    # A table that looks one token back loses nothing in windows.
    assert metrics.model_perplexity(coin(context_length=4), text, stride) == pytest.approx(whole)


def test_perplexity_refuses_what_it_cannot_measure():
    with pytest.raises(ValueError, match="at least two tokens, got 1"):
        metrics.model_perplexity(coin(), "h")
    with pytest.raises(ValueError, match=r"stride must be in \[1, 3\], got 4"):
        metrics.model_perplexity(coin(context_length=4), "h h t", 4)


def test_entropy_profile_has_the_entropy_after_each_token():
    flat, skewed = math.log(2), -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    profile = metrics.entropy_profile(coin(), "h t t")
    torch.testing.assert_close(profile, torch.tensor([skewed, flat, flat], dtype=torch.float64))
