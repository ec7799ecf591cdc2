"""Peak memory of a generation, each in a process of its own: `python -m benchmarks.memory`."""

import subprocess
import sys

import psutil
import torch

from benchmarks.cases import cpu_cases
from benchmarks.pairs import load_pair

CASES = ["greedy b1", "top-p b16"]


def peaks() -> list[dict[str, object]]:
    """Return the most bytes that each held at a time, weights included, torch itself not."""
    rows = []
    for name in CASES:
        row: dict[str, object] = {"case": name}
        for which in ("ours", "theirs"):
            command = [sys.executable, "-m", "benchmarks.memory", which, name]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            row[which] = int(run.stdout.split()[-1])
        rows.append(row)
    return rows


def main() -> None:
    """Print the growth of this process's peak from before the weights are there."""
    which, name = sys.argv[1:]
    wanted = cpu_cases("gpt2", torch.float32)
    case = next(c for c in wanted if f"{c.name} b{c.batch}" == name)
    before = psutil.Process().memory_info().rss
    pair = load_pair("gpt2", torch.float32, torch.device("cpu"))
    # Only one of the two may be counted, and what loading took may not.
    if which == "ours":
        pair.theirs.transformer = torch.nn.Identity()
        pair.theirs.lm_head = torch.nn.Identity()
    else:
        pair.ours._blocks.clear()
        del pair.ours._unembedding
    peak = Peak()
    (case.run_ours if which == "ours" else case.run_theirs)(pair)
    print(peak.stop() - before)


class Peak:
    """Watches the memory of this process from a thread."""

    def __init__(self) -> None:
        import threading

        self._most, self._ended = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(0.005):
            self._most = max(self._most, psutil.Process().memory_info().rss)

    def stop(self) -> int:
        self._ended.set()
        self._thread.join()
        return self._most


if __name__ == "__main__":
    main()
