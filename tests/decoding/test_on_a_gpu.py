"""On a GPU: the same texts as on the processor, for every strategy, and one wait for a token."""

import warnings
from collections.abc import Callable

import pytest
import torch

import decodelib as dl
from decodelib.decoding.search import Strategy
from decodelib.strategies.knobs import STRATEGIES

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")

PROMPTS = ["Once upon a time", "", "The old man looked at the sea and the ships that", "He was"]
CHAINS = [
    (dl.Temperature(0.8), dl.TopK(50), dl.TopP(0.95), dl.MinP(0.05)),
    (dl.Typical(0.9), dl.Epsilon(3e-4), dl.Eta(3e-4), dl.TopNSigma(1.0)),
    (dl.EntropyTemperature(), dl.DynamicTemperature(0.5, 1.5), dl.XTC(0.5, 0.1)),
    (dl.RepetitionPenalty(1.2), dl.PresencePenalty(0.5), dl.FrequencyPenalty(0.5)),
    (dl.NoRepeatNGram(2), dl.SuppressTokens([3]), dl.LogitBias({5: 1.0}), dl.DRY()),
    (dl.TopH(0.5), dl.PLess()),
    (dl.Mirostat(),),
    (dl.GreenListWatermark(),),
    (dl.GumbelWatermark(),),
    (dl.TournamentWatermark(),),
]


@pytest.fixture(scope="module")
def on_gpu() -> dl.LanguageModel:
    return dl.load("storybook", device="cuda", dtype="float32")


NEEDED = {
    "contrastive-decoding": {"amateur": "its first layers"},
    "speculative": {"draft": "its first layers"},
    "self-consistency": {"answer": r"\w+"},
}


def by_name(name: str) -> Callable[[dl.LanguageModel], Strategy]:
    """Return what makes a strategy of the command line with its defaults."""
    return lambda lm: STRATEGIES[name].make(NEEDED.get(name, {}), lambda *_: lm.first_layers(2))


MAKERS = {name: by_name(name) for name in STRATEGIES}
MAKERS |= {repr(chain): lambda lm, chain=chain: dl.Sampling(*chain) for chain in CHAINS}
MAKERS |= {
    "guidance": lambda lm: dl.Guidance(1.5),
    "conditioned": lambda lm: dl.ConditionedSampling(
        dl.Constraint.from_dfa(lm, dl.DFA([{"e": None, "": 0}], accepting=[0])), num_particles=3
    ),
}


def texts(lm: dl.LanguageModel, name: str) -> list[list[int]]:
    found = dl.generate_batch(lm, PROMPTS, MAKERS[name](lm), max_new_tokens=16)
    return [generation.token_ids for generation in found]


@pytest.mark.parametrize("name", MAKERS)
def test_a_gpu_gives_the_texts_of_the_processor(name) -> None:
    # Sums are added up in another order there. In float64 that changes no text.
    host, gpu = (dl.load("storybook", device=device, dtype="float64") for device in ("cpu", "cuda"))
    assert texts(gpu, name) == texts(host, name)


@pytest.mark.parametrize("name", MAKERS)
def test_it_gives_the_same_texts_again(name, on_gpu) -> None:
    assert texts(on_gpu, name) == texts(on_gpu, name)


def test_its_fast_type_decodes_too() -> None:
    lm = dl.load("storybook", device="cuda")
    assert lm.dtype in (torch.bfloat16, torch.float16)
    found = dl.generate_batch(lm, PROMPTS, dl.Sampling(dl.TopP(0.9)), max_new_tokens=16, trace=True)
    assert all(len(generation.steps) == 16 for generation in found)


def test_rows_do_not_depend_on_their_neighbours(on_gpu) -> None:
    strategy = dl.Sampling(*CHAINS[0])
    together = dl.generate_batch(on_gpu, PROMPTS, strategy, max_new_tokens=24)
    alone = [
        dl.generate(on_gpu, prompt, strategy, seed=seed, max_new_tokens=24)
        for seed, prompt in enumerate(PROMPTS)
    ]
    same = [a.token_ids == b.token_ids for a, b in zip(alone, together, strict=True)]
    assert sum(same) >= len(PROMPTS) - 1  # up to a tie


def waits(run: Callable[[], object]) -> int:
    """Return how often PyTorch says that the host waited for the GPU."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            run()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing CUDA operation" in str(w.message) for w in caught)


@pytest.mark.parametrize(
    "strategy", [dl.Greedy(), dl.Sampling(), *(dl.Sampling(*c) for c in CHAINS)], ids=repr
)
def test_a_token_costs_one_wait(strategy, on_gpu, monkeypatch) -> None:
    monkeypatch.setattr(on_gpu, "eos_token_ids", ())  # a row that ends costs one more

    def run(count: int) -> int:
        return waits(lambda: dl.generate_batch(on_gpu, PROMPTS, strategy, max_new_tokens=count))

    run(4)
    assert run(16) - run(8) == 8
