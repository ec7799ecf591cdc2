"""Sampling draws each token, and so each continuation, with its exact probability."""

import pytest
import torch

import decodelib as dl
from decodelib.decoding.samplers import sample
from tests.helpers.exact import TREE, chi_square_p, continuations, drawn

CHAINS = [
    (),
    (dl.Temperature(0.5),),
    (dl.TopK(2),),
    (dl.TopP(0.75),),
    (dl.MinP(0.4),),
    (dl.Typical(0.6),),
    (dl.Eta(0.3),),
    (dl.Epsilon(0.22),),
    (dl.TopNSigma(1.0),),
    (dl.DynamicTemperature(0.5, 2.0),),
    (dl.EntropyTemperature(),),
    (dl.RepetitionPenalty(1.5),),
    (dl.DRY(allowed_length=1),),
    (dl.Temperature(1.5), dl.TopP(0.8)),
]
FEW = [(), (dl.RepetitionPenalty(1.5),), (dl.Temperature(1.5), dl.TopP(0.8))]
CONTEXTS = ["", "a", "b", "a a", "a b", "b a", "b b"]
EVENLY = 10_000


def test_the_continuations_of_the_tree_are_all_there_is():
    assert sum(continuations().values()) == pytest.approx(1)
    assert len(continuations()) == 1 + 2 + 4 + 8  # an end after 0, 1 or 2 words, or three words


@pytest.mark.parametrize("processors", CHAINS, ids=repr)
def test_uniforms_spread_evenly_give_each_token_its_share_after_any_context(processors):
    uniforms = (torch.arange(EVENLY, dtype=torch.float64) + 0.5) / EVENLY
    for context in CONTEXTS:
        ids = TREE.prompt_ids(context)[None]
        logits = dl.Chain(*processors)(ids, TREE.next_logits(context)[None])
        counts = sample(logits.expand(EVENLY, -1), uniforms).bincount(minlength=TREE.vocab_size)
        shares, probs = counts.double() / EVENLY, logits[0].double().softmax(-1)
        assert (shares[probs == 0] == 0).all()
        assert float((shares - probs).abs().max()) <= 1.001 / EVENLY, context


@pytest.mark.parametrize("processors", FEW, ids=repr)
def test_sampling_draws_continuations_with_their_exact_probabilities(processors):
    exact = continuations(chain=dl.Chain(*processors))
    assert chi_square_p(drawn(dl.Sampling(*processors), 400), exact) > 1e-3


@pytest.mark.long
@pytest.mark.parametrize("processors", CHAINS, ids=repr)
def test_in_4000_texts_sampling_draws_continuations_with_their_exact_probabilities(processors):
    exact = continuations(chain=dl.Chain(*processors))
    assert chi_square_p(drawn(dl.Sampling(*processors), 4000), exact) > 1e-3
