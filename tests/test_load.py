"""decodelib.load: which model a name means, and what happens when it cannot be had."""

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
import torch
from hub import Hub, serve, unused_endpoint
from huggingface_hub import constants, file_download
from test_gpt2 import STORYBOOK, save_random_gpt2

import decodelib as dl
from decodelib import hub as decodelib_hub
from decodelib.load import GPT2_FAMILY, resolve

GPT2_ID, GPT2_COMMIT = GPT2_FAMILY["gpt2"]
OTHER_COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOTICE = "Using storybook, the small model that comes with decodelib, instead of GPT-2: "
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
SETTINGS = ("DECODELIB_MODEL", "DECODELIB_DTYPE", *PROXIES, *map(str.upper, PROXIES))


@pytest.fixture(scope="session")
def gpt2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random model that the hub of these tests gives out as GPT-2."""
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


def point_at(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def cached_files() -> set[str]:
    """The names of the files in the cache's snapshots."""
    return {path.name for path in Path(constants.HF_HUB_CACHE).glob("*/snapshots/*/*")}


def is_random_gpt2(lm: dl.LanguageModel, folder: Path) -> bool:
    own = dl.load(folder, device=lm.device, dtype=lm.dtype)
    return torch.equal(lm.next_logits("The"), own.next_logits("The"))


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


# Folders


def test_a_folder_loads_by_string_and_by_path(gpt2_folder: Path) -> None:
    by_path, by_string = dl.load(gpt2_folder), dl.load(str(gpt2_folder))
    assert by_path.name == by_string.name == gpt2_folder.name
    assert torch.equal(by_path.next_logits("The"), by_string.next_logits("The"))


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
    with pytest.raises(ValueError, match=r"has no tokenizer\.json"):
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


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_cuda_is_chosen_where_there_is_one_with_its_fast_type(monkeypatch) -> None:
    monkeypatch.delenv("DECODELIB_DTYPE", raising=False)
    lm = dl.load("storybook")
    assert lm.device.type == "cuda"
    assert lm.dtype in (torch.bfloat16, torch.float16)


# The hub


def test_gpt2_is_downloaded_from_its_pinned_version_and_only_what_it_needs(
    hub, gpt2_folder
) -> None:
    lm = dl.load("gpt2", device="cpu")
    assert lm.name == "gpt2"
    assert is_random_gpt2(lm, gpt2_folder)
    assert all(f"/resolve/{GPT2_COMMIT}/" in path for _, path, _ in hub.asked)
    assert sorted(hub.files()) == sorted(cached_files())
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= cached_files()
    assert not {"pytorch_model.bin", "README.md"} & set(hub.files("HEAD"))


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


def test_a_cut_connection_is_taken_up_where_it_broke(hub, gpt2_folder, monkeypatch) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    hub.fault = "cut"
    assert is_random_gpt2(dl.load("gpt2", device="cpu"), gpt2_folder)
    ranges = [r for verb, path, r in hub.asked if verb == "GET" and path.endswith(".safetensors")]
    size = (gpt2_folder / "model.safetensors").stat().st_size
    assert len(ranges) == 2
    assert not ranges[0]
    assert size // 2 - 1000 <= int(ranges[1].removeprefix("bytes=").removesuffix("-")) <= size // 2


def test_a_download_that_failed_is_completed_by_the_next_load(hub, gpt2_folder) -> None:
    hub.fault = "cut always"
    with pytest.raises(OSError, match="cannot be reached for openai-community/gpt2"):
        dl.load("gpt2")
    hub.fault = ""
    hub.asked.clear()
    assert is_random_gpt2(dl.load("gpt2", device="cpu"), gpt2_folder)
    assert hub.files() == ["model.safetensors"]  # the rest had arrived


def test_a_file_with_a_wrong_hash_is_refused_and_thrown_away(hub, gpt2_folder) -> None:
    hub.fault = "corrupt"
    with pytest.raises(OSError, match=r"model\.safetensors of openai-.* with a wrong hash") as info:
        dl.load("gpt2")
    assert "\n" not in str(info.value)
    assert "model.safetensors" not in cached_files()
    hub.fault = ""
    assert is_random_gpt2(dl.load("gpt2", device="cpu"), gpt2_folder)


def test_a_model_that_the_hub_does_not_have_is_refused(hub) -> None:
    hub.repos.clear()
    with pytest.raises(OSError, match="has no model openai-community/gpt2, or it is private"):
        dl.load("gpt2")


def test_a_version_that_the_hub_does_not_have_is_refused(hub, gpt2_folder) -> None:
    hub.repos[GPT2_ID] = gpt2_folder, OTHER_COMMIT
    with pytest.raises(OSError, match=r"openai-community/gpt2 .* is not a complete model"):
        dl.load("gpt2")


@pytest.mark.parametrize("fault", ["silent", "dripping"])
def test_a_hub_that_does_not_answer_is_given_up_within_seconds(hub, fault: str, capfd) -> None:
    hub.fault = fault
    start = time.monotonic()
    with pytest.raises(OSError, match="is too slow to give openai-community/gpt2"):
        dl.load("gpt2")
    assert dl.load("auto", device="cpu").name == "storybook"
    assert time.monotonic() - start < 6
    assert capfd.readouterr().err.startswith(NOTICE)


def test_the_first_contact_lasts_a_few_seconds_at_most() -> None:
    assert decodelib_hub.FIRST_CONTACT_S <= 5


def test_a_hub_that_stops_in_the_middle_is_given_up(hub) -> None:
    hub.fault = "stall"
    with pytest.raises(OSError, match="is too slow to give openai-community/gpt2"):
        dl.load("gpt2")
    assert "model.safetensors" not in cached_files()


