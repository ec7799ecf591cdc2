"""Folders of small models, to be damaged: a GPT-2, and a Llama for transformers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers.gpt2 import save_random_gpt2
from tests.helpers.hf_models import CONFIGS, byte_tokenizer, random_model

LLAMA = "llama: rotary positions, grouped queries"


@pytest.fixture(scope="package")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A GPT-2 for our own forward pass, and a Llama for transformers'."""
    gpt2, llama = tmp_path_factory.mktemp("gpt2"), tmp_path_factory.mktemp("llama")
    save_random_gpt2(gpt2)
    random_model(CONFIGS[LLAMA]).save_pretrained(llama)
    byte_tokenizer().save_pretrained(llama)
    return {"gpt2": gpt2, "llama": llama}


@pytest.fixture(params=["gpt2", "llama"])
def folder(request, sources: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(sources[request.param], tmp_path / request.param))


@pytest.fixture
def gpt2(sources: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(sources["gpt2"], tmp_path / "model"))


@pytest.fixture
def llama(sources: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(sources["llama"], tmp_path / "model"))
