"""Does it hold on yours? Run the chapters on a model; report every claim, and whether it holds.

    python -m tools.claims_on smollm2       # any name that dl.load takes, or a folder
    python -m tools.claims_on random        # random weights behind GPT-2's vocabulary size

The chapters are copied, so their stored outputs stay as they are. A cell that raises does not stop
its chapter. `--json FILE` keeps the report as data after every chapter, for
`python -m tools.claims_elsewhere`; what FILE has of chapters that are not run again stays in it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from tqdm import tqdm

from decodelib.checks.claims import RECORD
from tools.book import ROOT, chapter_notebooks
from tools.claims import claims_of
from tools.random_model import write_random_model

RANDOM = "random"
CELL_TIMEOUT_S = 1800
"""A model of some size takes its time on a small machine."""
VERSIONS = ("torch", "transformers", "tokenizers")

Run = dict[str, Any]
"""What a chapter did on a model: chapter, dtype, seconds, raised (cell, error), claims."""


def run_chapter(notebook: Path, model: str, dtype: str = "auto") -> Run:
    """Execute a copy of a chapter on `model`; return its claims, and the cells that raised."""
    nb = nbformat.read(notebook, as_version=4)
    resources = {"metadata": {"path": str(notebook.parent)}}
    client = NotebookClient(
        nb,
        timeout=CELL_TIMEOUT_S,
        allow_errors=True,
        extra_arguments=["--log-level=ERROR"],
        resources=resources,
    )
    started, gone = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "claims.jsonl"
        settings = {
            "DECODELIB_MODEL": model,
            "DECODELIB_DTYPE": "" if dtype == "auto" else dtype,
            "DECODELIB_STATIC": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            RECORD: str(record),
        }
        try:
            client.execute(env=os.environ | settings)
        except (CellTimeoutError, DeadKernelError) as error:
            gone = [{"cell": "", "error": str(error)}]
        lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    recorded = [json.loads(line) for line in lines]
    return {
        "chapter": notebook.stem,
        "dtype": recorded[0]["dtype"] if recorded else dtype,
        "seconds": round(time.monotonic() - started, 1),
        "raised": gone + cells_that_raised(nb),
        "claims": outcomes(notebook, recorded),
    }


def cells_that_raised(nb: nbformat.NotebookNode) -> list[dict[str, str]]:
    """Return the cells whose code failed, without those whose claim did on a vouched model."""
    return [
        {"cell": cell.id, "error": f"{output.ename}: {output.evalue}"}
        for cell in nb.cells
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", ())
        for output in cell.outputs
        if output.output_type == "error"
    ]


def outcomes(notebook: Path, recorded: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return every claim of a chapter in reading order; holds is None where none was reached."""
    by_sentence = {entry["sentence"]: entry for entry in recorded}
    found = []
    for claim in claims_of(notebook):
        if claim.check and claim.check.startswith("tests/"):
            continue  # a test of the library holds it, whatever the model
        entry = by_sentence.get(claim.sentence, {})
        found.append(
            {
                "sentence": claim.sentence,
                "about": claim.about,
                "cell": claim.cell_id,
                "measured": entry.get("measured", ""),
                "expected": entry.get("expected", ""),
                "holds": entry.get("holds"),
            }
        )
    return found


def run_chapters(
    notebooks: Sequence[Path], model: str, dtype: str, jobs: int, file: Path | None = None
) -> dict[str, Any]:
    """Run chapters side by side; return a report of them all, with its date and versions.

    After each chapter the report so far is written to `file`: a run of hours may be interrupted.
    """
    versions = {name: version(name) for name in VERSIONS} | {"python": platform.python_version()}
    report: dict[str, Any] = {
        "model": Path(model).name,
        "dtype": dtype,
        "date": datetime.date.today().isoformat(),
        "versions": versions | {"torch": torch.__version__.split("+")[0]},
        "chapters": [],
    }
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        runs = pool.map(partial(run_chapter, model=model, dtype=dtype), notebooks)
        for run in tqdm(runs, total=len(notebooks), unit="chapter"):
            computed = run.pop("dtype")
            report["dtype"] = report["dtype"] if report["chapters"] else computed
            report["chapters"].append(run)
            if file is not None:
                write_merged(file, report)
    return report


