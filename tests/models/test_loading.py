"""decodelib.load: names, folders, devices and types."""

import shutil
from pathlib import Path

import pytest
import torch

import decodelib as dl
from decodelib.models import loading
from decodelib.models.gpt2.model import GPT2
from decodelib.models.loading import resolve
from tests.helpers.gpt2 import STORYBOOK, save_random_gpt2

# Names


def test_storybook_is_the_embedded_model() -> None:
    lm = dl.load("storybook", device="cpu")
    assert (lm.name, lm.vocab_size, lm.context_length) == ("storybook", 8192, 512)
    assert (lm.bos_token_id, lm.eos_token_id) == (0, 0)


@pytest.mark.parametrize(
    "name",
    [
        "gpt3",
        "a/b/c",
        "",
        "-a/b",
        "~nobody-here/x",
        "\0",
        "x" * 5000,
        "no/such folder",
        "./missing",
    ],
)
def test_an_unknown_name_is_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(ValueError, match="name must be one of 'auto', 'storybook', 'gpt2'") as info:
        dl.load(name)
    assert repr(name) in str(info.value)


def test_an_unknown_name_in_the_environment_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("DECODELIB_MODEL", "gpt3")
    with pytest.raises(ValueError, match=r"DECODELIB_MODEL must be one of .* got 'gpt3'"):
        dl.load()


def test_a_name_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="name"):
        dl.load(3)


def test_resolve_gives_other_names_back_and_checks_them() -> None:
    assert resolve("gpt2-xl") == "gpt2-xl"
    assert resolve("someone/model") == "someone/model"
    assert resolve(STORYBOOK) == str(STORYBOOK)
    with pytest.raises(ValueError, match="got 'gpt3'"):
        resolve("gpt3")


# Folders


def test_a_folder_loads_by_string_and_by_path(gpt2_folder: Path) -> None:
    by_path, by_string = dl.load(gpt2_folder), dl.load(str(gpt2_folder))
    assert by_path.name == by_string.name == gpt2_folder.name
    torch.testing.assert_close(by_path.next_logits("The"), by_string.next_logits("The"))


@pytest.mark.parametrize("cut", [1, 1000, 10**6])
def test_truncated_weights_are_refused(tmp_path: Path, cut: int) -> None:
    save_random_gpt2(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-cut])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged or incomplete"):
        dl.load(tmp_path)


def test_a_folder_without_tokenizer_is_refused(tmp_path: Path) -> None:
    save_random_gpt2(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match=r"has no tokenizer, such as tokenizer\.json"):
        dl.load(tmp_path)


def test_a_damaged_tokenizer_is_refused(tmp_path: Path) -> None:
    save_random_gpt2(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"model": ')
    with pytest.raises(ValueError, match=r"tokenizer\.json is damaged"):
        dl.load(tmp_path)


def test_a_folder_without_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no config\.json"):
        dl.load(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "\0"])
def test_a_damaged_configuration_is_refused(tmp_path: Path, text: str) -> None:
    save_random_gpt2(tmp_path)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"config\.json (is not valid JSON|must hold)"):
        dl.load(tmp_path)


def test_a_folder_with_pickle_weights_alone_is_refused(tmp_path: Path) -> None:
    save_random_gpt2(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match="pickle files are never loaded"):
        dl.load(tmp_path)


# Devices and dtypes


def test_a_device_that_is_not_there_is_refused() -> None:
    missing = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(ValueError, match=f"device '{missing}' is not there"):
        dl.load("storybook", device=missing)
    with pytest.raises(ValueError, match=r"device must be 'auto', 'cpu', .* got 'tpu'"):
        dl.load("storybook", device="tpu")


def test_the_device_may_be_a_torch_device() -> None:
    assert dl.load("storybook", device=torch.device("cpu")).device == torch.device("cpu")


