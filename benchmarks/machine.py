"""What the machine is, and how fast it reads its memory."""

import platform
import re
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks.timing import seconds


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
    kind = f"{name} {description['instructions']} {description['threads']} threads".lower()
    return re.sub(r"[^a-z0-9]+", "-", kind).strip("-")


def _cpu() -> str:
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


class Reading:
    """A pass over 512 MB of main memory, as fast as the machine makes it.

    A sum, which does least besides reading. PyTorch's product of a matrix and a vector reads half
    as fast on some processors.
    """

    def __init__(self, device: torch.device) -> None:
        self._numbers = torch.ones(2**27, device=device)
        self.bytes = self._numbers.nbytes

    def __call__(self) -> torch.Tensor:
        return self._numbers.sum()


def read_bandwidth(device: torch.device, passes: int = 50) -> float:
    """Return bytes per second read from main memory: the best of several passes."""
    read = Reading(device)
    read()
    return read.bytes / min(seconds(read, device) for _ in range(passes))
