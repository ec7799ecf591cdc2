"""The table as Markdown: what each system keeps of each row, and why some differ."""

from __future__ import annotations

import functools
import math

import torch

from .extremes import ROWS, SECTIONS
from .rows import Outcome, Row
from .strategies import METHODS, verdict
from .systems import SYSTEMS, outcome

NOT_OFFERED = "–"


def report() -> str:
    """Run every system on every row and return the whole report."""
    return "\n".join([*_introduction(), *_overview(), *_strategies(), *_details()]) + "\n"


def _introduction() -> list[str]:
    lines = [
        "# Conformance",
        "",
        "What decoding systems make of rows of logits that are easy to get wrong. decodelib and",
        "transformers are run; the others are restated from their documents in a few lines.",
        "",
        "| system | how it was run | order of application | agrees | differs |",
        "|---|---|---|---|---|",
    ]
    for name, system in SYSTEMS.items():
        verdicts = [_verdict(row, name) for section in SECTIONS.values() for row in section]
        order = "as written" if name == "decodelib" else ", ".join(map(_spoken, system.order))
        agrees, differs = verdicts.count("agrees"), verdicts.count("**differs**")
        lines.append(f"| {name} | {system.source} | {order} | {agrees} | {differs} |")
    return [*lines, ""]


def _overview() -> list[str]:
    lines = [f"| row | {' | '.join(SYSTEMS)} |", "|---" * (len(SYSTEMS) + 1) + "|"]
    for section in SECTIONS.values():
        for row in section:
            lines.append(f"| {row.name} | {' | '.join(_verdict(row, s) for s in SYSTEMS)} |")
    return [*lines, ""]


def _strategies() -> list[str]:
    lines = [
        "## Strategies",
        "",
        "Whole texts of one small random model. Only transformers is run beside decodelib here.",
        "",
        "| method | decodelib | transformers | compared with | result |",
        "|---|---|---|---|---|",
    ]
    for method in METHODS:
        theirs = f"`{method.theirs}`" if method.theirs else NOT_OFFERED
        cells = (method.name, f"`{method.ours}`", theirs, method.compared, verdict(method))
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _details() -> list[str]:
    lines = []
    for title, rows in SECTIONS.items():
        lines += [f"## {title}", ""]
        for row in rows:
            lines += [
                f"### {row.name[0].upper()}{row.name[1:]}",
                "",
                f"{_settings(row)} on {_numbers(row)} in {_type(row)}. "
                f"Right: **{_set(row.right)}**; {row.why}.",
                "",
                "| system | keeps | |",
                "|---|---|---|",
            ]
            for name, system in SYSTEMS.items():
                if system.offers(row.settings):
                    kept = _set(_outcome(row.name, name))
                    lines.append(f"| {name} | {kept} | {_reason(row, name)} |")
            lines.append("")
    return lines


@functools.cache
def _outcome(row: str, name: str) -> Outcome:
    found = next(r for r in ROWS if r.name == row)
    return outcome(SYSTEMS[name], found.tensor(), found.settings)


def _verdict(row: Row, name: str) -> str:
    if not SYSTEMS[name].offers(row.settings):
        return NOT_OFFERED
    return "agrees" if _outcome(row.name, name) == row.right else "**differs**"


def _reason(row: Row, name: str) -> str:
    verdict = _verdict(row, name)
    if verdict == "agrees":
        return verdict
    difference = row.differs.get(name)
    why = difference.why if difference else "not explained"
    return f"{verdict}: {why}{' (luck of rounding)' if difference and difference.luck else ''}"


def _set(kept: Outcome) -> str:
    if isinstance(kept, str):
        return kept
    if len(kept) > 4 and kept == tuple(range(kept[0], kept[-1] + 1)):
        return f"{{{kept[0]}, ..., {kept[-1]}}}"
    return "{" + ", ".join(map(str, kept)) + "}"


def _spoken(name: str) -> str:
    spoken = {"top_n_sigma": "top-n-sigma", "xtc": "XTC", "temperature": "T"}
    return spoken.get(name, name.replace("_", "-"))


def _settings(row: Row) -> str:
    if "greedy" in row.settings:
        return "greedy"
    past = row.settings.get("past")
    after = "" if past is None else f"After the tokens {', '.join(map(str, past))}: "
    rest = {name: value for name, value in row.settings.items() if name != "past"}
    return after + ", then ".join(f"{_spoken(name)} {value}" for name, value in rest.items())


def _numbers(row: Row) -> str:
    kind, values = ("p", row.probs.split()) if row.probs else ("l", list(map(_plain, row.logits)))
    if len(values) > 6:
        first, last = values[0], values[-1]
        if first == last:
            return f"{kind} = ({len(values)} times {last})"
        return f"{kind} = ({first}, then {len(values) - 1} times {last})"
    return f"{kind} = ({', '.join(values)})"


def _plain(logit: float) -> str:
    if math.isinf(logit):
        return "inf" if logit > 0 else "-inf"
    return "NaN" if math.isnan(logit) else f"{logit:g}"


def _type(row: Row) -> str:
    return str(row.dtype).removeprefix(f"{torch.__name__}.")
