"""Starting points for common tasks: a strategy each, and where its numbers come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from decodelib.arguments import check_choice
from decodelib.decoding.search import Strategy
from decodelib.models.loading import load
from decodelib.strategies.knobs import STRATEGIES


class Preset(NamedTuple):
    """A strategy as the command line knows it, what it is for, and whose numbers it has."""

    strategy: str
    knobs: Mapping[str, Any]
    purpose: str
    source: str


PRESETS = {
    "facts": Preset(
        "greedy",
        {},
        "one short answer, the same every time",
        "this book: chance adds nothing where one answer is wanted; loops in long texts",
    ),
    "code": Preset(
        "sampling",
        {"temperature": 0.2, "top_p": 0.95},
        "one attempt that should be right",
        "Chen et al. 2021, arXiv 2107.03374: best for a single attempt at a program",
    ),
    "attempts": Preset(
        "sampling",
        {"temperature": 0.8, "top_p": 0.95},
        "many attempts of which one should be right",
        "Chen et al. 2021, arXiv 2107.03374: best for a hundred attempts at a program",
    ),
    "chat": Preset(
        "sampling",
        {"temperature": 0.7, "top_k": 20, "top_p": 0.8},
        "answers that vary without straying",
        "Qwen Team 2025, arXiv 2505.09388: their models without thinking",
    ),
    "fiction": Preset(
        "sampling",
        {"top_p": 0.95},
        "stories that read as if written",
        "Holtzman et al. 2020, arXiv 1904.09751: nearest to human text on GPT-2 large",
    ),
    "ideas": Preset(
        "sampling",
        {"temperature": 1.5, "min_p": 0.1},
        "many different continuations to choose from",
        "Nguyen et al. 2025, arXiv 2407.01082; contested, see chapter 9",
    ),
}
"""In the order of rising chance, but for the last attempts; chapter 15 gives the reasons."""


def preset(name: str) -> Strategy:
    """Return a strategy that is a starting point for a task: `preset("fiction")`.

    A preset's numbers were found on its source's models and are a habit elsewhere: measure them on
    yours. Chapter 15 does so.

    Args:
        name: "facts", "code", "attempts", "chat", "fiction" or "ideas". `PRESETS` holds the
            purpose and the source of each.

    Raises:
        ValueError: For another name.
    """
    check_choice("name", name, tuple(PRESETS))
    chosen = PRESETS[name]
    return STRATEGIES[chosen.strategy].make(chosen.knobs, load)
