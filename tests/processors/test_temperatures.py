"""What each temperature makes of small rows worked out by hand."""

import math

import pytest
import torch

import decodelib as dl
from decodelib import EntropyTemperature, Temperature, TopK, TopP
from decodelib.distributions import entropy
from tests.helpers.small_rows import INF, NO_IDS, apply, each_dtype, kept


def test_temperature_divides_the_logits():
    assert apply(Temperature(2), [1.0, -4.0, 0.0, -INF]).tolist() == [[0.5, -2.0, 0.0, -INF]]
    assert apply(Temperature(0.5), [1.0, -4.0, 0.0]).tolist() == [[2.0, -8.0, 0.0]]


def test_temperature_raises_probabilities_to_the_power_of_its_inverse():
    probs = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    for t in (0.25, 0.7, 1.0, 3.0):
        powers = probs ** (1 / t)
        result = Temperature(t)(NO_IDS, probs.log()[None]).softmax(-1)[0]
        assert torch.allclose(result, powers / powers.sum(), atol=1e-12)


@each_dtype
@pytest.mark.parametrize("t", [1e-1, 1e-3, 1e-6, 1e-30, 1e-300])
def test_temperature_towards_zero_is_greedy(t, dtype):
    # Maxima that lead by at least 100 t, where the limit has been reached for all purposes.
    logits = torch.tensor([[10.0, 30.0, -5.0], [-90.0, -40.0, -20.0], [6e4, 0.0, -6e4]]).to(dtype)
    probs = Temperature(t)(torch.empty(3, 0, dtype=torch.long), logits).double().softmax(-1)
    assert probs.argmax(-1).tolist() == [1, 2, 0]
    assert (probs.amax(-1) > 1 - 1e-12).all()


@each_dtype
def test_temperature_towards_infinity_is_uniform_over_what_is_left(dtype):
    result = apply(Temperature(1e300), [3.0, -2.0, -INF, 8.0], dtype=dtype).double().softmax(-1)
    assert result.tolist() == [pytest.approx([1 / 3, 1 / 3, 0, 1 / 3])]


@each_dtype
def test_the_largest_logits_survive_the_smallest_temperature(dtype):
    largest = torch.finfo(dtype).max
    row = [largest, largest, 0.0, -largest]
    assert apply(Temperature(0.1), row, dtype=dtype).double().softmax(-1).tolist() == [
        [0.5, 0.5, 0, 0]
    ]
    lowest = [-largest, -largest, -INF]
    assert apply(Temperature(0.1), lowest, dtype=dtype).double().softmax(-1).tolist() == [
        [0.5, 0.5, 0]
    ]


def test_an_extreme_row_changes_nothing_in_its_neighbours():
    row = [1.0, 2.5, -3.3]
    both = apply(Temperature(0.3), row, [3e38, 0.0, -3e38], dtype=torch.float32)
    assert torch.equal(both[:1], apply(Temperature(0.3), row, dtype=torch.float32))


# Entropy temperature

COEFFICIENTS = [-0.037, 0.481, -2.3, 4.917, -1.791]


def test_entropy_temperature_multiplies_by_the_published_polynomial():
    for n in (3, 10, 80, 300):
        logits = torch.zeros(1, n, dtype=torch.float64)
        logits[0, 0] = 0.5
        nats = float(entropy(logits))
        beta = sum(c * nats**power for power, c in zip(range(4, -1, -1), COEFFICIENTS, strict=True))
        assert beta > 1
        assert torch.allclose(EntropyTemperature()(NO_IDS, logits), logits * beta, atol=1e-12)


def test_entropy_temperature_is_neutral_where_its_docstring_says():
    beta = EntropyTemperature().beta
    nats = torch.linspace(0, 11, 11_001, dtype=torch.float64)
    active = nats[beta(nats) > 1]
    assert float(active.min()) == pytest.approx(0.849, abs=1.5e-3)
    assert float(active.max()) == pytest.approx(5.945, abs=1.5e-3)
    assert float(beta(nats).max()) == pytest.approx(2.421, abs=5e-4)
    assert float(nats[beta(nats).argmax()]) == pytest.approx(4.412, abs=2e-3)
    assert (beta(nats) >= 1).all()


def test_entropy_temperature_never_flattens():
    for seed in range(20):
        logits = 4 * torch.randn(1, 60, generator=torch.Generator().manual_seed(seed))
        assert entropy(EntropyTemperature()(NO_IDS, logits)) <= entropy(logits) + 1e-6


# Dynamic temperature


def test_dynamic_temperature_goes_from_its_minimum_to_its_maximum_with_the_entropy():
    processor = dl.DynamicTemperature(0.5, 1.5)
    uniform = torch.tensor([[1.0, 1.0, -math.inf]])
    assert processor(NO_IDS, uniform).softmax(-1).tolist() == [[0.5, 0.5, 0]]
    probs = torch.tensor([[0.9, 0.1]], dtype=torch.float64)
    share = float(-(probs * probs.log()).sum()) / math.log(2)
    expected = (probs.log() / (0.5 + share)).softmax(-1)
    torch.testing.assert_close(processor(NO_IDS, probs.log()).softmax(-1), expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dl.DynamicTemperature(0, 1), "min_temperature must be in"),
        (lambda: dl.DynamicTemperature(2, 1), "min_temperature must be in"),
    ],
)
def test_values_out_of_range_are_refused_in_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_order_of_temperature_and_top_p_matters():
    probs = [0.4, 0.3, 0.2, 0.1]
    assert kept(Temperature(0.25) | TopP(0.7), probs) == [0]
    assert kept(TopP(0.7) | Temperature(0.25), probs) == [0, 1]


def test_temperature_commutes_with_top_k_as_a_set():
    ramp = torch.arange(40.0)
    logits = torch.stack([ramp * 0, ramp, ramp.flip(0) * 100, ramp // 2])
    ids = torch.empty(len(logits), 0, dtype=torch.long)
    first, last = Temperature(0.37) | TopK(5), TopK(5) | Temperature(0.37)
    assert torch.equal(first(ids, logits), last(ids, logits))
