"""Top-H and p-less on rows worked out by hand, and the least number of tokens to keep."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import TopHLogitsWarper

import decodelib as dl
from decodelib.models.toy import PROBS
from tests.helpers.small_rows import NO_IDS, kept

INF = math.inf


def entropy_of(probs):
    total = math.fsum(probs)
    return -math.fsum(p / total * math.log(p / total) for p in probs if p > 0)


@pytest.mark.parametrize(
    ("top_h", "count"),
    [(0.1, 1), (0.35, 1), (0.4, 2), (0.5, 2), (0.6, 3), (0.7, 3), (0.8, 4), (0.9, 5), (1, 8)],
)
def test_top_h_keeps_the_longest_prefix_of_small_enough_entropy(top_h, count):
    bound = top_h * entropy_of(PROBS)
    assert count == 1 or entropy_of(PROBS[:count]) <= bound + 1e-12
    assert count == 8 or entropy_of(PROBS[: count + 1]) > bound
    assert kept(dl.TopH(top_h), list(PROBS)) == list(range(count))


def test_top_h_of_transformers_sums_without_renormalising():
    """Both cite one paper. The set of transformers is that of a sum over unnormalised terms."""
    logits = torch.tensor([PROBS], dtype=torch.float64).log()
    for top_h, ours, theirs in ((0.4, 2, 1), (0.7, 3, 4), (0.9, 5, 6)):
        assert int((dl.TopH(top_h)(NO_IDS, logits) > -INF).sum()) == ours
        assert int((TopHLogitsWarper(top_h)(NO_IDS, logits) > -INF).sum()) == theirs


def test_top_h_gives_ties_to_the_lower_ids():
    # The entropy of n equals is ln n: of eight, half of ln 8 is reached by two of them.
    assert kept(dl.TopH(0.5), [0.125] * 8) == [0, 1]
    assert kept(dl.TopH(2 / 3), [0.125] * 8) == [0, 1, 2, 3]  # ln 4 = 2/3 ln 8


rows = st.lists(st.floats(-8, 8), min_size=1, max_size=9)


@settings(deadline=None, max_examples=150, derandomize=True)
@given(rows, st.floats(0.01, 0.99))
def test_top_h_adds_tokens_as_long_as_their_entropy_allows(row, top_h):
    logits = torch.tensor([row], dtype=torch.float64)
    probs = logits.softmax(-1)[0].tolist()
    ranked = sorted(range(len(row)), key=lambda i: (-row[i], i))
    bound = top_h * entropy_of(probs)
    entropies = [entropy_of([probs[i] for i in ranked[: n + 1]]) for n in range(len(row))]
    assert all(b >= a - 1e-12 for a, b in itertools.pairwise(entropies))
    survived = (dl.TopH(top_h)(NO_IDS, logits) > -INF)[0].nonzero()[:, 0].tolist()
    count = len(survived)
    assert sorted(ranked[:count]) == survived
    assert count == 1 or entropies[count - 1] <= bound + 1e-9
    assert count == len(row) or entropies[count] >= bound - 1e-9


def test_p_less_keeps_what_reaches_the_probability_that_two_draws_agree():
    assert kept(dl.PLess(), [0.4, 0.3, 0.2, 0.1]) == [0, 1]  # .16 + .09 + .04 + .01 = .3, a hit
    assert kept(dl.PLess(), [0.5, 0.3, 0.2]) == [0]  # .38
    assert kept(dl.PLess(), [0.25] * 4) == [0, 1, 2, 3]
    assert kept(dl.PLess(), [0.9, 0.1]) == [0]
    assert kept(dl.PLess(), list(PROBS)) == [0]  # .2426


@pytest.mark.parametrize(
    "make", [dl.TopP, dl.MinP, dl.Epsilon, dl.Eta, dl.Typical], ids=lambda kind: kind.__name__
)
def test_a_truncation_keeps_at_least_so_many_tokens(make):
    probs = [0.1, 0.6, 0.2, 0.06, 0.04]
    strict = 1.0 if make is dl.MinP else 0.99 if make in (dl.Epsilon, dl.Eta) else 0.01
    assert len(kept(make(strict), probs)) == 1
    for count in (2, 3, 5, 99):
        members = kept(make(strict, min_tokens_to_keep=count), probs)
        assert len(members) == min(count, 5)
        if make is not dl.Typical:
            assert members == sorted([1, 2, 0, 3, 4][:count])
    assert kept(make(strict, 3), [0.2] * 5) in ([0, 1, 2], [0, 1, 2, 3, 4])
    with pytest.raises(ValueError, match="min_tokens_to_keep must be at least 1, got 0"):
        make(0.5, 0)


def test_a_long_row_keeps_at_least_so_many_tokens():
    logits = torch.zeros(1, 3000)
    logits[0, 77] = 50.0
    for processor in (dl.TopP(0.5, 3), dl.MinP(0.5, 3), dl.Epsilon(0.5, 3), dl.Typical(0.5, 3)):
        result = processor(torch.zeros(1, 1, dtype=torch.long), logits)
        assert (result > -INF).nonzero()[:, 1].tolist() == [0, 1, 77]
