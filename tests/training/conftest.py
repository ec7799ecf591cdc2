"""The training scripts, a corpus small enough for a test, and what prepare makes of it."""

import importlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

TRAINING = Path(__file__).parents[2] / "training"
SCRIPTS = ("recipe", "run_files", "extract", "prepare", "train", "measure")


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Compute in one thread: more would only slow so small a model, and tests run in parallel."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def scripts() -> Iterator[SimpleNamespace]:
    """The training scripts, imported the way they import one another when they are run."""
    pytest.importorskip("transformers")
    sys.path.insert(0, str(TRAINING))
    try:
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in SCRIPTS})
    finally:
        sys.path.remove(str(TRAINING))
        for name in SCRIPTS:
            sys.modules.pop(name, None)


def write_corpus(folder: Path, paragraphs: int) -> Path:
    """Write two works of two chapters in a small invented English to `folder`."""
    rng = random.Random(7)
    adjectives = ["old", "young", "little", "wise", "happy", "silver", "brave", "sleepy"]
    nouns = ["fox", "king", "boat", "garden", "princess", "baker", "river", "mouse", "forest"]
    verbs = ["saw", "found", "followed", "loved", "feared", "forgot", "painted"]
    folder.mkdir()
    for work in ("first", "second"):
        chapter = []
        for _ in range(paragraphs // 2):
            sentences = []
            for _ in range(rng.randint(1, 4)):
                subject, thing = rng.sample(nouns, 2)
                described = f"{rng.choice(adjectives)} {thing}"
                sentences.append(f"The {subject} {rng.choice(verbs)} the {described}.")
            chapter.append(" ".join(sentences))
        half = len(chapter) // 2
        chapters = ["\n".join(chapter[:half]), "\n".join(chapter[half:])]
        (folder / f"{work}.txt").write_text("\n<|endoftext|>\n".join(chapters), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 1,500 paragraphs."""
    return write_corpus(tmp_path_factory.mktemp("corpus") / "texts", 1500)


@pytest.fixture(scope="module")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 20 paragraphs."""
    return write_corpus(tmp_path_factory.mktemp("corpus") / "texts", 20)


@pytest.fixture(scope="session")
def vocab_size() -> int:
    """Tokens of the small corpus's vocabulary."""
    return 320


@pytest.fixture(scope="module")
def data(
    scripts: SimpleNamespace,
    corpus: Path,
    vocab_size: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A data folder that prepare made of the small corpus."""
    folder = tmp_path_factory.mktemp("prepared") / "data"
    scripts.prepare.prepare(corpus, folder, vocab_size=vocab_size)
    return folder


@pytest.fixture(scope="module")
def tiny(scripts: SimpleNamespace) -> object:
    """A recipe that a CPU finishes in a few seconds."""
    return scripts.recipe.Recipe(
        width=32, layers=2, heads=2, context=64, batch_size=8, steps=200, adamw_lr=0.01
    )
