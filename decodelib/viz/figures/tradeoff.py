"""Figures of a sweep: each setting a point with its intervals, each family of settings a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from decodelib.experiments.intervals import Estimate
from decodelib.experiments.tradeoff import Row
from decodelib.viz.figures.plots import GREY, figure

LABELS = {
    "perplexity": "perplexity of the text",
    "surprisal": "surprisal (nats per token)",
    "repetition": "share of texts that end in a loop",
    "distinct_2": "distinct-2 of one prompt's texts",
    "self_bleu": "self-BLEU of one prompt's texts",
    "self_bleu_across": "self-BLEU across prompts",
    "zipf": "Zipf exponent",
}
"""What an axis says of each measure."""


def plot_tradeoff(
    lines: Mapping[str, Sequence[Row]],
    x: str,
    y: str,
    *,
    human: float | None = None,
    log: str = "",
    title: str = "",
) -> Figure:
    """Two measures against each other: a line for each family, a mark and a cross for each setting.

    The arms of a cross are 95% intervals. Knobs are written beside the first and last of a line.

    Args:
        lines: Rows in the order of their knob, by what to call the line. One row is a lone mark.
        x, y: Measures, as for `Row.estimate`.
        human: The value of `y` for people's text, drawn as a level, if it is known.
        log: Which axes are on a log scale: "x", "y" or "xy".
        title: The heading.
    """

    def draw(axes: Axes) -> None:
        for label, rows in lines.items():
            across, up = ([row.estimate(name) for row in rows] for name in (x, y))
            axes.errorbar(
                [e.value for e in across],
                [e.value for e in up],
                xerr=_arms(across),
                yerr=_arms(up),
                label=label,
                elinewidth=0.8,
                linestyle=None if len(rows) > 1 else "none",
            )
            for i in (0, -1) if len(rows) > 1 else ():
                if rows[i].knob is not None:
                    axes.annotate(
                        f"{rows[i].knob:g}",
                        (across[i].value, up[i].value),
                        xytext=(4, 4),
                        textcoords="offset points",
                        fontsize=7.5,
                    )
        if human is not None:
            axes.axhline(human, color=GREY, linestyle=(0, (1, 1)), linewidth=1.2, label="people")
        axes.set(xlabel=LABELS[x], ylabel=LABELS[y], title=title)
        axes.set(xscale="log" if "x" in log else "linear")
        axes.set(yscale="log" if "y" in log else "linear")
        for name, axis in {"x": axes.xaxis, "y": axes.yaxis}.items():
            if name in log:
                axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axis.set_major_formatter("{x:g}")
                axis.set_minor_formatter(NullFormatter())
        axes.legend(fontsize=8)

    return figure(draw, height=4.2)


def _arms(estimates: Sequence[Estimate]) -> list[list[float]]:
    """Return how far each interval reaches below and above its value."""
    below = [max(0.0, e.value - e.low) for e in estimates]
    return [below, [max(0.0, e.high - e.value) for e in estimates]]
