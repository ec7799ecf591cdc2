"""Model folders damaged at random, to see how loading ends.

    python -m tests.helpers.damaged_folders --count 5000 --seed 0

Each folder is a small whole model with one to three damages: bytes cut, flipped or written over,
files emptied, removed, exchanged, linked or made huge, JSON values of wrong kinds and sizes.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import resource
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import decodelib as dl
from tests.helpers.gpt2 import save_random_gpt2
from tests.helpers.hf_models import CONFIGS, byte_tokenizer, random_model

ALLOWED = (ValueError, OSError, ImportError)
FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json")
JSON_FILES = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 3, 7, 2**31, 2**63, 10**30, 0.5, float("nan"), float("inf"), "",
    "1", "model.bin", "../x", "é" * 50, [], [0], [None], [[[]]], {}, {"a": {}}, {"rope_type": "x"},
)  # fmt: skip

LARGEST_TO_READ = 10**7

Damage = Callable[[Path, random.Random], None]


def whole_folders(root: Path) -> list[Path]:
    """Write the models that are then damaged: one of each class, and one in shards."""
    gpt2, llama, sharded = root / "gpt2", root / "llama", root / "sharded"
    save_random_gpt2(gpt2, n_embd=16, n_layer=2, n_positions=16)
    model = random_model(CONFIGS["llama: rotary positions, grouped queries"])
    model.save_pretrained(llama)
    model.save_pretrained(sharded, max_shard_size="20KB")
    for folder in (llama, sharded):
        byte_tokenizer().save_pretrained(folder)
    return [gpt2, llama, sharded]


def damage(folder: Path, chance: random.Random) -> None:
    """Damage a folder in one to three ways."""
    for _ in range(chance.randint(1, 3)):
        # What is gone, or no longer JSON, cannot be damaged in the same way again.
        with contextlib.suppress(OSError, ValueError, RecursionError, MemoryError):
            chance.choice(DAMAGES)(folder, chance)


def _file(folder: Path, chance: random.Random) -> Path:
    return chance.choice([*sorted(folder.iterdir()), *(folder / name for name in FILES)])


def _read(path: Path) -> bytes:
    """Read a file, unless that would wait (pipes) or not end (huge ones)."""
    if not path.is_file() or path.stat().st_size > LARGEST_TO_READ:
        raise ValueError(f"{path} is no longer a file to damage")
    return path.read_bytes()


def _cut(folder: Path, chance: random.Random) -> None:
    path = _file(folder, chance)
    content = _read(path)
    path.write_bytes(content[: chance.randrange(len(content) + 1)])


def _flip(folder: Path, chance: random.Random) -> None:
    path = _file(folder, chance)
    content = bytearray(_read(path))
    for _ in range(chance.choice([1, 8, 64])):
        content[chance.randrange(min(len(content), 4000))] = chance.randrange(256)
    path.write_bytes(bytes(content))


def _replace(folder: Path, chance: random.Random) -> None:
    contents = [b"", b"{}", b"[]", b"null", b"\x80\x04.", b"PK\x03\x04", b"[" * 50_000, b"\0" * 99]
    contents += [b"version https://git-lfs.github.com/spec/v1\n", b'{"a":' * 2000 + b"}" * 2000]
    path = _file(folder, chance)
    if path.is_file():  # to open a pipe for writing would wait for a reader
        path.write_bytes(chance.choice(contents))


def _remove(folder: Path, chance: random.Random) -> None:
    _file(folder, chance).unlink()


def _exchange(folder: Path, chance: random.Random) -> None:
    content, target = _read(_file(folder, chance)), _file(folder, chance)
    if target.is_file() or not target.exists():
        target.write_bytes(content)


def _link(folder: Path, chance: random.Random) -> None:
    path = _file(folder, chance)
    path.unlink()
    kind = chance.choice(["nowhere", "itself", "folder", "pipe"])
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path.name if kind == "itself" else "not-there")


def _enlarge(folder: Path, chance: random.Random) -> None:
    path = _file(folder, chance)
    _read(path)
    with path.open("r+b") as file:
        file.truncate(chance.choice([10**6, 10**9, 10**12]))


def _setting(folder: Path, chance: random.Random) -> None:
    path = folder / chance.choice(JSON_FILES[:2] * 3 + JSON_FILES[2:])
    content = json.loads(_read(path))
    if not isinstance(content, dict) or not content:
        return  # another damage has been here
    place = content
    while True:  # down to some value, at whatever depth
        key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if not isinstance(place[key], dict | list) or not place[key] or chance.random() < 0.3:
            break
        place = place[key]
    if isinstance(place, dict) and chance.random() < 0.2:
        del place[key]
    else:
        place[key] = chance.choice(VALUES)
    path.write_text(json.dumps(content), encoding="utf-8")


def _size(folder: Path, chance: random.Random) -> None:
    path = folder / "config.json"
    content = json.loads(_read(path))
    if not isinstance(content, dict):
        return
    numbers = [key for key, value in content.items() if type(value) in (int, float)]
    if numbers:
        content[chance.choice(numbers)] = chance.choice([0, -1, 1, 2, 5, 10**7, 10**12, 1.5])
    path.write_text(json.dumps(content), encoding="utf-8")


def _pickle(folder: Path, chance: random.Random) -> None:
    name = chance.choice(["pytorch_model.bin", "adapter_model.bin", "model.safetensors"])
    index = folder / "model.safetensors.index.json"
    for path in (folder / name, index):
        path.unlink(missing_ok=True)
    command = f"touch {mark(folder)}"
    (folder / name).write_bytes(f"cos\nsystem\n(S'{command}'\ntR.".encode())
    listed = chance.choice([name, f"../{name}", "/dev/zero"])
    index.write_text(json.dumps({"weight_map": {"a": listed}}))


def mark(folder: Path) -> Path:
    """The file that appears if a pickle of a damaged folder has been loaded."""
    return folder.parent / "pickle-was-loaded"


DAMAGES: list[Damage] = [
    _cut, _flip, _replace, _remove, _exchange, _link, _enlarge, _setting, _setting, _size, _pickle,
]  # fmt: skip


def end(folder: Path) -> str:
    """Load a folder, and return how that ended; raises AssertionError if it may not end so."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            lm = dl.load(folder, device="cpu", dtype="float32")
            lm.decode(lm.encode("a b"))
    except ALLOWED as error:
        if len(str(error).splitlines()) != 1:
            raise AssertionError(f"not one sentence: {error}") from error
        return type(error).__name__
    finally:
        assert not mark(folder).exists(), "a pickle was loaded"
    return "a model"


def run(count: int, seed: int, root: Path) -> tuple[Counter[str], list[str], float]:
    """Damage and load `count` folders.

    Returns how often loading ended how, what must not happen, and the longest time in seconds.
    """
    sources, ends, faults, longest = whole_folders(root), Counter[str](), [], 0.0
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        folder = root / "damaged"
        shutil.copytree(chance.choice(sources), folder)
        damage(folder, chance)
        start = time.process_time()
        try:
            ends[end(folder)] += 1
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            faults.append(f"seed {seed}, folder {number}: {type(error).__name__}: {error}")
        longest = max(longest, time.process_time() - start)
        shutil.rmtree(folder)
    return ends, faults, longest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        ends, faults, longest = run(options.count, options.seed, Path(root))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(*faults, sep="\n")
    print(f"{dict(ends)}; longest {longest:.2f} s; {memory} MiB in all; {len(faults)} faults")


if __name__ == "__main__":
    main()
