"""Run every chapter on another model: do its cells still run, and do its claims still hold?

    python -m tools.other_models            # random weights behind GPT-2's vocabulary size
    python -m tools.other_models FOLDER     # a checkpoint of yours, taken to be trained

The chapters are copied, so their stored outputs stay as they are. Random weights may break the
claims of cells tagged "trained-model", which are about what a model has learned, and no others.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice, product
from pathlib import Path

import nbformat
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tqdm import tqdm

from decodelib.models.gpt2.weights import GPT2Config, tensor_shapes
from decodelib.models.loading import STORYBOOK
from tools.book import CELL_TIMEOUT_S, chapter_notebooks
from tools.claims import NEEDS_TRAINING

GPT2_VOCAB = 50_257
LOGIT_SPREAD = 3.0
"""The standard deviation of a random model's logits: about that of GPT-2's."""


@dataclass(frozen=True)
class Failure:
    """A cell that raised, and whether it may on a model that has learned nothing."""

    chapter: str
    cell_id: str
    error: str
    excused: bool


def write_random_model(folder: Path, width: int = 64, layers: int = 2, seed: int = 0) -> None:
    """Write a checkpoint with GPT-2's vocabulary size and context, and with random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {"vocab_size": GPT2_VOCAB, "n_positions": 1024, "n_embd": width, "n_layer": layers}
    config = {"model_type": "gpt2", **sizes, "n_head": 4, "bos_token_id": 0, "eos_token_id": 0}
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in tensor_shapes(GPT2Config.from_dict(config)).items():
        random = torch.randn(shape, generator=generator)
        weights[name] = random / width**0.5
        if name.endswith("bias"):
            weights[name] = torch.zeros(shape)
        elif ".ln_" in name or name.startswith("ln_f"):
            weights[name] = torch.ones(shape)
        elif name == "wte.weight":  # the last layer norm returns vectors of length sqrt(width)
            weights[name] = random * LOGIT_SPREAD / width**0.5
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, folder / "model.safetensors")
    grown_tokenizer().save(str(folder / "tokenizer.json"))


def grown_tokenizer() -> Tokenizer:
    """Return storybook's tokenizer with pairs of words as further tokens, up to GPT-2's size.

    Words are split before merges apply, so texts are encoded as before; a model that knows nothing
    gives the new tokens their share of the probability all the same.
    """
    tokenizer = json.loads((STORYBOOK / "tokenizer.json").read_text(encoding="utf-8"))
    vocab, merges = tokenizer["model"]["vocab"], tokenizer["model"]["merges"]
    words = [token for token in vocab if token.startswith("Ġ") and len(token) > 2]
    pairs = ((a, b) for a, b in product(words, repeat=2) if a + b not in vocab)
    for first, second in islice(pairs, GPT2_VOCAB - len(vocab)):
        vocab[first + second] = len(vocab)
        merges.append([first, second])
    return Tokenizer.from_str(json.dumps(tokenizer))


def failures_of(notebook: Path, model: Path, trained: bool) -> list[Failure]:
    """Execute a copy of a chapter on the model in `model`; return the cells that raised."""
    settings = {"DECODELIB_MODEL": str(model), "DECODELIB_STATIC": "1", "OMP_NUM_THREADS": "1"}
    nb = nbformat.read(notebook, as_version=4)
    resources = {"metadata": {"path": str(notebook.parent)}}
    client = NotebookClient(nb, timeout=CELL_TIMEOUT_S, allow_errors=True, resources=resources)
    try:
        client.execute(env=os.environ | settings)
    except (CellTimeoutError, DeadKernelError) as error:
        return [Failure(notebook.stem, "", str(error), excused=False)]
    return [
        Failure(
            notebook.stem,
            cell.id,
            f"{output.ename}: {output.evalue}",
            _may_fail(cell, output, trained),
        )
        for cell in nb.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", ())
    ]


def _may_fail(cell: nbformat.NotebookNode, error: nbformat.NotebookNode, trained: bool) -> bool:
    tagged = NEEDS_TRAINING in cell.metadata.get("tags", ())
    return tagged and not trained and error.ename == "AssertionError"


def run_chapters(notebooks: Sequence[Path], model: Path, trained: bool) -> list[Failure]:
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = pool.map(partial(failures_of, model=model, trained=trained), notebooks)
        progress = tqdm(results, total=len(notebooks), unit="chapter")
        return [failure for failures in progress for failure in failures]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path, nargs="?", help="a checkpoint's folder")
    parser.add_argument("--chapters", type=Path, nargs="+", default=chapter_notebooks())
    parser.add_argument("--untrained", action="store_true", help="the checkpoint has not learned")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = args.model or Path(folder) / "random"
        if args.model is None:
            write_random_model(model)
        trained = args.model is not None and not args.untrained
        notebooks = [path.resolve() for path in args.chapters]
        found = run_chapters(notebooks, model.resolve(), trained)
    for failure in found:
        verdict = "may fail" if failure.excused else "FAILED  "
        print(f"{verdict}  {failure.chapter}, cell {failure.cell_id}: {failure.error}")
    broken = [failure for failure in found if not failure.excused]
    print(f"{len(notebooks)} chapters, {len(found)} cells raised, {len(broken)} that must not")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
