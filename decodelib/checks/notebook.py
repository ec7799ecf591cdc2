"""In a notebook: solutions wait until a reader wants them, and verdicts are noted.

A cell that begins with the line SOLUTION does nothing when all cells are run, so that it neither
shows nor overwrites anything: a reader who wants it deletes the line. Where the book's outputs are
made, with DECODELIB_STATIC=1, solutions run and nothing is noted.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path
from typing import Any

from decodelib.checks.exercises import tasks
from decodelib.checks.progress import note
from decodelib.checks.verdict import Verdict

SOLUTION = "# A solution. To run it, delete this line."
_WAITS = "This solution waits, so that what you wrote stays. To run it, delete its first line."


def withhold(lines: list[str]) -> list[str]:
    """Return a cell's lines, or a line that says how to run them if they are a solution."""
    if lines and lines[0].strip() == SOLUTION and not _is_building():
        return [f"print({_WAITS!r})\n"]
    return lines


def keep(result: Any) -> None:
    """Note the verdict that a cell has ended in, if its exercise is one of the book's."""
    verdict = getattr(result, "result", None)
    if not isinstance(verdict, Verdict) or not verdict.attempted or _is_building():
        return
    called = re.findall(r"\bchecks\.(\w+)\(", result.info.raw_cell)
    if called and called[-1] in {task.checker for task in tasks()}:
        with contextlib.suppress(OSError):  # a folder that cannot be written to
            note(called[-1], verdict.passed, Path.cwd())


def attach() -> None:
    """Attach both to the notebook that this is imported in, if it is in one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or not hasattr(shell, "kernel"):
        return
    _replace(shell.input_transformers_cleanup, withhold)
    for old in [f for f in shell.events.callbacks["post_run_cell"] if f.__name__ == keep.__name__]:
        shell.events.unregister("post_run_cell", old)
    shell.events.register("post_run_cell", keep)


def _replace(functions: list[Any], new: Any) -> None:
    """Put a function in the place of one that an earlier import has put there."""
    functions[:] = [f for f in functions if getattr(f, "__name__", "") != new.__name__]
    functions.append(new)


def _is_building() -> bool:
    return bool(os.environ.get("DECODELIB_STATIC"))
