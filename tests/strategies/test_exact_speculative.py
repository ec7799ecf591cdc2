"""The exact distribution of speculative sampling, by following every way its chances can fall."""

from collections import defaultdict
from typing import ClassVar

import pytest
import torch

import decodelib as dl
from decodelib.strategies import speculative
from decodelib.strategies.speculative import acceptance, residual
from tests.helpers.exact import DRAFT, MAX_NEW, TREE, Chances, chi_square_p, continuations, drawn


def exact_distribution(strategy, monkeypatch):
    chances = Chances()

    def accepts(self, chance):
        return not chances.choose([chance, 1 - chance])

    monkeypatch.setattr(speculative, "sample", chances.sample)
    monkeypatch.setattr(speculative.Speculation, "_accepts", accepts)
    found, more = defaultdict(float), True
    while more:
        chances.begin()
        g = dl.generate(TREE, "", strategy, max_new_tokens=MAX_NEW)
        found[tuple(g.token_ids)] += chances.probability
        more = chances.advance()
    return found


@pytest.mark.parametrize(
    "processors",
    [
        (),
        (dl.Temperature(0.7), dl.TopP(0.8)),
        (dl.PresencePenalty(1.0), dl.NoRepeatNGram(2)),
        (dl.XTC(0.6, 0.2),),
    ],
    ids=repr,
)
@pytest.mark.parametrize("length", [1, 2])
def test_speculative_sampling_loses_nothing(processors, length, monkeypatch):
    strategy = dl.SpeculativeSampling(DRAFT, *processors, num_draft_tokens=length)
    found = exact_distribution(strategy, monkeypatch)
    exact = continuations(chain=dl.Chain(*processors).for_sequence(0))
    outcomes = set(found) | set(exact)
    total_variation = sum(abs(found[x] - exact.get(x, 0.0)) for x in outcomes) / 2
    assert total_variation < 1e-12


def test_speculative_sampling_draws_from_the_target_alone():
    strategy = dl.SpeculativeSampling(DRAFT, num_draft_tokens=2)
    assert chi_square_p(drawn(strategy, 300), continuations()) > 1e-3


@pytest.mark.long
@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("processors", [(), (dl.Temperature(0.7), dl.TopP(0.9))], ids=repr)
def test_in_1000_texts_speculative_sampling_draws_from_the_target_alone(processors, length):
    strategy = dl.SpeculativeSampling(DRAFT, *processors, num_draft_tokens=length)
    exact = continuations(chain=dl.Chain(*processors))
    assert chi_square_p(drawn(strategy, 1000), exact) > 1e-3


@pytest.mark.parametrize("vocab", [1, 2, 5, 50])
def test_speculative_acceptance_and_residual_add_up_to_the_target(vocab):
    generator = torch.Generator().manual_seed(vocab)
    for scale in (0.1, 1.0, 10.0):
        noise = scale * torch.randn(2, vocab, generator=generator, dtype=torch.float64)
        p, q = noise.softmax(-1)
        accepted = q * acceptance(p, q)
        total = accepted + (1 - accepted.sum()) * residual(p, q)
        assert (total - p).abs().sum() / 2 < 1e-14  # total variation


def test_a_draft_that_is_the_target_is_never_rejected():
    strategy = dl.SpeculativeSampling(TREE, num_draft_tokens=2)
    for seed in range(50):
        g = dl.generate(TREE, "", strategy, seed=seed, max_new_tokens=MAX_NEW, trace=True)
        assert not any("rejected" in step.decision for step in g.steps)


@pytest.mark.parametrize("length", [1, 3])
def test_the_draft_always_reads_the_text_as_it_stands(length):
    class Witness(dl.TableLM):
        read: ClassVar[list] = []

        def step(self, next_ids, cache):
            logits = super().step(next_ids, cache)
            self.read.append(list(cache.rows[0]))
            return logits

    draft = Witness({"": {"a": 0.2, "b": 0.6, "<eos>": 0.2}})
    strategy = dl.SpeculativeSampling(draft, num_draft_tokens=length)
    for seed in range(40):
        draft.read.clear()
        g = dl.generate(TREE, "", strategy, seed=seed, max_new_tokens=8)
        text = [draft.bos_token_id, *g.token_ids]
        # A proposal that was rejected is read beyond the text; everything before it is the text.
        for read in draft.read:
            assert read[: len(read) - length + 1] == text[: len(read) - length + 1]


def test_speculative_sampling_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="must have table's vocabulary of 4 tokens, got 3"):
        dl.generate(TREE, "", dl.SpeculativeSampling(dl.TableLM({"": {"a": 1}})))
    with pytest.raises(ValueError, match="must not follow a sequence"):
        dl.SpeculativeSampling(DRAFT, dl.Mirostat())
    with pytest.raises(ValueError, match="num_draft_tokens must be at least 1, got 0"):
        dl.SpeculativeSampling(DRAFT, num_draft_tokens=0)
    with pytest.raises(TypeError, match="draft"):
        dl.SpeculativeSampling("gpt2")
