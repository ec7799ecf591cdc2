"""What a program has set in PyTorch, and who else uses a model, changes nothing of its logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext

import pytest
import torch

import decodelib as dl
from decodelib.models.gpt2.attention_maps import attention
from decodelib.models.gpt2.early_exit import first_layers
from decodelib.models.hf import HFModel
from tests.helpers.default_device import default_device
from tests.helpers.gpt2 import save_random_gpt2
from tests.helpers.hf_models import CONFIGS, PROMPTS, byte_tokenizer, random_model

LLAMA = "llama: rotary positions, grouped queries"
MODELS = {
    "storybook": lambda: dl.load("storybook", device="cpu", dtype="float32"),
    "storybook in float64": lambda: dl.load("storybook", device="cpu", dtype="float64"),
    "llama": lambda: HFModel(random_model(CONFIGS[LLAMA]), byte_tokenizer(), "random"),
    "table": lambda: dl.TableLM({"": {"a": 3, "b": 1}}),
}


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


STATES: dict[str, Callable] = {
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "a default device": lambda: torch.device("meta"),
    "a default device taken back": lambda: default_device(None),
    "float64 by default": lambda: default_dtype(torch.float64),
    "float16 by default": lambda: default_dtype(torch.float16),
    "inference mode": torch.inference_mode,
    "gradients": torch.enable_grad,
    "deterministic": deterministic,
}


def readings(lm: dl.LanguageModel) -> list[torch.Tensor]:
    """Logits by every way that a model has of giving them."""
    text = lm.decode([1, 2, 1])
    ids = [lm.prompt_ids(ids) for ids in ([1, 2, 1], [2])]
    logits, cache = lm.prefill(ids, 12)
    found = [lm.encode(text), lm.prompt_ids(text), lm.next_logits([1]), lm.logits([1, 2]), logits]
    found.append(lm.step(torch.tensor([1, 2], device="cpu"), cache))
    cache = cache.select(torch.tensor([1, 1, 0], device="cpu"))
    found.append(lm.extend(torch.tensor([[1, 2], [2, 2], [0, 1]], device="cpu"), cache))
    return found


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("state", STATES)
def test_logits_are_the_same_in_any_state(kind: str, state: str) -> None:
    lm = MODELS[kind]()
    expected = readings(lm)
    with STATES[state]():
        found = readings(lm)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


@pytest.mark.parametrize("state", STATES)
def test_a_model_that_was_loaded_in_any_state_is_the_same(tmp_path, state: str) -> None:
    save_random_gpt2(tmp_path)
    other = tmp_path / "llama"
    random_model(CONFIGS[LLAMA]).save_pretrained(other)
    byte_tokenizer().save_pretrained(other)
    for folder in (tmp_path, other):
        expected = dl.load(folder, device="cpu", dtype="float32").next_logits([3, 4])
        with STATES[state]():
            lm = dl.load(folder, device="cpu", dtype="float32")
        assert torch.equal(lm.next_logits([3, 4]), expected)


@pytest.mark.parametrize("kind", ["storybook", "llama"])
def test_a_cache_of_inference_mode_goes_on_outside_of_it(kind: str) -> None:
    lm = MODELS[kind]()
    found = []
    for mode in (torch.inference_mode, nullcontext):
        with mode():
            _, cache = lm.prefill([lm.prompt_ids([1, 2])], 12)
        cache = cache.select(torch.tensor([0, 0]))
        found.append(lm.step(torch.tensor([1, 2]), cache))
    assert torch.equal(found[0], found[1])


@pytest.mark.parametrize("kind", ["storybook", "llama"])
def test_threads_that_share_a_model_get_what_each_would_get_alone(kind: str) -> None:
    lm = MODELS[kind]()
    strategies = [
        dl.ContrastiveSearch(top_k=4, penalty_alpha=0.6),
        dl.Sampling(dl.TopP(0.9)),
        dl.BeamSearch(num_beams=3),
    ]
    jobs = [(ids, strategy) for ids in PROMPTS for strategy in strategies]

    def run(job: tuple) -> list[int]:
        return dl.generate(lm, job[0], job[1], max_new_tokens=10).token_ids

    alone = [run(job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        maps = pool.submit(attention, lm, PROMPTS[0])  # which needs another setting of the model
        together = list(pool.map(run, jobs))
        shallow = pool.submit(first_layers, lm, 1)
    assert together == alone
    assert maps.result().weights.shape[0] == lm.num_layers
    assert shallow.result().num_layers == 1
