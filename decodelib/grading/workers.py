"""The trusted side of the processes that submissions run in."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decodelib.grading import frames
from decodelib.plain import decode, encode


@dataclass(frozen=True)
class Limits:
    """What one exercise of one submission may use.

    Attributes:
        seconds: Seconds of the processor, however busy the machine is.
        megabytes: Memory beside what Python and PyTorch have.
        patience: Seconds by the clock, for what waits instead of working.
    """

    seconds: int = 5
    megabytes: int = 1024
    patience: int = 30


class Stopped(Exception):
    """The submission has no function to check, or its process ended before it had answered."""


class Remote:
    """A function of a submission, called in the submission's process."""

    def __init__(self, channel: socket.socket, name: str, until: float) -> None:
        self.__name__ = name
        self._channel = channel
        self._until = until

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function returns, raise what it raises, change what it changes."""
        functions = [argument for argument in arguments if callable(argument)]

        def known(value: Any) -> Any:
            return functions.index(value) if callable(value) else None

        sent = [encode(argument, known) for argument in arguments]
        frames.send(self._channel, {"call": sent})
        while "callback" in (message := self._receive()):
            frames.send(self._channel, _called(functions, message))
        if "broken" in message:
            raise frames.Broken(_line(message["broken"]))
        try:
            if "raised" not in message:
                answer = decode(message["answer"], functions.__getitem__)
                if message["given"] != sent:
                    for argument, after in zip(arguments, message["given"], strict=True):
                        _become(argument, decode(after, functions.__getitem__))
                return answer
            kind, said = map(_line, message["raised"])
        except (ValueError, TypeError, LookupError, RecursionError):
            raise frames.Broken("sent what is no answer") from None
        raise _like(kind, said)

    def _receive(self) -> dict[str, Any]:
        message = frames.receive(self._channel, self._until)
        if not isinstance(message, dict):
            raise frames.Broken("sent what is no answer")
        return message


def _called(functions: Sequence[Callable[..., Any]], message: dict[str, Any]) -> dict[str, Any]:
    """Call a function that a probe holds, which stays on this side."""
    try:
        value = functions[int(message["callback"])](*decode(message["arguments"]))
        return {"value": encode(value)}
    except Exception as error:
        return {"raised": str(error)}


def _like(kind: str, message: str) -> Exception:
    """Return an error that checkers take for the one that was raised."""
    for known in (NotImplementedError, OverflowError, ZeroDivisionError):
        if kind == known.__name__:
            return known(message)
    error: Exception = type(kind or "Error", (Exception,), {})(message)
    return error


def _become(argument: Any, after: Any) -> None:
    if isinstance(argument, list) and isinstance(after, list):
        argument[:] = after
    elif isinstance(argument, dict) and isinstance(after, dict):
        argument.clear()
        argument.update(after)


def _line(text: Any) -> str:
    return " ".join(str(text).split())[:500]


class Worker:
    """A process that forks one child after another; it is started anew if a child has ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket

    def __enter__(self) -> Worker:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _start(self) -> None:
        self._control, theirs = socket.socketpair()
        quiet = {"OMP_NUM_THREADS": "1", "DECODELIB_MODEL": "storybook", "HF_HUB_OFFLINE": "1"}
        package = Path(__file__).resolve().parents[2]
        path = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "decodelib.grading.runner", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=os.environ | quiet | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()

    def _end(self) -> None:
        self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @contextlib.contextmanager
    def function(self, work: dict[str, Any], limits: Limits) -> Iterator[Remote]:
        """Give the function that a slice of a notebook defines, in a process of its own.

        `work` has the notebook's `cells`, the index `target` of the exercise's, the `checker`'s
        name and the name of the `function`. Raises Stopped if there is no such function, or if
        within the `with` block the process ends or uses more than its limits.
        """
        folder = Path(tempfile.mkdtemp(prefix="submission-"))
        channel, theirs = socket.socketpair()
        job = {"folder": str(folder), "seconds": limits.seconds, "megabytes": limits.megabytes}
        pid = 0
        try:
            socket.send_fds(self._control, [json.dumps(job).encode()], [theirs.fileno()])
            theirs.close()
            pid = self._number()
            until = time.monotonic() + limits.patience
            frames.send(channel, work)
            message = frames.receive(channel, until)
            if not isinstance(message, dict) or "name" not in message:
                said = message.get("nothing") if isinstance(message, dict) else None
                raise Stopped(_line(said or "sent what is no answer"))
            yield Remote(channel, _line(message["name"]), until)
        except frames.Late:
            raise Stopped(f"was not done after {limits.patience} seconds") from None
        except (frames.Broken, OSError) as error:
            raise Stopped(self._reason(pid, limits, str(error))) from None
        finally:
            channel.close()
            self._stop(pid)
            shutil.rmtree(folder, ignore_errors=True)

    def _number(self) -> int:
        data = self._control.recv(4)
        if len(data) < 4:
            raise OSError("the process that forks has ended")
        return int(struct.unpack("!i", data)[0])

    def _reason(self, pid: int, limits: Limits, said: str) -> str:
        """Say why a process has ended, if it has; `said` otherwise."""
        status = self._status(pid)
        if status == -signal.SIGKILL:
            return f"used more than {limits.seconds} seconds of the processor, or all its memory"
        if status is not None and status < 0:
            return f"crashed ({signal.Signals(-status).name})"
        return said

    def _stop(self, pid: int) -> None:
        """End the child with all that it started; start this worker anew if that is gone too."""
        with contextlib.suppress(OSError):
            if pid:
                os.killpg(pid, signal.SIGKILL)
        if self._status(pid) is None:
            self._end()
            self._start()
        self._ended = None

    _ended: tuple[int, int] | None = None

    def _status(self, pid: int) -> int | None:
        """Return the child's exit status, waiting a little for it, or None without an answer."""
        if self._ended is None:
            self._control.settimeout(5)
            try:
                self._ended = (pid, self._number())
            except OSError:
                return None
            finally:
                self._control.settimeout(None)
        return self._ended[1]
