"""Fixtures of the tests of decodelib.load: a hub on loopback that has a GPT-2."""

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants, file_download

from decodelib.models import hub as decodelib_hub
from tests.helpers.hub import GPT2_COMMIT, GPT2_ID, PROXIES, Hub, point_at, serve

SETTINGS = ("DECODELIB_MODEL", "DECODELIB_DTYPE", *PROXIES, *map(str.upper, PROXIES))


@pytest.fixture(scope="session")
def gpt2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random model that the hub of these tests gives out as GPT-2."""
    from tests.helpers.gpt2 import save_random_gpt2

    folder = tmp_path_factory.mktemp("gpt2")
    save_random_gpt2(folder)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "README.md").write_text("Not needed.")
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gpt2_folder: Path) -> Iterator[Hub]:
    """A hub on loopback that has GPT-2, reached instead of the real one, and an empty cache."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    with serve() as hub:
        hub.repos[GPT2_ID] = gpt2_folder, GPT2_COMMIT
        point_at(monkeypatch, hub.endpoint)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(tmp_path / "harnesses.json"))
        # What these make slow, without making them different.
        monkeypatch.setattr(decodelib_hub, "FIRST_CONTACT_S", 1.0)
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
        monkeypatch.setattr(file_download.time, "sleep", lambda seconds: None)
        huggingface_hub.close_session()  # which read the proxies when it was opened
        yield hub
    huggingface_hub.close_session()
