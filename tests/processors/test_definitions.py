"""Each logits processor against its definition, on small rows worked out by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decodelib import EntropyTemperature, MinP, Temperature, TopK, TopP
from decodelib.distributions import entropy, nucleus

INF = math.inf
NO_IDS = torch.empty(1, 0, dtype=torch.long)
TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
each_dtype = pytest.mark.parametrize("dtype", TYPES, ids=str)

numbers = st.one_of(
    st.floats(-30, 30, width=32), st.sampled_from([-INF, 0.0, 1.0, 1e4, -1e4]), st.integers(-3, 3)
)
rows = st.lists(numbers, min_size=1, max_size=9).filter(lambda row: max(row) > -INF)
fast = settings(deadline=None, max_examples=80, derandomize=True)


def apply(processor, *rows, dtype=torch.float64):
    logits = torch.tensor(rows, dtype=dtype)
    return processor(torch.empty(len(rows), 0, dtype=torch.long), logits)


def kept(processor, probs, dtype=torch.float64):
    logits = torch.tensor([probs], dtype=torch.float64).log().to(dtype)
    return (processor(NO_IDS, logits) > -INF).nonzero()[:, 1].tolist()


# Temperature


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
