"""Draws follow the probabilities, come from their own seed alone, and never pick the impossible."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

import decodelib as dl
from decodelib.decoding.samplers import _draw, argmax, fetch, log_probs_of, sample, uniforms
from decodelib.distributions import with_late_checks
from decodelib.kernels.seeds import seeded
from tests.helpers.pretend_device import Factories, OnDevice

INF = math.inf
DRAWS = 20_000
PROBS = [0.02, 0.4, 0.001, 0.25, 0.05, 0.199, 0.08]
PROCESSORS = [
    [],
    [dl.Temperature(0.5)],
    [dl.Temperature(2.0)],
    [dl.TopK(3)],
    [dl.TopP(0.8)],
    [dl.MinP(0.15)],
    [dl.EntropyTemperature()],
    [dl.Temperature(1.5), dl.TopK(6), dl.TopP(0.95), dl.MinP(0.05)],
]


def pretended(logits):
    return logits.as_subclass(OnDevice)


def chosen(logits, allowed, draws):
    """Token ids and logprobs on the host, as a search finds them."""

    def compute():
        ids = argmax(allowed) if draws is None else sample(allowed, draws)
        return fetch(ids, log_probs_of(logits, ids), checked=(logits, allowed))

    return with_late_checks(logits.device, compute)


def u(*values):
    return torch.tensor(values, dtype=torch.float64)


def fits(counts, probs):
    """Assert by chi-square that counts came from these probabilities; seeds are fixed."""
    assert all(count == 0 for count, p in zip(counts, probs, strict=True) if p == 0)
    possible = [(count, p) for count, p in zip(counts, probs, strict=True) if p > 0]
    observed, expected = zip(*((c, p * sum(counts)) for c, p in possible), strict=True)
    if len(possible) > 1:
        assert chisquare(observed, expected).pvalue > 1e-3


def test_sample_inverts_the_cumulative_distribution():
    # Intervals: [0, .2) [.2, .5) [.5, 1); token 2 has no probability and no interval.
    logits = torch.tensor([[0.2, 0.3, 0.0, 0.5]], dtype=torch.float64).log()
    cuts = {0.0: 0, 0.1999: 0, 0.2001: 1, 0.4999: 1, 0.5001: 3, 1 - 2**-53: 3}
    for uniform, token in cuts.items():
        assert sample(logits, u(uniform)).tolist() == [token], uniform


@pytest.mark.parametrize("vocab", [4, 1024])
def test_where_one_interval_ends_the_next_begins(vocab):
    logits = torch.zeros(1, vocab)  # so that all ends are exact
    assert sample(logits, u(0.5)).tolist() == [vocab // 2]
    assert sample(logits, u(0.5 - 2**-53)).tolist() == [vocab // 2 - 1]


def test_sample_at_the_edges_never_picks_an_impossible_token():
    logits = torch.tensor([[-INF, 0.0, -INF, 0.0, -INF]])
    assert sample(logits, u(0.0)).tolist() == [1]
    assert sample(logits, u(1 - 2**-53)).tolist() == [3]
    assert sample(logits, u(0.5)).tolist() == [3]
    alone = torch.full((1, 9), -INF)
    alone[0, 4] = -700.0
    for uniform in (0.0, 0.3, 1 - 2**-53):
        assert sample(alone, u(uniform)).tolist() == [4]


@settings(deadline=None, max_examples=150, derandomize=True)
@given(
    st.lists(st.one_of(st.floats(-800, 800), st.just(-INF)), min_size=1, max_size=9).filter(
        lambda row: max(row) > -INF
    ),
    st.one_of(st.floats(0, 1, exclude_max=True), st.sampled_from([0.0, 1 - 2**-53, 2**-53])),
)
def test_sample_returns_a_possible_token_for_any_uniform(row, uniform):
    token = int(sample(torch.tensor([row], dtype=torch.float64), u(uniform)))
    assert row[token] > -INF


def test_sample_never_picks_an_impossible_token_where_only_single_precision_exists(monkeypatch):
    # As on Apple's GPUs: there the largest uniform rounds to 1, the end of the last interval.
    monkeypatch.setattr("decodelib.decoding.samplers.widen", lambda x: x.float())
    logits = torch.tensor([[0.0, 1.0, -INF, -INF]])
    assert _draw(logits, u(1 - 2**-53)).tolist() == [1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("vocab", [1, 3, 9, 100, 6000])
def test_draws_and_log_probs_of_a_row_are_those_it_has_alone(vocab, dtype):
    generator = seeded(vocab)
    logits = 4 * torch.randn(12, vocab, generator=generator, dtype=torch.float64)
    logits[::3, 1:] = logits[::3, 1:].where(torch.arange(1, vocab) % 50 == 7, -INF)
    logits, draws = logits.to(dtype), torch.rand(12, generator=generator, dtype=torch.float64)
    ids = sample(logits, draws)
    assert torch.equal(ids, _draw(logits, draws))
    logps = log_probs_of(logits, ids)
    for row in range(len(logits)):
        one = slice(row, row + 1)
        assert torch.equal(sample(logits[one], draws[one]), ids[one])
        assert torch.equal(log_probs_of(logits[one], ids[one]), logps[one])


def test_log_probs_are_right_where_the_logits_are_vast():
    logits = torch.tensor([[1e30, 1e30, -1e30]])
    assert float(log_probs_of(logits, torch.tensor([1]))) == pytest.approx(-math.log(2))


def test_argmax_takes_the_lowest_of_equal_ids():
    logits = torch.tensor([[1.0, 3.0, 3.0, 0.0], [-INF, -INF, -5.0, -5.0], [0.0] * 4])
    assert argmax(logits).tolist() == [1, 2, 0]
    for vocab in (100, 5000, 50_257):
        assert argmax(torch.zeros(2, vocab)).tolist() == [0, 0]


@pytest.mark.parametrize("bad", [math.nan, INF, -INF])
def test_choosing_from_a_hopeless_row_raises_and_never_gives_token_zero(bad):
    logits = torch.tensor([[0.0, 0.0], [bad, bad]])
    with pytest.raises(ValueError, match=r"^logits must be finite.*in row 1$"):
        argmax(logits)
    with pytest.raises(ValueError, match=r"^logits must be finite.*in row 1$"):
        sample(logits, u(0.5, 0.5))


def test_a_generator_is_a_function_of_its_seed():
    draws = uniforms([seeded(seed) for seed in (0, 1, 2, 0)])
    assert draws[0] == draws[3]
    assert len(set(draws[:3].tolist())) == 3
    assert ((draws >= 0) & (draws < 1)).all()


@pytest.mark.parametrize("processors", PROCESSORS, ids=repr)
def test_frequencies_match_the_processed_probabilities(processors):
    logits = torch.tensor([PROBS], dtype=torch.float64).log()
    wanted = dl.Chain(*processors)(torch.empty(1, 0).long(), logits)
    draws = torch.rand(DRAWS, generator=seeded(11), dtype=torch.float64)
    tokens = sample(wanted.expand(DRAWS, -1), draws)
    fits(tokens.bincount(minlength=len(PROBS)).tolist(), wanted.softmax(-1)[0].tolist())


@pytest.mark.parametrize("processors", PROCESSORS, ids=repr)
def test_frequencies_over_seeds_match_for_every_sampling_strategy(processors):
    # One draw from each of many seeds: seeds that follow one another must not be correlated.
    words = [f"w{i}" for i in range(len(PROBS))]
    lm = dl.TableLM({"": dict(zip(words, PROBS, strict=True))})
    count = 1000
    generations = dl.generate_batch(
        lm, [""] * count, dl.Sampling(*processors), max_new_tokens=2, seeds=range(count)
    )
    logits = torch.tensor([PROBS], dtype=torch.float64).log()
    probs = dl.Chain(*processors)(torch.empty(1, 0).long(), logits).softmax(-1)[0].tolist()
    for position in range(2):
        ids = torch.tensor([g.token_ids[position] for g in generations]) - 2  # after BOS and EOS
        fits(ids.bincount(minlength=len(PROBS)).tolist(), probs)


def test_successive_draws_of_one_sequence_are_independent():
    lm = dl.TableLM({"": {"a": 0.5, "b": 0.3, "c": 0.2}}, context_length=1001)
    ids = dl.generate(lm, "", dl.Sampling(), max_new_tokens=1000, seed=5).token_ids
    pairs = [
        3 * (first - 2) + second - 2 for first, second in zip(ids[::2], ids[1::2], strict=True)
    ]
    p = [0.5, 0.3, 0.2]
    fits([pairs.count(i) for i in range(9)], [x * y for x in p for y in p])


def test_sampling_never_touches_the_global_random_state():
    lm = dl.TableLM({"": {"a": 0.5, "b": 0.5}})
    torch.manual_seed(99)
    state = torch.get_rng_state()
    before = dl.generate(lm, "", dl.Sampling(), max_new_tokens=20, seed=3).token_ids
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(100)
    assert dl.generate(lm, "", dl.Sampling(), max_new_tokens=20, seed=3).token_ids == before
    assert dl.generate(lm, "", dl.Sampling(), max_new_tokens=20, seed=4).token_ids != before


def test_strategies_are_hashable_equal_and_readable():
    assert repr(dl.Sampling(dl.Temperature(0.7), dl.TopP(0.9))) == (
        "Sampling(Temperature(0.7), TopP(0.9))"
    )
    assert repr(dl.Sampling()) == "Sampling()"
    assert repr(dl.Greedy()) == "Greedy()"
    assert repr(dl.BeamSearch()) == "BeamSearch()"
    assert repr(dl.BeamSearch(3, early_stopping=True)) == (
        "BeamSearch(num_beams=3, early_stopping=True)"
    )
    assert repr(dl.EntropySampling(top_k=5)) == "EntropySampling(top_k=5)"
    pairs = [
        (dl.Greedy(), dl.Greedy()),
        (dl.Sampling(dl.TopK(3) | dl.TopP(0.5)), dl.Sampling(dl.TopK(3), dl.TopP(0.5))),
        (dl.BeamSearch(2, 0.5), dl.BeamSearch(num_beams=2, length_penalty=0.5)),
        (dl.EntropySampling(num_branches=2), dl.EntropySampling(num_branches=2)),
    ]
    for one, other in pairs:
        assert one == other
        assert hash(one) == hash(other)
        assert eval(repr(one), vars(dl)) == one
    assert len({one for one, _ in pairs}) == len(pairs)
    assert dl.Sampling() != dl.Greedy()
    with pytest.raises(AttributeError):
        dl.BeamSearch().num_beams = 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("draws", [None, u(0, 0.3, 0.6, 0.999)])
def test_what_a_gpu_is_asked_for_at_once_is_what_the_cpu_finds_in_turn(draws, dtype) -> None:
    logits = torch.randn(4, 50, generator=seeded(1), dtype=dtype)
    allowed = dl.TopK(7)(torch.empty(4, 0, dtype=torch.long), logits)
    expected = argmax(allowed) if draws is None else sample(allowed, draws)
    with Factories():
        on_gpu = chosen(pretended(logits), pretended(allowed), draws)
    for token_ids, logprobs in [chosen(logits, allowed, draws), on_gpu]:
        assert token_ids == expected.tolist()
        assert all(type(token_id) is int for token_id in token_ids)
        assert logprobs == pytest.approx(log_probs_of(logits, expected).tolist())


@pytest.mark.parametrize("draws", [None, u(0.5, 0.5)])
@pytest.mark.parametrize("bad", [math.nan, INF, -INF])
def test_what_comes_from_a_gpu_is_refused_as_on_the_cpu(bad, draws) -> None:
    logits = torch.tensor([[1.0, 2, 3], [bad, bad, bad]])
    with pytest.raises(ValueError, match="logits") as on_cpu:
        chosen(logits, logits, draws)
    with Factories(), pytest.raises(ValueError, match="logits") as from_gpu:
        chosen(pretended(logits), pretended(logits), draws)
    assert str(from_gpu.value) == str(on_cpu.value)
