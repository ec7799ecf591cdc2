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


@pytest.mark.parametrize(
    "make",
    [
        lambda lm, *processors: dl.Sampling(*processors),
        lambda lm, *processors: dl.Sampling(dl.Chain(*processors)),
        lambda lm, *processors: dl.SpeculativeSampling(lm, *processors),
    ],
    ids=["sampling", "chain", "speculative"],
)
def test_a_processor_that_cannot_be_hashed_works_in_every_strategy(make):
    with pytest.raises(TypeError, match="unhashable"):
        hash(Forbid([1]))
    lm = dl.TableLM({"": {"a": 0.6, "b": 0.3, "c": 0.1}})
    a, b = lm.encode("a b").tolist()
    strategies = [make(lm, dl.Temperature(2.0), Forbid([a])), make(lm, Forbid([b]))]
    texts = [g.text for g in dl.generate_batch(lm, ["a", "a"], strategies, max_new_tokens=9)]
    assert "a" not in texts[0]
    assert "b" in texts[0]
    assert "b" not in texts[1]
    assert "a" in texts[1]
    assert dl.generate(lm, "a", strategies[0], max_new_tokens=9, seed=0).text == texts[0]
    steps = dl.stream(lm, "a", strategies[1], max_new_tokens=9, seed=1)
    assert "".join(step.token for step in steps) == texts[1]


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
