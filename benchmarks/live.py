"""How fast storybook runs in a page: in node, in a worker of headless Chromium, and in Python.

Run as `python -m benchmarks.live`. All compute in float64 on one core. A token is timed after 16
and after 500 others, and reading a prompt of 50 tokens up to the first logits. What is counted is
time on the processor, which other work on the machine disturbs least.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import tempfile
import time
from pathlib import Path

import torch

from benchmarks import machine
from decodelib.viz.page.pack import STATIC, write_scripts
from tests.helpers.browser import browser
from tests.helpers.engine import node_engine, storybook

RESULTS = Path(__file__).parent / "results"
CONTEXTS = (16, 500)
PROMPT = 50
COUNT = 40
PAGE = """<!doctype html><title>speed</title><script>DecodeExplorer = {};</script>
<div data-live="none"></div><script src="live/start.js"></script>"""


def milliseconds(seconds: list[float]) -> float:
    return round(1e3 * statistics.median(seconds), 2)


def in_python() -> dict[str, float]:
    lm, found = storybook(), {}
    for context in CONTEXTS:
        times = []
        with torch.inference_mode():
            _, cache = lm.prefill([torch.arange(300, 300 + context)], context + COUNT)
            for _ in range(COUNT):
                start = time.process_time()
                lm.step(torch.tensor([300]), cache)
                times.append(time.process_time() - start)
                cache.rewind(1)
        found[f"token after {context}"] = milliseconds(times)
    times = []
    for _ in range(10):
        start = time.process_time()
        lm.next_logits(list(range(300, 300 + PROMPT)))
        times.append(time.process_time() - start)
    return found | {f"prompt of {PROMPT}": milliseconds(times)}


def in_node() -> dict[str, float]:
    with node_engine() as ask:
        found = {f"token after {n}": milliseconds(ask(time=[n, COUNT])) for n in CONTEXTS}
        return found | {f"prompt of {PROMPT}": milliseconds(ask(timePrompt=[PROMPT, 10]))}


def in_chromium() -> dict[str, float]:
    ask = """
        const [question, done] = arguments;
        DecodeLive.model.ask(question).then(done);"""
    with tempfile.TemporaryDirectory() as name, browser() as driver:
        folder = Path(name)
        (folder / "live").mkdir()
        for script in ("start.js", "client.js"):
            (folder / "live" / script).write_text((STATIC / "live" / script).read_text("utf-8"))
        write_scripts(folder / "live" / "model")
        (folder / "page.html").write_text(PAGE)
        driver.get((folder / "page.html").as_uri())
        driver.execute_async_script(
            """
            const done = arguments[0];
            (async () => {
              await DecodeLive.loadScript("model/engine.js");
              await DecodeLive.loadScript("client.js");
              DecodeLive.model.onChange(() => DecodeLive.model.state === "ready" && done());
              DecodeLive.model.load();
            })();"""
        )
        browser_process = driver.service.process.pid

        def timed(count: int, **question: int) -> float:
            question |= {"count": 0}
            driver.execute_async_script(ask, {"type": "speed", **question})  # reads the context
            before = processor_time(browser_process)
            driver.execute_async_script(ask, {"type": "speed", **question, "count": count})
            return round(1e3 * (processor_time(browser_process) - before) / count, 2)

        found = {f"token after {context}": timed(50, context=context) for context in CONTEXTS}
        return found | {f"prompt of {PROMPT}": timed(5, context=0, prompt=PROMPT)}


def processor_time(root: int) -> float:
    """Return the seconds that a process and all below it have spent on the processor."""
    parents, spent = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        parents[int(stat.parent.name)] = int(fields[1])
        spent[int(stat.parent.name)] = int(fields[11]) + int(fields[12])
    family = {root}
    while more := {p for p, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(spent[process] for process in family) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    torch.set_num_threads(1)
    description = machine.describe(torch.device("cpu"))
    results = {
        "machine": description["device"],
        "unit": "milliseconds on the processor",
        "python": in_python(),
        "node": in_node(),
        "chromium": in_chromium(),
    }
    name = re.sub(r"[^a-z0-9]+", "-", description["device"].lower()).strip("-")
    path = RESULTS / f"live-{name}.json"
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(path.read_text("utf-8"))


if __name__ == "__main__":
    main()
