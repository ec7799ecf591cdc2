"""The engine of the book's pages in node: ask it, and compare with decodelib."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import decodelib as dl
from decodelib.decoding.search import Strategy
from decodelib.strategies.knobs import STRATEGIES
from decodelib.viz.page.pack import STORYBOOK, engine_source, vocabulary

DRIVER = Path(__file__).with_name("engine.js")

Ask = Callable[..., Any]


@functools.cache
def storybook() -> dl.LanguageModel:
    """The model that the engine is held to: in float64 on the CPU."""
    return dl.load("storybook", device="cpu", dtype="float64")


@contextlib.contextmanager
def node_engine() -> Iterator[Ask]:
    """A function that asks the engine: ask(encode=["text"]); skips the test without node."""
    if (node := shutil.which("node")) is None:
        pytest.skip("NO NODE: install nodejs to test the engine of the pages")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "engine.js"
        script.write_text(engine_source() + DRIVER.read_text("utf-8"), encoding="utf-8")
        process = subprocess.Popen(
            [node, str(script), str(STORYBOOK)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

        to, back = process.stdin, process.stdout
        assert to is not None
        assert back is not None

        def ask(**question: Any) -> Any:
            to.write(json.dumps(question) + "\n")
            to.flush()
            reply = json.loads(back.readline())
            assert "error" not in reply, reply["error"]
            return reply["answer"]

        try:
            ask(vocabulary=vocabulary())
            yield ask
        finally:
            to.close()
            process.wait()
            back.close()


def request(
    prompt: str, strategy: str = "sampling", given: dict[str, Any] | None = None, **settings: Any
) -> dict[str, Any]:
    """What the engine is asked to generate."""
    rules: dict[str, Any] = {"max_new_tokens": 20, "min_new_tokens": 0, "stop": [], "seed": 0}
    rules |= settings
    rules["seed"] = str(rules["seed"])
    return {"prompt": prompt, "strategy": strategy, "given": given or {}, **rules}


def _strategy(strategy: str, given: dict[str, Any], **_: Any) -> Strategy:
    if "green_list" in given:
        return dl.Sampling(dl.GreenListWatermark(**given["green_list"]))
    return STRATEGIES[strategy].make(given, dl.load)


RULES = ("max_new_tokens", "min_new_tokens", "stop")


def expected(asked: Sequence[dict[str, Any]], *, trace: bool = False) -> list[dl.Generation]:
    """What decodelib generates for the same requests; neighbours of equal rules in one batch."""
    answers: list[dl.Generation] = []
    for rules, batch in itertools.groupby(asked, lambda one: {name: one[name] for name in RULES}):
        together = list(batch)
        answers += dl.generate_batch(
            storybook(),
            [one["prompt"] for one in together],
            [_strategy(**one) for one in together],
            seeds=[int(one["seed"]) for one in together],
            trace=trace,
            **rules,
        )
    return answers
