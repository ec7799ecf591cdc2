"""Shared by all tests: shapes checked at run time, and one built site per test run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

if os.environ.get("DECODELIB_TYPECHECK") != "0":
    from jaxtyping import install_import_hook

    # Every later import of decodelib in this process checks shapes and types on each call.
    install_import_hook("decodelib", "beartype.beartype")

ROOT = Path(__file__).resolve().parent.parent


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
                capture_output=True,
                text=True,
                check=False,
            )
            log.write_text(f"{run.returncode}\n{run.stdout}\n{run.stderr}", encoding="utf-8")
        status, output = log.read_text(encoding="utf-8").split("\n", maxsplit=1)
    assert status == "0", f"the book did not build cleanly:\n{output[-5000:]}"
    return shared / "_build" / "html"
