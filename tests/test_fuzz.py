"""No random call of the public API ends in anything but a result or a documented error.

Nor does it end otherwise in another state of PyTorch, in threads, or with pickled arguments.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("seed", "calls"),
    [(0, 1_000), *(pytest.param(seed, 10_000, marks=pytest.mark.long) for seed in (1, 2))],
)
def test_random_calls_end_in_results_or_documented_errors(seed, calls):
    # A process of its own: in this one the run-time type checks would answer first.
    run = subprocess.run(
        [sys.executable, "-m", "tests.helpers.fuzz", "--calls", str(calls), "--seed", str(seed)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout + run.stderr
