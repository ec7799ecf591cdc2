"""A GenerationConfig and its strategy are the same decoding, whichever library runs it."""

import random
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from transformers import GenerationConfig

import decodelib as dl
from decodelib.models.hf import HFModel
from tests.helpers.hf_models import CONFIGS, VOCAB, byte_tokenizer, random_model

IDS = [5, 6, 7, 5, 6, 8, 9, 5]
CHOICES = {
    "temperature": [None, 1.0, 0.3, 0.7, 1.6],
    "top_k": [None, 0, 1, 3, 20, 50, 100],
    "top_p": [None, 1.0, 0.2, 0.6, 0.95],
    "min_p": [None, 0.0, 0.02, 0.2, 0.7],
    "typical_p": [None, 1.0, 0.3, 0.8],
    "epsilon_cutoff": [None, 0.0, 0.001, 0.03],
    "eta_cutoff": [None, 0.0, 0.01, 0.2],
    "repetition_penalty": [None, 1.0, 0.8, 1.3, 2.5],
    "no_repeat_ngram_size": [None, 0, 1, 2, 3],
    "bad_words_ids": [None, [[7]], [[8], [9, 5]], [[9, 5, 6], [5, 6]]],
    "suppress_tokens": [None, [0], [3, 4, 5, 6]],
    "sequence_bias": [None, [[[5], 2.0]], [[[9, 5], -3.0], [[5, 6], 4.0], [[2], 1.5]]],
}


@pytest.fixture(scope="module")
def lm() -> HFModel:
    config = CONFIGS["llama: rotary positions, grouped queries"]
    model = random_model(config)
    with torch.no_grad():  # so that the distribution is neither flat nor certain
        model.get_output_embeddings().weight.mul_(2)
    return HFModel(model, byte_tokenizer(), "random")


def random_config(seed: int) -> GenerationConfig:
    chance = random.Random(seed)
    few = chance.random() < 0.5  # or all would hide behind the strictest
    names = chance.sample(list(CHOICES), 2) if few else list(CHOICES)
    settings = {name: chance.choice(CHOICES[name]) for name in names}
    return GenerationConfig(do_sample=True, **settings)


def theirs(lm: HFModel, **settings: object) -> torch.Tensor:
    """The logits that transformers' own generate draws the next token from."""
    output = lm.model.generate(
        torch.tensor([IDS]),
        max_new_tokens=1,
        output_scores=True,
        return_dict_in_generate=True,
        pad_token_id=0,
        **settings,
    )
    return output.scores[0][0]


def ours(lm: HFModel, strategy: dl.Sampling) -> torch.Tensor:
    return dl.Chain(*strategy.processors)(torch.tensor([IDS]), lm.next_logits(IDS)[None])[0]


def assert_same_distribution(a: torch.Tensor, b: torch.Tensor) -> None:
    assert (a > -torch.inf).tolist() == (b > -torch.inf).tolist()
    torch.testing.assert_close(a.softmax(-1), b.softmax(-1), atol=1e-6, rtol=0)


@pytest.mark.parametrize("seeds", [range(60)])
def test_a_configuration_keeps_the_same_tokens_in_both_libraries(lm: HFModel, seeds) -> None:
    kept = set()
    for seed in seeds:
        config = random_config(seed)
        expected = theirs(lm, generation_config=config)
        assert_same_distribution(ours(lm, dl.Sampling.from_generation_config(config)), expected)
        kept.add(int((expected > -torch.inf).sum()))
    assert len(kept) > 10  # from one token to all of them


def test_top_k_is_50_unless_the_configuration_says_otherwise(lm: HFModel) -> None:
    hidden = dl.Sampling.from_generation_config(GenerationConfig(do_sample=True))
    assert hidden == dl.Sampling(dl.TopK(50))
    assert int((theirs(lm, do_sample=True) > -torch.inf).sum()) == 50 < VOCAB
    off = dl.Sampling.from_generation_config(GenerationConfig(do_sample=True, top_k=0))
    assert off == dl.Sampling()