def write_merged(file: Path, report: dict[str, Any]) -> None:
    """Write a report as data, with the chapters that only the one in `file` has."""
    kept = json.loads(file.read_text("utf-8")) if file.exists() else report
    text = json.dumps(merged(kept, report), indent=1, ensure_ascii=False)
    file.write_text(text + "\n", "utf-8")


def merged(older: dict[str, Any], report: dict[str, Any]) -> dict[str, Any]:
    """Return a report with the chapters that only the older one of the same model has."""
    if (older["model"], older["dtype"]) != (report["model"], report["dtype"]):
        return report
    runs = {run["chapter"]: run for run in [*older["chapters"], *report["chapters"]]}
    return report | {"chapters": [runs[chapter] for chapter in sorted(runs)]}


def failing(report: dict[str, Any], *about: str) -> list[dict[str, Any]]:
    """Return the claims that do not hold or were not reached, of the kinds `about` or of all."""
    return [
        claim
        for run in report["chapters"]
        for claim in run["claims"]
        if not claim["holds"] and (not about or claim["about"] in about)
    ]


def as_text(report: dict[str, Any]) -> str:
    """Return a report to read: each chapter's claims, what raised, and the sums."""
    lines = [f"# The book's claims on {report['model']}", ""]
    made = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    lines += [f"{report['date']}, dtype {report['dtype']}, {made}.", ""]
    for run in report["chapters"]:
        held = sum(claim["holds"] is True for claim in run["claims"])
        lines.append(
            f"## {run['chapter']}: {held} of {len(run['claims'])} claims hold, {run['seconds']} s"
        )
        lines += [f"RAISED in cell {one['cell']}: {one['error']}" for one in run["raised"]]
        lines += [_line(claim) for claim in run["claims"]] + [""]
    total = sum(len(run["claims"]) for run in report["chapters"])
    raised = sum(len(run["raised"]) for run in report["chapters"])
    seconds = sum(run["seconds"] for run in report["chapters"])
    return "\n".join(
        [
            *lines,
            f"{total - len(failing(report))} of {total} claims hold; {raised} cells raised; "
            f"{len(report['chapters'])} chapters took {seconds:.0f} s.",
        ]
    )


def _line(claim: dict[str, Any]) -> str:
    verdict = {True: "holds", False: "DOES NOT HOLD", None: "NOT REACHED"}[claim["holds"]]
    about = "" if claim["about"] == "every model" else f" [{claim['about']}]"
    numbers = ", ".join(
        f"{name} {claim[name]}"
        for name in ("measured", "expected")
        if claim[name] not in ("", None)
    )
    return f"- {verdict}: {claim['sentence']}{about} {numbers}".rstrip()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", help="a name that dl.load takes, a folder, or 'random'")
    parser.add_argument("--chapters", type=Path, nargs="+", default=chapter_notebooks())
    parser.add_argument("--dtype", default="auto", help="auto, float32, bfloat16, float64, ...")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="chapters at a time")
    parser.add_argument("--json", type=Path, help="also write the report to this file, as data")
    parser.add_argument(
        "--strict", action="store_true", help="fail if a claim about every model does not hold"
    )
    args = parser.parse_args(argv)
    notebooks = [path.resolve() for path in args.chapters]
    with tempfile.TemporaryDirectory() as folder:
        model = args.model
        if model == RANDOM:
            model = str(Path(folder) / RANDOM)
            write_random_model(Path(model))
        elif Path(model).expanduser().is_dir():
            model = str(Path(model).expanduser().resolve())
        report = run_chapters(notebooks, model, args.dtype, args.jobs, args.json)
    print(as_text(report))
    raised = any(run["raised"] for run in report["chapters"])
    return int(raised or (args.strict and bool(failing(report, "every model", "mathematics"))))


if __name__ == "__main__":
    sys.exit(main())
