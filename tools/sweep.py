"""Make the data of chapter 14 anew: `python tools/sweep.py [--model M] [--workers N | --dask URL]`.

Every setting continues every opening several times. The texts are kept in a file under _build until
all are there, so an interrupted run goes on where it stopped. The same model gives the same file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

import decodelib as dl
from decodelib.experiments.sweeps import Setting, processes, sweep
from decodelib.experiments.tradeoff import Table, measure, measure_people, save_table
from decodelib.processors.base import LogitsProcessor

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "chapters" / "data"
KEEP = ROOT / "_build" / "sweep.jsonl"
REPEATS, NUM_TOKENS = 5, 60

KNOBS: dict[str, tuple[Callable[[Any], LogitsProcessor], list[float]]] = {
    "temperature": (dl.Temperature, [0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.2, 1.5]),
    "top-k": (dl.TopK, [2, 5, 10, 20, 40, 100, 640]),
    "top-p": (dl.TopP, [0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99]),
    "min-p": (dl.MinP, [0.3, 0.2, 0.1, 0.05, 0.02, 0.01]),
    "typical": (dl.Typical, [0.2, 0.5, 0.8, 0.9, 0.95]),
    "eta": (dl.Eta, [0.03, 0.01, 0.004, 0.001, 0.0003]),
}
"""The families with a knob, from least to most diverse."""

SETTINGS = [
    Setting("greedy", None, dl.Greedy(), deterministic=True),
    *(Setting("beam", n, dl.BeamSearch(n), deterministic=True) for n in (2, 5, 10)),
    Setting("sampling", None, dl.Sampling()),
    *(
        Setting(family, knob, dl.Sampling(processor(knob)))
        for family, (processor, knobs) in KNOBS.items()
        for knob in knobs
    ),
    Setting("top-k 40 at T=0.7", None, dl.Sampling(dl.Temperature(0.7), dl.TopK(40))),
    Setting("entropy temperature", None, dl.Sampling(dl.EntropyTemperature())),
    Setting("entropy sampling", None, dl.EntropySampling()),
]


def executor(workers: int | None, dask: str) -> Executor:
    """Return where to run: processes of this machine, or a Dask cluster."""
    if dask:
        from distributed import Client

        return Client(dask).get_executor()
    return processes(workers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="storybook")
    parser.add_argument("--workers", type=int, help="processes (default: one per core)")
    parser.add_argument("--dask", default="", metavar="URL", help="a scheduler's address")
    parser.add_argument("--output", type=Path, default=DATA / "quality_diversity.json")
    given = parser.parse_args()
    openings = (DATA / "openings.txt").read_text(encoding="utf-8").splitlines()
    passages = json.loads((DATA / "passages.json").read_text(encoding="utf-8"))
    model, dtype = dl.resolve(given.model), "float64"  # so that no draw hangs on a rounding
    with executor(given.workers, given.dask) as pool:
        outcomes = sweep(
            SETTINGS,
            openings,
            pool,
            model=model,
            device="cpu",
            dtype=dtype,
            repeats=REPEATS,
            num_tokens=NUM_TOKENS,
            keep=KEEP,
        )
        rows = list(tqdm(pool.map(measure, outcomes), total=len(outcomes), unit="setting"))
    lm = dl.load(model, "cpu", dtype)
    human = measure_people(lm, [p["text"] for p in passages if not p["in_storybook"]], NUM_TOKENS)
    about = {
        "model": lm.name,
        "openings": len(openings),
        "texts": len(openings) * REPEATS,
        "tokens": NUM_TOKENS,
        "passages": len(human.units["surprisal"]),
    }
    save_table(Table(about, rows, human), given.output)
    KEEP.unlink()
    print(f"{given.output}: {len(rows)} settings, {about['texts']} texts each")


if __name__ == "__main__":
    main()
