"""Entropy, varentropy, surprisal, perplexity and the nucleus, by hand and by their definitions."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decodelib import distributions as d

INF = math.inf
TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
fast = settings(deadline=None, max_examples=150, derandomize=True)
rows = st.lists(
    st.one_of(st.floats(-50, 50), st.sampled_from([-INF, -1e4, 1e4, 0.0])), min_size=1, max_size=12
).filter(lambda row: max(row) > -INF)


def logits_of(*probs: float, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.tensor(probs, dtype=torch.float64).log().to(dtype)


def test_entropy_of_a_fair_choice_of_n_is_ln_n():
    for n in (1, 2, 8, 50_257):
        assert float(d.entropy(torch.zeros(n, dtype=torch.float64))) == pytest.approx(math.log(n))


def test_entropy_and_varentropy_by_hand():
    # p = (1/2, 1/4, 1/4): surprisals (1, 2, 2) bits, mean 1.5, variance 0.25.
    logits = logits_of(0.5, 0.25, 0.25)
    bit = math.log(2)
    assert float(d.entropy(logits)) == pytest.approx(1.5 * bit, abs=1e-12)
    assert float(d.varentropy(logits)) == pytest.approx(0.25 * bit**2, abs=1e-12)


def test_varentropy_is_zero_for_uniform_and_for_certain_rows():
    for row in ([0.0] * 7, [3.0, -INF, -INF], [5.0], [2.0, 2.0, -INF]):
        assert float(d.varentropy(torch.tensor(row))) == pytest.approx(0, abs=1e-12)


def test_removed_tokens_contribute_nothing():
    padded = torch.tensor([1.0, -INF, 2.0, -INF], dtype=torch.float64)
    bare = torch.tensor([1.0, 2.0], dtype=torch.float64)
    assert torch.equal(d.entropy(padded), d.entropy(bare))
    assert torch.equal(d.varentropy(padded), d.varentropy(bare))
    assert d.log_probs(padded).tolist()[1] == -INF


@fast
@given(rows)
def test_quantities_equal_their_definitions(row):
    logits = torch.tensor(row, dtype=torch.float64)
    top = max(row)
    weights = [math.exp(x - top) for x in row]
    probs = [w / math.fsum(weights) for w in weights]
    surprisals = [-math.log(p) if p > 0 else 0.0 for p in probs]
    mean = math.fsum(p * s for p, s in zip(probs, surprisals, strict=True))
    spread = math.fsum(p * (s - mean) ** 2 for p, s in zip(probs, surprisals, strict=True))
    assert float(d.entropy(logits)) == pytest.approx(mean, abs=1e-9)
    assert float(d.varentropy(logits)) == pytest.approx(spread, abs=1e-7)
    assert d.log_probs(logits).exp().tolist() == pytest.approx(probs, abs=1e-12)


@fast
@given(rows)
def test_entropy_lies_between_zero_and_ln_v(row):
    entropy, varentropy = d.entropy_and_varentropy(torch.tensor(row))
    assert -1e-12 <= float(entropy) <= math.log(len(row)) + 1e-9
    assert float(varentropy) >= 0


def test_extreme_logits_give_finite_answers():
    logits = torch.tensor([[1e30, 0.0, -1e30], [100.0, -100.0, 0.0], [-1e30, -1e30, -1e30]])
    assert d.entropy(logits).tolist() == pytest.approx([0, 0, math.log(3)], abs=1e-6)
    assert torch.isfinite(d.varentropy(logits)).all()


@pytest.mark.parametrize("dtype", TYPES)
def test_results_are_float32_or_float64(dtype):
    logits = torch.tensor([[1.0, 2.0, 3.0]], dtype=dtype)
    wanted = torch.float64 if dtype == torch.float64 else torch.float32
    for result in (d.log_probs(logits), d.entropy(logits), d.varentropy(logits)):
        assert result.dtype == wanted


def test_functions_take_any_leading_shape():
    logits = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    assert d.entropy(logits).shape == (2, 3)
    assert d.nucleus(logits, 0.5).shape == (2, 3, 5)
    assert torch.equal(d.entropy(logits)[1, 2], d.entropy(logits[1, 2]))


def test_surprisal_is_minus_the_log_probability_of_the_token():
    logits = logits_of(0.5, 0.3, 0.2).expand(3, 3)
    assert d.surprisal(logits, torch.arange(3)).tolist() == pytest.approx(
        [-math.log(0.5), -math.log(0.3), -math.log(0.2)]
    )


def test_perplexity_of_n_equal_choices_is_n():
    assert d.perplexity([-math.log(7)] * 5) == pytest.approx(7)
    assert d.perplexity([0.0, 0.0]) == 1
    assert d.perplexity(torch.tensor([math.log(0.5), math.log(0.125)])) == pytest.approx(4)
    assert d.perplexity([-1.0, -INF]) == INF


@pytest.fixture(params=[0, 1000], ids=["a short row", "a long row"])
def filled_up(request):
    """Fill a row up with impossible tokens: long rows are looked at in another way."""
    return lambda logits: torch.nn.functional.pad(logits, (0, request.param), value=-INF)


def test_nucleus_is_the_smallest_sufficient_set_by_hand(filled_up):
    logits = filled_up(logits_of(0.1, 0.5, 0.15, 0.25))
    for top_p, members in [
        (0.01, [1]),
        (0.5, [1]),
        (0.5001, [1, 3]),
        (0.75, [1, 3]),
        (0.7501, [1, 2, 3]),
        (0.9, [1, 2, 3]),
        (0.9001, [0, 1, 2, 3]),
        (1, list(range(len(logits)))),
    ]:
        assert d.nucleus(logits, top_p).nonzero().flatten().tolist() == members, top_p
        assert int(d.nucleus_size(logits, top_p)) == len(members)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_mass_that_equals_top_p_adds_no_token(dtype, filled_up):
    # In binary none of these sums is exact; the nucleus must not hang on the last digit.
    for probs in [
        (0.5, 0.3, 0.2),
        (0.4, 0.3, 0.2, 0.1),
        (0.6, 0.1, 0.1, 0.1, 0.1),
        (0.7, 0.2, 0.1),
    ]:
        logits = filled_up(logits_of(*probs, dtype=dtype))
        for count in range(1, len(probs)):
            assert int(d.nucleus_size(logits, round(sum(probs[:count]), 10))) == count, probs


def test_ties_at_the_nucleus_boundary_go_to_the_lower_ids(filled_up):
    logits = filled_up(logits_of(0.2, 0.2, 0.2, 0.2, 0.2))
    assert d.nucleus(logits, 0.5)[:5].tolist() == [True, True, True, False, False]
    logits = filled_up(logits_of(0.15, 0.4, 0.15, 0.15, 0.15))
    assert d.nucleus(logits, 0.6)[:5].tolist() == [True, True, True, False, False]


def test_at_top_p_one_even_impossible_tokens_belong():
    assert d.nucleus(torch.tensor([0.0, -INF, -200.0]), 1).all()


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ([[0.0, math.nan]], "NaN in row 0"),
        ([[0.0, 1.0], [-INF, -INF]], "every token at -inf in row 1"),
        ([[0.0, INF]], "\\+inf in row 0"),
        ([[0.0, 0.0], [0.0, 0.0], [math.nan, -INF]], "NaN in row 2"),
    ],
)
@pytest.mark.parametrize("function", [d.check_logits, d.log_probs, d.entropy, d.varentropy])
def test_bad_rows_raise_and_are_named(function, row, what):
    with pytest.raises(ValueError, match=f"^logits must be finite, .*, got {what}$"):
        function(torch.tensor(row))


def test_perplexity_refuses_what_is_no_log_probability():
    with pytest.raises(ValueError, match="at least one token, got none"):
        d.perplexity([])
    with pytest.raises(ValueError, match=r"at most 0, got 0\.5"):
        d.perplexity([-1.0, 0.5])
    with pytest.raises(ValueError, match="at most 0, got nan"):
        d.perplexity([-1.0, math.nan])


def test_nucleus_refuses_a_top_p_outside_its_range():
    for top_p in (0, -0.1, 1.5, math.nan):
        with pytest.raises(ValueError, match=r"^top_p must be in \(0, 1\], got"):
            d.nucleus(torch.zeros(3), top_p)
