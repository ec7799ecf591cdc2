"""Shared by all tests: shapes checked at run time (tests/helpers/shapes.py), and one built site."""

import os
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from filelock import FileLock

from tests.helpers import browser, shapes

# A run started in the background ignores Ctrl-C, and so would the processes that tests interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent

if os.environ.get("DECODELIB_TYPECHECK") != "0":
    shapes.install()

pytest_plugins = ["tests.helpers.hub_fixtures"]
START = time.monotonic()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--for-seconds", type=float, help="begin no test after so many seconds")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        # Workers begin with equal parts of the list and steal from each other at the end. By name,
        # most browsers would be in the last part, and each thief of half a file would start what
        # the file needs, JupyterLab say, again. So the files are mixed, in the same way everywhere.
        items.sort(key=lambda item: zlib.crc32(item.nodeid.split("::")[0].encode()))
    # A browser beside busy programs may answer late. What fails once is run once more, and the
    # summary names it (RERUN); what fails twice has failed.
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_runtest_setup(item: pytest.Item) -> None:
    shapes.check_in(item.nodeid)
    limit = item.config.getoption("--for-seconds")
    if limit is not None and time.monotonic() - START > limit:
        pytest.skip(f"not begun within {limit:g} seconds")


def pytest_sessionfinish() -> None:
    browser.close_idle()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The built site's folder: DECODELIB_SITE if set, else built once from the stored outputs."""
    if existing := os.environ.get("DECODELIB_SITE"):
        return Path(existing).resolve()
    base = tmp_path_factory.getbasetemp()
    # Under xdist each worker has its own base; their parent is shared by the whole run.
    shared = (base if worker_id == "master" else base.parent) / "site"
    with FileLock(f"{shared}.lock"):
        log = shared / "build.log"
        if not log.exists():
            shared.mkdir(exist_ok=True)
            command = [sys.executable, "tools/book.py", "build", "--model", "storybook"]
            run = subprocess.run(
                [*command, "--output", str(shared)],
                cwd=ROOT,
                env=os.environ | {"NO_COLOR": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            log.write_text(f"{run.returncode}\n{run.stdout}", encoding="utf-8")
        status, output = log.read_text(encoding="utf-8").split("\n", maxsplit=1)
    if status != "0":
        telling = [line for line in output.splitlines() if "WARNING" in line or "ERROR" in line]
        pytest.fail("\n".join(["the book did not build cleanly", *telling]), pytrace=False)
    return shared / "_build" / "html"
