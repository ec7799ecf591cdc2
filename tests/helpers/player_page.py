"""The generation player on a page: what it shows, and what it must show for its data."""

from __future__ import annotations

import numpy as np
import pytest

from decodelib.viz import GenerationPlayer
from decodelib.viz.player.record import find_branch

GO = """
const [root, branch, position] = arguments;
const set = (name, type, value) => {
  const input = root.querySelector(`[data-dx="${name}"]`);
  input.value = value;
  input.dispatchEvent(new Event(type, { bubbles: true }));
};
set("branch", "change", branch);
set("position", "input", position);
"""
READ = """
const [root] = arguments;
const text = (name) => root.querySelector(`[data-dx="${name}"]`).textContent;
const tokens = [...root.querySelectorAll('[data-dx="token"]')].filter((e) => e.role === "option");
const inside = (row, name) => row.querySelector(`.dx-${name}`);
const after = root.querySelector(".dx-options .dx-after");
const changes = after && getComputedStyle(after).display !== "none";
const width = (row, name) => parseFloat(inside(row, name).style.width);
return {
  facts: [root.querySelector('.dx-fact [data-dx="token"]').textContent,
          ...["p", "rank", "entropy", "kept"].map(text)],
  note: text("note"),
  text: tokens.map((e) => e.textContent).join(""),
  selected: tokens.map((e) => e.ariaSelected).indexOf("true") + 1,
  reached: tokens.filter((e) => !e.classList.contains("dx-later")).length,
  depths: tokens.map((e) => Number(e.style.getPropertyValue("--depth"))),
  tabbable: tokens.map((e) => e.tabIndex).filter((i) => i === 0).length,
  candidates: [...root.querySelectorAll('[data-dx="candidate"]')].map((row) => [
    inside(row, "token").textContent, inside(row, "before").textContent,
    changes ? inside(row, "after").textContent : "", inside(row, "taken").textContent,
    !row.querySelector("button").hidden]),
  bars: [...root.querySelectorAll('[data-dx="candidate"]')].map((row) => [
    width(row, "bar-before"), width(row, "bar-after")]),
};
"""


def visible(token: str) -> str:
    if token.strip() in ("<|endoftext|>", "<eos>"):
        return "end of text"
    return token.replace(" ", "␣").replace("\n", "↵") or "∅"


def probability(p: float) -> str:
    if p == 0:
        return "0"
    if p >= 0.00005:
        return f"{p:.4f}"
    digits, power = f"{p:.0e}".split("e")
    return f"{digits}e{int(power)}"


def expected(player: GenerationPlayer, branch: int, position: int) -> dict:
    """What the page must show, from the player's own data."""
    player.branch, player.position = branch, position
    steps, step, branches = player.steps, player.step, player.data["branches"]
    place = min(position, len(steps))
    ends = branches[branch]["end"] == "eos"
    here = "end of text" if ends and place == len(steps) else visible(step["text"])
    texts = [one["text"].replace("\n", "↵\n") or "∅" for one in steps]
    own = branches[branch]
    note = step["decision"]
    if own["parent"] is not None and place - 1 == own["start"]:
        player.branch = own["parent"]
        note = f"taken here instead of “{visible(player.steps[place - 1]['text'])}”"
    changed = any(c[2] != c[3] for b in branches for one in b["steps"] for c in one["candidates"])
    ids = [one["id"] for one in steps[: place - 1]]
    longest = max(max(c[2], c[3]) for c in step["candidates"])
    rows = []
    for token_id, token, before, after, by in step["candidates"]:
        cause = player.data["processors"][by] if by is not None else "removed"
        chosen = token_id == step["id"]
        rows.append(
            [
                visible(token),
                probability(before),
                "" if not changed else f"✕ {cause}" if after == 0 < before else probability(after),
                "● chosen" if chosen else "",
                not chosen and find_branch(branches, [*ids, token_id]) is not None,
            ]
        )
    return {
        "facts": [
            here,
            probability(step["p"]),
            f"{step['rank']:,}",
            f"{step['entropy']:.3f}",
            f"{step['kept']:,} of {player.data['vocab']:,}",
        ],
        "note": note,
        "text": "".join([*texts[:-1], " ■ end of text" if ends else texts[-1]]),
        "selected": place,
        "reached": place,
        "depths": pytest.approx([min(1, -np.log(one["p"]) / 8) for one in steps], abs=6e-4),
        "tabbable": 1,
        "candidates": rows,
        "bars": [
            pytest.approx([100 * c[2] / longest, 100 * c[3] / longest], abs=0.006)
            for c in step["candidates"]
        ],
    }
