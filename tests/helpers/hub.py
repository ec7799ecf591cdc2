"""A Hugging Face hub on loopback, for tests: it serves folders as models, and fails as told to."""

import hashlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

import decodelib as dl
from decodelib.models.loading import GPT2_FAMILY

GPT2_ID, GPT2_COMMIT = GPT2_FAMILY["gpt2"]
OTHER_COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOTICE = "Using storybook, the small model that comes with decodelib, instead of GPT-2: "
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

_RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")


@dataclass
class Hub:
    """What the hub has, how it fails, and what it was asked.

    Attributes:
        repos: A folder and a commit for each model id; the commit also answers to "main".
        fault: "" or one of "silent" (answers nothing), "dripping" (answers a byte at a time),
            "corrupt" (a wrong byte in the weights), "cut" (breaks the connection within the
            weights, once), "cut always", "stall" (stops within the weights), "error 503".
        asked: Method, path and Range header of each request for a file, in order.
    """

    repos: dict[str, tuple[Path, str]] = field(default_factory=dict)
    fault: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    endpoint: str = ""
    closing: threading.Event = field(default_factory=threading.Event)

    def files(self, method: str = "GET") -> list[str]:
        """The files asked for by one method, in order."""
        return [path.rpartition("/")[2] for verb, path, _ in self.asked if verb == method]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        hub = self.hub
        if "/resolve/" in self.path:
            hub.asked.append((self.command, self.path, self.headers.get("Range", "")))
        if hub.fault == "silent":
            hub.closing.wait(60)
            self.close_connection = True
            return
        if hub.fault == "dripping":
            self._drip()
            return
        if hub.fault.startswith("error"):
            self._refuse(int(hub.fault.split()[1]), "")
            return
        match = _RESOLVE.fullmatch(self.path)
        if match is None or match["repo"] not in hub.repos:
            self._refuse(404, "RepoNotFound")
            return
        folder, commit = hub.repos[match["repo"]]
        if match["revision"] not in (commit, "main"):
            self._refuse(404, "RevisionNotFound")
            return
        path = folder / match["file"]
        if not path.is_file():
            self._refuse(404, "EntryNotFound", commit)
            return
        self._send(path.read_bytes(), commit, path.suffix == ".safetensors", body)

    def _refuse(self, status: int, code: str, commit: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if code:
            self.send_header("X-Error-Code", code)
        if commit:
            self.send_header("X-Repo-Commit", commit)
        self.end_headers()

    def _drip(self) -> None:
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not self.hub.closing.wait(0.05):
                self.wfile.write(b".")
                self.wfile.flush()
        except OSError:  # the client has left
            pass
        self.close_connection = True

    def _send(self, content: bytes, commit: str, large: bool, body: bool) -> None:
        # As the hub does: git's SHA-1 for what git stores, SHA-256 for what it stores beside it.
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        etag = hashlib.sha256(content).hexdigest() if large else git
        start = 0
        if requested := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start = int(requested[1])
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", commit)
        self.send_header("X-Linked-Etag" if large else "ETag", f'"{etag}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if body:
            self._send_body(content[start:], large)

    def _send_body(self, content: bytes, large: bool) -> None:
        hub, half = self.hub, len(content) // 2
        if not large or not hub.fault:
            self.wfile.write(content)
        elif hub.fault == "corrupt":
            self.wfile.write(content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])
        else:
            self.wfile.write(content[:half])
            self.wfile.flush()
            if hub.fault == "stall":
                hub.closing.wait(60)
            elif hub.fault == "cut":
                hub.fault = ""
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that leave in the middle are what some tests are about


@contextmanager
def serve() -> Iterator[Hub]:
    """Run a hub on a free port of 127.0.0.1."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = _Server(("127.0.0.1", 0), handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def unused_endpoint() -> str:
    """The address of a port of 127.0.0.1 where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def point_at(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def cached_files() -> set[str]:
    """The names of the files in the cache's snapshots."""
    return {path.name for path in Path(constants.HF_HUB_CACHE).glob("*/snapshots/*/*")}


def is_random_gpt2(lm: dl.LanguageModel, folder: Path) -> bool:
    own = dl.load(folder, device=lm.device, dtype=lm.dtype)
    return torch.allclose(lm.next_logits("The"), own.next_logits("The"), atol=1e-5)