def test_processors_stand_in_the_order_in_which_transformers_applies_them() -> None:
    config = GenerationConfig(
        do_sample=True, eta_cutoff=0.1, epsilon_cutoff=0.2, typical_p=0.3, min_p=0.4, top_p=0.5,
        top_k=6, temperature=0.7, suppress_tokens=[4], bad_words_ids=[[1, 2], [3]],
        no_repeat_ngram_size=2, repetition_penalty=1.8, sequence_bias=[[[5, 6], 2.0]],
    )  # fmt: skip
    assert dl.from_generation_config(config) == dl.Sampling(
        dl.LogitBias({(5, 6): 2.0}),
        dl.RepetitionPenalty(1.8),
        dl.NoRepeatNGram(2),
        dl.SuppressTokens([(1, 2), 3]),
        dl.SuppressTokens([4]),
        dl.Temperature(0.7),
        dl.TopK(6),
        dl.TopP(0.5),
        dl.MinP(0.4),
        dl.Typical(0.3),
        dl.Epsilon(0.2),
        dl.Eta(0.1),
    )


def test_a_strategy_that_goes_there_and_back_is_the_same() -> None:
    strategies = [dl.Greedy(), dl.Sampling(), dl.BeamSearch(4, 0.5, "never", 2)]
    bans = (dl.RepetitionPenalty(1.3), dl.NoRepeatNGram(3), dl.SuppressTokens([2]))
    strategies += [dl.BeamSearch(3, processors=bans), dl.BeamSearch(2, processors=bans[2])]
    strategies += [dl.Sampling.from_generation_config(random_config(seed)) for seed in range(30)]
    for strategy in strategies:
        config = GenerationConfig(**dl.to_generation_config(strategy))
        assert dl.from_generation_config(config) == strategy


@pytest.mark.parametrize(
    "strategy",
    [dl.Sampling(), dl.Sampling(dl.TopP(0.8)), dl.Sampling(dl.Temperature(0.5), dl.MinP(0.1))],
    ids=repr,
)
def test_the_settings_of_a_strategy_override_the_models_own_configuration(
    lm: HFModel, strategy: dl.Sampling, monkeypatch
) -> None:
    own = GenerationConfig(
        do_sample=True, top_k=3, min_p=0.5, repetition_penalty=2.0, eta_cutoff=0.3
    )
    monkeypatch.setattr(lm.model, "generation_config", own)
    assert_same_distribution(ours(lm, strategy), theirs(lm, **strategy.to_generation_config()))
    config = GenerationConfig(**strategy.to_generation_config())
    assert_same_distribution(ours(lm, strategy), theirs(lm, generation_config=config))


@pytest.mark.parametrize(
    "strategy",
    [
        dl.Greedy(),
        dl.BeamSearch(3),
        dl.BeamSearch(4, 2.0, True),
        dl.BeamSearch(2, 0.0, "never"),
        dl.BeamSearch(3, processors=dl.NoRepeatNGram(2)),
        dl.BeamSearch(3, processors=dl.RepetitionPenalty(1.7)),
        dl.BeamSearch(3, processors=[dl.LogitBias({(7, 5): 6.0, 6: -2.0}), dl.NoRepeatNGram(1)]),
        dl.BeamSearch(4, 0.0, processors=dl.SuppressTokens([(5, 6), 8])),
    ],
    ids=repr,
)
def test_deterministic_strategies_give_the_same_tokens_in_both_libraries(lm, strategy) -> None:
    settings = dl.to_generation_config(strategy)
    own = lm.model.generate(torch.tensor([IDS]), max_new_tokens=12, pad_token_id=0, **settings)
    found = dl.generate(lm, IDS, dl.from_generation_config(SimpleNamespace(**settings)),
                        max_new_tokens=12)  # fmt: skip
    assert found.token_ids == own[0, len(IDS) :].tolist()


def test_greedy_with_a_penalty_gives_the_same_tokens_in_both_libraries(lm: HFModel) -> None:
    config = GenerationConfig(repetition_penalty=1.7, max_new_tokens=15, pad_token_id=0)
    own = lm.model.generate(torch.tensor([IDS]), generation_config=config)[0, len(IDS) :].tolist()
    strategy = dl.from_generation_config(config)
    assert strategy == dl.Sampling(dl.RepetitionPenalty(1.7), dl.TopK(1))
    assert dl.generate(lm, IDS, strategy, max_new_tokens=15).token_ids == own
    assert dl.generate(lm, IDS, dl.Greedy(), max_new_tokens=15).token_ids != own


