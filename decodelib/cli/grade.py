"""`decodelib grade DIR`: marks for a folder of submissions."""

from __future__ import annotations

import argparse
import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from decodelib.arguments import check_integer


def grade(arguments: Sequence[str]) -> int:
    """Mark submissions and write the marks; return the exit status.

    Raises ValueError in one sentence for a folder or an option that will not do.
    """
    chosen = _parser().parse_args(arguments)
    if not hasattr(os, "fork"):
        raise ValueError("decodelib grade needs Linux or macOS: on Windows, run it in WSL")
    for name, least in (("seconds", 1), ("memory", 64), ("workers", 1)):
        check_integer(name, getattr(chosen, name), least)
    if chosen.seed is not None:
        check_integer("seed", chosen.seed, 0)
    from tqdm import tqdm

    try:
        from decodelib.grading import report
        from decodelib.grading.grade import grade as mark
        from decodelib.grading.grade import tasks_set
        from decodelib.grading.submissions import submissions
        from decodelib.grading.workers import Limits
    except ModuleNotFoundError as error:
        raise ValueError(f"decodelib grade is not in a student edition: {error}") from None

    started = time.monotonic()
    found = submissions(chosen.folder)
    tasks = tasks_set(found, chosen.chapters)
    limits = Limits(chosen.seconds, chosen.memory, 6 * chosen.seconds)
    seed = secrets.randbelow(2**31) if chosen.seed is None else chosen.seed
    with tqdm(total=len(found), unit="submission", disable=None) as progress:
        graded = mark(found, tasks, seed, limits, chosen.workers, progress.update)
    table = report.write(graded, chosen.output)
    possible = sum(task.stars for task in tasks)
    for one in graded:
        print(f"{one.points:4d} of {possible}  {one.submission.student}")
    print(
        f"{len(graded)} submissions, {len(tasks)} exercises, {time.monotonic() - started:.0f} s: "
        f"{table} and a report for each in {table.parent / 'reports'}. To mark on the same probes "
        f"again: --seed {seed}"
    )
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _parser() -> argparse.ArgumentParser:
    made = _Parser(
        prog="decodelib grade",
        description="Mark the exercises in a folder of submissions: one folder of notebooks, or "
        "one notebook, for each student. Each exercise runs in a process of its own, is tried on "
        "probes that students have not seen, and gives its stars as points.",
        epilog="A submission may not open other files or start programs, but this is no prison: "
        "run submissions of people who would try in a container.",
    )
    add = made.add_argument
    add("folder", type=Path, metavar="DIR", help="the submissions")
    add(
        "--output",
        type=Path,
        default=Path("grades"),
        metavar="DIR",
        help="where grades.csv and the reports go (default: grades)",
    )
    add(
        "--chapters",
        type=int,
        nargs="+",
        default=(),
        metavar="N",
        help="the chapters that were set (default: those that anybody has handed in)",
    )
    add(
        "--seed",
        type=int,
        metavar="N",
        help="where the probes come from (default: another one each time, written at the end)",
    )
    add(
        "--seconds",
        type=int,
        default=5,
        metavar="N",
        help="time of the processor for each exercise; six times as many by the clock (default: 5)",
    )
    add("--memory", type=int, default=1024, metavar="MB", help="memory for each (default: 1024)")
    add(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many at a time (default: one for each processor)",
    )
    return made
