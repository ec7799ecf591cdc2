"""decodelib.load: what a hub gives, how it may fail, and what "auto" makes of it."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

import decodelib as dl
from decodelib.models import files
from decodelib.models import hub as decodelib_hub
from decodelib.models.loading import resolve
from tests.helpers.gpt2 import save_random_gpt2
from tests.helpers.hub import (
    GPT2_COMMIT,
    GPT2_ID,
    NOTICE,
    OTHER_COMMIT,
    cached_files,
    is_random_gpt2,
    point_at,
    unused_endpoint,
)


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


def test_weights_enter_the_cache_only_when_they_have_been_verified(
    hub, gpt2_folder, monkeypatch
) -> None:
    verify = decodelib_hub._has_hash

    def interrupted(path: Path, etag: str) -> bool:
        assert path.name not in cached_files()
        if path.name == "model.safetensors":
            raise KeyboardInterrupt
        return verify(path, etag)

    monkeypatch.setattr(decodelib_hub, "_has_hash", interrupted)
    hub.fault = "corrupt"  # they have arrived, damaged, and nobody has looked at them yet
    with pytest.raises(KeyboardInterrupt):
        dl.load("gpt2")
    assert "model.safetensors" not in cached_files()
    monkeypatch.setattr(decodelib_hub, "_has_hash", verify)
    with pytest.raises(OSError, match="with a wrong hash"):
        dl.load("gpt2")
    hub.fault = ""
    assert is_random_gpt2(dl.load("gpt2", device="cpu"), gpt2_folder)


def test_of_several_that_load_at_once_one_downloads(hub, gpt2_folder) -> None:
    with ThreadPoolExecutor(3) as pool:
        lms = list(pool.map(lambda _: dl.load("gpt2", device="cpu"), range(3)))
    assert all(is_random_gpt2(lm, gpt2_folder) for lm in lms)
    assert hub.files().count("model.safetensors") == 1
    assert not list(Path(constants.HF_HUB_CACHE).glob("**/unverified"))


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


def test_a_sharded_model_of_the_hub_loads(hub, tmp_path) -> None:
    from tests.helpers.hf_models import CONFIGS, byte_tokenizer, random_model

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
    index = tmp_path / files.INDEX
    index.write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(ValueError, match=r"must list \.safetensors files of its own folder"):
        files.shards(index)


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
