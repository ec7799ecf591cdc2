"""Marks for submissions: an exercise gives its stars if it is right on all hidden probes."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from decodelib import checks
from decodelib.checks.exercises import Task, tasks
from decodelib.checks.verdict import Verdict, exercise_of
from decodelib.grading.submissions import Submission, cells_of
from decodelib.grading.workers import Limits, Stopped, Worker

MOST_TRIES = 6
"""Cells that are tried for one exercise of one submission."""


@dataclass(frozen=True)
class Mark:
    """What an exercise of a submission is worth, and why."""

    task: Task
    passed: bool
    message: str

    @property
    def points(self) -> int:
        """The exercise's stars if it is right, else 0."""
        return self.task.stars if self.passed else 0


@dataclass(frozen=True)
class Graded:
    """A submission with the marks of all exercises that were set."""

    submission: Submission
    marks: tuple[Mark, ...]

    @property
    def points(self) -> int:
        """The sum of the marks' points."""
        return sum(mark.points for mark in self.marks)


def tasks_set(submissions: Sequence[Submission], chapters: Sequence[int] = ()) -> list[Task]:
    """Return the exercises of the chapters given, or of those that anybody has handed in.

    Raises ValueError for a chapter without exercises, and where no submission has any.
    """
    known = {int(task.chapter[:2]) for task in tasks()}
    for chapter in chapters:
        if chapter not in known:
            listed = ", ".join(map(str, sorted(known)))
            raise ValueError(f"chapters must be among {listed}, got {chapter}")
    wanted = set(chapters) or {
        int(task.chapter[:2])
        for task in tasks()
        for submission in submissions
        for cells in submission.notebooks.values()
        if cells_of(task, cells)
    }
    if not wanted:
        raise ValueError("DIR must hold notebooks of the book, got none with an exercise of it")
    return [task for task in tasks() if int(task.chapter[:2]) in wanted]


def grade(
    submissions: Sequence[Submission],
    set_tasks: Sequence[Task],
    seed: int,
    limits: Limits | None = None,
    workers: int = 2,
    done: Callable[[], object] = lambda: None,
) -> list[Graded]:
    """Mark every exercise of every submission; `done` is called after each submission.

    The seed draws the probes. Submissions never see it, nor the solutions.
    """
    idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()

    def graded(submission: Submission) -> Graded:
        worker = idle.get()
        try:
            marks = (
                _mark(submission, task, worker, seed, limits or Limits()) for task in set_tasks
            )
            return Graded(submission, tuple(marks))
        finally:
            idle.put(worker)
            done()

    started = [Worker() for _ in range(workers)]
    try:
        for worker in started:
            idle.put(worker.__enter__())
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(graded, submissions))
    finally:
        for worker in started:
            worker.__exit__()


def _mark(submission: Submission, task: Task, worker: Worker, seed: int, limits: Limits) -> Mark:
    """Return the mark of the best notebook, of those that have the exercise."""
    verdicts: list[Verdict] = []
    for cells in submission.notebooks.values():
        for target in cells_of(task, cells):
            if len(verdicts) == MOST_TRIES:
                break
            verdicts.append(_verdict(cells, target, task, worker, seed, limits))
            if verdicts[-1].attempted:
                break  # what stands last in a notebook counts; a stub is looked past
    if not verdicts:
        missing = ["no notebook that was handed in has this exercise"]
        damaged = [f"{name} {what}" for name, what in submission.damaged.items()]
        return Mark(task, False, "; ".join(missing + damaged) + ".")
    best = max(verdicts, key=lambda verdict: (verdict.passed, verdict.attempted))
    return Mark(task, best.passed, best.message if best.attempted else "the stub is unchanged.")


def _verdict(
    cells: list[str], target: int, task: Task, worker: Worker, seed: int, limits: Limits
) -> Verdict:
    work = {"cells": cells, "target": target, "checker": task.checker, "function": task.function}
    try:
        with worker.function(work, limits) as attempt:
            return exercise_of(getattr(checks, task.checker)).check(attempt, seed)
    except Stopped as stopped:
        return Verdict(False, f"{task.function} {stopped}.")
