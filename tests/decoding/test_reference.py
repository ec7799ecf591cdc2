"""The plain loop is the specification: what the package does faster gives its tokens."""

import pytest

import decodelib as dl
from decodelib.decoding.reference import generate_naively

PROMPTS = ["Once upon a time", "", "“I do not know,” said"]
CHAINS = [
    (),
    (dl.Temperature(0.7), dl.TopK(40), dl.TopP(0.95)),
    (dl.MinP(0.05), dl.Temperature(1.5)),
    (dl.RepetitionPenalty(1.3), dl.Typical(0.9)),
    (dl.DRY(), dl.EntropyTemperature(), dl.Eta(1e-3)),
]


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu", dtype="float64")


@pytest.mark.parametrize("prompt", PROMPTS)
def test_greedy_decoding_is_the_plain_loop_without_a_seed(lm, prompt) -> None:
    wanted = generate_naively(lm, prompt, max_new_tokens=15)
    assert dl.generate(lm, prompt, dl.Greedy(), max_new_tokens=15).token_ids == wanted


@pytest.mark.parametrize("chain", CHAINS, ids=repr)
def test_sampling_is_the_plain_loop_with_the_same_processors_and_seed(lm, chain) -> None:
    wanted = [
        generate_naively(lm, prompt, *chain, max_new_tokens=12, seed=seed)
        for seed, prompt in enumerate(PROMPTS)
    ]
    found = dl.generate_batch(lm, PROMPTS, dl.Sampling(*chain), max_new_tokens=12)
    assert [g.token_ids for g in found] == wanted


def test_the_plain_loop_ends_with_the_end_of_the_text() -> None:
    lm = dl.TableLM({"": {"a": 1}, "a": {"b": 1}, "b": {"<eos>": 1}})
    assert generate_naively(lm, "") == dl.generate(lm, "", dl.Greedy()).token_ids == [2, 3, 1]


@pytest.mark.parametrize(
    "strategy",
    [
        dl.BeamSearch(1),
        dl.DiverseBeamSearch(1, 1),
        dl.ContrastiveSearch(penalty_alpha=0.0),
        dl.EntropySampling(top_k=1, high_varentropy=1e9),
    ],
    ids=lambda strategy: type(strategy).__name__,
)
def test_the_limit_of_every_deterministic_search_is_the_plain_loop(lm, strategy) -> None:
    wanted = [generate_naively(lm, prompt, max_new_tokens=10) for prompt in PROMPTS]
    found = dl.generate_batch(lm, PROMPTS, strategy, max_new_tokens=10)
    assert [g.token_ids for g in found] == wanted


def test_speculation_with_the_target_as_draft_and_one_token_left_is_the_plain_loop(lm) -> None:
    strategy = dl.SpeculativeSampling(lm, dl.TopK(1))
    wanted = generate_naively(lm, PROMPTS[0], max_new_tokens=10)
    assert dl.generate(lm, PROMPTS[0], strategy, max_new_tokens=10).token_ids == wanted
