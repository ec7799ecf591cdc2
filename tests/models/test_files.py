"""A model's files are checked before they are read: each damage ends in a sentence of its own."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import decodelib as dl
from tests.helpers.model_folders import changed, refused

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 548105171\n"


# What is listed


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_git_lfs_pointer_is_named_with_the_command_that_gets_the_file(folder, name) -> None:
    (folder / name).write_text(POINTER)
    refused(folder, rf"{name} is a Git LFS pointer, not the file itself: run `git lfs pull`")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_what_is_no_file_is_refused_and_not_waited_for(folder, name) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to(folder / "elsewhere")
    refused(folder, "is a link to a file that is not there")
    (folder / name).unlink()
    os.mkfifo(folder / name)
    refused(folder, f"{name} must be a file, and is none")
    (folder / name).unlink()
    (folder / name).mkdir()
    refused(folder, f"{name} must be a file, and is none")
    (folder / name).rmdir()
    (folder / name).symlink_to(name)
    with pytest.raises(OSError, match=rf"{name} cannot be read: Too many levels"):
        dl.load(folder)


@pytest.mark.parametrize("name", ["tokenizer_config.json", "chat_template.jinja"])
def test_a_pipe_that_a_library_would_read_is_refused_too(folder, name) -> None:
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    refused(folder, f"{name} must be a file, and is none")


class Bomb:
    """A pickle that leaves a mark if it is ever loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable, tuple]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize(
    "arrange",
    [
        lambda folder: changed(folder, transformers_weights="pytorch_model.bin"),
        lambda folder: changed(folder, transformers_weights="adapter_model.bin"),
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (
            (folder / "model.safetensors").rename(folder / "decoy.safetensors"),
            (folder / "model.safetensors.index.json").write_text(
                json.dumps({"weight_map": {"a": "pytorch_model.bin"}})
            ),
        ),
        lambda folder: (folder / "adapter_config.json").write_text(
            json.dumps({"base_model_name_or_path": "someone/else", "peft_type": "LORA"})
        ),
    ],
    ids=["named in config", "adapter in config", "alone", "named by an index", "an adapter"],
)
def test_no_pickle_is_ever_loaded(folder, tmp_path, arrange) -> None:
    mark = tmp_path / "loaded"
    for name in ("pytorch_model.bin", "adapter_model.bin", "model.bin"):
        (folder / name).write_bytes(pickle.dumps(Bomb(mark)))
    arrange(folder)
    with contextlib.suppress(ValueError):
        assert dl.load(folder, device="cpu").next_logits([3]).isfinite().all()
    assert not mark.exists()


@pytest.mark.parametrize("name", ["../outside.safetensors", "/etc/a.safetensors", "a.bin", 3, None])
def test_an_index_lists_safetensors_files_of_its_own_folder(folder, name) -> None:
    (folder / "model.safetensors").rename(folder.parent / "outside.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    refused(folder, r"index\.json must list \.safetensors files of its own folder, got ")


@pytest.mark.parametrize("text", ["{}", '{"weight_map": []}', '{"weight_map": {}}', "[]", "{"])
def test_an_index_that_is_none_is_refused(folder, text) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(text)
    refused(folder, r"index\.json (is not the index|must hold a JSON object|is not valid JSON)")


def test_a_shard_that_is_missing_is_named(folder) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "x.safetensors"}}')
    refused(folder, r"lacks x\.safetensors, which model\.safetensors\.index\.json lists")


