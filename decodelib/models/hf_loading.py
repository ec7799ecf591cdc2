"""From checked files to a model and a tokenizer of transformers.

transformers is given a configuration and tensors, never a folder of weights: what it would look for
there (pickle files, an index's paths, adapters, kernels and code of the hub) is out of its reach.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from decodelib.models.files import ModelFiles, check_ids, first_line
from decodelib.models.hf_inside import num_layers

_LAYER = re.compile(r"\.(\d+)\.")

# While transformers makes a model, it replaces functions of its own and of PyTorch for the whole
# process: two threads that load at once would get models with weights missing.
_ONE_AT_A_TIME = threading.RLock()

LARGEST_BUFFERS = 2**28
"""Bytes of what a model computes from its configuration alone, such as tables of positions."""

# Settings that name code, kernels or files to get, or that change the kind of a model's outputs.
_UNHEEDED = {
    "auto_map",
    "custom_generate",
    "fusion_config",
    "model_name_or_path",
    "name_or_path",
    "output_attentions",
    "output_hidden_states",
    "return_dict",
    "torchscript",
    "transformers_weights",
    "use_kernels",
    "use_return_dict",
}


@dataclass(frozen=True)
class Checked:
    """A model's files, and what transformers makes of their configuration.

    Attributes:
        config: Of transformers.
        skeleton: The model without numbers: its parameters are on the device "meta".
    """

    files: ModelFiles
    config: Any
    skeleton: Any


def load_model(files: ModelFiles, dtype: torch.dtype, device: torch.device) -> Any:
    """Return a causal language model of transformers, made by its own code.

    Raises ValueError for a configuration that transformers cannot make a causal language model of,
    that asks for more than the weights hold, or that is quantized; and for weights of other shapes.
    """
    return model_of(checked(files), files.tensors(), dtype, device)


def checked(files: ModelFiles) -> Checked:
    """Return what a model's files are to transformers, before any weight is read; may raise."""
    from transformers import AutoModelForCausalLM

    cleaned = without_unheeded(files.config)
    _check_counts(files, cleaned)
    with _as_value_error(files.folder), _default_state(), torch.device("meta"):
        config = _config(cleaned)
        skeleton = AutoModelForCausalLM.from_config(config)
    _check_sizes(files, skeleton)
    return Checked(files, config, skeleton)


def model_of(
    found: Checked, tensors: dict[str, Tensor], dtype: torch.dtype, device: torch.device
) -> Any:
    """Return a model with the weights given, under their names in transformers; may raise."""
    from transformers import GenerationConfig

    files = found.files
    with _as_value_error(files.folder), _default_state(), _without_a_bar():
        loaded: Any = type(found.skeleton).from_pretrained(
            None, config=found.config, state_dict=tensors, dtype=dtype, output_loading_info=True
        )
        model, report = loaded
        if files.generation:
            model.generation_config = GenerationConfig.from_dict(without_unheeded(files.generation))
    # transformers would start such a tensor at random and only warn.
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])[0]
        raise ValueError(f"weights in {files.folder} lack the tensor {missing}: get them again")
    layers = num_layers(model)
    if any(int(m[1]) >= layers for key in report["unexpected_keys"] if (m := _LAYER.search(key))):
        raise ValueError(
            f"config.json must have as many layers as the weights in {files.folder}, got {layers}"
        )
    return model.to(device)


def load_tokenizer(folder: Path) -> Any:
    """Return a model's tokenizer; raises ValueError if transformers cannot make one by its code."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
        tokenizer.model_max_length = sys.maxsize  # whoever decodes knows the model's own limit
        tokenizer.decode(tokenizer("a").input_ids)  # some damages show only now
        return tokenizer
    # The tokenizers library raises nothing more specific, and where it panics no Exception at all.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise ValueError(
            f"tokenizer in {folder} cannot be loaded ({first_line(error)}): get it again"
        ) from error


def without_unheeded(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration, and those within it, without what `_UNHEEDED` lists."""
    return {
        key: without_unheeded(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if key.strip("_") not in _UNHEEDED and not key.strip("_").endswith("implementation")
    }


def _config(cleaned: dict[str, Any]) -> Any:
    from transformers import CONFIG_MAPPING

    kind = cleaned.get("model_type")
    if "quantization_config" in cleaned:
        raise ValueError("its weights are quantized: choose the model they were made from")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise ValueError(f"config.json has model_type {kind!r}, which it does not know")
    return CONFIG_MAPPING[kind].from_dict(cleaned)


def _check_counts(files: ModelFiles, config: Mapping[str, Any]) -> None:
    """Raise ValueError for counts that no model with these weights can have, such as of layers."""
    tensors = len(files.shapes)
    longest = max((size for shape in files.shapes.values() for size in shape), default=0)
    for key, value in config.items():
        if isinstance(value, dict):
            _check_counts(files, value)
        elif isinstance(value, int) and not isinstance(value, bool):
            bound = sys.maxsize
            if key.endswith(("layer", "layers")):
                bound = tensors
            elif "expert" in key:
                bound = max(tensors, longest)
            if value > bound:
                raise ValueError(
                    f"config.json must have {key} of at most {bound}, since the weights hold no "
                    f"more, got {value}"
                )


def _check_sizes(files: ModelFiles, skeleton: Any) -> None:
    asked = sum(parameter.numel() for parameter in skeleton.parameters())
    held = files.num_parameters
    if asked > 1.1 * held + 2**20:
        raise ValueError(
            f"config.json must ask for as many parameters as the weights hold, which is {held}, "
            f"got {asked}"
        )
    buffers = sum(buffer.nbytes for buffer in skeleton.buffers())
    if buffers > LARGEST_BUFFERS:
        raise ValueError(
            f"config.json must ask for tables of at most {LARGEST_BUFFERS} bytes, got {buffers}"
        )
    if skeleton.get_output_embeddings() is None:
        raise ValueError(
            f"config.json must be of a causal language model, got {type(skeleton).__name__}"
        )
    vocab_size = skeleton.get_output_embeddings().weight.shape[0]
    check_ids("config.json", files.config, vocab_size)
    check_ids("generation_config.json", files.generation, vocab_size)


@contextmanager
def _as_value_error(folder: Path) -> Iterator[None]:
    """Turn whatever transformers raises into a ValueError of one sentence."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # TypeError, RecursionError, ZeroDivisionError, validation errors, …
        raise ValueError(
            f"transformers cannot load {folder} by its own code ({first_line(error)}), and code "
            "that comes with a model is never run: choose another model"
        ) from error


@contextmanager
def _default_state() -> Iterator[None]:
    """Load on the CPU in float32 unless told otherwise, whatever the caller's defaults are."""
    with _ONE_AT_A_TIME:
        default = torch.get_default_dtype()
        torch.set_default_dtype(torch.float32)
        try:
            with torch.device("cpu"), torch.inference_mode(False):
                yield
        finally:
            torch.set_default_dtype(default)


@contextmanager
def _without_a_bar() -> Iterator[None]:
    """Keep transformers from drawing the progress of tensors that are in memory already."""
    from transformers.utils import logging

    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            logging.enable_progress_bar()
