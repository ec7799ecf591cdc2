"""What holds for every strategy: the same tokens alone, in any batch, streamed, traced or not."""

import pytest
import torch
from safetensors.torch import load_file

import decodelib as dl
from decodelib.models.gpt2.model import GPT2
from decodelib.models.loading import STORYBOOK

SOMEONE = dl.Constraint.from_choices(
    dl.load("storybook", device="cpu"), [" a", " man", ", there"], open_end=True
)
PROMPTS = ["Once upon a time", "", "The King said to the old"]
LENGTH = 6


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu")


@pytest.fixture(scope="module")
def noisy(lm):
    """Storybook with a little noise on its matrices: a draft, an amateur."""
    generator = torch.Generator().manual_seed(0)
    weights = load_file(STORYBOOK / "model.safetensors")
    for name, w in weights.items():
        if w.ndim > 1:
            noise = torch.randn(w.shape, generator=generator)
            weights[name] = w.float() + 0.05 * w.float().std() * noise
    return GPT2(lm.config, weights, lm.tokenizer, "noisy", lm.device, lm.dtype)


THREE = dl.Sampling(dl.Mirostat(4.0), num_return_sequences=3)


def longest(g):
    return len(g.text)


# Each reads the text so far in another way: all of it, what follows the prompt, its length alone.
CHAIN = (dl.NoRepeatNGram(2), dl.PresencePenalty(0.5), dl.XTC(0.5, 0.05))
MAKERS = {
    "greedy": lambda noisy: dl.Greedy(),
    "ancestral": lambda noisy: dl.Sampling(),
    "the whole chain": lambda noisy: dl.Sampling(
        dl.RepetitionPenalty(1.1),
        dl.Temperature(1.2),
        dl.TopK(200),
        dl.TopP(0.95),
        dl.MinP(0.01),
        dl.Typical(0.95),
        dl.Eta(1e-4),
        dl.Epsilon(1e-5),
        dl.TopNSigma(3.0),
    ),
    "dry": lambda noisy: dl.Sampling(dl.DRY(), dl.TopP(0.9)),
    "xtc": lambda noisy: dl.Sampling(dl.XTC(0.5, 0.05)),
    "mirostat": lambda noisy: dl.Sampling(dl.Mirostat(4.0)),
    "dynamic temperature": lambda noisy: dl.Sampling(dl.DynamicTemperature(0.5, 1.5)),
    "entropy temperature": lambda noisy: dl.Sampling(dl.EntropyTemperature()),
    "constraint": lambda noisy: dl.Sampling(SOMEONE, dl.TopP(0.9)),
    "particles": lambda noisy: dl.ConditionedSampling(SOMEONE, num_particles=4),
    "guidance": lambda noisy: dl.Guidance(1.0, dl.TopP(0.9), against="The dog"),
    "guidance by a model": lambda noisy: dl.Guidance(0.5, dl.DRY(), against=noisy, alpha=0.01),
    "watermarks": lambda noisy: dl.Sampling(dl.GreenListWatermark(), dl.GumbelWatermark()),
    "beams": lambda noisy: dl.BeamSearch(3),
    "diverse beams": lambda noisy: dl.DiverseBeamSearch(4, 2, num_return_sequences=2),
    "stochastic beams": lambda noisy: dl.StochasticBeamSearch(3),
    "entropix": lambda noisy: dl.EntropySampling(),
    "contrastive search": lambda noisy: dl.ContrastiveSearch(),
    "contrastive decoding": lambda noisy: dl.ContrastiveDecoding(noisy),
    "speculative": lambda noisy: dl.SpeculativeSampling(noisy, dl.TopP(0.9)),
    "power": lambda noisy: dl.PowerSampling(num_moves=2, block_length=4),
    "arithmetic": lambda noisy: dl.ArithmeticSampling(dl.TopP(0.9), num_return_sequences=3),
    "best of n": lambda noisy: dl.BestOfN(longest, THREE),
    "minimum Bayes risk": lambda noisy: dl.MinimumBayesRisk(candidates=dl.BeamSearch(3)),
    "self-consistency": lambda noisy: dl.SelfConsistency("[a-z]", dl.PowerSampling(num_moves=1)),
    "beams with processors": lambda noisy: dl.BeamSearch(2, processors=CHAIN),
    "diverse beams with processors": lambda noisy: dl.DiverseBeamSearch(2, 2, processors=CHAIN),
    "stochastic beams with processors": lambda noisy: dl.StochasticBeamSearch(2, CHAIN),
    "entropix with processors": lambda noisy: dl.EntropySampling(processors=CHAIN),
    "contrastive search with processors": lambda noisy: dl.ContrastiveSearch(2, 0.6, CHAIN),
    "contrastive decoding with processors": lambda noisy: dl.ContrastiveDecoding(
        noisy, processors=CHAIN
    ),
    "sampled beams": lambda noisy: dl.BeamSearch(2, do_sample=True, processors=CHAIN),
    "prompt lookup": lambda noisy: dl.SpeculativeSampling(dl.PromptLookup(), dl.TopP(0.3)),
    "speculative with processors": lambda noisy: dl.SpeculativeSampling(noisy, *CHAIN),
}
each_strategy = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@each_strategy
def test_a_continuation_depends_on_its_prompt_strategy_and_seed_alone(lm, noisy, make):
    strategy = make(noisy)
    seeds = [3, 5, 7]
    alone = [
        dl.generate(lm, prompt, strategy, seed=seed, max_new_tokens=LENGTH).token_ids
        for prompt, seed in zip(PROMPTS, seeds, strict=True)
    ]
    together = dl.generate_batch(lm, PROMPTS, strategy, seeds=seeds, max_new_tokens=LENGTH)
    assert [g.token_ids for g in together] == alone
    backwards = dl.generate_batch(
        lm, PROMPTS[::-1], strategy, seeds=seeds[::-1], max_new_tokens=LENGTH, trace=True
    )
    assert [g.token_ids for g in backwards[::-1]] == alone


def test_all_strategies_share_one_batch(lm, noisy):
    strategies = [make(noisy) for make in MAKERS.values()]
    seeds = range(len(strategies))
    prompts = [PROMPTS[i % len(PROMPTS)] for i in seeds]
    mixed = dl.generate_batch(lm, prompts, strategies, seeds=seeds, max_new_tokens=LENGTH)
    for prompt, strategy, seed, g in zip(prompts, strategies, seeds, mixed, strict=True):
        alone = dl.generate(lm, prompt, strategy, seed=seed, max_new_tokens=LENGTH)
        assert g.token_ids == alone.token_ids, strategy


@each_strategy
def test_the_steps_streamed_are_the_steps_traced_and_spell_the_text(lm, noisy, make):
    strategy = make(noisy)
    g = dl.generate(lm, PROMPTS[0], strategy, seed=2, max_new_tokens=LENGTH, trace=True)
    streamed = list(dl.stream(lm, PROMPTS[0], strategy, seed=2, max_new_tokens=LENGTH))
    assert [step.token_id for step in streamed] == g.token_ids
    assert [step.decision for step in streamed] == [step.decision for step in g.steps]
    assert "".join(step.text for step in streamed) == g.text