def test_an_unknown_dtype_is_refused() -> None:
    with pytest.raises(ValueError, match=r"dtype must be one of 'auto', 'float32', .* 'int8'"):
        dl.load("storybook", dtype="int8")
    with pytest.raises(ValueError, match=r"got torch\.int8"):
        dl.load("storybook", dtype=torch.int8)


def test_the_dtype_on_the_cpu_is_float32_unless_the_environment_says_otherwise(monkeypatch) -> None:
    monkeypatch.delenv("DECODELIB_DTYPE", raising=False)
    assert dl.load("storybook", device="cpu").dtype == torch.float32
    monkeypatch.setenv("DECODELIB_DTYPE", "float64")
    assert dl.load("storybook", device="cpu").dtype == torch.float64
    assert dl.load("storybook", device="cpu", dtype="bfloat16").dtype == torch.bfloat16
    monkeypatch.setenv("DECODELIB_DTYPE", "float8")
    with pytest.raises(ValueError, match=r"DECODELIB_DTYPE must be one of .* got 'float8'"):
        dl.load("storybook", device="cpu")


@pytest.fixture
def apple(monkeypatch) -> None:
    """A machine whose PyTorch finds an Apple GPU and no other."""
    monkeypatch.delenv("DECODELIB_DTYPE", raising=False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_float64_on_a_machine_with_an_apple_gpu_takes_the_cpu(apple, monkeypatch) -> None:
    for dtype in ("float64", torch.float64):
        lm = dl.load("storybook", dtype=dtype)
        assert (lm.device.type, lm.dtype) == ("cpu", torch.float64)
    monkeypatch.setenv("DECODELIB_DTYPE", "float64")
    lm = dl.load("storybook")
    assert (lm.device.type, lm.dtype) == ("cpu", torch.float64)


def test_other_types_take_the_apple_gpu(apple, monkeypatch) -> None:
    storybook, asked = dl.load("storybook", device="cpu"), []

    def from_folder(folder: Path, *rest: object) -> dl.LanguageModel:
        asked.append(rest)
        return storybook

    monkeypatch.setattr(GPT2, "from_folder", from_folder)
    for dtype in ("auto", "float32", "bfloat16"):
        dl.load("storybook", dtype=dtype)
    mps = torch.device("mps")
    types = (torch.float32, torch.float32, torch.bfloat16)
    assert asked == [("storybook", mps, dtype) for dtype in types]


def test_float64_on_the_apple_gpu_itself_is_refused(apple, monkeypatch) -> None:
    for device in ("mps", torch.device("mps")):
        with pytest.raises(ValueError, match=r"on device 'mps', got float64: .* device='cpu'"):
            dl.load("storybook", device=device, dtype="float64")
    monkeypatch.setenv("DECODELIB_DTYPE", "float64")
    with pytest.raises(ValueError, match="on device 'mps', got float64"):
        dl.load("storybook", device="mps")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_cuda_is_chosen_where_there_is_one_with_its_fast_type(monkeypatch) -> None:
    monkeypatch.delenv("DECODELIB_DTYPE", raising=False)
    lm = dl.load("storybook")
    assert lm.device.type == "cuda"
    assert lm.dtype in (torch.bfloat16, torch.float16)


def test_a_folder_that_is_called_storybook_does_not_pass_for_it(tmp_path: Path) -> None:
    copy = tmp_path / "mine" / "storybook"
    shutil.copytree(STORYBOOK, copy)
    assert dl.load(copy, device="cpu").name == "mine/storybook"
    assert dl.load(STORYBOOK, device="cpu").name == "storybook"


def test_a_notebook_is_told_once_and_not_where_it_shows_errors(monkeypatch, capsys) -> None:
    monkeypatch.setattr(loading, "_NOTICES", set())
    loading._give_notice(OSError("a test"))
    monkeypatch.setattr(loading, "_is_notebook", lambda: True)
    for _ in range(2):
        loading._give_notice(OSError("a test"))
    said = capsys.readouterr()
    assert said.out == said.err
    assert said.out.count("Using storybook") == 1
