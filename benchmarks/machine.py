"""What the machine is, and how fast it reads its memory."""

import platform
import re
import time
from pathlib import Path
from typing import Any

import torch
import transformers


def describe(device: torch.device) -> dict[str, Any]:
    """Return what a reader needs to place the numbers; no host names, no paths."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu(),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def slug(description: dict[str, Any]) -> str:
    """Return a file name for the machine."""
    name = re.sub(r"\((r|tm)\)|processor|cpu|@.*", "", description["device"].lower())
    return re.sub(r"[^a-z0-9]+", "-", f"{name} {description['threads']} threads").strip("-")


def _cpu() -> str:
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def read_bandwidth(device: torch.device, seconds: float = 3.0) -> float:
    """Return bytes per second read from main memory: the best of several passes over 512 MB.

    Products of a matrix and a vector, because that is how a decoding step reads its weights.
    """
    matrix = torch.ones(2**14, 2**13, device=device)
    vector = torch.ones(2**13, device=device)
    best, end = 0.0, time.perf_counter() + seconds
    for call in (lambda: matrix @ vector, lambda: matrix.sum()):
        call()
        while time.perf_counter() < end:
            begin = time.perf_counter()
            call()
            if device.type == "cuda":
                torch.cuda.synchronize()
            best = max(best, matrix.nbytes / (time.perf_counter() - begin))
        end += seconds
    return best
