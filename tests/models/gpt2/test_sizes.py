"""What a GPT-2 model says of its sizes is what its tensors say."""

import pytest
import torch
from safetensors.torch import load_file

import decodelib as dl
from decodelib.models.gpt2.early_exit import first_layers
from tests.helpers.gpt2 import STORYBOOK

PER_NUMBER = {"float64": 8, "float32": 2, "float16": 2, "bfloat16": 2}  # storybook's are 16 bits


@pytest.mark.parametrize("dtype", PER_NUMBER)
def test_parameters_and_bytes_are_those_of_the_weights(dtype: str) -> None:
    lm = dl.load("storybook", device="cpu", dtype=dtype)
    tensors = load_file(STORYBOOK / "model.safetensors")
    assert lm.num_layers == 6
    assert lm.num_parameters == sum(tensor.numel() for tensor in tensors.values())
    matrices = sum(t.numel() for name, t in tensors.items() if t.ndim == 2 and "wpe" not in name)
    rest = lm.num_parameters - matrices
    whole = torch.bfloat16 if dtype == "bfloat16" else torch.float32
    whole = torch.float64 if dtype == "float64" else whole
    # Where this machine has no kernel for weights of 16 bits, they are stored as they are computed.
    possible = {rest * whole.itemsize + matrices * size for size in (2, 4, 8)}
    assert lm.num_bytes in possible
    if dtype in ("float64", "bfloat16"):
        assert lm.num_bytes == PER_NUMBER[dtype] * lm.num_parameters


def test_fewer_layers_take_fewer_bytes() -> None:
    lm = dl.load("storybook", device="cpu", dtype="float64")
    shallow = first_layers(lm, 2)
    block = 12 * 256**2 + 13 * 256
    assert (lm.num_layers, shallow.num_layers) == (6, 2)
    assert lm.num_parameters - shallow.num_parameters == 4 * block
    assert lm.num_bytes - shallow.num_bytes == 4 * 8 * block


def test_the_cache_holds_two_numbers_for_each_layer_width_and_position() -> None:
    lm = dl.load("storybook", device="cpu", dtype="float64")
    _, cache = lm.prefill([torch.tensor([5, 6, 7])] * 5, capacity=40)
    assert cache.shape == (6, 5, 4, 40, 64)
    assert cache.num_bytes == 2 * 6 * 5 * 4 * 40 * 64 * 8


def test_a_table_has_no_layers_and_takes_no_bytes() -> None:
    lm = dl.TableLM({"": {"a": 1}})
    assert (lm.num_layers, lm.num_parameters, lm.num_bytes) == (0, 0, 0)
