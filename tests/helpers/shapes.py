"""Shapes and types of decodelib's functions, checked at each call while a test runs.

A check takes twice as long as the call. So daily one test in twelve checks, always the same ones,
and with DECODELIB_TYPECHECK=all every test does, as in `make test-all` and `make check`.
"""

import os
import pkgutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from beartype import BeartypeConf, beartype
from jaxtyping import config, install_import_hook

PACKAGE = Path(__file__).resolve().parents[2] / "decodelib"
# The numeric tower: an int will do for a float, as PEP 484 says.
CONF = BeartypeConf(is_pep484_tower=True)


def install() -> None:
    """Let every later import of decodelib in this process make functions that can check."""
    rooms = [module.name for module in pkgutil.iter_modules([str(PACKAGE)])]
    # Not plain.py, which calls itself for each number of a table, and takes and gives anything.
    checked = [f"decodelib.{room}" for room in rooms if room != "plain"]
    install_import_hook(checked, "tests.helpers.shapes.checker")


def checker(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` with its annotations checked.

    A function that another makes at each call is left as it is while nothing is to be checked.
    """
    made_in_a_call = "<locals>" in function.__qualname__
    if made_in_a_call and config.jaxtyping_disable:
        return function
    return beartype(conf=CONF)(function)


def are_checked_in(test: str) -> bool:
    """Whether the test of this name checks shapes."""
    return os.environ.get("DECODELIB_TYPECHECK") == "all" or zlib.crc32(test.encode()) % 12 == 0


def check_in(test: str) -> None:
    """Check shapes from now on, or not, as the test of this name does."""
    config.update("jaxtyping_disable", not are_checked_in(test))
