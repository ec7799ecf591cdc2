"""What stands around a command: the prompt from stdin, text on any terminal, and its colours."""

from __future__ import annotations

import codecs
import io
import math
import os
import re
import sys

from decodelib.decoding.generation import Step

# Byte-order marks, longest first: that of UTF-16 begins that of UTF-32.
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_prompt() -> str:
    """Return all of stdin as text: without a byte-order mark, Windows line ends and a last newline.

    Raises ValueError where stdin is closed or holds bytes that are no text.
    """
    if sys.stdin is None:
        raise ValueError("prompt must be given, because stdin is closed")
    if sys.stdin.isatty():
        key = "Ctrl-Z and Enter" if os.name == "nt" else "Ctrl-D"
        print(f"Write a prompt; end it with {key} on a line of its own.", file=sys.stderr)
    buffer: io.BufferedReader | None = getattr(sys.stdin, "buffer", None)
    if buffer is None:
        text = sys.stdin.read()
    else:
        data = buffer.read()
        found = (encoding for mark, encoding in _MARKS.items() if data.startswith(mark))
        encoding = next(found, sys.stdin.encoding or "utf-8")
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"prompt must be {encoding} text, got byte {data[error.start]:02x} at place "
                f"{error.start} of stdin: set PYTHONIOENCODING to its encoding"
            ) from None
    return text.replace("\r\n", "\n").removesuffix("\n")


def unescaped(text: str, flag: str = "--stop") -> str:
    r"""Return text with \n, \t, \r, \\, \xHH, \uHHHH and \UHHHHHHHH as what they stand for.

    >>> unescaped(r"one\ntwo\\three")
    'one\ntwo\\three'
    """
    single = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}

    def replaced(match: re.Match[str]) -> str:
        if match[1]:
            return single[match[1]]
        code = match[2] or match[3] or match[4]
        if not code or int(code, 16) > sys.maxunicode:
            raise ValueError(
                rf"{flag} may hold \n, \t, \r, \\, \xHH, \uHHHH and \UHHHHHHHH, got {match[0]!r}"
                rf" in {text!r}: write \\ for a backslash"
            )
        return chr(int(code, 16))

    digit = "[0-9a-fA-F]"
    escape = rf"\\(?:([ntr\\])|x({digit}{{2}})|u({digit}{{4}})|U({digit}{{8}})|.?)"
    return re.sub(escape, replaced, text, flags=re.DOTALL)


def is_unicode() -> bool:
    """Return whether stdout can take any character."""
    return "utf" in (getattr(sys.stdout, "encoding", None) or "").lower()


_SHADES = (None, 230, 229, 222, 215, 208)
"""Backgrounds of the terminal's 256 colours, from probable tokens to surprising ones."""


def shown(step: Step, in_colour: bool) -> str:
    """Return a step's text, shaded the deeper the less probable; without colours, with its p."""
    if not step.text:
        return ""
    if not in_colour:
        return f"{step.text}[{math.exp(step.logprob):.2f}]"
    shade = _SHADES[min(len(_SHADES) - 1, int(-step.logprob / 8 * len(_SHADES)))]
    if shade is None:
        return step.text
    begin, end = f"\x1b[48;5;{shade};38;5;16m", "\x1b[0m"
    # A background that runs over the end of a line would fill the rest of it.
    return begin + step.text.replace("\n", f"{end}\n{begin}") + end


def has_colours() -> bool:
    """Return whether to write colours: on a terminal, unless the reader has asked for none."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )
