"""decodelib.load: the local cache, with a hub, without one, and where it cannot be written."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants, file_download

import decodelib as dl
from decodelib.models import hub as decodelib_hub
from tests.helpers.hub import (
    GPT2_COMMIT,
    GPT2_ID,
    NOTICE,
    OTHER_COMMIT,
    PROXIES,
    cached_files,
    is_random_gpt2,
)


def test_a_second_load_asks_the_hub_nothing(hub, monkeypatch) -> None:
    dl.load("gpt2", device="cpu")
    hub.asked.clear()
    dl.load("gpt2", device="cpu")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert dl.load("auto", device="cpu").name == "gpt2"
    assert hub.asked == []


def test_a_model_cached_by_other_programs_under_gpt2s_old_id_is_used(hub, gpt2_folder) -> None:
    snapshot = Path(constants.HF_HUB_CACHE) / "models--gpt2" / "snapshots" / OTHER_COMMIT
    snapshot.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (snapshot / name).write_bytes((gpt2_folder / name).read_bytes())
    refs = snapshot.parent.parent / "refs"
    refs.mkdir()
    (refs / "main").write_text(OTHER_COMMIT)
    assert is_random_gpt2(dl.load("gpt2", device="cpu"), gpt2_folder)
    assert hub.asked == []


def test_any_other_hub_id_loads_from_one_version_and_then_from_the_cache(
    hub, gpt2_folder, monkeypatch
) -> None:
    hub.repos["someone/model"] = gpt2_folder, OTHER_COMMIT
    lm = dl.load("someone/model", device="cpu")
    assert lm.name == "someone/model"
    assert is_random_gpt2(lm, gpt2_folder)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.asked.clear()
    assert dl.load("someone/model", device="cpu").name == "someone/model"
    assert hub.asked == []


def test_offline_mode_tries_no_network(hub, monkeypatch, capfd) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match="HF_HUB_OFFLINE forbids to download it"):
        dl.load("gpt2")
    assert dl.load("auto", device="cpu").name == "storybook"
    assert hub.asked == []


def make_read_only(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o555)
    if os.access(folder, os.W_OK):  # root may write anywhere, so what root would hear is made up
        real = os.makedirs

        def makedirs(name: str, *args: object, **kwargs: object) -> None:
            if str(name).startswith(str(folder)) and not os.path.isdir(name):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(name))
            real(name, *args, **kwargs)

        monkeypatch.setattr(os, "makedirs", makedirs)


def test_a_read_only_cache_is_named(hub, monkeypatch, tmp_path) -> None:
    make_read_only(monkeypatch, tmp_path / "cache")
    with pytest.raises(OSError, match=r"cache cannot be read and written .* set HF_HOME"):
        dl.load("gpt2")


def test_a_read_only_cache_that_has_the_model_serves_it(hub, monkeypatch, gpt2_folder) -> None:
    dl.load("gpt2")
    make_read_only(monkeypatch, Path(constants.HF_HUB_CACHE))
    assert is_random_gpt2(dl.load("gpt2", device="cpu"), gpt2_folder)


def test_a_full_disk_is_named_and_leaves_nothing_behind(hub, monkeypatch) -> None:
    real = file_download.http_get

    def http_get(url: str, temp_file, **kwargs: object) -> None:
        if url.endswith(".safetensors"):
            temp_file.write(b"what still fitted")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(url, temp_file, **kwargs)

    monkeypatch.setattr(file_download, "http_get", http_get)
    with pytest.raises(OSError, match=r"the disk of .*cache is full: make room for openai-"):
        dl.load("gpt2")
    blobs = {p.name for p in Path(constants.HF_HUB_CACHE).rglob("*") if p.is_file()}
    assert not any("incomplete" in name for name in blobs)
    assert "model.safetensors" not in cached_files()


def python(code: str, cache: Path, endpoint: str, **settings: str) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "DECODELIB"))}
    for name in PROXIES + tuple(map(str.upper, PROXIES)):
        environment.pop(name, None)
    environment |= {"HF_HOME": str(cache), "HF_ENDPOINT": endpoint, **settings}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=Path(dl.__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_process_downloads_with_progress_and_then_works_offline(hub, tmp_path) -> None:
    code = "import decodelib as dl; lm = dl.load(device='cpu'); print(lm.name, len(lm.encode('a')))"
    shown = {"TQDM_POSITION": "-1"}  # as in a terminal or notebook
    first = python(code, tmp_path / "home", hub.endpoint, **shown)
    assert (first.stdout, first.returncode) == ("gpt2 1\n", 0), first.stderr
    assert "model.safetensors: 100%" in first.stderr
    hub.asked.clear()
    second = python(code, tmp_path / "home", hub.endpoint, HF_HUB_OFFLINE="1")
    assert (second.stdout, second.stderr) == ("gpt2 1\n", "")
    empty = python(code, tmp_path / "empty", hub.endpoint, HF_HUB_OFFLINE="1")
    assert empty.stdout == "storybook 1\n"
    assert empty.stderr.startswith(NOTICE)
    assert empty.stderr.count("\n") == 1
    assert hub.asked == []


# The real GPT-2, where this machine has it

GPT2_GREEDY = (
    ", but I'm not sure if I'll ever be able to walk with my dog. I'm not sure if I'll ever be "
    "able to walk with my dog.\n\nI'm not sure if I'll"
)


def test_the_real_gpt2_continues_greedily_as_published() -> None:
    if decodelib_hub.cached(GPT2_ID, GPT2_COMMIT) is None:
        pytest.skip(f"GPT-2 ({GPT2_ID}) is not in the local Hugging Face cache")
    lm = dl.load("gpt2", device="cpu", dtype="float32")
    prompt = "I enjoy walking with my cute dog"
    new = 50 - len(lm.encode(prompt))
    assert dl.generate(lm, prompt, dl.Greedy(), max_new_tokens=new).text == GPT2_GREEDY
