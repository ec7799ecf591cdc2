"""Ctrl-C while the command starts: PyTorch takes a second to import, and few want a traceback."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path


def end_quietly_if_interrupted() -> None:
    """Let Ctrl-C end the process without a word, if it has begun as the decodelib command.

    `decodelib.cli` takes the key over when it runs.
    """
    began_with = Path(sys.argv[0]).stem if sys.argv else ""
    # Python puts "-m" there while it looks for the module that `python -m` names.
    is_command = began_with in ("decodelib", "-m")
    if (
        is_command
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
