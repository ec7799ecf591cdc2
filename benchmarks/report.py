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
    lines += [*_samplers(parts), *_growth(parts), *_rest(parts), *_notes()]
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
        if name.startswith("sampler: "):
            lines.append(
                f"| {row['case']} | {row['rows']} | {row['threads']} | {row['ours_ms']:.1f} "
                f"| {row['theirs_ms']:.1f} | {row['ratio']:.1f} | {_or_blank(row['target'])} |"
            )
    return lines


def _growth(parts: dict[str, Any]) -> list[str]:
    lines = ["\n## Growth\n", "Milliseconds per step.\n"]
    for name, rows in parts.items():
        if isinstance(rows, list) and name != "memory":
            columns = list(rows[0])
            lines.append(f"\n{name}\n\n| {' | '.join(columns)} |\n|{'--:|' * len(columns)}")
            lines += ["| " + " | ".join(f"{row[c]:.4g}" for c in columns) + " |" for row in rows]
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
    plt.rcParams["svg.hashsalt"] = "decodelib"
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
