"""The files of a model: listed, checked and read, whatever folder or cache they come from.

Nothing is loaded that has not been looked at before: weights are safetensors of the model's own
folder, configurations are JSON objects with ids and sizes that fit the weights. Pickle files and
Python modules are not even opened.
"""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

CONFIG, GENERATION = "config.json", "generation_config.json"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
# In the order of the models that have them; any one makes a tokenizer.
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt")

LARGEST_JSON = 64 * 2**20
"""Bytes. The indexes of the largest models have less than a tenth of it."""

LARGEST_TEXT = 256 * 2**20
"""Bytes, of vocabularies and templates."""

_TEXTS = (".json", ".jinja", ".txt", ".model")
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class ModelFiles:
    """What a model's folder holds, checked but not yet loaded.

    Attributes:
        config: The object in config.json.
        generation: The object in generation_config.json; empty if there is none.
        weights: The safetensors files that hold the weights.
        shapes: The shape of each tensor in them, by name.
    """

    folder: Path
    config: Mapping[str, Any]
    generation: Mapping[str, Any]
    weights: tuple[Path, ...]
    shapes: Mapping[str, tuple[int, ...]] = field(repr=False)

    @property
    def num_parameters(self) -> int:
        """How many numbers the weights hold."""
        return sum(map(math.prod, self.shapes.values()))

    def tensors(self) -> dict[str, Tensor]:
        """Read all weights into memory, on the CPU."""
        return {name: tensor for file in self.weights for name, tensor in _load(file).items()}


def examine(folder: Path) -> ModelFiles:
    """List and check the files of a model's folder; reads no weights.

    Raises:
        ValueError: For a folder without a configuration, safetensors weights or tokenizer, and for
            a file that is damaged, is a Git LFS pointer, or leads out of the folder.
        OSError: For a file that cannot be read.
    """
    if not is_file(folder / CONFIG):
        raise ValueError(f"model folder {folder} has no {CONFIG}: give a whole model's folder")
    for path in folder.iterdir():
        _refuse_endless(path)
    config = read_json(folder / CONFIG)
    generation = read_json(folder / GENERATION) if is_file(folder / GENERATION) else {}
    weights = _weight_files(folder)
    shapes: dict[str, tuple[int, ...]] = {}
    for file in weights:
        shapes |= _shapes(file)
    tokenizers = [folder / name for name in TOKENIZERS if is_file(folder / name)]
    if not tokenizers:
        raise ValueError(f"model folder {folder} has no tokenizer, such as {TOKENIZERS[0]}")
    for file in tokenizers:
        _refuse_pointer(file)
    return ModelFiles(folder, config, generation, weights, shapes)


def is_file(path: Path) -> bool:
    """Return whether a file is there to be read; raises ValueError for a pipe, folder or device."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            raise ValueError(f"{path} is a link to a file that is not there") from None
        return False
    except OSError as error:
        raise OSError(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} must be a file, and is none")
    return True


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises ValueError for a file that holds none, is not UTF-8, or is larger than `LARGEST_JSON`;
    OSError for one that cannot be read.
    """
    _refuse_pointer(path)
    if path.stat().st_size > LARGEST_JSON:
        raise ValueError(f"{path} is larger than {LARGEST_JSON >> 20} MiB: get it again")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError(f"{path} is not valid JSON (nested too deeply): get it again") from error
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON ({error}): get it again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(content).__name__}")
    return content


def shards(index: Path) -> list[str]:
    """Return the weight files that a model's index lists.

    Raises ValueError unless all of them are safetensors files of the index's own folder.
    """
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ValueError(f"{index} is not the index of a sharded model: get it again")
    for name in weight_map.values():
        # A name such as ../../other would leave the model's folder.
        own = isinstance(name, str) and Path(name).name == name and "\\" not in name
        if not own or not name.endswith(".safetensors"):
            raise ValueError(
                f"{index.name} must list .safetensors files of its own folder, got {name!r}"
            )
    return sorted(set(weight_map.values()))


def check_ids(source: str, values: Mapping[str, Any], vocab_size: int) -> None:
    """Raise ValueError unless the tokens that begin and end a text are of the vocabulary.

    Args:
        source: The file that `values` are from.
    """
    for key in ("bos_token_id", "eos_token_id"):
        value = values.get(key)
        for token_id in value if isinstance(value, list) else [value]:
            whole = isinstance(token_id, int) and not isinstance(token_id, bool)
            if token_id is not None and not (whole and 0 <= token_id < vocab_size):
                raise ValueError(
                    f"{source} must have {key} in [0, {vocab_size - 1}], the vocabulary, "
                    f"got {token_id!r}"
                )


def _weight_files(folder: Path) -> tuple[Path, ...]:
    if is_file(folder / WEIGHTS):
        return (folder / WEIGHTS,)
    if not is_file(folder / INDEX):
        raise ValueError(
            f"model folder {folder} has no safetensors weights, and pickle files are never loaded "
            f"because they can run code: give a folder with {WEIGHTS}"
        )
    files = tuple(folder / name for name in shards(folder / INDEX))
    for file in files:
        if not is_file(file):
            raise ValueError(f"model folder {folder} lacks {file.name}, which {INDEX} lists")
    return files


def _shapes(file: Path) -> dict[str, tuple[int, ...]]:
    _refuse_pointer(file)
    try:
        with safe_open(file, "pt") as opened:
            names = list(opened.keys())
            return {name: tuple(opened.get_slice(name).get_shape()) for name in names}
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise _damaged(file, error) from error


def _load(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (SafetensorError, ValueError, RuntimeError, TypeError, KeyError) as error:
        raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> ValueError:
    return ValueError(
        f"weights file {file} is damaged or incomplete ({first_line(error)}): get it again"
    )


def _refuse_endless(path: Path) -> None:
    """Refuse what other libraries would wait for or read without end, if they looked for it."""
    try:
        status = path.stat()
    except OSError:
        return  # a link to nothing: nobody can read it
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise ValueError(f"{path} must be a file, and is none")
    if path.suffix in _TEXTS and status.st_size > LARGEST_TEXT:
        raise ValueError(f"{path} is larger than {LARGEST_TEXT >> 20} MiB: get it again")


def _refuse_pointer(path: Path) -> None:
    try:
        with path.open("rb") as file:
            beginning = file.read(len(_LFS_POINTER))
    except OSError as error:
        raise OSError(f"{path} cannot be read: {error.strerror}") from error
    if beginning == _LFS_POINTER:
        raise ValueError(
            f"{path} is a Git LFS pointer, not the file itself: run `git lfs pull` in its folder"
        )


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its kind if it has none."""
    first, *rest = [line.strip() for line in str(error).splitlines()] or [type(error).__name__]
    return f"{first} {rest[0]}" if first.endswith(":") and rest else first
