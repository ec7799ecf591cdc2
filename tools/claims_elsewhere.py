"""The page that shows which claims hold on which models, from reports kept as data.

`python -m tools.claims_on MODEL --json chapters/data/claims/MODEL.json` makes a report;
`python -m tools.claims_elsewhere` writes them all to chapters/claims_elsewhere.md. Why a claim
fails on a model is said in chapters/data/claims/reasons.json, by sentence, where it is known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.book import ROOT, chapter_notebooks
from tools.claims import Claim, claims_of

PAGE = ROOT / "chapters" / "claims_elsewhere.md"
REPORTS = ROOT / "chapters" / "data" / "claims"
REASONS = REPORTS / "reasons.json"
RANDOM = "random"
UNLEARNED = "Random weights have learned nothing."
VERDICTS = {True: "✓", False: "✗", None: "–"}

Report = dict[str, Any]

HEADER = """\
# Claims on other models

The chapters run on any causal language model, and what they say was written down before most of
these models had been tried. So each of the book's claims, [listed with its comparison](claims.md),
is measured on several models here: whether it holds, and what came out. ✓ holds, ✗ does not, – was
not reached, because a cell before it failed or because the claim is newer than the report. *random*
has random weights: it shows which claims are about models that have learned something.

`decodelib claims MODEL`, called in a clone of the repository, makes such a report for your model.
This page is generated from the reports in `chapters/data/claims`.
"""


def reports(folder: Path = REPORTS) -> list[Report]:
    """Return the committed reports, storybook's first, then by name."""
    paths = [path for path in folder.glob("*.json") if path != REASONS]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return sorted(found, key=lambda report: (report["model"] != "storybook", report["model"]))


def page(found: Sequence[Report], notebooks: Sequence[Path], reasons: Mapping[str, str]) -> str:
    """Return the page: a table of models, what fails and why, and every claim by chapter."""
    outcomes = [
        {claim["sentence"]: claim for run in report["chapters"] for claim in run["claims"]}
        for report in found
    ]
    chapters = {
        notebook: [c for c in claims_of(notebook) if not (c.check or "").startswith("tests/")]
        for notebook in notebooks
    }
    claims = [claim for own in chapters.values() for claim in own]
    parts = [HEADER, "## The models", "", *_models(found, outcomes, claims), ""]
    failing = [
        claim
        for claim in claims
        if any(own.get(claim.sentence, {}).get("holds") is False for own in outcomes)
    ]
    if failing:
        parts += [
            "## What does not hold, and why",
            "",
            *_failing(found, outcomes, failing, reasons),
        ]
        parts.append("")
    for notebook, own in chapters.items():
        if own:
            parts += [
                f"## Chapter {int(notebook.stem[:2])}",
                "",
                *_chapter(found, outcomes, own),
                "",
            ]
    return "\n".join(parts)


def _models(
    found: Sequence[Report], outcomes: Sequence[Mapping[str, Any]], claims: Sequence[Claim]
) -> list[str]:
    rows = [
        "| model | claims that hold | of those about every model | errors | time | made |",
        "|---|---|---|---|---|---|",
    ]
    general = [claim for claim in claims if claim.about == Claim.about]
    for report, own in zip(found, outcomes, strict=True):
        runs = report["chapters"]
        made = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
        cells = [
            report["model"],
            _share(own, claims),
            _share(own, general),
            str(sum(len(run["raised"]) for run in runs)),
            f"{sum(run['seconds'] for run in runs) / 60:.0f} min",
            f"{report['date']}, {report['dtype']}; {made}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _share(own: Mapping[str, Any], claims: Sequence[Claim]) -> str:
    reached = [own[c.sentence]["holds"] for c in claims if c.sentence in own]
    reached = [holds for holds in reached if holds is not None]
    return f"{sum(reached)} of {len(reached)}"


def _failing(
    found: Sequence[Report],
    outcomes: Sequence[Mapping[str, Any]],
    claims: Sequence[Claim],
    reasons: Mapping[str, str],
) -> list[str]:
    rows = ["| claim | about | does not hold on | why |", "|---|---|---|---|"]
    for claim in claims:
        failed = {
            report["model"]: f"{report['model']} (measured {_measured(own[claim.sentence])})"
            for report, own in zip(found, outcomes, strict=True)
            if own.get(claim.sentence, {}).get("holds") is False
        }
        models = failed.values()
        unlearned = failed.keys() == {RANDOM} and claim.about != Claim.about
        why = reasons.get(claim.sentence, UNLEARNED if unlearned else "")
        rows.append(f"| {claim.sentence} | {claim.about} | {', '.join(models)} | {why} |")
    return rows


def _chapter(
    found: Sequence[Report], outcomes: Sequence[Mapping[str, Any]], claims: Sequence[Claim]
) -> list[str]:
    names = " | ".join(report["model"] for report in found)
    rows = [f"| claim | about | {names} |", "|---|---|" + "---|" * len(found)]
    for claim in claims:
        cells = [_verdict(own.get(claim.sentence)) for own in outcomes]
        rows.append(f"| {claim.sentence} | {claim.about} | {' | '.join(cells)} |")
    return rows


def _verdict(outcome: Mapping[str, Any] | None) -> str:
    if outcome is None or outcome["holds"] is None:
        return VERDICTS[None]
    number = _measured(outcome)
    return f"{VERDICTS[outcome['holds']]} {number}".strip()


def _measured(outcome: Mapping[str, Any]) -> str:
    """Return a measured number; what is no number would fill the page."""
    text = str(outcome["measured"])
    return text if text.lstrip("-")[:1].isdigit() and len(text) <= 12 else ""


def main() -> None:
    reasons = json.loads(REASONS.read_text(encoding="utf-8")) if REASONS.exists() else {}
    PAGE.write_text(page(reports(), chapter_notebooks(), reasons), encoding="utf-8")
    print(f"{len(reports())} models in {PAGE.name}")


if __name__ == "__main__":
    main()
