"""Trees of continuations: every word that may follow, its probability, and the paths taken."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from decodelib.viz.plots import BLACK, BLUE, GREEN, GREY, VERMILION, figure, show_token

Path: TypeAlias = tuple[str, ...]

_PATH_STYLES = ((BLUE, (0, (4, 1.5))), (VERMILION, "-"), (GREEN, (0, (1, 1))))
"""Colour and line style of each marked path."""


def plot_tree(
    branches: Mapping[Path, float],
    *,
    paths: Mapping[str, Sequence[str]] | None = None,
    root: str = "",
    title: str = "",
) -> Figure:
    """Draw a tree of continuations from left to right, and mark some paths through it.

    Every branch carries its conditional probability, every leaf the product along its path.

    Args:
        branches: For each node, given by the words that lead to it, the probability of its last
            word after those before. A node comes after its parent.
        paths: Up to three paths to mark, each apart by colour and line style, with their labels.
        root: The text before the first words.
        title: The heading.

    Raises:
        ValueError: For no branches, a node without its parent, or a path that is not in the tree.
    """
    marked = {label: tuple(path) for label, path in (paths or {}).items()}
    _check(branches, marked)
    leaves = [node for node in branches if not _children(branches, node)]
    height = _heights(branches, leaves)
    depth = max(map(len, branches))

    def draw(axes: Axes) -> None:
        for node, prob in branches.items():
            x, y = [len(node) - 1, len(node)], [height[node[:-1]], height[node]]
            axes.plot(x, y, color=GREY, linestyle="-", linewidth=0.8, marker="", zorder=1)
            axes.annotate(
                f"{prob:.2g}",
                (x[0] + 0.55, y[0] + 0.55 * (y[1] - y[0])),
                ha="center",
                va="center",
                fontsize=8.5,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )
        for (label, path), (color, line) in zip(marked.items(), _PATH_STYLES, strict=False):
            nodes = [path[:end] for end in range(len(path) + 1)]
            heights = [height[node] for node in nodes]
            axes.plot(
                range(len(nodes)), heights, color=color, ls=line, lw=3, marker="", label=label
            )
        for node in [(), *branches]:
            if node in leaves:
                product = f"{_probability(branches, node):.2f}"
                axes.annotate(product, (depth + 0.6, height[node]), ha="right", va="center")
            axes.annotate(
                show_token(node[-1]) if node else root,
                (len(node), height[node]),
                ha="right" if not node else "left" if node in leaves else "center",
                va="center",
                color=BLACK,
                fontfamily="monospace",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
            )
        axes.set(xlim=(-0.75, depth + 0.6), ylim=(len(leaves) - 0.5, -0.5), title=title)
        axes.axis("off")
        if marked:
            axes.legend(loc="lower left")

    return figure(draw, height=0.9 + 0.36 * len(leaves))


def _check(branches: Mapping[Path, float], marked: Mapping[str, Path]) -> None:
    if not branches:
        raise ValueError("branches must hold at least one node, got none")
    for node in branches:
        if len(node) > 1 and node[:-1] not in branches:
            raise ValueError(f"branches must hold the parent of every node, got {node} without it")
    if len(marked) > len(_PATH_STYLES):
        raise ValueError(f"paths must be at most {len(_PATH_STYLES)}, got {len(marked)}")
    for label, path in marked.items():
        if path not in branches:
            raise ValueError(f"paths must lead to nodes of the tree, got {path} for {label!r}")


def _children(branches: Mapping[Path, float], node: Path) -> list[Path]:
    return [other for other in branches if other[:-1] == node]


def _heights(branches: Mapping[Path, float], leaves: Sequence[Path]) -> dict[Path, float]:
    """Return each node's place from the top: leaves in a column, a parent amid its children."""
    count = itertools.count()
    height: dict[Path, float] = {}

    def place(node: Path) -> float:
        below = [place(child) for child in _children(branches, node)]
        height[node] = sum(below) / len(below) if below else float(next(count))
        return height[node]

    place(())
    return height


def _probability(branches: Mapping[Path, float], node: Path) -> float:
    return math.prod(branches[node[:end]] for end in range(1, len(node) + 1))
