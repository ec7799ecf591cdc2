"""The laws that all logits processors obey, on adversarial rows and on random ones."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decodelib import Chain, EntropyTemperature, MinP, Temperature, TopK, TopP

INF = math.inf
NO_IDS = torch.empty(1, 0, dtype=torch.long)
TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
ALL = [
    Temperature(0.7), Temperature(1.5), Temperature(1e-300), Temperature(1e300),
    TopK(1), TopK(3), TopK(10**30), TopP(1e-12), TopP(0.5), TopP(1), MinP(0), MinP(0.3), MinP(1),
    EntropyTemperature(), EntropyTemperature((1e30,), threshold=0),
    Temperature(0.5) | TopK(5) | TopP(0.9) | MinP(0.1), Chain(),
]  # fmt: skip
TRUNCATING = [TopK(1), TopK(3), TopP(0.3), TopP(0.8), MinP(0.1), MinP(0.9), TopK(4) | MinP(0.2)]
each_processor = pytest.mark.parametrize("processor", ALL, ids=repr)
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


def adversarial(dtype=torch.float64, vocab=7):
    """Return rows with ties, ramps, extremes times 100, and all tokens but one removed."""
    ramp = torch.arange(vocab, dtype=torch.float64)
    alone = torch.full((vocab,), -INF, dtype=torch.float64)
    alone[vocab // 2] = -3.0
    holes = ramp.clone()
    holes[::2] = -INF
    random = torch.randn(vocab, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    stack = [ramp * 0, ramp, ramp.flip(0), ramp * 100, -ramp * 100, alone, holes, random, ramp // 2]
    return torch.stack(stack).to(dtype)


@each_dtype
@each_processor
def test_processors_never_change_their_input_and_keep_shape_and_dtype(processor, dtype):
    for logits in (adversarial(dtype), adversarial(dtype)[:1], adversarial(dtype)[0]):
        before, ids = logits.clone(), torch.zeros(*logits.shape[:-1], 2, dtype=torch.long)
        result = processor(ids, logits)
        assert torch.equal(logits, before)
        assert (ids == 0).all()
        assert (result.shape, result.dtype) == (logits.shape, logits.dtype)


@each_dtype
@each_processor
def test_at_least_one_token_survives_in_every_row_and_none_is_nan(processor, dtype):
    logits = adversarial(dtype)
    result = processor(torch.empty(len(logits), 0, dtype=torch.long), logits)
    assert (result > -INF).any(-1).all()
    assert not result.isnan().any()
    assert (result < INF).all()


@fast
@given(st.lists(rows, min_size=1, max_size=3))
def test_random_rows_keep_a_token_and_never_gain_one(rows):
    width = max(map(len, rows))
    logits = torch.tensor([row + [-INF] * (width - len(row)) for row in rows], dtype=torch.float32)
    for processor in ALL:
        result = processor(torch.empty(len(rows), 0, dtype=torch.long), logits)
        assert (result > -INF).any(-1).all(), processor
        assert not (result > -INF)[logits == -INF].any(), processor
        assert torch.isfinite(result.amax(-1)).all(), processor


@each_dtype
def test_neutral_settings_are_the_identity(dtype):
    logits = adversarial(dtype)
    ids = torch.empty(len(logits), 0, dtype=torch.long)
    for neutral in (Temperature(1), TopK(7), TopK(10**9), TopP(1), MinP(0), Chain()):
        assert torch.equal(neutral(ids, logits), logits), neutral
    for neutral in (TopK(1), TopP(0.01), MinP(1), Temperature(1), EntropyTemperature()):
        assert torch.equal(neutral(ids[:1], logits[:1, :1]), logits[:1, :1]), neutral


@each_dtype
@pytest.mark.parametrize("processor", TRUNCATING, ids=repr)
def test_truncating_processors_leave_the_survivors_untouched(processor, dtype):
    logits = adversarial(dtype)
    result = processor(torch.empty(len(logits), 0, dtype=torch.long), logits)
    survived = result > -INF
    assert torch.equal(result[survived], logits[survived])
    assert (result[~survived] == -INF).all()
    assert 0 < survived.sum() < survived.numel()


@pytest.mark.parametrize("processor", TRUNCATING, ids=repr)
def test_truncation_keeps_the_most_probable_token(processor):
    logits = adversarial()
    result = processor(torch.empty(len(logits), 0, dtype=torch.long), logits)
    assert torch.equal(result.argmax(-1), logits.argmax(-1))


@each_processor
def test_rows_do_not_see_each_other(processor):
    logits = adversarial(torch.float32)
    together = processor(torch.empty(len(logits), 0, dtype=torch.long), logits)
    alone = torch.cat([processor(NO_IDS, row[None]) for row in logits])
    assert torch.equal(together, alone)
    assert torch.equal(torch.stack([processor(NO_IDS[0], row) for row in logits]), alone)


@pytest.mark.parametrize(
    "members",
    [
        (Temperature(0.5), TopP(0.8)),
        (TopP(0.8), Temperature(0.5)),
        (TopK(3), Temperature(2.0), MinP(0.4)),
        (MinP(0.4), EntropyTemperature(), TopK(2), TopP(0.6)),
    ],
)
def test_a_chain_equals_its_members_applied_by_hand_in_order(members):
    logits = adversarial()
    ids = torch.empty(len(logits), 0, dtype=torch.long)
    by_hand = logits
    for member in members:
        by_hand = member(ids, by_hand)
    first, *others = members
    piped = first
    for other in others:
        piped = piped | other
    for chain in (Chain(*members), Chain(first, Chain(*others)), piped):
        assert torch.equal(chain(ids, logits), by_hand)
        assert chain == Chain(*members)


def test_the_order_of_temperature_and_top_p_matters():
    probs = [0.4, 0.3, 0.2, 0.1]
    assert kept(Temperature(0.25) | TopP(0.7), probs) == [0]
    assert kept(TopP(0.7) | Temperature(0.25), probs) == [0, 1]


def test_temperature_commutes_with_top_k_as_a_set():
    logits = adversarial(vocab=40)
    ids = torch.empty(len(logits), 0, dtype=torch.long)
    first, last = Temperature(0.37) | TopK(5), TopK(5) | Temperature(0.37)
    assert torch.equal(first(ids, logits), last(ids, logits))


@pytest.mark.parametrize("processor", [p for p in ALL if p != Chain()], ids=repr)
def test_rows_of_nan_inf_or_nothing_raise(processor):
    for bad in ([math.nan, 1.0], [INF, 1.0], [-INF, -INF]):
        with pytest.raises(ValueError, match=r"^logits must be finite, or -inf for removed tokens"):
            apply(processor, [0.0, 1.0], bad)


def test_processors_are_hashable_equal_and_readable():
    assert {Temperature(0.7), Temperature(0.7)} == {Temperature(0.7)}
    assert Temperature(0.7) != Temperature(0.8)
    assert TopP(0.5) != MinP(0.5)
    assert hash(TopK(4) | TopP(0.9)) == hash(Chain(TopK(4), TopP(0.9)))
    assert (
        repr(Temperature(0.7) | TopK(40) | MinP(0.05)) == "Temperature(0.7) | TopK(40) | MinP(0.05)"
    )
    assert repr(Chain()) == "Chain()"
    assert repr(EntropyTemperature()) == "EntropyTemperature()"
    assert repr(EntropyTemperature(threshold=1.0)) == "EntropyTemperature(threshold=1.0)"
    for processor in (*ALL, EntropyTemperature(threshold=2.0)):
        assert eval(repr(processor)) == processor


def test_processors_cannot_be_changed():
    with pytest.raises(AttributeError):
        Temperature(0.7).temperature = 0.0
    with pytest.raises(AttributeError):
        (TopK(1) | TopP(0.5)).processors = ()