@pytest.mark.parametrize(
    ("settings", "strategy"),
    [
        ({}, dl.Greedy()),
        ({"do_sample": False, "num_beams": 1, "top_p": 0.5}, dl.Greedy()),
        ({"num_beams": 3, "early_stopping": True}, dl.BeamSearch(3, early_stopping=True)),
        (
            {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.3},
            dl.DiverseBeamSearch(4, 2, 0.3),
        ),
        ({"penalty_alpha": 0.6, "top_k": 4}, dl.ContrastiveSearch(4, 0.6)),
        (
            {"num_beams": 2, "no_repeat_ngram_size": 3, "repetition_penalty": 1.2},
            dl.BeamSearch(2, processors=[dl.RepetitionPenalty(1.2), dl.NoRepeatNGram(3)]),
        ),
        (
            {"num_beams": 4, "num_beam_groups": 2, "suppress_tokens": [3]},
            dl.DiverseBeamSearch(4, 2, 0.0, processors=dl.SuppressTokens([3])),
        ),
        (
            {"penalty_alpha": 0.6, "repetition_penalty": 1.2},
            dl.ContrastiveSearch(50, 0.6, dl.RepetitionPenalty(1.2)),
        ),
        ({"penalty_alpha": 0.6, "top_k": 1}, dl.Greedy()),
        ({"penalty_alpha": 0.6}, dl.ContrastiveSearch(50, 0.6)),
    ],
    ids=repr,
)
def test_what_does_not_sample_is_greedy_or_a_search(settings, strategy) -> None:
    config = GenerationConfig()
    for name, value in settings.items():
        setattr(config, name, value)
    assert dl.from_generation_config(config) == strategy
    with pytest.raises(ValueError, match="config must have do_sample=True and num_beams=1"):
        dl.Sampling.from_generation_config(config)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"forced_eos_token_id": 3}, "config must leave forced_eos_token_id unset, got 3"),
        ({"do_sample": True, "top_h": 0.4}, "config must leave top_h unset, got 0.4"),
        (
            {"do_sample": True, "num_beams": 4, "num_beam_groups": 2},
            "must not have do_sample=True with num_beam_groups=2",
        ),
        ({"num_return_sequences": 3}, "must have num_return_sequences=1 without beams or sampling"),
        ({"do_sample": True, "top_p": 1.5}, r"top_p must be in \(0, 1\], got 1.5"),
    ],
    ids=repr,
)
def test_what_no_strategy_expresses_is_named(settings, message) -> None:
    with pytest.raises(ValueError, match=message) as info:
        dl.from_generation_config(SimpleNamespace(**{"do_sample": False} | settings))
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (dl.Sampling(dl.TopP(0.9), dl.Temperature(0.7)), "in transformers' order .*each at most"),
        (dl.Sampling(dl.TopK(3), dl.TopK(2)), "in transformers' order .*each at most once"),
        (dl.Sampling(dl.TopNSigma(1.0)), r"has a field for, got TopNSigma\(1.0\)"),
        (dl.Sampling(dl.TopP(0.9, 2)), "has a field for, got TopP.0.9, min_tokens_to_keep=2"),
        (dl.Sampling(dl.RepetitionPenalty(1.2, window=9)), "a field for, got RepetitionPenalty"),
        (dl.BeamSearch(2, processors=dl.TopP(0.9)), "transformers' order .*suppress_tokens., each"),
        (dl.ContrastiveSearch(), "strategy must be greedy, sampling or beam search, got Contr"),
    ],
    ids=repr,
)
def test_a_strategy_that_transformers_does_not_have_is_refused(strategy, message) -> None:
    with pytest.raises(ValueError, match=message):
        dl.to_generation_config(strategy)


def test_what_is_neither_configuration_nor_strategy_is_refused() -> None:
    for given in (None, "greedy", {"do_sample": True}):
        with pytest.raises(TypeError, match="config must be a GenerationConfig"):
            dl.from_generation_config(given)
    for given in (None, dl.Greedy, 0.7):
        with pytest.raises(TypeError, match="strategy"):
            dl.to_generation_config(given)


def test_configurations_are_read_without_importing_transformers() -> None:
    code = (
        "import sys, decodelib as dl\n"
        "from types import SimpleNamespace as Config\n"
        "print(dl.to_generation_config(dl.from_generation_config(Config(do_sample=True))))\n"
        "sys.exit('transformers' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "'top_k': 50" in run.stdout
