"""Text in and out of a terminal: any encoding, any line ends, with colours where there are some."""

import io
import sys

import pytest

import decodelib as dl
from decodelib.cli.terminal import has_colours, read_prompt, shown, unescaped


class Stdin(io.TextIOWrapper):
    def isatty(self):
        return False


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        (b"Two\nlines\n", "utf-8", "Two\nlines"),
        (b"Two\r\nlines\r\n", "utf-8", "Two\nlines"),
        ("\ufeffcafé\r\n".encode(), "utf-8", "café"),
        ("\ufeffcafé\r\n".encode("utf-16-le"), "utf-8", "café"),
        ("\ufeffcafé\n".encode("utf-16-be"), "cp1252", "café"),
        ("café\r\n".encode("cp1252"), "cp1252", "café"),
        ("日本\r\n".encode("cp932"), "cp932", "日本"),
        (b"", "utf-8", ""),
        (b"\n\n", "utf-8", "\n"),
        ("a\u2028b\r\n".encode(), "utf-8", "a\u2028b"),
    ],
)
def test_a_prompt_is_read_without_marks_and_windows_line_ends(data, encoding, text, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(io.BytesIO(data), encoding=encoding))
    assert read_prompt() == text


def test_bytes_that_are_no_text_are_named(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(io.BytesIO(b"ab\xff"), encoding="utf-8"))
    with pytest.raises(ValueError, match="prompt must be utf-8 text, got byte ff at place 2"):
        read_prompt()


def test_escapes_of_a_stop_string() -> None:
    assert unescaped(r"\n\n") == "\n\n"
    assert unescaped(r"a\tb\\n\x41\u00e9\U0001f98a") == "a\tb\\nAé🦊"
    assert unescaped("é🦊") == "é🦊"
    for wrong in ("\\", r"\q", r"\x4", r"\u00g0", r"\U00110000", "\\\n"):
        with pytest.raises(ValueError, match="--stop may hold"):
            unescaped(wrong)


def steps(words):
    lm = dl.TableLM({"": words})
    return dl.generate(lm, "", dl.Greedy(), max_new_tokens=1, trace=True).steps[0]


def test_colours_deepen_with_surprise_and_end_with_the_line() -> None:
    certain, rare = steps({"a": 1}), steps({"a": 1, **{f"w{i}": 0.999 for i in range(5000)}})
    assert shown(certain, in_colour=True) == " a"
    assert shown(rare, in_colour=True).startswith("\x1b[48;5;208;")
    assert shown(rare, in_colour=True).endswith(" a\x1b[0m")
    assert shown(rare, in_colour=False) == " a[0.00]"
    broken = steps({"a\nb": 0.5, "c": 0.3, "d": 0.2})
    for line in shown(broken, in_colour=True).splitlines():
        assert line.count("\x1b[0m") == line.count("\x1b[48")


def test_colours_are_for_terminals_whose_reader_wants_them(monkeypatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert not has_colours()
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert has_colours()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colours()
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not has_colours()
