"""Sweeps: many settings, many prompts, many seeds, on any executor, with nothing lost on the way.

A sweep is cut into tasks. Each is a pure function of its arguments, so it may run anywhere, in any
order, and twice: `processes()` runs them on this machine, `client.get_executor()` of Dask on a
cluster. Finished tasks are kept in a file, from which an interrupted sweep goes on.
"""

from __future__ import annotations

import functools
import hashlib
import json
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

import torch
from tqdm.auto import tqdm

from decodelib.arguments import check_integer
from decodelib.decoding.loop import generate_batch
from decodelib.decoding.search import Strategy
from decodelib.models.base import LanguageModel
from decodelib.models.loading import load, resolve


@dataclass(frozen=True)
class Setting:
    """A strategy with one value of its knob: a point of a sweep.

    Attributes:
        family: What settings that differ only in the knob share, such as "top-p".
        knob: The knob's value, or None for a strategy without one.
        strategy: What decodes.
        deterministic: Whether every seed gives the same text; then only one is run.
    """

    family: str
    knob: float | None
    strategy: Strategy
    deterministic: bool = False

    def __str__(self) -> str:
        return self.family if self.knob is None else f"{self.family} {self.knob:g}"


class Text(NamedTuple):
    """A generated text: its words, its tokens, and their surprisal in all, in nats."""

    text: str
    token_ids: list[int]
    nats: float


class Outcome(NamedTuple):
    """What a setting wrote: `texts[i][r]` continues prompt i with its seed r."""

    setting: Setting
    texts: list[list[Text]]


@dataclass(frozen=True)
class Task:
    """One batch of texts, with all that they depend on."""

    model: str
    device: str
    dtype: str
    strategy: Strategy
    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    num_tokens: int

    @property
    def key(self) -> str:
        """A name made from the contents: equal tasks have equal names, on every machine."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:20]


def run(task: Task) -> list[Text]:
    """Decode one task, on whatever machine this is; the model is loaded once per process.

    Raises the errors of `load` and `generate_batch`.
    """
    generations = generate_batch(
        _model(task.model, task.device, task.dtype),
        task.prompts,
        task.strategy,
        max_new_tokens=task.num_tokens,
        min_new_tokens=task.num_tokens,
        seeds=task.seeds,
    )
    return [Text(g.text, g.token_ids, -sum(g.logprobs)) for g in generations]


@functools.cache
def _model(name: str, device: str, dtype: str) -> LanguageModel:
    return load(name, device, dtype)


def sweep(
    settings: Sequence[Setting],
    prompts: Sequence[str],
    executor: Executor,
    *,
    model: str = "auto",
    device: str = "auto",
    dtype: str = "auto",
    repeats: int = 5,
    num_tokens: int = 60,
    seed: int = 0,
    keep: str | Path | None = None,
    progress: bool = True,
) -> list[Outcome]:
    """Continue every prompt `repeats` times with every setting; return an outcome per setting.

    All texts have `num_tokens` tokens: the end of the text is not allowed to come earlier, since
    most measures of diversity depend on the amount of text. Seeds are the same for all settings,
    which makes their differences less noisy than they are themselves. The texts do not depend on
    the executor, on the order in which tasks end, or on how often one is run; their surprisals may
    differ in the last digits between workers with other processors or numbers of threads.

    Args:
        settings: At least one, each different.
        prompts: At least one.
        executor: Where to run: `processes()`, or `client.get_executor()` of a Dask cluster whose
            workers can import decodelib, or any other.
        model, device, dtype: What every worker loads, as for `load`; "auto" is settled here once.
        repeats: Texts for each prompt, at least 1.
        num_tokens: Length of each text, at least 1.
        seed: The first of the seeds; others follow it.
        keep: A file for what is finished. If it is there already, what it holds is not run again.
        progress: Whether to show a progress bar.

    Raises:
        ValueError, TypeError: For arguments out of range.
        RuntimeError: If a task fails or a worker dies for good; says which, and what is kept.

    Chapter 14.
    """
    check_integer("repeats", repeats, 1)
    check_integer("num_tokens", num_tokens, 1)
    check_integer("seed", seed, 0)
    _require_several("settings", settings)
    _require_several("prompts", prompts)
    name = resolve(model)
    plans = [
        [
            Task(name, device, dtype, setting.strategy, tuple(prompts), seeds, num_tokens)
            for seeds in _seeds(seed, len(prompts), 1 if setting.deterministic else repeats)
        ]
        for setting in settings
    ]
    tasks = {task.key: task for plan in plans for task in plan}
    done = _run_all(tasks, executor, None if keep is None else Path(keep), progress)
    outcomes = []
    for setting, plan in zip(settings, plans, strict=True):
        rounds = [done[task.key] for task in plan]
        if setting.deterministic:
            rounds *= repeats
        outcomes.append(Outcome(setting, [list(texts) for texts in zip(*rounds, strict=True)]))
    return outcomes


def processes(count: int | None = None) -> ProcessPoolExecutor:
    """Return an executor of `count` processes on this machine, or as many as it has cores.

    Each computes on one thread. They are started afresh: Python's default on Linux is to fork,
    which copies the locks of torch's threads without the threads, and can hang. A script must hold
    its own commands under `if __name__ == "__main__":`. Raises ValueError for a count below 1.
    """
    if count is not None:
        check_integer("count", count, 1)
    afresh = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, afresh, torch.set_num_threads, (1,))


def _seeds(first: int, count: int, repeats: int) -> list[tuple[int, ...]]:
    """Return a tuple of seeds, one for each prompt, for every repeat; no two are the same."""
    return [tuple(range(first + r * count, first + (r + 1) * count)) for r in range(repeats)]


def _require_several(name: str, values: object) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(f"{name} must be a list, got {values!r}")
    if not values:
        raise ValueError(f"{name} must hold at least one, got none")
    if len(set(values)) != len(values):
        raise ValueError(f"{name} must all be different, got one twice")


Results: TypeAlias = dict[str, list[Text]]
"""The texts of each finished task, by the task's key."""


