"""What every processor can do: be chained, be compiled, be written by a reader."""

import math
import subprocess
import sys
from dataclasses import dataclass

import pytest
import torch

import decodelib as dl
from decodelib.processors.base import Chain


@dataclass
class Forbid:
    """As a reader would write a processor: a plain dataclass, which cannot be hashed."""

    ids: list[int]

    def __call__(self, input_ids, logits):
        return logits.index_fill(-1, torch.tensor(self.ids), -math.inf)


def test_a_chain_of_unhashable_processors_is_hashable():
    with pytest.raises(TypeError, match="unhashable"):
        hash(Forbid([1]))
    chain = dl.Temperature(0.7) | Forbid([1])
    assert {chain: 1}[dl.Temperature(0.7) | Forbid([1])] == 1
    assert chain != dl.Temperature(0.7) | Forbid([2])


COMPILE = """
import torch, decodelib as dl
for processor in (dl.TopK(5), dl.Temperature(0.7) | dl.TopP(0.9) | dl.MinP(0.01), dl.Typical(0.9)):
    compiled = torch.compile(processor.__call__, backend="eager")
    for vocab in (20, 6000):  # a short row and a long one
        logits = torch.randn(2, vocab, generator=torch.Generator().manual_seed(vocab))
        ids = torch.zeros(2, 1, dtype=torch.long)
        torch.testing.assert_close(compiled(ids, logits), processor(ids, logits))
"""


def test_compiled_processors_give_what_they_give():
    # In a process of its own: torch.compile cannot read the checks of shapes that tests switch on.
    subprocess.run([sys.executable, "-W", "ignore", "-c", COMPILE], check=True, timeout=300)


def test_an_empty_chain_is_the_identity():
    logits = torch.randn(2, 5)
    assert torch.equal(Chain()(torch.zeros(2, 0, dtype=torch.long), logits), logits)
