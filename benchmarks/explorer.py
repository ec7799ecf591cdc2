"""How long a move of each control takes to redraw each explorer, in headless Chromium.

Run as `python -m benchmarks.explorer`. A redraw is the arithmetic, the page's new content and its
layout; a display shows a frame every 16.7 ms. The distribution explorer gets GPT-2's 50,257
tokens, first with one knob in use, then with all. Of every other kind, the largest that a chapter
has stored is measured. Between moves the browser computes a fixed reference, ten softmaxes of
50,257 numbers: the ratio to it can be compared between machines, and on a busy one.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from browser import browser  # noqa: E402
from explorer_cases import ORDER, model_like_logits, words  # noqa: E402
from explorer_page import Stored, open_page, stored_explorers, write_page  # noqa: E402
from site_pages import REVEAL  # noqa: E402

from decodelib.viz import DistributionExplorer  # noqa: E402

VOCAB = 50_257
MOVES = 60
CONTROLS = """
return [...arguments[0].querySelectorAll("[data-dx]")]
  .filter((e) => !e.disabled && (e.matches("input[type=range]") || e.role === "slider"))
  .map((e) => e.dataset.dx);
"""
MOVE = """
const [root, name, count] = arguments;
const control = root.querySelector(`[data-dx="${name}"]`);
const numbers = Float64Array.from({ length: 50257 }, (_, i) => Math.sin(i) * 5);
let kept = 0;
function reference() {
  for (let turn = 0; turn < 10; turn++) {
    const powers = numbers.map(Math.exp);
    const total = powers.reduce((sum, p) => sum + p, 0);
    kept += powers[turn] / total;
  }
}
function move(i) {
  if (control.type !== "range") {
    const key = i % 20 < 10 ? "ArrowRight" : "ArrowLeft";
    control.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    return;
  }
  const place = ((i * 7) % count + 1) / (count + 1); // back and forth over the whole slider
  control.value = Number(control.min) + (control.max - control.min) * place;
  control.dispatchEvent(new Event("input", { bubbles: true }));
}
function time(work) {
  const before = performance.now();
  work();
  document.body.offsetHeight; // layout belongs to the redraw
  return performance.now() - before;
}
const start = control.value;
const times = Array.from({ length: count }, (_, i) => [time(() => move(i)), time(reference)]);
if (control.type === "range") {
  control.value = start;
  control.dispatchEvent(new Event("input", { bubbles: true }));
}
return times;
"""


def largest_of_each_kind() -> list[Stored]:
    """The explorer of each kind, but for the distribution, with the most data in any chapter."""
    found: dict[str, Stored] = {}
    for stored in sorted(stored_explorers(), key=lambda stored: len(stored.html)):
        found[stored.kind] = stored
    return [found[kind] for kind in sorted(found) if kind != "distribution"]


def distributions() -> list[DistributionExplorer]:
    """One distribution of GPT-2's size, with no knob in use and with all of them."""
    os.environ["DECODELIB_STATIC"] = "1"
    logits, tokens = model_like_logits(VOCAB), words(VOCAB)
    busy = {"temperature": 1.3, "top_k": 20_000, "top_p": 0.99, "min_p": 1e-4} | {
        "typical_p": 0.99,
        "eta": 1e-7,
        "top_n_sigma": 5.0,
    }
    return [
        DistributionExplorer.from_logits(logits, tokens, knobs=ORDER, **settings)
        for settings in ({}, busy)
    ]


def main() -> None:
    """Print, for each control, the median and 90th percentile of its redraws."""
    recorded = largest_of_each_kind()
    labels = ["distribution, alone", "distribution, all on"]
    labels += [f"{explorer.kind}, {explorer.chapter}" for explorer in recorded]
    print(
        f"{'explorer':<30} {'control':<16} {'median':>8} {'p90':>8} {'reference':>10} {'ratio':>6}"
    )
    with tempfile.TemporaryDirectory() as folder, browser() as driver:
        page = write_page(Path(folder) / "page.html", [*distributions(), *recorded])
        for label, root in zip(labels, open_page(driver, page.as_uri()), strict=True):
            driver.execute_script(REVEAL, root)
            for name in driver.execute_script(CONTROLS, root):
                redraws, references = zip(
                    *driver.execute_script(MOVE, root, name, MOVES), strict=True
                )
                median, unit = statistics.median(redraws), statistics.median(references)
                slow = statistics.quantiles(redraws, n=10)[-1]
                print(
                    f"{label:<30} {name:<16} {median:5.1f} ms {slow:5.1f} ms {unit:7.1f} ms "
                    f"{median / unit:6.2f}"
                )


if __name__ == "__main__":
    main()
