"""What one runs between two edits: lint, types, and the fast tests of the rooms that changed.

`python -m tools.check` is `make check`. Changed is what differs from the branch `main`, or from the
last commit where there is no such branch or one is on it. A room's tests are run without those that
drive a browser or are marked long; after 60 seconds no further test is begun.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = Path(sys.executable)
LINT = [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["lint-imports", "--no-cache"]]
SECONDS = 60
"""After this no further test is begun."""

NO_TESTS = 5
"""The status of a pytest that found none to run."""

ABOVE = {
    "arguments": ["test_arguments.py"],
    "kernels": ["kernels", "test_distributions.py"],
    "distributions": ["test_distributions.py", "processors"],
    "starting": ["cli"],
}
"""The tests of what is not a room with a folder of tests of its name."""


def changed() -> list[str]:
    """Return the paths that differ from `main`, or from the last commit, and the new ones."""

    def git(*arguments: str) -> list[str]:
        run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
        return run.stdout.split("\n")[:-1] if run.returncode == 0 else []

    base = git("merge-base", "HEAD", "main") or ["HEAD"]
    new = git("ls-files", "--others", "--exclude-standard")
    return sorted({*git("diff", "--name-only", base[0]), *new})


def chosen_tests(paths: Iterable[str]) -> list[str]:
    """Return the tests, as paths below tests/, of what changed: a room's, or the test itself."""
    found: set[str] = set()
    for path in map(Path, paths):
        top, *rest = path.parts
        if top == "decodelib" and rest:
            # A part of viz/ has tests of its own; every other room is tested whole.
            room = Path(*rest[: 2 if rest[0] == "viz" and len(rest) > 2 else 1]).with_suffix("")
            found |= set(ABOVE.get(str(room), [str(room)]))
        elif top == "tests" and path.name.startswith("test_"):
            found.add(str(Path(*rest)))
        elif top in ("chapters", "tools", "tests"):
            found.add("repository")
    here = {name for name in found if (ROOT / "tests" / name).exists()}
    inner = {name for name in here if any(str(up) in here for up in Path(name).parents)}
    return [f"tests/{name}" for name in sorted(here - inner)]


def run(name: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start one of the tools beside this Python."""
    return subprocess.Popen([PYTHON.with_name(name), *arguments], cwd=ROOT)


def main() -> int:
    start = time.monotonic()
    os.environ.setdefault("DECODELIB_TYPECHECK", "all")
    types = run("mypy")  # beside the rest, as it takes the longest
    failed = [name for name, *arguments in LINT if run(name, *arguments).wait()]
    if tests := chosen_tests(changed()):
        print("Tests of what changed:", *tests)
        options = ["-q", "-x", "-m", "not browser and not long", f"--for-seconds={SECONDS}"]
        if run(PYTHON.name, "-m", "pytest", *options, *tests).wait() not in (0, NO_TESTS):
            failed.append("tests")
    if types.wait():
        failed.append("mypy")
    took = f"{time.monotonic() - start:.0f} s"
    print(f"FAILED: {', '.join(failed)} ({took})" if failed else f"All well ({took}).")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
