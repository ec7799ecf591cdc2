"""Races to test on a page, how to set and read them there, and what Python says they show."""

from __future__ import annotations

import pytest

import decodelib as dl
from decodelib.viz.race.explorer import RaceExplorer, explore_race
from decodelib.viz.race.scores import METRICS

PROMPT = "The sea"
TOKENS = 20
STRATEGIES = {
    "Greedy": dl.Greedy(),
    "Beams": dl.BeamSearch(num_beams=2),
    "Ancestral": dl.Sampling(),
    "Top-p": dl.Sampling(dl.Temperature(0.7), dl.TopP(0.9)),
    "Top-k": dl.Sampling(dl.TopK(2)),
}
NAMES = ["a, b", "a", " b", "100%", "100%2C", "<&=+#>"]
"""Names that a link must keep apart."""
APPLY = """
const [root, { sort, sample, step, shown }] = arguments;
const find = (selector) => root.querySelector(selector);
find(`[data-dx="sort"] input[value="${sort}"]`).click();
for (const [name, value] of [["sample-box", sample], ["step", step]]) {
  const input = find(`[data-dx="${name}"]`);
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}
const boxes = [...root.querySelectorAll('[data-dx="shown"] input')];
for (const box of boxes) if (!box.checked && shown.includes(box.value)) box.click();
for (const box of boxes) if (box.checked && !shown.includes(box.value)) box.click();
"""
READ = """
const lane = (node) => ({
  name: node.querySelector("strong").textContent,
  text: Array.from(node.querySelectorAll(".dx-word:not([hidden])"), (e) => e.textContent).join(""),
  ended: Boolean(node.querySelector(".dx-end:not([hidden])")),
  numbers: [...node.querySelectorAll(".dx-meter b")].map((b) => b.textContent),
  bars: [...node.querySelectorAll(".dx-bar")].map((bar) => parseFloat(bar.style.width)),
});
return [...arguments[0].querySelectorAll('[data-dx="lane"]')].map(lane);
"""


def expected(race: RaceExplorer, state: dict) -> list[dict]:
    """The lanes as Python says they are."""
    for name, value in state.items():
        setattr(race, name, value)
    records = {record["name"]: record for record in race.data["strategies"]}
    scales = {
        name: metric.end
        or max(
            max(own["numbers"][name]["value"], own["numbers"][name]["high"] or 0)
            for own in records.values()
        )
        for name, metric in METRICS.items()
    }
    lanes = []
    for name in race.ranking:
        texts = race.generations[name]
        g = texts[min(race.sample, len(texts)) - 1]
        ended = g.finish_reason == "eos" and race.step >= len(g.tokens)
        written = len(g.tokens) - (g.finish_reason == "eos")
        lanes.append(
            {
                "name": name,
                "text": "".join(g.tokens[: min(race.step, written)]),
                "ended": ended,
                "numbers": [number["text"] for number in records[name]["numbers"].values()],
                "bars": pytest.approx(
                    [100 * value / scales[key] for key, value in race.numbers[name].items()],
                    abs=0.006,
                ),
            }
        )
    return lanes


def make_races() -> list[RaceExplorer]:
    """A race, one with a question, one whose texts end on their own, and one of difficult names."""
    lm = dl.load("storybook", device="cpu", dtype="float64")
    ending = dl.TableLM({"": {"a": 0.4, "b": 0.4, "<eos>": 0.2}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        settings = {"samples": 3, "max_new_tokens": TOKENS, "seed": 3}
        return [
            explore_race(lm, PROMPT, STRATEGIES, **settings),
            explore_race(
                lm,
                PROMPT,
                STRATEGIES,
                title="Guess",
                predict="Which strategy finds the most probable text?",
                answer="lowest surprisal",
                **settings,
            ),
            explore_race(
                ending, "a", {"Sampling": dl.Sampling()}, title="Texts that end", **settings
            ),
            explore_race(ending, "a", dict.fromkeys(NAMES, dl.Greedy()), title="Names", **settings),
        ]