def _run_all(
    tasks: dict[str, Task], executor: Executor, keep: Path | None, progress: bool
) -> Results:
    """Run what is not kept already; keep each result as soon as it is there."""
    done: Results = {} if keep is None else _kept(keep, tasks)
    waiting: dict[Future[list[Text]], str] = {}
    bar = tqdm(total=len(tasks), initial=len(done), unit="task", disable=not progress)

    def collect(future: Future[list[Text]]) -> None:
        key = waiting[future]
        done[key] = future.result()
        if keep is not None:
            _append(keep, key, done[key])
        bar.update()

    with bar:
        try:
            for key, task in tasks.items():
                if key not in done:
                    waiting[executor.submit(run, task)] = key
            for future in as_completed(waiting):
                collect(future)
        except Exception as error:
            # Futures come in no particular order: others have ended well, or are about to.
            for future in as_completed([future for future in waiting if not future.cancel()]):
                if waiting[future] not in done and future.exception() is None:
                    collect(future)
            kept = f"kept in {keep} to go on from" if keep else "lost for want of a keep file"
            raise RuntimeError(
                f"the sweep stopped with {len(done)} of {len(tasks)} tasks finished, {kept}: "
                f"{type(error).__name__}: {error}"
            ) from error
        finally:
            for future in waiting:
                future.cancel()
    return done


def _append(keep: Path, key: str, texts: Sequence[Text]) -> None:
    with keep.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"task": key, "texts": texts}) + "\n")


def _kept(keep: Path, tasks: dict[str, Task]) -> Results:
    """Return the wanted results of a file, and drop from it a line that was not written whole."""
    if not keep.exists():
        keep.parent.mkdir(parents=True, exist_ok=True)
        return {}
    lines = [line for line in keep.read_text(encoding="utf-8").splitlines() if _is_whole(line)]
    whole = keep.with_name(keep.name + ".new")
    whole.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    os.replace(whole, keep)
    entries = map(json.loads, lines)
    return {e["task"]: [Text(*t) for t in e["texts"]] for e in entries if e["task"] in tasks}


def _is_whole(line: str) -> bool:
    try:
        return "task" in json.loads(line)
    except json.JSONDecodeError:
        return False
