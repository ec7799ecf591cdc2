"""Rows worked on one by one give what the definitions give, on random and adversarial rows."""

import numpy as np
import pytest
import torch

from decodelib import TopK, TopP
from decodelib.decoding.samplers import sample
from decodelib.distributions import largest, nucleus, rounding
from decodelib.kernels import rows
from decodelib.processors.base import remove

END = 1024  # around this many tokens the rows below end, or a tie lies
TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
each_dtype = pytest.mark.parametrize("dtype", TYPES, ids=str)
PROBABILITIES = [1e-9, 0.1, 0.25, 0.5, 0.9, 0.99, 0.9999, 1 - 1e-6]


def nucleus_by_rows(logits, top_p):
    return rows.nucleus(logits, top_p - rounding(logits.dtype))


def long_rows(dtype):
    """Return rows whose nucleus ends before, at and after END tokens; ties there; flat; removed."""
    vocab, generator = 5 * END, torch.Generator().manual_seed(11)
    ids = torch.arange(vocab, dtype=torch.float64)
    shuffled = ids[torch.randperm(vocab, generator=generator)]
    across = torch.where((ids >= END - 7) & (ids < END + 9), 1.0, torch.where(ids < END, 2.0, 0))
    steps = torch.div(shuffled, 100, rounding_mode="floor") / -16
    removed = torch.where(shuffled < END - 1, shuffled / -700, -torch.inf)
    rows = [
        ids * 0, ids * 0 - 40, across, across.flip(0), across[shuffled.long()], steps, removed,
        shuffled / -300, shuffled / -5000, shuffled / -40,
        torch.where(ids < END, 0.0, -12.0), torch.where(ids < END + 1, 0.0, -30.0),
        torch.randn(vocab, generator=generator, dtype=torch.float64),
        torch.randn(vocab, generator=generator, dtype=torch.float64) * 4,
    ]  # fmt: skip
    return torch.stack(rows).to(dtype)


@each_dtype
@pytest.mark.parametrize("top_p", PROBABILITIES)
def test_the_nucleus_of_a_long_row_is_the_one_of_the_definition(top_p, dtype):
    logits = long_rows(dtype)
    expected = nucleus(logits, top_p)
    assert torch.equal(nucleus_by_rows(logits, top_p), expected)
    assert torch.equal(nucleus_by_rows(logits[3], top_p), expected[3])
    ids = torch.zeros(len(logits), 1, dtype=torch.long)
    assert torch.equal(TopP(top_p)(ids, logits), remove(logits, expected))


def test_little_of_a_row_is_sorted_unless_all_are_equal(monkeypatch):
    lengths, sort = [], np.sort
    monkeypatch.setattr(np, "sort", lambda row: lengths.append(len(row)) or sort(row))
    generator = torch.Generator().manual_seed(3)
    for spread in (0.5, 3, 6):
        row = spread * torch.randn(1, 50 * END, generator=generator)
        nucleus_by_rows(row, 0.9)
    assert max(lengths) < 5 * END  # a tenth of the row
    nucleus_by_rows(torch.zeros(1, 50 * END), 0.9)  # all equal: one step
    assert max(lengths) == 50 * END


@each_dtype
@pytest.mark.parametrize("top_p", PROBABILITIES)
def test_logits_of_any_size_are_ranked(top_p, dtype):
    rows, limit = long_rows(dtype)[-2:], torch.finfo(dtype).max
    rows[0, 7], rows[1, ::9], rows[1, 11:20] = -limit, -limit, -torch.inf
    rows = torch.cat([rows, rows])
    rows[2, 5], rows[3, 5:8] = limit, limit
    assert torch.equal(nucleus_by_rows(rows, top_p), nucleus(rows, top_p))


def test_a_nucleus_ends_where_its_mass_is_exactly_reached():
    flat = torch.zeros(1, 2 * END, dtype=torch.float64)
    for count in (END - 1, END, END + 1):
        for find in (nucleus, nucleus_by_rows):
            assert find(flat, count / (2 * END)).nonzero()[:, 1].tolist() == list(range(count))


@each_dtype
def test_the_largest_of_a_long_row_are_those_of_the_definition(dtype):
    logits = long_rows(dtype)
    for k in (1, 2, END - 7, END - 1, END, END + 1, END + 9, 5 * END):
        assert torch.equal(rows.largest(logits, k), largest(logits, k))
        assert torch.equal(rows.largest(logits[4], k), largest(logits, k)[4])


