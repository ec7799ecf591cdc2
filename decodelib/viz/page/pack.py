"""What a page loads to run storybook by itself: the engine's source, its vocabulary, its weights.

A page that was opened from disk may load a script and fetch nothing, so everything travels in
scripts. The weights are cut into parts, which is what lets a page count what has come, and ask
again for one part that failed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

import decodelib
from decodelib.processors.knobs import PROCESSOR_KNOBS
from decodelib.strategies.knobs import KNOBS

STATIC = Path(__file__).parents[1] / "static"

STORYBOOK = Path(decodelib.__file__).parent / "models" / "storybook"

ENGINE = (
    "engine/engine.js",
    "distribution/row.js",
    "distribution/processors.js",
    "rules/detector.js",
    "engine/random.js",
    "engine/tokenizer.js",
    "engine/weights.js",
    "engine/model.js",
    "engine/rows.js",
    "engine/watermark.js",
    "engine/processors.js",
    "engine/transcript.js",
    "engine/entropy.js",
    "engine/strategies.js",
    "engine/generate.js",
    "engine/tree.js",
    "engine/constraint.js",
    "engine/measures.js",
    "engine/knobs.js",
    "engine/texts.js",
    "engine/games.js",
    "engine/marks.js",
    "engine/worker.js",
)
"""The engine's files in loading order."""


def engine_source() -> str:
    """Return the engine's files as one script, with the table of the knobs after the first."""
    first, *others = [(STATIC / name).read_text(encoding="utf-8") for name in ENGINE]
    table = f"DecodeEngine.table = {json.dumps(knob_table())};"
    return "\n".join([first, table, *others])


def knob_table() -> dict[str, dict[str, Any]]:
    """Return what the page says of each knob: label, help, slider, usual value, processor."""
    told = ("label", "help", "slider", "usual")
    table = {name: {key: getattr(knob, key) for key in told} for name, knob in KNOBS.items()}
    for name, knob in PROCESSOR_KNOBS.items():
        table[name]["processor"] = type(knob.make(knob.usual)).__name__
    return table


PART_BYTES = 1 << 20
"""How many bytes of weights one script carries."""


def write_scripts(folder: Path) -> None:
    """Write what `static/live/start.js` loads into a folder: the engine, and the model in parts.

    `engine.js` defines the engine in the page, and holds its source once more as a string, for the
    worker. The others call `DecodeLive.receive(name, content)`, and their names change with what is
    in them, so that a browser may keep them for as long as it likes.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = json.loads((STORYBOOK / "config.json").read_text(encoding="utf-8"))
    about = json.dumps({"config": config, "vocabulary": vocabulary()}, ensure_ascii=False)
    weights = (STORYBOOK / "model.safetensors").read_bytes()
    parts = [weights[at : at + PART_BYTES] for at in range(0, len(weights), PART_BYTES)]
    digest = hashlib.sha256(weights + about.encode()).hexdigest()[:12]
    contents = [about, *(json.dumps(base64.b64encode(part).decode()) for part in parts)]
    sizes = [len(about.encode()), *map(len, parts)]
    files = []
    for number, (content, size) in enumerate(zip(contents, sizes, strict=True)):
        name = f"storybook-{digest}-{number:02}.js"
        script = f"DecodeLive.receive({json.dumps(name)}, {content});\n"
        (folder / name).write_text(script, encoding="utf-8")
        files.append({"name": name, "bytes": size})
    source = engine_source()
    script = f"{source}\nDecodeEngine.source = {json.dumps(source)};\n"
    script += f"DecodeEngine.files = {json.dumps(files)};\n"
    (folder / "engine.js").write_text(script, encoding="utf-8")


def vocabulary(folder: Path = STORYBOOK) -> dict[str, Any]:
    """Return what the engine's tokenizer is made from, as JSON-able data.

    Which code points count as letters and as numbers is asked of the tokenizer, because a browser
    may know another version of Unicode.
    """
    path = folder / "tokenizer.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    ids: dict[str, int] = description["model"]["vocab"]
    merges = (
        merge.split(" ") if isinstance(merge, str) else merge
        for merge in description["model"]["merges"]
    )
    tokenizer = Tokenizer.from_file(str(path))
    return {
        "tokens": sorted(ids, key=lambda token: ids[token]),
        "merges": [[ids[left], ids[right]] for left, right in merges],
        "special": [token["content"] for token in description["added_tokens"]],
        "letters": _ranges(tokenizer, "a"),
        "numbers": _ranges(tokenizer, "1"),
    }


_BLOCK = 256  # a longer text makes the tokenizer slow


def _ranges(tokenizer: Tokenizer, neighbour: str) -> list[tuple[int, int]]:
    """Return the ranges of code points, ends included, that the tokenizer joins to `neighbour`.

    A block of code points in order is cut just where letters, numbers and others meet, so one
    question for each piece is enough: does its first character join?
    """
    split = tokenizer.pre_tokenizer.pre_tokenize_str
    ranges: list[tuple[int, int]] = []
    for start in range(0, sys.maxunicode + 1, _BLOCK):
        if 0xD800 <= start <= 0xDFFF:  # surrogates are no characters
            continue
        for _, (begin, end) in split("".join(map(chr, range(start, start + _BLOCK)))):
            first, last = start + begin, start + end - 1
            if len(split(neighbour + chr(first))) > 1:
                continue
            if ranges and ranges[-1][1] == first - 1:
                ranges[-1] = (ranges[-1][0], last)
            else:
                ranges.append((first, last))
    return ranges
