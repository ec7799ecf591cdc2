"""How long a move of each slider takes to redraw the explorer, in headless Chromium.

Run as `python -m benchmarks.explorer`. One distribution of GPT-2's size, 50,257 tokens; a redraw
is the arithmetic, the page's new content and its layout. A display shows a frame every 16.7 ms.
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
from explorer_page import open_page, write_page  # noqa: E402

from decodelib.viz import DistributionExplorer  # noqa: E402

VOCAB = 50_257
MOVES = """
const [root, name, count] = arguments;
const slider = root.querySelector(`[data-dx="${name}"]`);
const start = slider.value;
const times = [];
for (let i = 1; i <= count; i++) {
  slider.value = Number(slider.min) + (slider.max - slider.min) * (i / (count + 1));
  const before = performance.now();
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  document.body.offsetHeight;
  times.push(performance.now() - before);
}
slider.value = start;
slider.dispatchEvent(new Event("input", { bubbles: true }));
return times;
"""


def main() -> None:
    """Print the median and the slowest redraw for each slider, alone and with all others on."""
    os.environ["DECODELIB_STATIC"] = "1"
    logits, tokens = model_like_logits(VOCAB), words(VOCAB)
    busy = {"temperature": 1.3, "top_k": 20_000, "top_p": 0.99, "min_p": 1e-4} | {
        "typical_p": 0.99,
        "eta": 1e-7,
        "top_n_sigma": 5.0,
    }
    explorers = [
        DistributionExplorer.from_logits(logits, tokens, knobs=ORDER, **settings)
        for settings in ({}, busy)
    ]
    with tempfile.TemporaryDirectory() as folder, browser() as driver:
        roots = open_page(driver, write_page(Path(folder) / "page.html", explorers).as_uri())
        for label, root in zip(("alone", "with all others"), roots, strict=True):
            for name in ORDER:
                times = driver.execute_script(MOVES, root, name, 50)
                print(
                    f"{name:<12} {label:<16} median {statistics.median(times):5.1f} ms, "
                    f"slowest {max(times):5.1f} ms"
                )


if __name__ == "__main__":
    main()
