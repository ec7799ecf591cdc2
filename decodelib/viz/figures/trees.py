"""Trees of continuations: every word that may follow, its probability, and the paths taken."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from decodelib.decoding.beam_tree import BeamTree
from decodelib.viz.figures.plots import BLACK, BLUE, GREEN, GREY, VERMILION, figure, show_token

Path: TypeAlias = tuple[str, ...]

_PATH_STYLES = ((BLUE, (0, (4, 1.5))), (VERMILION, "-"), (GREEN, (0, (1, 1))))
"""Colour and line style of each marked path."""

_FAINT = "#57606A"


def plot_tree(
    branches: Mapping[Path, float],
    *,
    paths: Mapping[str, Sequence[str]] | None = None,
    pruned: Collection[Path] = (),
    sums: bool = False,
    root: str = "",
    title: str = "",
) -> Figure:
    """Draw a tree of continuations from left to right, and mark some paths through it.

    Every branch carries its conditional probability, every leaf the product along its path. A
    pruned branch is dashed, its word grey and marked with a cross.

    Args:
        branches: For each node, given by the words that lead to it, the probability of its last
            word after those before. A node comes after its parent.
        paths: Up to three paths to mark, each apart by colour and line style, with their labels.
        pruned: Nodes that a search did not keep; `beam_branches` names a beam search's.
        sums: Whether the leaves show the sum of the logarithms, in nats, instead of the product,
            which for more than a few words is 0.00.
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
    edge = depth + max(0.6, 0.22 * depth)  # room for the leaves' words and numbers

    def draw(axes: Axes) -> None:
        for node, prob in branches.items():
            x, y = [len(node) - 1, len(node)], [height[node[:-1]], height[node]]
            dash = "--" if node in pruned else "-"
            axes.plot(x, y, color=GREY, linestyle=dash, linewidth=0.8, marker="", zorder=1)
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
                product = _probability(branches, node)
                value = f"{math.log(product):.2f}" if sums else f"{product:.2f}"
                axes.annotate(value, (edge, height[node]), ha="right", va="center")
            axes.annotate(
                _label(node, pruned) if node else root,
                (len(node), height[node]),
                ha="right" if not node else "left" if node in leaves else "center",
                va="center",
                color=_FAINT if node in pruned else BLACK,
                fontfamily="monospace",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
            )
        axes.set(xlim=(-0.75, edge), ylim=(len(leaves) - 0.5, -0.5), title=title)
        axes.axis("off")
        if marked:
            axes.legend(loc="lower left")

    return figure(draw, height=0.9 + 0.36 * len(leaves))


def beam_branches(tree: BeamTree, pruned: int = 2) -> tuple[dict[Path, float], list[Path]]:
    """Return a beam search's tree as `plot_tree` wants it: its branches, and the pruned nodes.

    Args:
        tree: From `generate(..., BeamSearch(...), trace=True).tree`.
        pruned: How many of each step's pruned candidates to include: the best ones.
    """
    branches: dict[Path, float] = {}
    cut: list[Path] = []
    for length in range(1, tree.num_steps + 1):
        left = pruned
        for index in tree.step(length):
            path = tuple(tree.nodes[i].token for i in tree.path(index))
            if tree.nodes[index].fate == "pruned":
                if not left:
                    continue
                left -= 1
                cut.append(path)
            branches[path] = math.exp(tree.nodes[index].logprob)
    return branches, cut


def _label(node: Path, pruned: Collection[Path]) -> str:
    return ("\N{MULTIPLICATION SIGN} " if node in pruned else "") + show_token(node[-1])


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
