"""Models from the Hugging Face hub: found in its local cache, or downloaded into it and verified.

Only what a model needs is fetched: its configuration, its tokenizer and safetensors weights. Files
that could run code when loaded (pickle weights, Python modules) are never asked for. The
huggingface_hub library does the downloading; it is imported only when a model of the hub is wanted.
"""

from __future__ import annotations

import errno
import hashlib
import importlib
import os
import queue
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from decodelib.models.files import CONFIG, GENERATION, INDEX, TOKENIZERS, WEIGHTS, shards

FIRST_CONTACT_S = 5.0
OPTIONAL = (
    *TOKENIZERS,
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    GENERATION,
)


def cached(repo_id: str, revision: str) -> Path | None:
    """Return the folder of a model that is complete in the local cache, or None; no network.

    Raises OSError, in one sentence, if the cache cannot be read.
    """
    with _explained(repo_id):
        from huggingface_hub import try_to_load_from_cache

        config = try_to_load_from_cache(repo_id, CONFIG, revision=revision)
        if not isinstance(config, str):
            return None
        folder = Path(config).parent
        return folder if _has_tokenizer(folder) and _has_weights(folder) else None


def _has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in TOKENIZERS)


def _has_weights(folder: Path) -> bool:
    if (folder / WEIGHTS).is_file():
        return True
    index = folder / INDEX
    return index.is_file() and all((folder / shard).is_file() for shard in shards(index))


def reach(repo_id: str, revision: str) -> None:
    """Raise OSError, in one sentence, unless the hub answers for a model within a few seconds."""
    with _explained(repo_id):
        _first_contact(repo_id, revision)


def fetch(repo_id: str, revision: str) -> Path:
    """Return the folder of a model's files, downloading those that the local cache lacks.

    Shows progress bars, resumes where a connection breaks, and checks every file against the hash
    that the hub states for it before the file is moved into the cache. Of several processes that
    ask for a model at once, one downloads and the others wait.

    Raises:
        OSError: In one sentence, if the model cannot be had: no network, a hub that does not answer
            or lacks the model, a file that arrives damaged, a full disk, a cache that cannot be
            written.
        ValueError: If the id is none that a model can have.
    """
    folder = cached(repo_id, revision)
    if folder is not None:
        return folder
    with _explained(repo_id):
        _first_contact(repo_id, revision)
        return _download_all(repo_id, revision)


def _download_all(repo_id: str, revision: str) -> Path:
    """Download what the cache lacks, one process at a time, and return the model's folder."""
    from filelock import FileLock
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    storage = repo_folder_name(repo_id=repo_id, repo_type="model")
    locks = Path(constants.HF_HUB_CACHE) / ".locks" / storage
    os.makedirs(locks, exist_ok=True)
    with FileLock(locks / "decodelib.lock"):
        folder = cached(repo_id, revision)  # by the process that this one has waited for
        if folder is not None:
            return folder
        # All files of one version, even while the hub changes.
        commit = _metadata(repo_id, revision, CONFIG).commit_hash or revision
        snapshot = Path(constants.HF_HUB_CACHE) / storage / "snapshots" / commit
        _download_into(snapshot, repo_id, commit)
        shutil.rmtree(snapshot.parent.parent / "unverified", ignore_errors=True)
        if commit != revision:
            refs = snapshot.parent.parent / "refs"
            os.makedirs(refs, exist_ok=True)
            (refs / revision).write_text(commit, encoding="utf-8")
        return snapshot


def _download_into(snapshot: Path, repo_id: str, commit: str) -> None:
    """Download a model's files; the weights come last, since with them a folder counts as whole."""
    from huggingface_hub.errors import EntryNotFoundError

    _download(snapshot, repo_id, commit, CONFIG)
    for name in OPTIONAL:
        with suppress(EntryNotFoundError):
            _download(snapshot, repo_id, commit, name)
    if not _has_tokenizer(snapshot):
        raise OSError(f"{repo_id} has no tokenizer, such as {TOKENIZERS[0]}: choose another model")
    try:
        _download(snapshot, repo_id, commit, WEIGHTS)
    except EntryNotFoundError:
        try:
            index = _download(snapshot, repo_id, commit, INDEX)
        except EntryNotFoundError as error:
            raise OSError(
                f"{repo_id} has no safetensors weights, and pickle files are never loaded because "
                "they can run code: choose a model with .safetensors files"
            ) from error
        for shard in shards(index):
            _download(snapshot, repo_id, commit, shard)


