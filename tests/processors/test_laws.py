"""The laws that all logits processors obey, on adversarial rows and on random ones."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import decodelib
from decodelib import (  # fmt: skip
    DRY,
    XTC,
    Chain,
    DynamicTemperature,
    EntropyTemperature,
    Epsilon,
    Eta,
    FrequencyPenalty,
    GreenListWatermark,
    GumbelWatermark,
    LogitBias,
    MinP,
    Mirostat,
    NoRepeatNGram,
    PLess,
    PresencePenalty,
    RepetitionPenalty,
    SuppressTokens,
    Temperature,
    TopH,
    TopK,
    TopNSigma,
    TopP,
    TournamentWatermark,
    Typical,
)
from decodelib.processors.base import Processor
from tests.helpers.small_rows import INF, NO_IDS, apply, each_dtype, kept

ALL = [
    Temperature(0.7), Temperature(1.5), Temperature(1e-300), Temperature(1e300),
    TopK(1), TopK(3), TopK(10**30), TopP(1e-12), TopP(0.5), TopP(1), MinP(0), MinP(0.3), MinP(1),
    EntropyTemperature(), EntropyTemperature((1e30,), threshold=0),
    DynamicTemperature(0.5, 1.5), DynamicTemperature(1e-300, 1e300, 0.3), DynamicTemperature(2, 2),
    Typical(1e-12), Typical(0.5), Typical(1), Epsilon(0), Epsilon(1e-300), Epsilon(0.3),
    Eta(0), Eta(1e-300), Eta(0.3), TopNSigma(0), TopNSigma(1), TopNSigma(1e300), TopNSigma(INF),
    RepetitionPenalty(1.2), RepetitionPenalty(1e-300), RepetitionPenalty(1e300),
    DRY(), DRY(1e300, allowed_length=1), DRY(breaker_ids=(3,)),
    XTC(1, 0.1), XTC(1, 0.5), XTC(1, 1e-300), XTC(0.5, 0.1, seed=3), XTC(1, 0.1, 0, (0,)),
    PresencePenalty(0.5), PresencePenalty(-1e300), FrequencyPenalty(0.5), FrequencyPenalty(1e300),
    PresencePenalty(10**30), FrequencyPenalty(-10**30), TopNSigma(10**30), LogitBias({0: 10**30}),
    FrequencyPenalty(0.5, window=2), RepetitionPenalty(1.5, window=1), DRY(window=4, skip=1),
    LogitBias({0: 2.0, (0, 0): -1e300}), SuppressTokens([0]), SuppressTokens([0, (0, 0)]),
    NoRepeatNGram(1), NoRepeatNGram(2), NoRepeatNGram(3, skip=1),
    GreenListWatermark(), GreenListWatermark(gamma=0.5, delta=1e300), GumbelWatermark(),
    GumbelWatermark(context_width=1), TournamentWatermark(), TournamentWatermark(3, 2, 1),
    TopH(1e-12), TopH(0.4), TopH(0.9), TopH(1), PLess(), DynamicTemperature(1, 10**30, 10**30),
    TopP(0.1, 3), MinP(0.9, 3), Typical(0.1, 3), Epsilon(0.9, 3), Eta(0.9, 3), TopP(0.1, 10**9),
    Temperature(0.5) | TopK(5) | TopP(0.9) | MinP(0.1), Chain(),
    RepetitionPenalty(1.3) | DRY() | TopNSigma(2) | Typical(0.9) | XTC(1, 0.1) | Epsilon(0.01),
]  # fmt: skip
NEUTRAL = [
    Temperature(1), TopK(7), TopK(10**9), TopP(1), MinP(0), Typical(1), Epsilon(0), Eta(0),
    TopNSigma(INF), RepetitionPenalty(1), DRY(0), DRY(allowed_length=99), XTC(0, 0.1), XTC(1, 0.51),
    DynamicTemperature(1, 1), EntropyTemperature((1.0,)), Chain(), TopH(1), PresencePenalty(0),
    FrequencyPenalty(0), LogitBias({}), LogitBias({0: 0}), SuppressTokens([]), NoRepeatNGram(9),
    GreenListWatermark(delta=0),
]  # fmt: skip
ALONE = [
    *NEUTRAL, TopK(1), TopP(0.01), MinP(1), Typical(0.01), Epsilon(0.99), Eta(0.99), TopNSigma(0),
    XTC(1, 0.1), EntropyTemperature(), DynamicTemperature(0.5, 1.5), TopH(0.01), PLess(),
    SuppressTokens([0]), NoRepeatNGram(1),
]  # fmt: skip
KEEP_THE_BEST = [
    TopK(1), TopK(3), TopP(0.3), TopP(0.8), MinP(0.1), MinP(0.9), TopK(4) | MinP(0.2),
    Epsilon(0.2), Eta(0.4), TopNSigma(0), TopNSigma(1), TopH(0.1), TopH(0.7), PLess(),
]  # fmt: skip
TRUNCATING = [
    *KEEP_THE_BEST, SuppressTokens([1, (0, 3)]), NoRepeatNGram(2), Typical(0.2), Typical(0.6),
    XTC(1, 0.1), XTC(1, 0.01),
]  # fmt: skip
each_processor = pytest.mark.parametrize("processor", ALL, ids=repr)

numbers = st.one_of(
    st.floats(-30, 30, width=32), st.sampled_from([-INF, 0.0, 1.0, 1e4, -1e4]), st.integers(-3, 3)
)
rows = st.lists(numbers, min_size=1, max_size=9).filter(lambda row: max(row) > -INF)
fast = settings(deadline=None, max_examples=80, derandomize=True)


def ids_for(logits):
    """Return token ids that repeat themselves, so that the processors that look back have work."""
    pattern = torch.tensor([0, 3, 1, 0, 3]) % logits.shape[-1]
    return pattern.expand(*logits.shape[:-1], -1).clone()


def adversarial(dtype=torch.float64, vocab=7):
    """Return rows with ties, ramps, extremes of the type, and all tokens but one removed."""
    ramp = torch.arange(vocab, dtype=torch.float64)
    alone = torch.full((vocab,), -INF, dtype=torch.float64)
    alone[vocab // 2] = -3.0
    holes = ramp.clone()
    holes[1::2] = -INF
    random = torch.randn(vocab, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    stack = [ramp * 0, ramp, ramp.flip(0), ramp * 100, -ramp * 100, alone, holes, random, ramp // 2]
    edge = torch.full((3, vocab), torch.finfo(dtype).max, dtype=dtype)
    edge[0, 2:] = -edge[0, 2:]
    edge[1] *= -1
    edge[2, 1:] = 0.0
    return torch.cat([torch.stack(stack).to(dtype), edge])


@each_dtype
@each_processor
def test_processors_never_change_their_input_and_keep_shape_and_dtype(processor, dtype):
    for logits in (adversarial(dtype), adversarial(dtype)[:1], adversarial(dtype)[0]):
        before, ids = logits.clone(), ids_for(logits)
        result = processor(ids, logits)
        assert torch.equal(logits, before)
        assert torch.equal(ids, ids_for(logits))
        assert (result.shape, result.dtype) == (logits.shape, logits.dtype)


@each_dtype
@each_processor
def test_at_least_one_token_survives_in_every_row_and_none_is_nan(processor, dtype):
    for logits in (adversarial(dtype), adversarial(dtype, vocab=1)):
        result = processor(ids_for(logits), logits)
        assert (result > -INF).any(-1).all()
        assert not result.isnan().any()
        assert (result < INF).all()
        assert (result[logits == -INF] == -INF).all()


@each_processor
def test_no_tokens_so_far_and_no_rows_are_fine(processor):
    logits = adversarial()
    assert processor(torch.empty(len(logits), 0, dtype=torch.long), logits).shape == logits.shape
    assert processor(torch.empty(0, 3, dtype=torch.long), logits[:0]).shape == (0, 7)


@fast
@given(st.lists(rows, min_size=1, max_size=3))
def test_random_rows_keep_a_token_and_never_gain_one(rows):
    width = max(map(len, rows))
    logits = torch.tensor([row + [-INF] * (width - len(row)) for row in rows], dtype=torch.float32)
    for processor in ALL:
        result = processor(ids_for(logits), logits)
        assert (result > -INF).any(-1).all(), processor
        assert not (result > -INF)[logits == -INF].any(), processor
        assert torch.isfinite(result.amax(-1)).all(), processor


@each_dtype
def test_neutral_settings_are_the_identity(dtype):
    logits = adversarial(dtype)
    for neutral in NEUTRAL:
        assert torch.equal(neutral(ids_for(logits), logits), logits), neutral


@each_dtype
def test_a_vocabulary_of_one_token_has_nothing_to_truncate(dtype):
    logits = adversarial(dtype, vocab=1)
    for processor in ALONE:
        assert torch.equal(processor(ids_for(logits), logits), logits), processor


def test_the_laws_are_held_to_every_processor_there_is():
    covered = {type(member) for p in ALL for member in (p, *getattr(p, "processors", ()))}
    public = {getattr(decodelib, name) for name in decodelib.__all__}
    processors = {item for item in public if isinstance(item, type) and issubclass(item, Processor)}
    # By itself Mirostat has no sequence: its laws are below. A constraint is of one vocabulary, and
    # tests/processors/test_constraint.py holds it to the laws.
    assert processors - covered == {Mirostat, decodelib.Constraint}


@each_dtype
@pytest.mark.parametrize("processor", TRUNCATING, ids=repr)
def test_truncating_processors_leave_the_survivors_untouched(processor, dtype):
    logits = adversarial(dtype)
    result = processor(ids_for(logits), logits)
    survived = result > -INF
    assert torch.equal(result[survived], logits[survived])
    assert (result[~survived] == -INF).all()
    assert 0 < survived.sum() < survived.numel()


@pytest.mark.parametrize("processor", KEEP_THE_BEST, ids=repr)
def test_truncation_keeps_the_most_probable_token(processor):
    logits = adversarial()
    result = processor(torch.empty(len(logits), 0, dtype=torch.long), logits)
    assert torch.equal(result.argmax(-1), logits.argmax(-1))


@each_processor
def test_rows_do_not_see_each_other(processor):
    logits = adversarial(torch.float32)
    ids = ids_for(logits)
    together = processor(ids, logits)
    alone = torch.cat([processor(ids[:1], row[None]) for row in logits])
    assert torch.equal(together, alone)
    assert torch.equal(torch.stack([processor(ids[0], row) for row in logits]), alone)


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


@pytest.mark.parametrize("processor", [p for p in ALL if p != Chain()], ids=repr)
def test_rows_of_nan_inf_or_nothing_raise(processor):
    for bad in ([math.nan, 1.0], [INF, 1.0], [-INF, -INF]):
        with pytest.raises(ValueError, match=r"^logits must be finite, or -inf for removed tokens"):
            apply(processor, [0.0, 1.0], bad)


@each_dtype
def test_mirostat_bound_to_a_sequence_obeys_the_laws_of_truncation(dtype):
    for row in adversarial(dtype):
        bound, ids = Mirostat(tau=0.5, eta=3.0).for_sequence(0), torch.zeros(1, 1, dtype=torch.long)
        best = torch.tensor([[int(row.argmax())]])
        for _ in range(5):  # mu moves up as the best tokens turn out to be likely
            before = row.clone()[None]
            result = bound(ids, before)
            assert torch.equal(before[0], row)
            assert (result.shape, result.dtype) == (before.shape, dtype)
            survived = result > -INF
            assert bool(survived.gather(-1, best))
            assert torch.equal(result[survived], before[survived])
            ids = torch.cat([ids, best], -1)
    with pytest.raises(TypeError, match="Mirostat needs a sequence to follow"):
        Mirostat()(ids, before)
    for bad in ([math.nan, 1.0], [INF, 1.0], [-INF, -INF]):
        with pytest.raises(ValueError, match=r"^logits must be finite, or -inf for removed tokens"):
            Mirostat().for_sequence(0)(ids, torch.tensor([bad]))


@each_dtype
def test_a_bound_that_is_hit_exactly_is_reached_in_every_precision(dtype):
    halves = [0.5, 0.25, 0.125, 0.125]
    assert kept(Epsilon(0.125), halves, dtype) == [0, 1, 2, 3]
    assert kept(Epsilon(1e-8), [0.5, 0.5 - 1e-8, 1e-8], dtype) == [0, 1, 2]
    assert kept(MinP(0.25), halves, dtype) == [0, 1, 2, 3]
    assert kept(Mirostat(1.0).for_sequence(0), halves, dtype) == [0, 1]
    assert kept(Mirostat(1.0).for_sequence(0), [0.5, 0.3, 0.2], dtype) == [0, 1]  # bits, not nats
    assert kept(XTC(1, 0.5), [0.5, 0.5], dtype) == [0]
    assert kept(XTC(1, 0.1), [0.4, 0.3, 0.2, 0.1], dtype) == [3]
    for pair in ([0.9, 0.1], [0.3, 0.7], [1 - 1e-8, 1e-8]):  # their sigma is half their distance
        assert kept(TopNSigma(2), pair, dtype) == [0, 1]
        assert len(kept(TopNSigma(1.9), pair, dtype)) == 1


def test_a_cutoff_below_the_smallest_half_is_still_a_cutoff():
    logits = torch.tensor([[0.0, -12.0, -24.0]], dtype=torch.float16)  # p = 1, 6e-6, 4e-11
    assert (Epsilon(1e-8)(NO_IDS, logits) > -INF).tolist() == [[True, True, False]]


def test_processors_are_hashable_equal_and_readable():
    assert {Temperature(0.7), Temperature(0.7)} == {Temperature(0.7)}
    assert Temperature(0.7) != Temperature(0.8)
    assert TopP(0.5) != MinP(0.5)
    assert hash(TopK(4) | TopP(0.9)) == hash(Chain(TopK(4), TopP(0.9)))
    assert repr(Temperature(0.7) | TopK(40)) == "Temperature(0.7) | TopK(40)"
    assert repr(Chain()) == "Chain()"
    assert repr(EntropyTemperature()) == "EntropyTemperature()"
    assert repr(EntropyTemperature(threshold=1.0)) == "EntropyTemperature(threshold=1.0)"
    for processor in (*ALL, EntropyTemperature(threshold=2.0)):
        assert eval(repr(processor), vars(decodelib) | {"inf": INF}) == processor


def test_processors_cannot_be_changed():
    with pytest.raises(AttributeError):
        Temperature(0.7).temperature = 0.0
    with pytest.raises(AttributeError):
        (TopK(1) | TopP(0.5)).processors = ()
