"""Models can be copied, pickled and sent to processes, and decode alike there, in every dtype."""

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest
import torch

import decodelib as dl
from decodelib.models.gpt2.early_exit import first_layers
from decodelib.models.hf import HFModel
from tests.helpers.hf_models import CONFIGS, byte_tokenizer, random_model

LLAMA = "llama: rotary positions, grouped queries"
KINDS = {
    "storybook in float64": lambda: dl.load("storybook", device="cpu", dtype="float64"),
    "storybook in float32": lambda: dl.load("storybook", device="cpu", dtype="float32"),
    "storybook in float16": lambda: dl.load("storybook", device="cpu", dtype="float16"),
    "storybook in bfloat16": lambda: dl.load("storybook", device="cpu", dtype="bfloat16"),
    "its first layers": lambda: first_layers(dl.load("storybook", device="cpu"), 2),
    "a table": lambda: dl.TableLM({"": {"a": 3, "b": 1}, "a": {"b": 1, "<eos>": 1}}),
    "transformers": lambda: HFModel(random_model(CONFIGS[LLAMA]), byte_tokenizer(), "random"),
    "its first layer": lambda: first_layers(
        HFModel(random_model(CONFIGS[LLAMA]), byte_tokenizer(), "random"), 1
    ),
}


def tokens(lm: dl.LanguageModel) -> list[list[int]]:
    prompts = [[1, 2], [2], [1, 2, 1]]
    sampling = dl.Sampling(dl.Temperature(0.9), dl.TopP(0.95))
    drawn = dl.generate_batch(lm, prompts, sampling, max_new_tokens=12)
    beams = dl.generate(lm, prompts[0], dl.BeamSearch(num_beams=3), max_new_tokens=8)
    return [g.token_ids for g in [*drawn, beams]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_and_a_pickle_decode_alike(kind: str) -> None:
    lm = KINDS[kind]()
    expected, logits = tokens(lm), lm.next_logits([1, 2])
    for other in (copy.copy(lm), copy.deepcopy(lm), pickle.loads(pickle.dumps(lm))):
        torch.testing.assert_close(other.next_logits([1, 2]), logits)
        assert tokens(other) == expected
        assert (other.name, other.dtype, other.num_bytes) == (lm.name, lm.dtype, lm.num_bytes)
        assert other.decode([1, 2]) == lm.decode([1, 2])
        again = pickle.loads(pickle.dumps(other))
        torch.testing.assert_close(again.next_logits([1, 2]), logits)


def test_a_deep_copy_shares_no_weights_with_the_model() -> None:
    lm = KINDS["transformers"]()
    before, other = lm.next_logits([3, 4]), copy.deepcopy(lm)
    with torch.no_grad():
        for parameter in other.model.parameters():
            parameter.zero_()
    assert torch.equal(lm.next_logits([3, 4]), before)
    assert not torch.equal(other.next_logits([3, 4]), before)


@pytest.mark.parametrize(
    "kind", ["storybook in float32", pytest.param("transformers", marks=pytest.mark.long)]
)
def test_strategies_that_hold_a_model_decode_alike_in_another_process(kind: str) -> None:
    lm = KINDS[kind]()
    strategies = [
        dl.SpeculativeSampling(first_layers(lm, 1)),
        dl.ContrastiveDecoding(first_layers(lm, 1)),
    ]
    expected = [dl.generate(lm, [1, 2], s, max_new_tokens=8).token_ids for s in strategies]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        jobs = [pool.submit(dl.generate, lm, [1, 2], s, max_new_tokens=8) for s in strategies]
        found = [job.result().token_ids for job in jobs]
    assert found == expected
