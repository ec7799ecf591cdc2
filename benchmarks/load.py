"""The same step while other programs use the processor, as on a laptop or a shared server."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

import decodelib as dl
from benchmarks.cases import GREEDY
from benchmarks.pairs import Pair
from benchmarks.timing import compare


@contextmanager
def busy_neighbours(count: int) -> Iterator[None]:
    """Keep so many other processes calculating, each in one thread."""
    context = multiprocessing.get_context("spawn")
    neighbours = [context.Process(target=_calculate, daemon=True) for _ in range(count)]
    for neighbour in neighbours:
        neighbour.start()
    try:
        yield
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.join()


def _calculate() -> None:
    number = 0
    while True:
        number += 1


def beside_others(pair: Pair, repeats: int, new_tokens: int) -> list[dict[str, Any]]:
    """Time greedy steps alone and beside as many busy processes as there are threads.

    Ours with the number of threads that a model of its size takes by itself and with PyTorch's,
    theirs with PyTorch's.
    """
    rows, own = [], pair.ours.num_threads
    prompts = [pair.prompt(16)]
    for neighbours in (0, torch.get_num_threads()):
        with busy_neighbours(neighbours):
            for threads in (own, None) if own else (None,):
                pair.ours.num_threads = threads
                times = compare(
                    lambda: pair.generate_ours(dl.Greedy(), prompts, new_tokens),
                    lambda: pair.generate_theirs(GREEDY, prompts, new_tokens),
                    new_tokens,
                    repeats,
                    pair.ours.device,
                )
                row = {"neighbours": neighbours, "threads": threads or torch.get_num_threads()}
                rows.append(row | {name: times[name] for name in ("ours_ms", "theirs_ms", "ratio")})
    pair.ours.num_threads = own
    return rows
