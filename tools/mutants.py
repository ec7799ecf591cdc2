"""Plant one mistake at a time in a copy of the library, and see that the tests catch each.

`python -m tools.mutants` plants those of tests/repository/mutants.toml, prints a table and
writes it to mutants.md beside it; the exit status is 1 if a mistake goes unnoticed. The long tests
are left out. That takes ten minutes, so it is run by hand.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "DECODELIB_TYPECHECK": "0"}
"""What is wrong has to be caught by its results: their types are seldom wrong."""

LIST = ROOT / "tests" / "repository" / "mutants.toml"
REPORT = LIST.with_suffix(".md")


@dataclass(frozen=True)
class Mutant:
    """A mistake: in `file`, the text `old` (which must occur once) becomes `new`.

    `harmless_on` is the capability, as PyTorch names it, of processors on which nothing changes.
    """

    what: str
    file: str
    old: str
    new: str
    tests: str
    harmless_on: str = ""


MUTANTS = [Mutant(**entry) for entry in tomllib.loads(LIST.read_text(encoding="utf-8"))["mutants"]]


def is_caught(mutant: Mutant, folder: Path) -> bool:
    """Plant the mistake in a fresh copy of the library under `folder`, and run its tests."""
    library = folder / "decodelib"
    shutil.rmtree(library, ignore_errors=True)
    shutil.copytree(ROOT / "decodelib", library, ignore=shutil.ignore_patterns("__pycache__"))
    path = library / mutant.file
    source = path.read_text(encoding="utf-8")
    if source.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.what}: {mutant.file} must hold its text once; update the list")
    path.write_text(source.replace(mutant.old, mutant.new), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    command += ["-p", "no:nbval", "-m", "not long"]
    run = subprocess.run(
        [*command, *mutant.tests.split()],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)} | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode not in (0, 1):
        raise SystemExit(f"{mutant.what}: the tests did not run\n{run.stdout}{run.stderr}")
    return run.returncode == 1


def main() -> None:
    here = torch.backends.cpu.get_cpu_capability()
    planted = [mutant for mutant in MUTANTS if mutant.harmless_on != here]
    harmless = [mutant for mutant in MUTANTS if mutant.harmless_on == here]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("tests", "pyproject.toml", "chapters", "tools"):
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, folder / part)
            else:
                shutil.copy(source, folder / part)
        caught = {mutant: is_caught(mutant, folder) for mutant in tqdm(planted, unit="mutant")}
    rows = [
        f"| {mutant.what} | `{mutant.file}` | {'caught' if ok else 'NOT CAUGHT'} |"
        for mutant, ok in caught.items()
    ]
    rows += [
        f"| {mutant.what} | `{mutant.file}` | changes nothing on {here} |" for mutant in harmless
    ]
    head = [
        "# Planted mistakes",
        "",
        "Made by `python -m tools.mutants`: each is planted alone, and the tests are run.",
        "",
        f"{sum(caught.values())} of {len(caught)} are caught.",
        "",
        "| mistake | file | |",
        "|---|---|---|",
    ]
    report = "\n".join([*head, *rows]) + "\n"
    REPORT.write_text(report, encoding="utf-8")
    print(report)
    if not all(caught.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
