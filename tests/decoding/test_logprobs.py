"""A token's log-probability is one number, wherever it is written down."""

import pytest
import torch

import decodelib as dl
from tests.helpers.gpt2 import PROMPTS

STORYBOOK = dl.load("storybook", device="cpu", dtype="float32")
STRATEGIES = [
    dl.Greedy(),
    dl.Sampling(dl.Temperature(0.8), dl.TopP(0.9)),
    dl.Sampling(dl.Mirostat()),
    dl.BeamSearch(3),
    dl.DiverseBeamSearch(4, 2),
    dl.StochasticBeamSearch(3),
    dl.EntropySampling(low_entropy=0.5, low_varentropy=2.0, high_entropy=3.0),
    dl.ContrastiveSearch(),
    dl.ContrastiveDecoding(STORYBOOK, amateur_temperature=0.5),
    dl.SpeculativeSampling(STORYBOOK, num_draft_tokens=3),
    dl.PowerSampling(num_moves=3, block_length=5),
    dl.ArithmeticSampling(num_return_sequences=2),
    dl.MinimumBayesRisk(candidates=dl.Sampling(num_return_sequences=3)),
]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: type(s).__name__)
def test_logprobs_of_the_generation_and_its_steps_are_the_same_numbers(strategy) -> None:
    gs = dl.generate_batch(STORYBOOK, PROMPTS, strategy, max_new_tokens=12, trace=True)
    for prompt, g in zip(PROMPTS, gs, strict=True):
        assert g.logprobs == pytest.approx([step.logprob for step in g.steps], rel=0, abs=1e-12)
        # and those of the model itself, by a plain pass over the whole text
        ids = [*STORYBOOK.encode(prompt).tolist(), *g.token_ids]
        own = STORYBOOK.logits(ids[:-1])[-len(g.token_ids) :].double().log_softmax(-1)
        expected = own.gather(-1, torch.tensor(g.token_ids)[:, None])[:, 0].tolist()
        assert g.logprobs == pytest.approx(expected, abs=1e-4)
