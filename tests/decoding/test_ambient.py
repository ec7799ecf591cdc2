"""What a caller has set in PyTorch changes nothing that is decoded, and is left as it was."""

from contextlib import contextmanager, nullcontext

import pytest
import torch

import decodelib as dl
from decodelib.kernels.seeds import seeded
from tests.helpers.default_device import default_device

PROMPTS = ["Once upon a time", "She"]


def setting(change, restore):
    @contextmanager
    def ambient():
        change()
        try:
            yield
        finally:
            restore()

    return ambient


AMBIENT = {
    "nothing": nullcontext,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "a default device": lambda: default_device("meta"),
    "a device context": lambda: torch.device("meta"),
    "a default type": setting(
        lambda: torch.set_default_dtype(torch.float64),
        lambda: torch.set_default_dtype(torch.float32),
    ),
    "inference mode": torch.inference_mode,
    "gradients": torch.enable_grad,
    "deterministic algorithms": setting(
        lambda: torch.use_deterministic_algorithms(True),
        lambda: torch.use_deterministic_algorithms(False),
    ),
    "a global seed": setting(lambda: torch.manual_seed(5), lambda: None),
}


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def strategies(lm):
    return [
        dl.Greedy(),
        dl.Sampling(dl.RepetitionPenalty(1.2), dl.Temperature(0.9), dl.TopK(99), dl.TopP(0.9)),
        dl.Sampling(dl.DRY(), dl.XTC(0.5, 0.05), dl.Typical(0.9), dl.MinP(0.01)),
        dl.Sampling(dl.DynamicTemperature(0.5, 1.5), dl.Eta(1e-3), dl.TopNSigma(2.0)),
        dl.Sampling(dl.EntropyTemperature(), dl.Mirostat(4.0)),
        dl.BeamSearch(2),
        dl.DiverseBeamSearch(2, 2),
        dl.StochasticBeamSearch(2),
        dl.EntropySampling(),
        dl.ContrastiveSearch(),
        dl.ContrastiveDecoding(lm, amateur_temperature=0.7),
        dl.SpeculativeSampling(lm, dl.TopP(0.9)),
        dl.PowerSampling(num_moves=2),
        dl.ArithmeticSampling(num_return_sequences=2),
        dl.MinimumBayesRisk(candidates=dl.Sampling(num_return_sequences=3)),
    ]


@pytest.fixture(scope="module")
def wanted(lm, strategies):
    return decode(lm, strategies)


def decode(lm, strategies):
    """Return what every strategy decodes from one prompt each, whole, and what it streams."""
    prompts = [PROMPTS[i % 2] for i in range(len(strategies))]
    batch = dl.generate_batch(lm, prompts, strategies, max_new_tokens=5, trace=True)
    steps = list(dl.stream(lm, PROMPTS[0], strategies[1], max_new_tokens=5, seed=1))
    return [repr(g) + repr(g.steps) + repr(g.logprobs) for g in batch], repr(steps)


@pytest.mark.parametrize("name", AMBIENT)
def test_ambient_state_changes_nothing(lm, strategies, wanted, name) -> None:
    with AMBIENT[name]():
        before = torch.is_inference_mode_enabled(), torch.empty(0).device
        assert decode(lm, strategies) == wanted
        assert (torch.is_inference_mode_enabled(), torch.empty(0).device) == before
        assert torch.is_autocast_enabled("cpu") == (name == "autocast")
    assert torch.get_default_device().type == "cpu"  # which the tests after this one may ask for


def test_a_default_device_that_cannot_be_asked_for_is_none(lm, monkeypatch) -> None:
    def get_default_device() -> torch.device:  # as torch 2.8 has it after set_default_device(None)
        raise AttributeError("'NoneType' object has no attribute 'device'")

    wanted = dl.generate(lm, PROMPTS[0], dl.Greedy(), max_new_tokens=3).token_ids
    monkeypatch.setattr(torch, "get_default_device", get_default_device)
    assert dl.generate(lm, PROMPTS[0], dl.Greedy(), max_new_tokens=3).token_ids == wanted


