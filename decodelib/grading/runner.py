"""The process that submissions run in: `python -m decodelib.grading.runner FD`.

It imports PyTorch once and forks for each exercise. It has neither the solutions nor the seed: a
child runs a slice of the notebook, then answers the probes that come over its socket one at a time.
Nothing that a submission prints or writes is read, and a forged answer would have to be right.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import signal
import socket
import struct
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from decodelib.grading import frames, guard
from decodelib.grading.slices import needed
from decodelib.plain import decode, encode

_HIDDEN = "decodelib.checks"


class _Checks(types.ModuleType):
    """Stands in for decodelib.checks: keeps the functions that it is given, and checks nothing."""

    def __init__(self) -> None:
        super().__init__(_HIDDEN, "Where submissions are marked, exercises are checked elsewhere.")
        self.__dict__["attempts"] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def kept(*arguments: Any, **_: Any) -> Any:
            if arguments:
                self.attempts[name] = arguments[0]
            return _Checks()

        return kept

    def __call__(self, *_: Any, **__: Any) -> None:
        """Be any claim that holds."""


def serve(control: socket.socket) -> None:
    """Fork for every socket that comes over `control`, and say when the child has ended."""
    while True:
        header, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
        if not descriptors:
            return
        job = json.loads(header)
        pid = os.fork()
        if pid == 0:
            control.close()
            try:
                _child(socket.socket(fileno=descriptors[0]), job)
            finally:
                os._exit(0)
        os.close(descriptors[0])
        try:
            control.sendall(struct.pack("!i", pid))
            _, status = os.waitpid(pid, 0)
            control.sendall(struct.pack("!i", os.waitstatus_to_exitcode(status)))
        except OSError:
            return


def _child(channel: socket.socket, job: dict[str, Any]) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own = Path(job["folder"])
    os.chdir(own)
    os.environ.update(HOME=str(own), TMPDIR=str(own))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    guard.limit(job["seconds"], job["megabytes"])
    guard.watch(own)
    try:
        _answer(channel, frames.receive(channel))
    except frames.Broken as broken:
        frames.send(channel, {"broken": str(broken)})


def _answer(channel: socket.socket, work: dict[str, Any]) -> None:
    attempt, said = _attempt(work["cells"], work["target"], work["checker"], work["function"])
    if not callable(attempt):
        frames.send(channel, {"nothing": said or "has no function to check"})
        return
    name = str(getattr(attempt, "__name__", work["function"]))[:80]
    frames.send(channel, {"name": name})

    def callback(index: int) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            plain = [encode(argument) for argument in arguments]
            frames.send(channel, {"callback": index, "arguments": plain})
            message = frames.receive(channel)
            if "raised" in message:
                raise RuntimeError(message["raised"])
            return decode(message["value"])

        return call

    while True:
        try:
            message = frames.receive(channel)
        except frames.Broken:
            return  # all probes are answered
        given = decode(message["call"], callback)
        calls = {id(value): index for index, value in enumerate(given) if callable(value)}
        indices = {number: message["call"][number]["other"] for number in calls.values()}

        def known(value: Any, calls: Any = calls, indices: Any = indices) -> Any:
            return indices[calls[id(value)]] if id(value) in calls else None

        try:
            answer = {"answer": attempt(*given)}
        except BaseException as error:
            frames.send(channel, {"raised": [_kind(error), _text(error)[:500]]})
            continue
        try:
            plain = encode(answer["answer"], known)
            after = [encode(value, known) for value in given]
        except (RecursionError, MemoryError):
            frames.send(channel, {"broken": "gave an answer without an end"})
            return
        frames.send(channel, {"answer": plain, "given": after})


def _attempt(cells: list[str], target: int, checker: str, function: str) -> tuple[Any, str]:
    """Run what an exercise needs; return its function, and what went wrong if there is none."""
    try:
        others, own = needed(cells, target)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return None, f"is not Python: {_text(error)[:200]}"
    space: dict[str, Any] = {"__name__": "__main__", "display": lambda *_, **__: None}
    for node in others:  # an error shows where something is missed, if it is
        _run([node], space)
    said = _run(own, space)
    recorded = sys.modules[_HIDDEN].attempts
    return recorded.get(checker, space.get(function)), said


def _run(nodes: list[Any], space: dict[str, Any]) -> str:
    """Execute statements up to the first that raises; return what it raised, or nothing."""
    for node in nodes:
        try:
            exec(compile(ast.Module([node], []), "<submission>", "exec"), space)
        except BaseException as error:
            return f"raised {_kind(error)}: {_text(error)[:300]}"
    return ""


def _kind(error: BaseException) -> str:
    kind = type(error)
    return "NotImplementedError" if isinstance(error, NotImplementedError) else kind.__name__


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # an exception of the submission's own making
        return ""


def main() -> None:
    """Prepare once what every submission may need, then serve."""
    sys.dont_write_bytecode = True
    sys.modules[_HIDDEN] = stand_in = _Checks()
    for name in (
        "numpy",
        "torch",
        "decodelib",
        "collections",
        "itertools",
        "functools",
        "heapq",
        "statistics",
        "fractions",
        "decimal",
        "bisect",
        "random",
        "cmath",
        "operator",
    ):
        importlib.import_module(name)
    import torch

    import decodelib

    vars(decodelib)["checks"] = stand_in
    torch.set_num_threads(1)
    serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
