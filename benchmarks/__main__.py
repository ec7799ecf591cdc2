"""Time decodelib beside transformers: `make bench`, or `python -m benchmarks --help`.

Both run in turn in one process, on the same weights. Nothing here passes or fails. Every part is
written down as soon as it is measured; `--resume` goes on where an earlier run ended.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm
from transformers.utils import logging

import decodelib as dl
from benchmarks import anchors, growth, load, machine, memory, report
from benchmarks.cases import CHAIN, TOP_P, Case, cases, chain, mixed, sampler_calls
from benchmarks.pairs import Pair, load_pair
from benchmarks.timing import compare, seconds

RESULTS = Path(__file__).parent / "results"
BOOK = Path(__file__).parent.parent / "chapters" / "data" / "speed"
"""What chapter 16 shows; GPUs have a folder of their own."""
GPT2_VOCAB = 50_257
# Standard deviations of normal logits: from a model that is sure to one that knows nothing.
ROWS = {"peaked": 6.0, "wide": 3.0, "flat": 0.5}


class Log:
    """The results so far, on disk after each part."""

    def __init__(self, path: Path, resume: bool) -> None:
        self.path = path
        self.parts: dict[str, Any] = json.loads(path.read_text()) if resume else {}

    def measure(self, name: str, part: Callable[..., Any], *arguments: Any) -> None:
        if name not in self.parts:
            self.parts[name] = part(*arguments)
            text = json.dumps(self.parts, indent=1)
            self.path.write_text(text + "\n", encoding="utf-8")


def models(device: torch.device) -> list[tuple[str, str]]:
    """Return what is timed: full precision, and the half precision that this device computes in."""
    cpu = device.type == "cpu"
    bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported() if cpu else True
    half = "bfloat16" if bfloat16 else "float16"
    return [("storybook", "float32"), ("gpt2", "float32"), ("gpt2", half)]


def time_models(log: Log, device: torch.device, quick: bool) -> None:
    read = machine.Reading(device)
    for name, dtype in models(device)[: 1 if quick else None]:
        kind = f"{name} {dtype}"
        pair = load_pair(name, getattr(torch, dtype), device)
        repeats = 3 if quick else 5 if name == "gpt2" else 9
        for case in tqdm(cases(name, pair.dtype, device), desc=kind):
            times = 3 if case.batch > 16 else repeats
            log.measure(f"{kind}: {case.name} b{case.batch}", one_case, pair, case, times, read)
        log.measure(f"{kind}: mixed b4", mixed_case, pair, repeats)
        log.measure(f"{kind}: context", growth.with_context, pair, 3 * repeats)
        log.measure(f"{kind}: batches", growth.with_batch, pair, 2 * repeats)
        if dtype == "float32":
            log.measure(f"{kind}: beams", growth.with_beams, pair, 3, 12)
            if device.type == "cpu":
                log.measure(f"{kind}: beside others", load.beside_others, pair, 5, 16)
        if dtype == "float32" or device.type == "cuda":
            log.measure(f"{kind}: anchors", anchors.beside, pair, 3 if quick else 7)


def one_case(pair: Pair, case: Case, repeats: int, read: machine.Reading) -> dict[str, Any]:
    device = pair.ours.device
    past = case.prompt + case.new_tokens / 2
    step_bytes = pair.weight_bytes + int(pair.cache_bytes * past * case.rows)
    times = compare(
        lambda: case.run_ours(pair),
        lambda: case.run_theirs(pair),
        case.new_tokens,
        repeats,
        device,
        least=lambda: 1e3 * seconds(read, device) * step_bytes / read.bytes,
    )
    return {
        "model": pair.name,
        "dtype": str(pair.dtype).removeprefix("torch."),
        "case": case.name,
        "batch": case.batch,
        "target": case.target,
        "agreement": case.agreement(pair),
        "bytes_per_step": step_bytes,
        **times,
    }


def mixed_case(pair: Pair, repeats: int) -> dict[str, Any]:
    new_tokens = 16
    times = compare(*mixed(pair, new_tokens), new_tokens, repeats, pair.ours.device)
    return {
        "model": pair.name,
        "dtype": str(pair.dtype).removeprefix("torch."),
        "case": "four strategies",
        "batch": 4,
        "target": None,
        "agreement": "",
        "bytes_per_step": None,
        **times,
    }


def time_samplers(log: Log, device: torch.device, quick: bool) -> None:
    kinds = [("top-p", TOP_P, dl.Chain(dl.TopP(0.9)), 10.0), ("chain", CHAIN, chain(), 5.0)]
    for shape, spread in ROWS.items():
        generator = torch.Generator().manual_seed(0)
        logits = (spread * torch.randn(16, GPT2_VOCAB, generator=generator)).to(device)
        for name, settings, processors, target in kinds:
            calls = sampler_calls(settings, processors, logits)
            about = {"case": name, "rows": shape, "target": target if shape == "peaked" else None}
            repeats = 7 if quick else 21
            part = f"sampler: {name}, {shape}"
            log.measure(part, one_sampler, about, calls, repeats, device, torch.get_num_threads())
            if device.type == "cpu":
                log.measure(f"{part}, one thread", one_sampler, about, calls, repeats, device, 1)
    log.measure("sampler: vocabulary", growth.with_vocabulary, device, 3 if quick else 9)


def one_sampler(
    about: dict[str, Any],
    calls: tuple[Callable[[], object], Callable[[], object]],
    repeats: int,
    device: torch.device,
    threads: int,
) -> dict[str, Any]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    times = compare(*calls, 1, repeats, device)
    torch.set_num_threads(before)
    return about | {"threads": threads} | times


def starting_seconds(statement: str) -> float:
    """Return how long a statement takes in a fresh Python, the best of three.

    All modules are compiled before, as those of an installed package are.
    """
    code = f"import time; b = time.perf_counter(); {statement}; print(time.perf_counter() - b)"
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        run = partial(subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True,
                      check=True, env=kept | {"PYTHONPYCACHEPREFIX": folder})  # fmt: skip
        run()
        return min(float(run().stdout) for _ in range(3))


def starting() -> dict[str, float]:
    loading = "import decodelib as dl; b = time.perf_counter(); dl.load('storybook', device='cpu')"
    return {
        "import torch": starting_seconds("import torch"),
        "import decodelib": starting_seconds("import decodelib"),
        "load storybook": starting_seconds(loading),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the embedded model alone: a minute")
    parser.add_argument("--resume", action="store_true", help="keep what was measured before")
    parser.add_argument("--book", action="store_true", help="let chapter 16 show these results too")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the folder for the report")
    args = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    device = torch.device(args.device)
    about = machine.describe(device)
    args.output.mkdir(parents=True, exist_ok=True)
    stem = args.output / (machine.slug(about) + ("-quick" if args.quick else ""))
    path = stem.with_name(stem.name + ".json")
    log = Log(path, args.resume and path.is_file())
    log.parts["machine"] = about
    log.measure("bandwidth", machine.read_bandwidth, device)
    log.measure("starting", starting)
    time_samplers(log, device, args.quick)
    time_models(log, device, args.quick)
    if not args.quick and device.type == "cpu":
        log.measure("memory", memory.peaks)
    report.write(log.parts, stem)
    if args.book:
        folder = BOOK / "gpu" if device.type == "cuda" else BOOK
        folder.mkdir(exist_ok=True)
        (folder / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")


if __name__ == "__main__":
    main()
