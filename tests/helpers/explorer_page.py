"""Explorers on a page in a browser: open, set, read, and compare with decodelib."""

from __future__ import annotations

import html
import json
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch

from decodelib.viz.distribution.payload import unpack
from decodelib.viz.distribution.steps import STEPS, apply_steps
from decodelib.viz.shell.explorer import SCRIPTS, STATIC, STYLES, Explorer

OFF = {name: knob.neutral for name, knob in STEPS.items()}
LABELS = {"top_k": "top-k", "top_p": "top-p", "min_p": "min-p", "typical_p": "typical"} | {
    "eta": "eta",
    "top_n_sigma": "top-nσ",
}

SET = """
const [root, name, value] = arguments;
const input = root.querySelector(`[data-dx="${name}"]`);
input.value = value;
for (const type of ["input", "change"]) input.dispatchEvent(new Event(type, { bubbles: true }));
return Number(input.value);
"""
READ = """
const text = (name) => arguments[0].querySelector(`[data-dx="${name}"]`).textContent;
return {
  kept: text("kept"), mass: text("mass"), entropy: text("entropy"), varentropy: text("varentropy"),
  values: Object.fromEntries([...arguments[0].querySelectorAll(".dx-step input[type=number]")].map(
    (box) => [box.dataset.dx.replace("-box", ""), Number(box.value)])),
  rows: [...arguments[0].querySelectorAll(".dx-row:not(.dx-head)")].map((row) => ({
    before: row.querySelector(".dx-before").textContent,
    after: row.querySelector(".dx-after").textContent,
    width: parseFloat(row.querySelector(".dx-bar-after").style.width),
    cut: row.classList.contains("dx-cut"),
  })),
};
"""


@dataclass(frozen=True)
class Stored:
    """An explorer in the stored outputs of a chapter."""

    chapter: str
    kind: str
    html: str

    def as_html(self) -> str:
        return self.html

    @property
    def state(self) -> dict:
        """Its title, data and settings."""
        packed = re.search("data-dx='([^']*)'", self.html)
        assert packed
        return json.loads(html.unescape(packed[1]))


def stored_explorers() -> list[Stored]:
    """Every explorer of every chapter, in the order of the book."""
    chapters = Path(__file__).resolve().parents[2] / "chapters"
    return [
        Stored(path.stem, shown.split('"')[3], shown)
        for path in sorted(chapters.glob("*.ipynb"))
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        for output in cell.get("outputs", ())
        if (shown := "".join(output.get("data", {}).get("text/html", ""))).startswith(
            '<div class="dx" data-dx-kind="'
        )
    ]


def write_page(path: Path, explorers: Sequence[Explorer | Stored]) -> Path:
    """Write a page of explorers and nothing else, with the package's own scripts and styles."""
    head = "".join(f'<link rel="stylesheet" href="{name}">' for name in STYLES) + "".join(
        f'<script src="{name}"></script>' for name in SCRIPTS
    )
    shutil.copytree(STATIC, path.parent, dirs_exist_ok=True)
    body = "".join(explorer.as_html() for explorer in explorers)
    path.write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Explorers</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"{head}</head><body><main><h1>Explorers</h1>{body}</main></body></html>",
        encoding="utf-8",
    )
    return path


def forget(driver, url: str) -> None:
    """Make the browser forget what it remembers of the pages beside this one."""
    parts = urlsplit(url)
    store = {"origin": f"{parts.scheme}://{parts.netloc}", "storageTypes": "local_storage"}
    driver.execute_cdp_cmd("Storage.clearDataForOrigin", store)


def open_page(driver, url: str, *, as_new: bool = True) -> list:
    """Open a page and return its explorers; all must have come alive.

    `as_new`: as for a reader who has predicted nothing there yet.
    """
    if as_new:
        forget(driver, url)
    driver.get(url)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        here = driver.find_elements("css selector", ".dx[data-dx]")
        if here and len(driver.find_elements("css selector", ".dx > .dx-root")) == len(here):
            return here
        time.sleep(0.05)
    raise AssertionError(f"{len(here)} explorers, not all alive, on {url}")


def state_of(root) -> dict:
    return json.loads(html.unescape(root.get_attribute("data-dx")))


def reveal(driver, root) -> None:
    """Commit a prediction where one is asked for, so that the controls open."""
    if state_of(root)["data"]["predict"]:
        driver.execute_script(
            "const f = arguments[0].querySelector('.dx-predict-form');"
            "f.querySelector('input').value = 1; f.requestSubmit();",
            root,
        )


def assert_shows(shown: dict, record: dict, settings: dict, where: object) -> None:
    """The readout and the bars are what decodelib computes, to the digits displayed.

    Knobs that are neither in `settings` nor in what is shown are off.
    """
    logits = unpack(record)
    true = apply_steps(logits, torch.arange(len(logits)), OFF | settings, settings["order"])
    kept, total = shown["kept"].replace(",", "").split(" of ")
    assert (int(kept), int(total)) == (true.kept, record["vocab"]), where
    assert abs(float(shown["mass"]) - true.mass) < 6e-5, where
    for name in ("entropy", "varentropy"):
        before, after = map(float, shown[name].split(" → "))
        assert abs(before - getattr(true, f"{name}_before")) < 6e-4, where
        assert abs(after - getattr(true, name)) < 6e-4, where
    longest = max(float(true.before[0]), true.top_probability)
    for rank, bar in enumerate(shown["rows"]):
        p, step = float(true.after[rank]), int(true.removed_at[rank])
        assert bar["cut"] == (step < len(true.kept_after)), where
        assert abs(bar["width"] - 100 * p / longest) < 0.006, where
        assert float(bar["before"]) == pytest.approx(float(true.before[rank]), rel=0.5, abs=5.1e-5)
        if bar["cut"]:
            assert bar["after"] == f"✕ {LABELS[true.kept_after[step][0]]}", where
        else:
            assert float(bar["after"]) == pytest.approx(p, rel=0.5, abs=5.1e-5), where


def click(driver, root, text: str) -> None:
    buttons = [b for b in root.find_elements("tag name", "button") if b.text == text]
    assert len(buttons) == 1, text
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", buttons[0])
    buttons[0].click()
