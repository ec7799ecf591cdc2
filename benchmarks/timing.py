"""Timing two things against each other on a machine that may be busy with a third."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch


def compare(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    steps: int,
    repeats: int,
    device: torch.device,
    least: Callable[[], float] | None = None,
) -> dict[str, Any]:
    """Run both in turn; return milliseconds per step and the median of the ratios of neighbours.

    Each also has its best time: on a busy machine that says more about the code. `least` measures
    the least milliseconds that a step may take at the moment; it is run beside ours.
    """
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    limits = []
    for call in (ours, theirs):
        call()
    for repeat in range(repeats):
        pair = [("ours", ours), ("theirs", theirs)]
        for name, call in pair if repeat % 2 else pair[::-1]:
            times[name].append(1e3 * seconds(call, device) / steps)
            if least is not None and name == "ours":
                limits.append(least())
    ratios = [b / a for a, b in zip(times["ours"], times["theirs"], strict=True)]
    shares = [limit / ms for limit, ms in zip(limits, times["ours"], strict=False)]
    return {
        "limit_ms": statistics.median(limits) if limits else None,
        "of_limit": statistics.median(shares) if shares else None,
        "ours_ms": statistics.median(times["ours"]),
        "theirs_ms": statistics.median(times["theirs"]),
        "ours_best_ms": min(times["ours"]),
        "theirs_best_ms": min(times["theirs"]),
        "ratio": statistics.median(ratios),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


def seconds(call: Callable[[], object], device: torch.device) -> float:
    """Return how long one call takes, with the GPU waited for if there is one."""
    _wait(device)
    begin = time.perf_counter()
    call()
    _wait(device)
    return time.perf_counter() - begin


def median_ms(call: Callable[[], object], repeats: int, device: torch.device) -> float:
    """Return the median of several calls, after one that is not counted."""
    call()
    return 1e3 * statistics.median(seconds(call, device) for _ in range(repeats))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
