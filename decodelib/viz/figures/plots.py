"""The book's figures: one style, colours that differ without colour vision, and a few charts.

Every function returns a matplotlib Figure; as the last line of a cell it is the cell's output.
Hatching, line style or position always says what colour says. Colours: Okabe and Ito 2008.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib.pyplot as plt
import torch
from cycler import cycler
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from decodelib.decoding.generation import Generation
from decodelib.distributions import entropy, nucleus_size

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW, BLACK = COLORS = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#1F2328",
)  # fmt: skip
GREY = "#8793A0"

STYLE: dict[Any, Any] = {
    "figure.dpi": 144,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.size": 9.5,
    "axes.facecolor": "white",
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E4E8EC",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "hatch.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=[BLUE, VERMILION, GREEN, ORANGE, PURPLE, BLACK])
    + cycler(linestyle=["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2))])
    + cycler(marker=["o", "s", "^", "D", "v", "x"]),
}
"""The book's settings, as matplotlib rcParams."""


def style() -> AbstractContextManager[None]:
    """Return a context in which new figures have the book's style: `with plots.style(): ...`."""
    return plt.rc_context(STYLE)


def figure(draw: Callable[[Axes], object], width: float = 7.0, height: float = 3.0) -> Figure:
    """Return one figure in the book's style, drawn by `draw(axes)`; sizes in inches."""
    with style():
        fig, axes = plt.subplots(figsize=(width, height))
        draw(axes)
        plt.close(fig)  # the cell shows the figure it returns, not a second one
    return fig


def show_token(token: str) -> str:
    """Return a token's text with its whitespace visible: " the" becomes "␣the"."""
    for character, sign in ((" ", "␣"), ("\n", "↵"), ("\t", "⇥"), ("\r", "␍")):
        token = token.replace(character, sign)
    return (token or "∅").replace("$", r"\$")


def plot_distribution(
    logits: Float[Tensor, " vocab"] | Sequence[float],
    tokens: Sequence[str] | Callable[[int], str],
    processed: Float[Tensor, " vocab"] | Sequence[float] | None = None,
    *,
    top: int = 15,
    title: str = "",
) -> Figure:
    """Bars for the most probable tokens, before and, if given, after processing.

    Args:
        logits: The model's, shape [vocab].
        tokens: The text of each id, or a function from id to text.
        processed: Logits after processors, -inf for removed tokens; those get hatched bars.
        top: How many tokens to show.
        title: The heading.
    """
    before = torch.as_tensor(logits).double().softmax(-1)
    ids = before.argsort(descending=True, stable=True)[:top].tolist()
    text = tokens if callable(tokens) else tokens.__getitem__
    after = None if processed is None else torch.as_tensor(processed).double().softmax(-1)

    def draw(axes: Axes) -> None:
        labels = [show_token(text(i)) for i in ids]
        places = range(len(ids))
        if after is None:
            axes.barh(places, before[ids].tolist(), color=BLUE)
        else:
            cut = [float(after[i]) == 0 for i in ids]
            lower = [place + 0.22 for place in places]
            axes.barh(
                [p - 0.16 for p in places], after[ids].tolist(), 0.42, color=BLUE, label="after"
            )
            bars = axes.barh(lower, before[ids].tolist(), 0.3, color=GREY, label="before")
            for bar, removed in zip(bars, cut, strict=True):
                if removed:
                    bar.set(facecolor="white", edgecolor=GREY, hatch="/////")
            labels = [
                f"✕ {label}" if removed else label
                for label, removed in zip(labels, cut, strict=True)
            ]
            axes.legend(loc="lower right")
        axes.set(yticks=places, yticklabels=labels, xlabel="probability", title=title)
        axes.tick_params(axis="y", length=0, labelfontfamily="monospace")
        axes.grid(axis="y", visible=False)
        axes.invert_yaxis()

    return figure(draw, height=0.7 + (0.22 if after is None else 0.27) * len(ids))


def plot_steps(generation: Generation, *, title: str = "") -> Figure:
    """Each token's probability and the entropy it was chosen at, along a text.

    Needs a generation made with `trace=True`; raises ValueError for one without steps.
    """
    steps = generation.steps
    if not steps:
        raise ValueError("generation must have steps: make it with trace=True, got none")
    with style():
        fig, (upper, lower) = plt.subplots(2, 1, sharex=True, figsize=(7, 3.6))
        places = range(len(steps))
        probs = torch.tensor([step.logprob for step in steps]).exp().tolist()
        upper.bar(places, probs, color=BLUE)
        upper.set(ylim=(0, 1), ylabel="probability", title=title)
        lower.plot(
            places, [step.entropy for step in steps], color=VERMILION, linestyle="-", marker="o"
        )
        lower.set(ylim=(0, None), ylabel="entropy (nats)")
        shown = [i for i in places if i % max(1, len(steps) // 40) == 0]
        lower.set_xticks(shown, [show_token(steps[i].token) for i in shown], rotation=90)
        lower.tick_params(axis="x", labelsize=7.5, labelfontfamily="monospace")
        for axes in (upper, lower):
            axes.grid(axis="x", visible=False)
        plt.close(fig)
    return fig


def plot_nucleus_size(
    logits: Float[Tensor, "seq vocab"],
    top_p: float | Sequence[float] = (0.5, 0.9, 0.95),
    tokens: Sequence[str] | None = None,
    *,
    title: str = "",
) -> Figure:
    """How many tokens top-p keeps at each position of a text, on a log scale.

    Args:
        logits: One row for each position, such as `lm.logits(ids)`.
        top_p: One p, or several to compare.
        tokens: What to write under each position: the token it follows.
        title: The heading.
    """
    bounds = [top_p] if isinstance(top_p, (int, float)) else list(top_p)

    def draw(axes: Axes) -> None:
        for bound in bounds:
            axes.plot(nucleus_size(logits, bound).tolist(), label=f"top-p {bound:g}")
        axes.set(yscale="log", ylim=(0.8, 2 * logits.shape[-1]), ylabel="tokens kept", title=title)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        _label_positions(axes, tokens)
        axes.legend(ncols=len(bounds), loc="upper right")

    return figure(draw, height=3.2)


def plot_entropy(
    logits: Float[Tensor, "seq vocab"], tokens: Sequence[str] | None = None, *, title: str = ""
) -> Figure:
    """The entropy of the next-token distribution at each position of a text, in nats."""

    def draw(axes: Axes) -> None:
        axes.plot(entropy(logits).tolist())
        axes.set(ylim=(0, None), ylabel="entropy (nats)", title=title)
        _label_positions(axes, tokens)

    return figure(draw, height=2.8)


def plot_lines(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    log: str = "",
) -> Figure:
    """Curves over a common x, apart by colour, dash and marker; `log` names axes: "x", "xy"."""

    def draw(axes: Axes) -> None:
        for label, values in lines.items():
            axes.plot(x, values, label=label, markevery=max(1, len(x) // 12))
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
        if "x" in log:
            axes.set_xscale("log")
        if "y" in log:
            axes.set_yscale("log")
        if len(lines) > 1:
            axes.legend()

    return figure(draw)


def _label_positions(axes: Axes, tokens: Sequence[str] | None) -> None:
    axes.grid(axis="x", visible=False)
    if tokens is None:
        axes.set_xlabel("position")
        return
    shown = range(0, len(tokens), max(1, len(tokens) // 40))
    axes.set_xticks(shown, [show_token(tokens[i]) for i in shown], rotation=90)
    axes.tick_params(axis="x", labelsize=7.5, labelfontfamily="monospace")
