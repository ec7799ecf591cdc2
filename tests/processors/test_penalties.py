"""What repetition costs: the penalty of the CTRL paper, and DRY."""

import pytest
import torch

import decodelib as dl


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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dl.RepetitionPenalty(0), "repetition_penalty must be a finite number greater"),
        (lambda: dl.DRY(base=0.5), "base must be a finite number of at least 1, got 0.5"),
        (lambda: dl.DRY(allowed_length=0), "allowed_length must be at least 1, got 0"),
    ],
)
def test_values_out_of_range_are_refused_in_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
