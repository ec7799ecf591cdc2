"""Run all tests: those in tests/, and every cell of every chapter against its stored output.

`python -m tools.suite` is `make test`; with `--all`, that is `make test-all`, long statistics too.
Both run side by side, whatever the other finds. What the chapters print is shown when the tests are
done. The last lines say what failed, what was skipped and why; the exit status is 1 if anything
failed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
CORES = os.cpu_count() or 2
# One more than cores: a test with a browser or a kernel waits for it a quarter of the time.
TESTS = ["-n", str(min(4, CORES + 1)), "--dist", "worksteal"]
TESTS += ["-p", "no:nbval"]  # which takes a second to import
CHAPTERS = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout", "120"]
CHAPTERS += ["--nbval-sanitize-with", "chapters/nbval_sanitize.cfg"]
CHAPTERS += ["-n", str(min(4, max(1, CORES // 2))), "--dist", "loadscope"]


@dataclass
class Half:
    """What one run of pytest found."""

    name: str
    status: int
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    """Tests that failed, and passed when they were run once more."""
    skipped: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        line = f"{self.name}: {self.passed:,} passed, {len(self.failed):,} failed, "
        line += f"{self.skipped.total():,} skipped"
        if self.skipped:
            reasons = [f"{count:,} ({reason})" for reason, count in self.skipped.most_common()]
            line += ": " + ", ".join(reasons)
        return line + ("" if self.status == 0 else f" [pytest ended with {self.status}]")


def read(name: str, status: int, report: Path) -> Half:
    """Return what the JUnit file `report` says; a run that died early leaves none."""
    half = Half(name, status)
    if not report.exists():
        return half
    outcomes: dict[str, list[ElementTree.Element]] = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        outcomes.setdefault(f"{case.get('classname')}::{case.get('name')}", []).append(case)
    for test, (*earlier, case) in outcomes.items():
        if (skip := case.find("skipped")) is not None:
            half.skipped[skip.get("message") or "no reason given"] += 1
        elif case.find("failure") is not None or case.find("error") is not None:
            half.failed.append(test)
        else:
            half.passed += 1
            half.again += [test] * bool(earlier)
    return half


def run(name: str, arguments: list[str], folder: Path, log: Path | None = None) -> Half:
    """Run pytest, showing what it prints, or writing it to a file."""
    report = folder / f"{name}.xml"
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *arguments]
    # As many processes as cores: more threads than one each would only get in each other's way.
    # Where somebody asks for more, a thread that waits for others sleeps.
    environment = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"} | os.environ
    with open(log, "w") if log else nullcontext() as output:
        process = subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    return read(name, process.returncode, report)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="long statistics too")
    options = parser.parse_args()
    chosen = [] if options.all else ["-m", "not long"]
    if options.all:
        os.environ.setdefault("DECODELIB_TYPECHECK", "all")
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor() as beside:
        folder, log = Path(name), Path(name) / "cells.log"
        arguments = ["-p", "no:cacheprovider", *CHAPTERS, "chapters"]
        chapters = beside.submit(run, "cells of chapters", arguments, folder, log)
        tests = run("tests", [*TESTS, *chosen, "tests"], folder)
        cells = chapters.result()
        print(log.read_text(encoding="utf-8"))
    return tell([tests, cells], everything=options.all)


def tell(halves: list[Half], *, everything: bool) -> int:
    """Print what failed, then a line for each half; return the exit status."""
    print()
    for half in halves:
        for test in half.failed:
            print(f"FAILED {test}")
        for test in half.again:
            print(f"PASSED ONLY WHEN RUN AGAIN {test}")
    for half in halves:
        print(half)
    if not everything:
        print("Left to `make test-all`: the tests marked long.")
    return int(any(half.status != 0 for half in halves))


if __name__ == "__main__":
    sys.exit(main())