def test_a_stream_may_be_read_in_another_state_than_it_was_begun_in(lm) -> None:
    wanted = list(dl.stream(lm, PROMPTS[0], dl.Sampling(), max_new_tokens=4, seed=3))
    steps = dl.stream(lm, PROMPTS[0], dl.Sampling(), max_new_tokens=4, seed=3)
    found = [next(steps)]
    for name in ("autocast", "a default device", "inference mode"):
        with AMBIENT[name]():
            found.append(next(steps))
    assert found == wanted


def test_global_random_state_is_neither_read_nor_changed(lm, strategies) -> None:
    torch.manual_seed(7)
    state = torch.get_rng_state()
    decode(lm, strategies)
    assert torch.equal(torch.get_rng_state(), state)


# Seeds


def draws(generator, count=4):
    return [torch.rand((), generator=generator, dtype=torch.float64).item() for _ in range(count)]


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**32 - 1])
def test_a_seed_of_32_bits_is_pytorchs_own(seed) -> None:
    assert draws(seeded(seed)) == draws(torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", [2**32, 2**32 + 1, 2**62 + 17, 2**63 - 1])
def test_a_longer_seed_fills_the_generator_from_its_two_words(seed) -> None:
    # init_by_array of the reference code, and two words for each draw: in plain Python.
    key, state = [seed % 2**32, seed // 2**32], [19650218]
    for i in range(1, 624):
        state.append((1812433253 * (state[-1] ^ state[-1] >> 30) + i) % 2**32)
    i, j = 1, 0
    for _ in range(624):
        mixed = state[i] ^ ((state[i - 1] ^ state[i - 1] >> 30) * 1664525)
        state[i] = (mixed + key[j] + j) % 2**32
        i, j = i + 1, (j + 1) % 2
        if i == 624:
            state[0], i = state[623], 1
    for _ in range(623):
        state[i] = ((state[i] ^ ((state[i - 1] ^ state[i - 1] >> 30) * 1566083941)) - i) % 2**32
        i += 1
        if i == 624:
            state[0], i = state[623], 1
    state[0] = 2**31
    words = []
    for k in range(8):
        y = state[k] & 2**31 | state[k + 1] & 2**31 - 1
        y = state[k + 397] ^ y >> 1 ^ (0x9908B0DF if y & 1 else 0)
        y ^= y >> 11
        y ^= y << 7 & 0x9D2C5680
        y ^= y << 15 & 0xEFC60000
        words.append((y ^ y >> 18) % 2**32)
    wanted = [
        (high << 32 | low) % 2**53 / 2**53
        for high, low in zip(words[::2], words[1::2], strict=True)
    ]
    assert draws(seeded(seed)) == wanted


def test_seeds_that_differ_above_32_bits_decode_differently(lm) -> None:
    lm = dl.TableLM({"": {str(i): 1 for i in range(50)}})
    seeds = [3, 3 + 2**32, 3 + 2**33, 3 + 2**62, 3 + 2**32 + 2**62]
    for strategy in (
        dl.Sampling(),
        dl.StochasticBeamSearch(2),
        dl.EntropySampling(top_k=50, top_p=1.0),
        dl.SpeculativeSampling(lm),
        dl.PowerSampling(alpha=1.0),
        dl.ArithmeticSampling(),
        dl.BestOfN(lambda g: g.score),
    ):
        found = dl.generate_batch(lm, ["1"] * len(seeds), strategy, seeds=seeds, max_new_tokens=12)
        assert len({tuple(g.token_ids) for g in found}) == len(seeds)


def test_xtc_draws_differently_for_seeds_that_differ_above_32_bits() -> None:
    xtc = dl.XTC(0.5, 0.1)
    ids, logits = torch.zeros(1, 3, dtype=torch.long), torch.tensor([[0.5, 0.3, 0.2]]).log()
    removed = {
        tuple(
            bool(xtc.for_sequence(high * 2**32 + 1)(ids[:, : n % 4], logits).isinf().any())
            for n in range(4)
        )
        for high in range(12)
    }
    assert len(removed) > 1