def test_a_hub_in_trouble_is_named_with_its_status(hub) -> None:
    hub.fault = "error 503"
    with pytest.raises(OSError, match="answered 503 when asked for openai-community/gpt2"):
        dl.load("gpt2")


def test_without_network_gpt2_is_refused_and_auto_is_storybook(hub, monkeypatch, capfd) -> None:
    point_at(monkeypatch, unused_endpoint())
    with pytest.raises(OSError, match="cannot be reached for openai-community/gpt2") as info:
        dl.load("gpt2")
    assert "\n" not in str(info.value)
    capfd.readouterr()
    assert dl.load("auto", device="cpu").name == "storybook"
    error = capfd.readouterr().err
    assert error.startswith(NOTICE)
    assert error.count("\n") == 1


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


def test_a_repository_with_pickle_weights_alone_is_refused(hub, tmp_path) -> None:
    save_random_gpt2(tmp_path / "pickled")
    (tmp_path / "pickled" / "model.safetensors").rename(tmp_path / "pickled" / "pytorch_model.bin")
    hub.repos["someone/pickled"] = tmp_path / "pickled", OTHER_COMMIT
    with pytest.raises(OSError, match="someone/pickled has no safetensors weights"):
        dl.load("someone/pickled")
    assert not any(name.endswith(".bin") for name in hub.files("HEAD"))


def test_a_repository_without_tokenizer_is_refused_before_its_weights_are_fetched(
    hub, tmp_path
) -> None:
    save_random_gpt2(tmp_path / "mute")
    (tmp_path / "mute" / "tokenizer.json").unlink()
    hub.repos["someone/mute"] = tmp_path / "mute", OTHER_COMMIT
    with pytest.raises(OSError, match=r"someone/mute has no tokenizer, such as tokenizer\.json"):
        dl.load("someone/mute")
    assert "model.safetensors" not in hub.files()


def test_an_id_that_no_model_can_have_is_refused(hub) -> None:
    with pytest.raises(ValueError, match="'a--b/c' is not an id that a model on the hub can have"):
        dl.load("a--b/c")


def test_without_the_hub_library_gpt2_says_how_to_get_it(hub, monkeypatch, capfd) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", None)
    with pytest.raises(ImportError, match=r"pip install 'decodelib\[hub\]'"):
        dl.load("gpt2")
    assert dl.load("auto", device="cpu").name == "storybook"
    assert NOTICE in capfd.readouterr().err


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


def test_a_sharded_model_of_the_hub_loads(hub, tmp_path) -> None:
    from test_hf import CONFIGS, byte_tokenizer, random_model

    folder = tmp_path / "sharded"
    model = random_model(CONFIGS["llama: rotary positions, grouped queries"])
    model.save_pretrained(folder, max_shard_size="20KB")
    byte_tokenizer().save_pretrained(folder)
    hub.repos["someone/sharded"] = folder, OTHER_COMMIT
    lm = dl.load("someone/sharded", device="cpu", dtype="float32")
    shards = {path.name for path in folder.glob("*.safetensors")}
    assert len(shards) > 1
    assert shards <= cached_files()
    assert torch.equal(
        lm.next_logits([3, 4]), dl.load(folder, device="cpu", dtype="float32").next_logits([3, 4])
    )


@pytest.mark.parametrize("shard", ["../outside.safetensors", "weights.bin"])
def test_an_index_that_leads_elsewhere_is_refused(tmp_path, shard: str) -> None:
    index = tmp_path / decodelib_hub.INDEX
    index.write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(ValueError, match=r"must list \.safetensors files of its own folder"):
        decodelib_hub.shards(index)


# "auto"


def test_auto_is_the_model_of_the_environment_first(hub, monkeypatch, gpt2_folder, capfd) -> None:
    for name, expected in [("storybook", "storybook"), (str(gpt2_folder), gpt2_folder.name)]:
        monkeypatch.setenv("DECODELIB_MODEL", name)
        assert resolve() == name
        assert dl.load(device="cpu").name == expected
    assert hub.asked == []
    assert NOTICE not in capfd.readouterr().err


def test_auto_never_replaces_the_model_of_the_environment(hub, monkeypatch) -> None:
    monkeypatch.setenv("DECODELIB_MODEL", "gpt2")
    point_at(monkeypatch, unused_endpoint())
    with pytest.raises(OSError, match="cannot be reached"):
        dl.load("auto")


def test_auto_is_gpt2_from_the_hub_where_it_answers(hub, gpt2_folder) -> None:
    assert resolve() == "gpt2"
    assert hub.files() == []  # resolving downloads nothing
    lm = dl.load(device="cpu")
    assert lm.name == "gpt2"
    assert is_random_gpt2(lm, gpt2_folder)


@pytest.mark.parametrize("fault", ["corrupt", "cut always", "stall"])
def test_auto_is_storybook_when_the_download_fails(hub, fault: str, capfd) -> None:
    hub.fault = fault
    assert dl.load(device="cpu").name == "storybook"
    assert NOTICE in capfd.readouterr().err


def test_resolve_gives_other_names_back_and_checks_them() -> None:
    assert resolve("gpt2-xl") == "gpt2-xl"
    assert resolve("someone/model") == "someone/model"
    assert resolve(STORYBOOK) == str(STORYBOOK)
    with pytest.raises(ValueError, match="got 'gpt3'"):
        resolve("gpt3")


# A process of its own, set by the environment alone, as a reader has it


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
