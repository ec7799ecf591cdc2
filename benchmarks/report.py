"""The report: a table in Markdown and a plot, made from the measured numbers alone."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

OURS, THEIRS, LIMIT = "#0072B2", "#D55E00", "#666666"


def write(parts: dict[str, Any], stem: Path) -> None:
    """Write stem.md and stem.svg."""
    figure = stem.with_name(stem.name + ".svg")
    lines = [*_head(parts), *_generation(parts), f"\n![Milliseconds per step]({figure.name})\n"]
    lines += [*_samplers(parts), *_growth(parts)]
    curves = stem.with_name(stem.name + "-growth.svg")
    if _plot_growth(parts, curves):
        lines.append(f"\n![How milliseconds grow]({curves.name})\n")
    lines += [*_rest(parts), *_notes()]
    stem.with_name(stem.name + ".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _plot(parts, figure)


def generations(parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in parts.values() if isinstance(part, dict) and "bytes_per_step" in part]


def _head(parts: dict[str, Any]) -> list[str]:
    about, bandwidth = parts["machine"], parts["bandwidth"]
    return [
        f"# decodelib beside transformers: {about['device']}, {about['threads']} threads\n",
        ", ".join(f"{key} {value}" for key, value in about.items() if key != "device") + ".",
        f"Memory is read at {bandwidth / 1e9:.0f} GB/s. Written by `make bench`.\n",
        "## Whole generations\n",
        "Milliseconds per step (one token for each row), medians; the ratio is the median of",
        "neighbouring runs, transformers to decodelib. The limit is the time it takes to read the",
        "weights and the cache once, measured beside each run. On a CPU transformers computes in",
        "float32 in every row.\n",
    ]


def _generation(parts: dict[str, Any]) -> list[str]:
    lines = [
        "| model | dtype | strategy | batch | decodelib | transformers | ratio | wanted "
        "| of the limit | agreement |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for row in generations(parts):
        share = f"{row['of_limit']:.0%}" if row["of_limit"] else ""
        lines.append(
            f"| {row['model']} | {row['dtype']} | {row['case']} | {row['batch']} "
            f"| {row['ours_ms']:.2f} | {row['theirs_ms']:.2f} | {row['ratio']:.2f} "
            f"| {_or_blank(row['target'])} | {share} "
            f"| {row['agreement']} |"
        )
    return lines


def _samplers(parts: dict[str, Any]) -> list[str]:
    lines = [
        "## The sampler alone\n",
        "From logits [16, 50257] to next ids, milliseconds. Logits are normal with a standard",
        "deviation of 6 (peaked), 3 (wide) and 0.5 (flat).\n",
        "| processors | rows | threads | decodelib | transformers | ratio | wanted |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for name, row in parts.items():
        if name.startswith("sampler: ") and isinstance(row, dict):
            lines.append(
                f"| {row['case']} | {row['rows']} | {row['threads']} | {row['ours_ms']:.1f} "
                f"| {row['theirs_ms']:.1f} | {row['ratio']:.1f} | {_or_blank(row['target'])} |"
            )
    return lines


def _growth(parts: dict[str, Any]) -> list[str]:
    lines = ["\n## Growth\n", "Milliseconds per step.\n"]
    for name, rows in parts.items():
        if isinstance(rows, list) and name != "memory" and rows:
            columns = list(rows[0])
            lines.append(f"\n{name}\n\n| {' | '.join(columns)} |\n|{'--:|' * len(columns)}")
            lines += ["| " + " | ".join(_shown(row[c]) for c in columns) + " |" for row in rows]
    return lines


def _rest(parts: dict[str, Any]) -> list[str]:
    lines = ["\n## Starting and memory\n", "| | seconds |", "|---|--:|"]
    lines += [f"| {name} | {value:.2f} |" for name, value in parts["starting"].items()]
    if "memory" in parts:
        lines += ["\n| peak memory, 124M float32 | decodelib | transformers |", "|---|--:|--:|"]
        lines += [
            f"| {row['case']} | {row['ours'] / 2**20:.0f} MiB | {row['theirs'] / 2**20:.0f} MiB |"
            for row in parts["memory"]
        ]
    return lines


def _notes() -> list[str]:
    return ["\n" + Path(__file__).with_name("notes.md").read_text(encoding="utf-8").rstrip()]


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _or_blank(number: float | None) -> str:
    return f"{number:g}" if number else ""


def _plot(parts: dict[str, Any], path: Path) -> None:
    rows = generations(parts)[::-1]
    names = [f"{r['model']} {r['dtype']}: {r['case']}, batch {r['batch']}" for r in rows]
    figure, axes = plt.subplots(figsize=(9, 0.38 * len(rows) + 1.2), layout="constrained")
    places = range(len(rows))
    axes.barh([p + 0.2 for p in places], [r["ours_ms"] for r in rows], 0.4, color=OURS,
              label="decodelib")  # fmt: skip
    axes.barh([p - 0.2 for p in places], [r["theirs_ms"] for r in rows], 0.4, color=THEIRS,
              label="transformers")  # fmt: skip
    limits = [r["limit_ms"] or float("nan") for r in rows]
    axes.plot(limits, places, "|", color=LIMIT, markersize=14,
              label="reading the weights and the cache once")  # fmt: skip
    axes.set(yticks=list(places), yticklabels=names, xscale="log", xlabel="milliseconds per step")
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1), ncols=3, frameon=False)
    _save(figure, path)


def _plot_growth(parts: dict[str, Any], path: Path) -> bool:
    """Draw every table of growth against its first column; return whether there are any."""
    tables = {
        name: rows
        for name, rows in parts.items()
        if isinstance(rows, list)
        and name != "memory"
        and not name.endswith(("beside others", "anchors"))
    }
    if not tables:
        return False
    down = -(-len(tables) // 3)
    figure, panels = plt.subplots(
        down, 3, figsize=(10, 2.6 * down), squeeze=False, layout="constrained"
    )
    for axes, (name, rows) in zip(panels.flat, tables.items(), strict=False):
        across = next(iter(rows[0]))
        xs = [row[across] for row in rows]
        axes.plot(xs, [row["ours_ms"] for row in rows], "o-", color=OURS, label="decodelib")
        if "theirs_ms" in rows[0]:
            axes.plot(
                xs, [row["theirs_ms"] for row in rows], "^-", color=THEIRS, label="transformers"
            )
        limit = parts.get(name.split(":")[0] + ": greedy b1", {}).get("limit_ms")
        if limit:
            axes.axhline(limit, color=LIMIT, linestyle="--", label="reading the weights once")
        axes.set(title=name, xlabel=across, xscale="log", xticks=xs, xticklabels=xs)
        axes.minorticks_off()
        axes.set_ylim(0)
        axes.legend(frameon=False, fontsize=7)
    for axes in list(panels.flat)[len(tables) :]:
        axes.set_visible(False)
    _save(figure, path)
    return True


def _save(figure: Any, path: Path) -> None:
    plt.rcParams["svg.hashsalt"] = "decodelib"
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
