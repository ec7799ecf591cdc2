"""Beam explorers to test on a page: how to set and read them, and what Python says they show."""

from __future__ import annotations

import numpy as np

from decodelib.viz import BeamExplorer

STEPS = 7
RULES = (False, True, "never")
ENDINGS = {
    "": {"a": 0.4, "<eos>": 0.3, "b": 0.3},
    "a": {"a": 0.5, "b": 0.3, "<eos>": 0.2},
    "b": {"c": 0.7, "<eos>": 0.3},
    "c": {"<eos>": 0.9, "a": 0.1},
}
"""A model whose texts end early, so that searches stop at different steps."""
APPLY = """
const [root, state] = arguments;
for (const name of ["step", "length_penalty"]) {
  if (!(name in state)) continue;
  const input = root.querySelector(`[data-dx="${name}-box"]`);
  input.value = state[name];
  input.dispatchEvent(new Event("input", { bubbles: true }));
}
const [beams, rule] = root.querySelectorAll(".dx-beam-controls .dx-choice");
if ("num_beams" in state) beams.querySelector(`input[value="${state.num_beams}"]`).click();
if ("early_stopping" in state) rule.querySelector(`input[value="${state.early_stopping}"]`).click();
"""
READ = """
const text = (name) => arguments[0].querySelector(`[data-dx="${name}"]`).textContent;
const nodes = [...arguments[0].querySelectorAll(".dx-beam-node:not([hidden])")];
return {
  facts: ["returned", "score", "state", "greedy"].map(text),
  nodes: nodes.map((node) => [node.dataset.dxFate,
    ...[".dx-beam-token", ".dx-beam-total", ".dx-beam-marks"].map((part) =>
      node.querySelector(part).textContent),
    node.classList.contains("dx-beam-late")]),
  finished: [...arguments[0].querySelectorAll('[data-dx="finished"] li')].map((row) =>
    [row.querySelector("b").textContent, row.querySelector(".dx-beam-text").textContent,
     row.querySelector(".dx-badge").textContent]),
};
"""


def shown(x: float) -> str:
    return f"{x:.3f}".replace("-", "−")


def expected(explorer: BeamExplorer, state: dict) -> dict:
    """What the page should show in this state, from the Python side alone."""
    for name, value in state.items():
        setattr(explorer, name, value)
    tree, step = explorer.tree, explorer.step
    now, end = explorer.outcome(until=step), explorer.outcome()
    held = [i for _, i in now.finished]
    greedy = explorer.data["trees"][list(explorer.trees).index(explorer.num_beams)]["greedy"]
    visible = [i for i, node in enumerate(tree.nodes) if node.length <= step]

    def marks(i: int) -> str:
        fate = {"kept": "", "pruned": "✕", "finished": "■"}[tree.nodes[i].fate]
        return fate + "◆" * (i in greedy) + "★" * (held[:1] == [i])

    def badge(i: int) -> str:
        if held[0] == i:
            return "★ best so far" if now.stop is None else "★ returned"
        if i in held:
            return "held"
        late = tree.nodes[i].length > end.stop
        return (
            "not reached: the search has stopped"
            if late
            else f"not among the best {explorer.num_beams}"
        )

    ended = [i for i in visible if tree.nodes[i].fate == "finished"]
    score = {
        i: explorer.strategy.normalized(tree.nodes[i].total, tree.nodes[i].length) for i in ended
    }
    leaf = tree.nodes[greedy[-1]]
    fate = {"pruned": f"pruned at step {leaf.length}", "finished": "finished"}.get(leaf.fate)
    if now.stop is not None and leaf.length > now.stop:
        fate = "unfinished"
    elif leaf.length > step or fate is None:
        fate = "in the beam"
    state_text = (
        f"still running after step {step}" if now.stop is None else f"stopped after step {now.stop}"
    )
    return {
        "facts": [
            explorer.text_of(held[0]) if held else "none yet",
            shown(now.finished[0][0]) if held else "none yet",
            state_text,
            fate,
        ],
        "nodes": [
            [
                tree.nodes[i].fate,
                tree.nodes[i].token.replace(" ", "␣"),
                shown(tree.nodes[i].total),
                marks(i),
                tree.nodes[i].length > end.stop,
            ]
            for i in visible
        ],
        "finished": [
            [shown(score[i]), explorer.text_of(i), badge(i)]
            for i in sorted(ended, key=lambda i: -score[i])
        ],
    }


def states(count: int) -> list[dict]:
    """The corners of the settings, and `count` random states."""
    rng = np.random.default_rng(0)
    corners = [
        (3, 0, -2.0, False),
        (1, STEPS, 3.0, True),
        (2, STEPS, -2.0, False),
        (3, STEPS, 3.0, "never"),
        (2, 1, 0.0, True),
    ]
    corners += [
        (
            int(rng.choice([1, 2, 3])),
            int(rng.integers(0, STEPS + 1)),
            round(float(rng.uniform(-2, 3)), 2),
            RULES[rng.integers(3)],
        )
        for _ in range(count)
    ]
    names = ("num_beams", "step", "length_penalty", "early_stopping")
    return [dict(zip(names, state, strict=True)) for state in corners]
