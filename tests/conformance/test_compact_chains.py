"""A chain that goes on with the tokens that are left gives what its members give one by one."""

import pytest
import torch

import decodelib as dl
from decodelib.decoding.samplers import sample
from decodelib.kernels.rows import CHUNK, survivors

MEMBERS = [
    dl.Temperature(0.7), dl.TopK(40), dl.TopP(0.9), dl.MinP(0.02), dl.Typical(0.9),
    dl.Epsilon(1e-3), dl.Eta(1e-3), dl.TopNSigma(1.5),
]  # fmt: skip
CHAINS = [
    dl.Temperature(0.8) | dl.TopK(50) | dl.TopP(0.95) | dl.MinP(0.05),
    dl.TopP(0.5) | dl.TopK(7) | dl.Temperature(1.3),
    dl.TopK(3) | dl.RepetitionPenalty(1.3) | dl.TopP(0.5),
    *(dl.TopK(60) | member | other for member, other in zip(MEMBERS, MEMBERS[::-1], strict=True)),
]


def long_rows(vocab: int = 6000) -> torch.Tensor:
    """Rows that are peaked, wide, flat, tied everywhere, and already cut to one or few tokens."""
    generator = torch.Generator().manual_seed(4)
    noise = torch.randn(5, vocab, generator=generator)
    rows = torch.stack([noise[0] * 6, noise[1] * 3, noise[2] / 2, noise[3] * 0, noise[4].round()])
    few = torch.full((2, vocab), -torch.inf)
    few[0, 4321], few[1, ::1000] = 0.0, 1.0
    many = torch.cat([rows, few]).repeat(CHUNK // vocab // 3, 1)
    assert many.numel() > CHUNK  # so that a chain works on it in pieces
    return many


def one_by_one(chain, input_ids, logits):
    for processor in chain.processors:
        logits = processor(input_ids, logits)
    return logits


@pytest.mark.parametrize("chain", CHAINS, ids=repr)
def test_a_chain_on_survivors_is_the_chain_on_everything(chain) -> None:
    logits = long_rows()
    input_ids = torch.arange(len(logits))[:, None]
    expected = one_by_one(chain, input_ids, logits)
    assert survivors(expected) is not None
    assert torch.equal(chain(input_ids, logits), expected)


def test_draws_from_survivors_are_draws_from_all() -> None:
    logits = long_rows()
    kept = dl.TopK(20)(torch.zeros(len(logits), 1, dtype=torch.long), logits)
    draws = torch.linspace(0, 1, len(logits), dtype=torch.float64).clamp(max=1 - 2**-53)
    cdf = kept.double().softmax(-1).cumsum(-1)
    for row, u, token in zip(cdf, draws, sample(kept, draws).tolist(), strict=True):
        below = row[token - 1] if token else 0.0
        assert below <= u * row[-1] < row[token] or (u > 0.99 and row[token] == row[-1])
    assert torch.equal(sample(logits, draws), torch.cat([
        sample(row[None], u[None]) for row, u in zip(logits, draws, strict=True)
    ]))  # fmt: skip
