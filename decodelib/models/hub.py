"""Models from the Hugging Face hub: found in its local cache, or downloaded into it and verified.

Only what a model needs is fetched: its configuration, its tokenizer and safetensors weights. Files
that could run code when loaded (pickle weights, Python modules) are never asked for. The
huggingface_hub library does the downloading; it is imported only when a model of the hub is wanted.
"""

from __future__ import annotations

import errno
import hashlib
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from decodelib.models.files import CONFIG, GENERATION, INDEX, TOKENIZERS, WEIGHTS, shards

FIRST_CONTACT_S = 5.0
OPTIONAL = (
    *TOKENIZERS,
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
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
    that the hub states for it.

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
    from huggingface_hub.errors import EntryNotFoundError

    folder = _download(repo_id, revision, CONFIG).parent
    commit = folder.name  # so that all files are of one version, even while the hub changes
    for name in OPTIONAL:
        try:
            _download(repo_id, commit, name)
        except EntryNotFoundError:
            continue
    if not _has_tokenizer(folder):
        raise OSError(f"{repo_id} has no tokenizer, such as {TOKENIZERS[0]}: choose another model")
    try:
        _download(repo_id, commit, WEIGHTS)
    except EntryNotFoundError:
        try:
            index = _download(repo_id, commit, INDEX)
        except EntryNotFoundError as error:
            raise OSError(
                f"{repo_id} has no safetensors weights, and pickle files are never loaded because "
                "they can run code: choose a model with .safetensors files"
            ) from error
        for shard in shards(index):
            _download(repo_id, commit, shard)
    return folder


def _download(repo_id: str, revision: str, filename: str) -> Path:
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    known = try_to_load_from_cache(repo_id, filename, revision=revision)
    if isinstance(known, str):
        return Path(known)
    etag = _metadata(repo_id, revision, filename)
    path = Path(hf_hub_download(repo_id, filename, revision=revision))
    if not _has_hash(path, etag):
        # Both the link and what it points to, or the damaged file would count as cached.
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise OSError(
            f"{filename} of {repo_id} arrived with a wrong hash and was thrown away: try again, "
            "and if it happens again look for a proxy that changes downloads"
        )
    return path


def _metadata(repo_id: str, revision: str, filename: str) -> str:
    """Return the hash that the hub states for a file, by one request of a few seconds at most."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.constants import is_offline_mode
    from huggingface_hub.errors import OfflineModeIsEnabled

    if is_offline_mode():
        raise OfflineModeIsEnabled("HF_HUB_OFFLINE is set")
    url = hf_hub_url(repo_id, filename, revision=revision)
    return get_hf_file_metadata(url, timeout=FIRST_CONTACT_S).etag or ""


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


@contextmanager
def _explained(repo_id: str) -> Iterator[None]:
    """Turn whatever goes wrong with the hub or its cache into an error of one sentence."""
    try:
        import httpx2
        from huggingface_hub.errors import HFValidationError, XetDownloadError
    except ImportError as error:
        raise ImportError(
            f"{repo_id} needs the huggingface_hub library: pip install 'decodelib[hub]'"
        ) from error

    try:
        yield
    except (OSError, httpx2.HTTPError, XetDownloadError) as error:
        raise OSError(_sentence(error, repo_id)) from error
    except HFValidationError as error:
        raise ValueError(f"{repo_id!r} is not an id that a model on the hub can have") from error


def _sentence(error: Exception, repo_id: str) -> str:
    import httpx2
    from huggingface_hub import constants, errors

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
    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        return f"{host} is too slow to give {repo_id}: try again later"
    if isinstance(error, httpx2.TransportError):
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
