"""GGUF files, as llama.cpp, Ollama and LM Studio use them: read, and turned into a model's folder.

transformers says which model of its own an architecture is, and what a tensor is called there; the
gguf package unpacks quantized tensors. What is decoded with are the unpacked weights.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from decodelib.models.files import CONFIG, GENERATION, WEIGHTS, ModelFiles, first_line, is_file
from decodelib.models.hf import HFModel
from decodelib.models.hf_loading import Checked, checked, model_of

_ENDS = ("eos_token_id", "eot_token_id", "eom_token_id")  # of a text, of a turn, of a message


@dataclass(frozen=True)
class GGUF:
    """What a GGUF file holds, its weights unpacked in float32.

    Attributes:
        files: Its configuration, and the shapes of its tensors.
        tensors: Under their names in transformers.
        tokenizer: Of transformers, with the file's chat template.
    """

    checked: Checked
    tensors: dict[str, Tensor]
    tokenizer: Any


def load_gguf(path: Path, name: str, device: torch.device, dtype: torch.dtype) -> HFModel:
    """Load a GGUF file as a model of transformers.

    Raises:
        ValueError: For a file that is damaged or none of GGUF, and for an architecture that
            transformers does not read from GGUF.
        OSError: For a file that cannot be read.
        ImportError: If transformers or gguf is not installed.
    """
    held = read_gguf(path, name)
    return HFModel(model_of(held.checked, held.tensors, dtype, device), held.tokenizer, name)


def convert_gguf(path: Path, name: str, folder: Path) -> None:
    """Write a GGUF file's model into an empty folder, in float32; raises as `load_gguf` does."""
    held = read_gguf(path, name)
    save_file(held.tensors, folder / WEIGHTS, metadata={"format": "pt"})
    files = held.checked.files
    for file, content in ((CONFIG, files.config), (GENERATION, files.generation)):
        (folder / file).write_text(json.dumps(content, indent=2), encoding="utf-8")
    held.tokenizer.save_pretrained(folder)


def read_gguf(path: Path, name: str) -> GGUF:
    """Read and check a GGUF file; raises as `load_gguf` does."""
    if any(importlib.util.find_spec(library) is None for library in ("transformers", "gguf")):
        raise ImportError(
            f"{name} needs the transformers and gguf libraries: pip install 'decodelib[gguf]'"
        )
    if not is_file(path):
        raise ValueError(f"{path} is not there: give a .gguf file that exists")
    from transformers import PreTrainedTokenizerFast
    from transformers.integrations.gguf import (
        convert_gguf_tokenizer,
        get_gguf_tokenizer,
        read_gguf_metadata,
    )
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    with _explained(path):
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise ValueError("it does not begin with the letters GGUF")
        metadata, _ = read_gguf_metadata(str(path))
        shapes = _shapes(path)
    architecture = metadata["general.architecture"]
    try:
        config = load_gguf_checkpoint(str(path))["config"]
    except (ValueError, KeyError, TypeError, IndexError, NotImplementedError) as error:
        raise ValueError(
            f"{path} holds a model of the architecture {architecture!r}, which transformers "
            f"cannot read from GGUF ({first_line(error)}): choose another file"
        ) from error
    ends = [metadata.get(f"tokenizer.ggml.{key}") for key in _ENDS]
    ends = list(dict.fromkeys(end for end in ends if end is not None))
    files = ModelFiles(path.parent, config, {"eos_token_id": ends} if ends else {}, (path,), shapes)
    found = checked(files)
    with _explained(path):
        kind, vocabulary, settings = get_gguf_tokenizer(str(path))
        backend, _ = convert_gguf_tokenizer(kind, vocabulary)
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **settings)
        read = load_gguf_checkpoint(
            str(path),
            return_tensors=True,
            model_to_load=found.skeleton,
            torch_dtype=torch.float32,
        )
    return GGUF(found, read["tensors"], tokenizer)


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    from transformers.integrations.gguf.reader import GgufHeader

    return {tensor.name: tensor.shape for tensor in GgufHeader.from_file(str(path)).tensors}


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn whatever a reader raises about a file into a ValueError of one sentence."""
    try:
        yield
    except OSError as error:
        raise OSError(f"{path} cannot be read: {first_line(error)}") from error
    except Exception as error:  # struct.error, KeyError, UnicodeDecodeError, MemoryError, …
        raise ValueError(
            f"{path} is damaged or no GGUF file ({first_line(error)}): get it again"
        ) from error