def test_gpt2_in_shards_loads_by_our_own_forward_pass(gpt2) -> None:
    whole = dl.load(gpt2, device="cpu")
    tensors = list(load_file(gpt2 / "model.safetensors").items())
    (gpt2 / "model.safetensors").unlink()
    weight_map = {}
    for number in range(2):
        file = f"part-{number}.safetensors"
        save_file(dict(tensors[number::2]), gpt2 / file)
        weight_map |= dict.fromkeys(dict(tensors[number::2]), file)
    (gpt2 / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    sharded = dl.load(gpt2, device="cpu")
    assert type(sharded) is type(whole)
    torch.testing.assert_close(sharded.next_logits("The"), whole.next_logits("The"))


# What is configured


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_layer": 0}, "n_layer, an integer of at least 1, got 0"),
        ({"n_layer": -1}, "n_layer, an integer of at least 1, got -1"),
        ({"n_layer": 2}, r"n_layer=3, the layers of the weights, got 2"),
        ({"n_layer": 10_000_000}, "n_layer=3, the layers of the weights, got 10000000"),
        ({"n_layer": 3.0}, r"n_layer, an integer of at least 1, got 3\.0"),
        ({"n_layer": True}, "n_layer, an integer of at least 1, got True"),
        ({"n_head": 0}, "n_head, an integer .*, got 0"),
        ({"n_head": 5}, "n_head that divides n_embd=48, got 5"),
        ({"n_embd": "48"}, "n_embd, an integer of at least 1, got '48'"),
        ({"n_embd": None}, "n_embd, an integer .*, got None"),
        ({"vocab_size": [8192]}, r"vocab_size, an integer .*, got \[8192\]"),
        ({"vocab_size": 10**12}, r"wte\.weight of shape \(1000000000000, 48\)"),
        ({"n_positions": 10**12}, r"wpe\.weight of shape \(1000000000000, 48\)"),
        ({"layer_norm_epsilon": float("nan")}, r"layer_norm_epsilon in \(0, 1\), got nan"),
        ({"layer_norm_epsilon": "small"}, r"layer_norm_epsilon in .*, got 'small'"),
        ({"eos_token_id": 8192}, r"config\.json must have eos_token_id in \[0, 8191\].* got 8192"),
        ({"eos_token_id": [0, -1]}, r"eos_token_id in \[0, 8191\], the vocabulary, got -1"),
        ({"bos_token_id": "0"}, r"bos_token_id in \[0, 8191\], the vocabulary, got '0'"),
    ],
    ids=str,
)
def test_sizes_of_gpt2_that_cannot_be_are_refused(gpt2, settings, message) -> None:
    changed(gpt2, **settings)
    refused(gpt2, message)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_hidden_layers": 10_000_000},
        {"num_hidden_layers": 3},
        {"num_hidden_layers": 1},
        {"num_hidden_layers": "2"},
        {"num_hidden_layers": -1},
        {"num_attention_heads": 0},
        {"num_attention_heads": 5},
        {"num_key_value_heads": 0},
        {"hidden_size": 10**9},
        {"hidden_size": 2.5},
        {"vocab_size": 10**12},
        {"intermediate_size": None},
        {"hidden_act": "no such function"},
        {"rope_parameters": {"rope_type": "no such"}},
        {"rope_parameters": 3},
        {"model_type": "no-such-model"},
        {"model_type": None},
        {"model_type": "t5"},
        {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}},
        {"eos_token_id": 61},
    ],
    ids=str,
)
def test_sizes_of_other_models_that_cannot_be_are_refused(llama, settings) -> None:
    changed(llama, **settings)
    refused(llama, "transformers cannot load|config.json must|weights in .* lack")


@pytest.mark.parametrize("text", ["{", "[]", "\0", "[" * 100_000, '{"a": ' * 5000 + "}" * 5000])
@pytest.mark.parametrize("name", ["config.json", "generation_config.json"])
def test_damaged_configurations_are_refused(folder, name, text) -> None:
    (folder / name).write_text(text)
    refused(folder, rf"{name} (is not valid JSON|must hold a JSON object)")


def test_a_configuration_is_read_as_utf8_whatever_the_locale_says(folder) -> None:
    changed(folder, note="ü")
    path = folder / "config.json"
    path.write_bytes(path.read_text().replace("\\u00fc", "ü").encode())
    assert dl.load(folder, device="cpu").next_logits([3]).isfinite().all()
    path.write_bytes(b'{"a": "\xff"}')
    refused(folder, r"config\.json is not valid JSON")


def test_a_huge_configuration_is_refused_unread(folder) -> None:
    with (folder / "config.json").open("r+b") as file:
        file.truncate(10**12)  # of which the disk stores nothing
    refused(folder, r"config\.json is larger than 256 MiB")


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_an_attention_of_the_hub_is_replaced_by_a_built_in_one(llama, key) -> None:
    expected = dl.load(llama, device="cpu").next_logits([3, 4])
    changed(llama, **{key: "someone/kernel", "experts_implementation": "someone/kernel"})
    lm = dl.load(llama, device="cpu")
    assert lm.model.config._attn_implementation in ("sdpa", "eager")
    torch.testing.assert_close(lm.next_logits([3, 4]), expected)


def test_settings_that_change_what_a_model_returns_are_not_heeded(llama) -> None:
    expected = dl.load(llama, device="cpu").next_logits([3, 4])
    changed(llama, return_dict=False, torchscript=True, output_attentions=True)
    torch.testing.assert_close(dl.load(llama, device="cpu").next_logits([3, 4]), expected)


# What is in the weights


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\xff" * 100, b"{}", b"PK\x03\x04" * 50])
def test_weights_that_are_none_are_refused(folder, content) -> None:
    (folder / "model.safetensors").write_bytes(content)
    refused(folder, r"weights file .*model\.safetensors is damaged or incomplete")


def test_a_tensor_of_another_shape_is_refused(llama) -> None:
    tensors = load_file(llama / "model.safetensors")
    tensors["model.norm.weight"] = torch.zeros(31)
    save_file(tensors, llama / "model.safetensors")
    refused(llama, "transformers cannot load")
