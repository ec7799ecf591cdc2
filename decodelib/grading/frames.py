"""Messages over a socket: a length in four bytes, then JSON."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

LARGEST = 4_000_000
"""Bytes that a message may have; an answer to a probe has a few hundred."""


class Broken(BaseException):
    """The other side ended, or sent what is no message.

    Not an Exception, which a checker would take for something that the attempt raised.
    """


class Late(Broken):
    """No message has come in time."""


def send(to: socket.socket, message: Any) -> None:
    """Send a message; raises Broken if it is too large or nobody reads it."""
    data = json.dumps(message).encode()
    if len(data) > LARGEST:
        raise Broken(f"gave an answer of more than {LARGEST // 10**6} million characters")
    try:
        to.sendall(struct.pack("!I", len(data)) + data)
    except OSError as error:
        raise Broken("ended before it had answered") from error


def receive(source: socket.socket, until: float | None = None) -> Any:
    """Return the next message.

    Raises Late if it has not come by the time `until` of `time.monotonic`, and Broken.
    """
    (size,) = struct.unpack("!I", _read(source, 4, until))
    if size > LARGEST:
        raise Broken(f"gave an answer of more than {LARGEST // 10**6} million characters")
    try:
        return json.loads(_read(source, size, until))
    except (ValueError, RecursionError) as error:
        raise Broken("sent what is no answer") from error


def _read(source: socket.socket, size: int, until: float | None) -> bytes:
    data = bytearray()
    while len(data) < size:
        if until is not None:
            left = until - time.monotonic()
            if left <= 0:
                raise Late
            source.settimeout(left)
        try:
            part = source.recv(min(size - len(data), 65536))
        except TimeoutError:
            raise Late from None
        except OSError as error:
            raise Broken("ended before it had answered") from error
        if not part:
            raise Broken("ended before it had answered")
        data += part
    return bytes(data)