@each_dtype
def test_ties_across_the_1024th_token_go_to_the_lower_ids(dtype):
    flat = torch.zeros(1, 3 * END, dtype=dtype)
    for k in (END - 1, END, END + 1):
        for find in (largest, rows.largest):
            assert find(flat, k).nonzero()[:, 1].tolist() == list(range(k))


def adversarial_rows(dtype):
    """Return rows that defeat a shortcut: the largest in one block, blocks of equals, all removed.

    The last three have their mass just outside the head, half inside, and near the largest float.
    """
    vocab, inf = 64 * 100 + 17, torch.inf  # whole blocks, and a part of one
    ids = torch.arange(vocab, dtype=torch.float64)
    vast = torch.finfo(dtype).max
    rows = [
        -ids / 64, ids / 64, torch.where(ids < 128, 3.0, 0.0), torch.where(ids > 6399, 9.0, 0.0),
        torch.where(ids % 64 == 63, 1.0, 0.0), torch.where(ids == 77, 0.0, -inf),
        torch.where(ids % 1000 == 999, ids / -1000, -inf), torch.where(ids == 5, 0.0, -9.25),
        torch.where(ids < 5, 0.0, -7.0 - ids % 7), vast * (2 * (ids % 300 == 7).double() - 1),
    ]  # fmt: skip
    return torch.stack(rows).to(dtype)


@each_dtype
def test_no_row_defeats_a_shortcut(dtype):
    logits = adversarial_rows(dtype)
    ids = torch.zeros(len(logits), 1, dtype=torch.long)
    for top_p in (1e-9, 0.3, 0.5, 0.9, 0.95, 1 - 1e-6):
        assert torch.equal(nucleus_by_rows(logits, top_p), nucleus(logits, top_p)), top_p
    for k in (1, 2, 16, 17, 18, 63, 64, 65, 99, 100, 101, 128, 129, 6416):
        assert torch.equal(rows.largest(logits, k), largest(logits, k)), k
        assert torch.equal(TopK(k)(ids, logits), remove(logits, largest(logits, k))), k


@each_dtype
@pytest.mark.parametrize("vocab", [512, 700, 8192, 50_257])
def test_random_rows_of_any_length_are_treated_alike(vocab, dtype):
    noise = torch.randn(6, vocab, generator=torch.Generator().manual_seed(vocab))
    logits = (noise * torch.tensor([0.1, 0.5, 1, 3, 10, 100])[:, None]).to(dtype)
    for top_p in (0.1, 0.9, 0.95):
        assert torch.equal(nucleus_by_rows(logits, top_p), nucleus(logits, top_p)), top_p
    for k in (1, 40, vocab // 2):
        assert torch.equal(rows.largest(logits, k), largest(logits, k)), k


def test_only_long_rows_on_the_cpu_are_worked_on_one_by_one():
    assert rows.are_long(torch.zeros(3, 512))
    assert not rows.are_long(torch.zeros(3, 511))
    assert not rows.are_long(torch.zeros(0, 512))
    assert not rows.are_long(torch.zeros(3, 512, device="meta"))


@each_dtype
def test_draws_from_the_few_tokens_left_are_draws_from_the_row(dtype):
    logits = long_rows(dtype)
    kept = TopK(20)(torch.zeros(len(logits), 1, dtype=torch.long), logits)
    uniforms = torch.linspace(0, 1, len(logits), dtype=torch.float64).clamp(max=1 - 2**-53)
    assert all(rows.few_left(row) is not None for row in kept)
    cdf = kept.double().softmax(-1).cumsum(-1)
    for row, u, token in zip(cdf, uniforms, sample(kept, uniforms).tolist(), strict=True):
        below = row[token - 1] if token else 0.0
        assert below <= u * row[-1] < row[token] or (u > 0.99 and row[token] == row[-1])
    assert rows.few_left(logits[0]) is None


@each_dtype
def test_removal_keeps_every_bit_of_the_others(dtype):
    greatest = torch.finfo(dtype).max
    row = torch.tensor([-0.0, 0.0, greatest, -greatest, -torch.inf, 1e-3], dtype=dtype)
    for flags in (row == row, row != row, row > 0, row <= 0):
        left = remove(row, flags)
        assert torch.equal(left, torch.where(flags, row, -torch.inf))
        assert torch.equal(left[flags].signbit(), row[flags].signbit())
