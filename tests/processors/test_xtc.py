"""XTC removes the top choices but the least probable, at its share of the steps."""

import math

import pytest
import torch

import decodelib as dl


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
        (lambda: dl.XTC(1.5, 0.1), r"probability must be in \[0, 1\], got 1.5"),
        (lambda: dl.XTC(0.5, 0.0), r"threshold must be in \(0, 1\], got 0.0"),
    ],
)
def test_values_out_of_range_are_refused_in_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_xtc_does_nothing_where_a_protected_token_would_go():
    probs = [0.5, 0.3, 0.15, 0.05]  # the first two would go
    assert xtc_set(dl.XTC(1.0, 0.1, protected_ids=(1, 3)), probs) == [0, 1, 2, 3]
    assert xtc_set(dl.XTC(1.0, 0.1, protected_ids=(2, 3)), probs) == [2, 3]  # they stay anyway


def test_a_protected_token_saves_its_own_row_alone():
    logits = torch.tensor([[0.5, 0.3, 0.2], [0.3, 0.5, 0.2]]).log()
    result = dl.XTC(1.0, 0.25, protected_ids=(0,))(torch.zeros(2, 1, dtype=torch.long), logits)
    assert (result > -math.inf).tolist() == [[True] * 3, [True, False, True]]


def test_a_protected_id_below_zero_is_refused():
    with pytest.raises(ValueError, match="protected_ids must be at least 0, got -1"):
        dl.XTC(0.5, 0.1, protected_ids=(-1,))
