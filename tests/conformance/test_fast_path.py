"""The nucleus and the largest tokens are mostly found without a sort; it never shows."""

import numpy as np
import pytest
import torch

from decodelib import TopK, TopP
from decodelib.distributions import largest, nucleus, nucleus_size, rounding
from decodelib.processors.base import remove

END = 1024  # around this many tokens the rows below end, or a tie lies
TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
each_dtype = pytest.mark.parametrize("dtype", TYPES, ids=str)
PROBABILITIES = [1e-9, 0.1, 0.25, 0.5, 0.9, 0.99, 0.9999, 1 - 1e-6]


def plain_nucleus(logits, top_p):
    """Return the definition, by one stable sort of everything."""
    wide = logits.double()
    order = wide.argsort(dim=-1, descending=True, stable=True)
    mass = wide.gather(-1, order).softmax(-1).cumsum(-1)
    count = (mass < top_p - rounding(logits.dtype)).sum(-1, keepdim=True) + 1
    rank = torch.arange(logits.shape[-1]).expand_as(order)
    return torch.zeros_like(order).scatter(-1, order, rank) < count


def plain_largest(logits, count):
    order = logits.double().argsort(dim=-1, descending=True, stable=True)
    rank = torch.arange(logits.shape[-1]).expand_as(order)
    return torch.zeros_like(order).scatter(-1, order, rank) < count[..., None]


def long_rows(dtype):
    """Return rows whose nucleus ends before, at and after the head; ties there; flat; removed."""
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
def test_the_nucleus_is_the_one_of_a_full_sort(top_p, dtype):
    logits = long_rows(dtype)
    expected = plain_nucleus(logits, top_p)
    assert torch.equal(nucleus(logits, top_p), expected)  # all rows share one path
    assert torch.equal(torch.stack([nucleus(row, top_p) for row in logits]), expected)
    assert torch.equal(nucleus_size(logits, top_p), expected.sum(-1))
    ids = torch.zeros(len(logits), 1, dtype=torch.long)
    assert torch.equal(TopP(top_p)(ids, logits) > -torch.inf, expected & (logits > -torch.inf))


def test_both_paths_are_taken(monkeypatch):
    rows, lengths, sort = long_rows(torch.float64), [], np.sort
    monkeypatch.setattr(np, "sort", lambda row: lengths.append(len(row)) or sort(row))
    for top_p in PROBABILITIES:
        nucleus(rows, top_p)
    whole = lengths.count(rows.shape[-1])
    assert 0 < whole < len(rows) * len(PROBABILITIES) < len(lengths)
    assert min(lengths) < END


def test_a_nucleus_ends_where_its_mass_is_exactly_reached():
    flat = torch.zeros(1, 2 * END, dtype=torch.float64)
    for count in (END - 1, END, END + 1):
        assert nucleus_size(flat, count / (2 * END)).tolist() == [count]
        assert nucleus(flat, count / (2 * END))[0, :count].all()


@each_dtype
def test_the_largest_are_those_of_a_stable_sort(dtype):
    logits = long_rows(dtype)
    for k in (1, 2, END - 7, END - 1, END, END + 1, END + 9, 5 * END):
        count = torch.full((len(logits),), k)
        assert torch.equal(largest(logits, count), plain_largest(logits, count))
    each = torch.arange(1, len(logits) + 1) * 350
    assert torch.equal(largest(logits, each), plain_largest(logits, each))


@each_dtype
def test_ties_across_the_1024th_token_go_to_the_lower_ids(dtype):
    flat = torch.zeros(1, 3 * END, dtype=dtype)
    ids = torch.zeros(1, 1, dtype=torch.long)
    for k in (END - 1, END, END + 1):
        survivors = (TopK(k)(ids, flat) > -torch.inf).nonzero()[:, 1]
        assert survivors.tolist() == list(range(k))


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
        assert torch.equal(nucleus(logits, top_p), plain_nucleus(logits, top_p)), top_p
    for k in (1, 2, 16, 17, 18, 63, 64, 65, 99, 100, 101, 128, 129, 6416):
        wanted = plain_largest(logits, torch.full((len(logits),), k))
        assert torch.equal(largest(logits, torch.full((len(logits),), k)), wanted), k
        assert torch.equal(TopK(k)(ids, logits), torch.where(wanted, logits, -torch.inf)), k


@each_dtype
def test_removal_keeps_every_bit_of_the_others(dtype):
    greatest = torch.finfo(dtype).max
    row = torch.tensor([-0.0, 0.0, greatest, -greatest, -torch.inf, 1e-3], dtype=dtype)
    for flags in (row == row, row != row, row > 0, row <= 0):
        left = remove(row, flags)
        assert torch.equal(left, torch.where(flags, row, -torch.inf))
        assert torch.equal(left[flags].signbit(), row[flags].signbit())