def _download(snapshot: Path, repo_id: str, commit: str, filename: str) -> Path:
    """Return a file of the cache, downloading it if need be: verified first, then moved there."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    known = try_to_load_from_cache(repo_id, filename, revision=commit)
    if isinstance(known, str):
        return Path(known)
    etag = _metadata(repo_id, commit, filename).etag or ""
    # Beside the snapshots, so that moving is a renaming: nobody ever sees a file half there.
    unverified = snapshot.parent.parent / "unverified" / commit
    path = Path(hf_hub_download(repo_id, filename, revision=commit, local_dir=unverified))
    if not _has_hash(path, etag):
        path.unlink()
        raise OSError(
            f"{filename} of {repo_id} arrived with a wrong hash and was thrown away: try again, "
            "and if it happens again look for a proxy that changes downloads"
        )
    os.makedirs(snapshot, exist_ok=True)
    path.replace(snapshot / filename)
    return snapshot / filename


def _metadata(repo_id: str, revision: str, filename: str) -> Any:
    """Return what the hub states of a file (hash, commit), by one request of a few seconds."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.constants import is_offline_mode
    from huggingface_hub.errors import OfflineModeIsEnabled

    if is_offline_mode():
        raise OfflineModeIsEnabled("HF_HUB_OFFLINE is set")
    url = hf_hub_url(repo_id, filename, revision=revision)
    return get_hf_file_metadata(url, timeout=FIRST_CONTACT_S)


def _has_hash(path: Path, etag: str) -> bool:
    """Whether a file has the hash that the hub states: SHA-256 of large files, else git's SHA-1."""
    algorithms = {64: hashlib.sha256(), 40: hashlib.sha1(b"blob %d\0" % path.stat().st_size)}
    digest = algorithms.get(len(etag))
    if digest is None:
        return True  # a mirror that states no hash; the length was checked on arrival
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest() == etag


def _first_contact(repo_id: str, revision: str) -> None:
    """Ask for a model's configuration, and raise TimeoutError if that takes too long in all.

    The time limits of requests are not enough: they do not cover the lookup of a host's name, and
    start anew with every byte that arrives.
    """
    outcome: queue.Queue[Exception | None] = queue.Queue()

    def ask() -> None:
        try:
            _metadata(repo_id, revision, CONFIG)
            outcome.put(None)
        except Exception as error:
            outcome.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        error = outcome.get(timeout=FIRST_CONTACT_S)
    except queue.Empty:
        raise TimeoutError(f"no answer within {FIRST_CONTACT_S:g} seconds") from None
    if error is not None:
        raise error


def _http_library() -> Any:
    """Return the library whose errors huggingface_hub passes on: httpx, or httpx2 since its 2.0."""
    import huggingface_hub

    major = int(huggingface_hub.__version__.split(".")[0])
    return importlib.import_module("httpx2" if major >= 2 else "httpx")


@contextmanager
def _explained(repo_id: str) -> Iterator[None]:
    """Turn whatever goes wrong with the hub or its cache into an error of one sentence."""
    try:
        from huggingface_hub.errors import HFValidationError, XetDownloadError

        http = _http_library()
    except ImportError as error:
        raise ImportError(
            f"{repo_id} needs the huggingface_hub library: pip install 'decodelib[hub]'"
        ) from error

    try:
        yield
    except (OSError, http.HTTPError, XetDownloadError) as error:
        raise OSError(_sentence(error, repo_id)) from error
    except HFValidationError as error:
        raise ValueError(f"{repo_id!r} is not an id that a model on the hub can have") from error


def _sentence(error: Exception, repo_id: str) -> str:
    from huggingface_hub import constants, errors

    http = _http_library()
    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # which says what really happened
    cache, host = constants.HF_HUB_CACHE, constants.ENDPOINT
    if isinstance(error, errors.GatedRepoError):
        return (
            f"{repo_id} asks for its terms to be accepted: do so on {host} and run `hf auth login`"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"{host} has no model {repo_id}, or it is private: check the name"
    if isinstance(error, errors.RevisionNotFoundError | errors.RemoteEntryNotFoundError):
        return f"{repo_id} on {host} is not a complete model of this version: check the name"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return f"{repo_id} is not in {cache}, and HF_HUB_OFFLINE forbids to download it: unset it"
    if isinstance(error, http.TimeoutException | TimeoutError):
        return f"{host} is too slow to give {repo_id}: try again later"
    if isinstance(error, http.TransportError):
        return f"{host} cannot be reached for {repo_id}: check the network connection and try again"
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        return f"{host} answered {status} when asked for {repo_id}: try again later"
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return (
            f"the disk of {cache} is full: make room for {repo_id}, or set HF_HOME to another disk"
        )
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{cache} cannot be read and written for {repo_id}: set HF_HOME to a folder that can"
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0] if repo_id in lines[0] else f"{repo_id} could not be downloaded: {lines[0]}"
