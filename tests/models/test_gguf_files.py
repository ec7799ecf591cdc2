"""dl.load of a GGUF file: its weights unpacked, its tokenizer, its ends and its chat template."""

from __future__ import annotations

import sys
from pathlib import Path

import gguf
import pytest
import torch

import decodelib as dl
from tests.helpers.gguf_models import TOKENS, write_gguf


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "small.Q4_1.gguf"
    write_gguf(path)
    return path


def test_the_weights_are_those_of_the_file_unpacked(tmp_path) -> None:
    kind = gguf.GGMLQuantizationType
    for quantized in (kind.Q4_1, kind.Q8_0, kind.F32):
        path = tmp_path / f"{quantized.name}.gguf"
        tensors = write_gguf(path, quantized)
        weights = dl.load(path, device="cpu", dtype="float32").model.state_dict()
        for theirs, ours in {
            "token_embd": "model.embed_tokens",
            "blk.1.attn_v": "model.layers.1.self_attn.v_proj",
            "blk.0.ffn_down": "model.layers.0.mlp.down_proj",
            "output_norm": "model.norm",
        }.items():
            expected = torch.from_numpy(tensors[f"{theirs}.weight"])
            torch.testing.assert_close(weights[f"{ours}.weight"], expected, rtol=0, atol=0)


def test_the_model_says_what_the_file_says(small) -> None:
    lm = dl.load(str(small), device="cpu", dtype="float64")
    assert (lm.name, lm.dtype, lm.context_length) == ("small.Q4_1.gguf", torch.float64, 128)
    assert (lm.vocab_size, lm.num_layers, lm.bos_token_id) == (len(TOKENS), 2, 1)
    assert lm.eos_token_ids == (2, 0)  # the end of a text, and that of a turn
    text = "that a thing"
    assert lm.decode(lm.encode(text)) == text
    assert lm.decode(lm.chat("hi")) == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    g = dl.generate(lm, text, dl.Sampling(dl.TopP(0.9)), max_new_tokens=8, seed=1)
    assert g.full_text == text + g.text


def test_an_architecture_that_transformers_does_not_read_is_named(tmp_path) -> None:
    path = tmp_path / "other.gguf"
    write_gguf(path, architecture="rwkv7")
    with pytest.raises(ValueError, match=r"other\.gguf holds a model of the architecture 'rwkv7'"):
        dl.load(path)


@pytest.mark.parametrize("kept", [0, 3, 4, 24, 1000, -1000])
def test_a_truncated_file_is_refused(small, tmp_path, kept: int) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(small.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"cut\.gguf") as info:
        dl.load(path)
    assert "\n" not in str(info.value)


def test_a_file_that_is_none_is_refused(tmp_path) -> None:
    path = tmp_path / "none.gguf"
    path.write_text("GGML and more")
    with pytest.raises(ValueError, match=r"none\.gguf is damaged or no GGUF file \(it does not"):
        dl.load(path)
    with pytest.raises(ValueError, match=r"a folder or \.gguf file that exists"):
        dl.load(tmp_path / "missing.gguf")


def test_without_the_gguf_library_the_command_is_given(small, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ImportError, match=r"pip install 'decodelib\[gguf\]'"):
        dl.load(small)
