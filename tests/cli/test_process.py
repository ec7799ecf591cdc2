"""The command as a process: signals, descriptors and a reader that leaves."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import decodelib as dl

PROMPT = "Once upon a time"
MODEL = ["--model", "storybook", "--device", "cpu", "--dtype", "float32", "--quiet"]
COMMAND = [sys.executable, "-m", "decodelib"]


@pytest.fixture(scope="module")
def lm() -> dl.LanguageModel:
    return dl.load("storybook", device="cpu", dtype="float32")


def start(*arguments: str, **settings: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, *MODEL, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(dl.__file__).parent.parent,
        env=os.environ | {"PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"} | settings,
    )


def test_text_streams_and_ctrl_c_leaves_what_was_written(lm) -> None:
    long = ["--max-new-tokens", "500", "--min-new-tokens", "500"]
    process = start(PROMPT, *long, "--seed", "0")
    assert process.stdout is not None
    begun = process.stdout.read(20)
    assert process.poll() is None  # it still writes
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    written = (begun + rest).decode()
    assert process.returncode == 130
    assert errors == b""
    assert written.endswith("\n")
    assert len(lm.encode(written)) < 400
    settings = {"max_new_tokens": 60, "min_new_tokens": 60}
    whole = dl.generate(lm, PROMPT, dl.Sampling(), **settings).text
    common = min(len(whole), len(written) - 1)
    assert written[:common] == whole[:common]


def test_a_reader_that_leaves_ends_the_program_quietly() -> None:
    process = start(PROMPT, "--max-new-tokens", "500", "--min-new-tokens", "500")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(5)
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as POSIX has them")
def test_ctrl_c_while_the_program_starts_leaves_no_traceback() -> None:
    process = start(PROMPT, "--max-new-tokens", "3")
    # Wait for the package to be under way, and interrupt the import of PyTorch.
    maps = Path(f"/proc/{process.pid}/maps")
    if not maps.exists():
        pytest.skip("needs /proc to see how far the program is")
    while "libtorch_python" not in maps.read_text() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=120)
    assert process.returncode in (-signal.SIGINT, 130)
    assert (out.strip(), errors) == (b"", b"")


@pytest.mark.skipif(os.name == "nt", reason="closes descriptors as a POSIX shell does")
@pytest.mark.parametrize(
    ("closing", "sentence"),
    [(">&-", b"decodelib: stdout is closed"), ("<&-", b"decodelib: prompt must be given")],
)
def test_a_closed_descriptor_ends_the_program_with_a_sentence(closing, sentence) -> None:
    command = [*COMMAND, *MODEL, "--max-new-tokens", "1"]
    if closing == ">&-":
        command.insert(len(COMMAND), PROMPT)
    line = " ".join(map(shlex.quote, command)) + f" {closing}"
    found = subprocess.run(
        line,
        shell=True,
        cwd=Path(dl.__file__).parent.parent,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert found.returncode == 2
    assert found.stderr.startswith(sentence)
    assert found.stderr.count(b"\n") == 1
