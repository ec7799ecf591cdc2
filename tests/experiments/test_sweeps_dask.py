"""A sweep on a Dask cluster: what it gives, and that a killed worker changes nothing."""

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from distributed import Client, LocalCluster

import decodelib as dl
from decodelib.experiments.sweeps import Setting, sweep
from tests.helpers.outcomes import assert_same_outcomes

SETTINGS = [
    Setting("greedy", None, dl.Greedy(), deterministic=True),
    *(Setting("top-p", p, dl.Sampling(dl.TopP(p))) for p in (0.5, 0.7, 0.9, 0.95)),
]
PROMPTS = ["Once upon a time", "The old man", "My dear boy,"]
GIVEN = {
    "model": "storybook",
    "device": "cpu",
    "dtype": "float64",
    "repeats": 3,
    "num_tokens": 12,
    "progress": False,
}
NUM_TASKS = 1 + 4 * 3


@pytest.fixture(scope="module")
def expected():
    with ThreadPoolExecutor(1) as executor:
        return sweep(SETTINGS, PROMPTS, executor, **GIVEN)


@pytest.fixture
def client(tmp_path):
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            local_directory=tmp_path,
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def busy_worker(client) -> int:
    """Return the process id of a worker that holds results and is at work on more."""
    pids = client.run(os.getpid)
    while True:
        held, processing = client.has_what(), client.processing()
        for address in pids:
            if held.get(address) and processing.get(address):
                return pids[address]


@pytest.mark.long  # test_sweeps.py has a process killed on the way, without a cluster
def test_a_worker_killed_on_the_way_loses_nothing_and_doubles_nothing(client, tmp_path, expected):
    keep = tmp_path / "kept.jsonl"
    killed = []

    def kill_once_some_are_finished():
        while not keep.exists() or len(keep.read_text(encoding="utf-8").splitlines()) < 3:
            time.sleep(0.01)
        killed.append(busy_worker(client))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_once_some_are_finished, daemon=True)
    killer.start()
    outcomes = sweep(SETTINGS, PROMPTS, client.get_executor(), keep=keep, **GIVEN)
    killer.join(timeout=60)

    assert killed
    assert killed[0] not in client.run(os.getpid).values()
    assert_same_outcomes(outcomes, expected)
    keys = [json.loads(line)["task"] for line in keep.read_text(encoding="utf-8").splitlines()]
    assert len(keys) == len(set(keys)) == NUM_TASKS
