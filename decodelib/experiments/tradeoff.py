"""What a sweep's texts are worth: quality and diversity of each setting, with intervals, in a file.

Quality and diversity trade against each other, so two settings say little about two strategies:
`at_equal` compares families of settings where they are equally diverse.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from decodelib.distributions import surprisal
from decodelib.experiments.intervals import Estimate, bootstrap, half_samples
from decodelib.experiments.metrics import distinct_n, repetition, self_bleu, zipf_exponent
from decodelib.experiments.sweeps import Outcome, Text
from decodelib.models.base import LanguageModel

OF_ONE_PROMPT: dict[str, Callable[[Sequence[Text]], float]] = {
    "surprisal": lambda texts: sum(t.nats for t in texts) / sum(len(t.token_ids) for t in texts),
    "repetition": lambda texts: repetition([t.token_ids for t in texts]),
    "distinct_2": lambda texts: distinct_n([t.token_ids for t in texts], 2),
    "self_bleu": lambda texts: self_bleu([t.text for t in texts]),
}
"""What is measured on the texts of one prompt: nats per token, a share, a share, and self-BLEU."""

OF_MANY_PROMPTS: dict[str, Callable[[Sequence[Text]], float]] = {
    "self_bleu_across": lambda texts: self_bleu([t.text for t in texts]),
    "zipf": lambda texts: zipf_exponent([t.token_ids for t in texts]),
}
"""What is measured on texts of different prompts, one text of each."""


@dataclass(frozen=True)
class Row:
    """One setting's measures.

    Attributes:
        family, knob: Of the setting; see `decodelib.experiments.sweeps.Setting`.
        strategy: How it is written in Python.
        units: For each measure of one prompt, its value for every prompt, in order.
        across: For each measure of many prompts, its estimate on half as many texts as prompts.
        example: The first text, to read.
    """

    family: str
    knob: float | None
    strategy: str
    units: Mapping[str, Sequence[float]]
    across: Mapping[str, Estimate] = field(default_factory=dict)
    example: str = ""

    def __str__(self) -> str:
        return self.family if self.knob is None else f"{self.family} {self.knob:g}"

    def mean(self, metric: str, prompts: Sequence[int] | None = None) -> float:
        """Return the mean over all prompts, or over those given by number, of one measure.

        "perplexity" is exp of the mean surprisal. Raises KeyError for a measure that is not there.
        """
        if metric == "perplexity":
            return math.exp(self.mean("surprisal", prompts))
        values = self.units[metric]
        return fmean(values if prompts is None else [values[i] for i in prompts])

    def estimate(self, metric: str) -> Estimate:
        """Return a measure with its interval: bootstrapped over prompts, or from halves of them.

        Raises KeyError for a measure that is not there.
        """
        if metric in self.across:
            return self.across[metric]
        prompts = range(len(next(iter(self.units.values()))))
        return bootstrap(prompts, lambda drawn: self.mean(metric, drawn))


@dataclass(frozen=True)
class Table:
    """The rows of a sweep, the same measures of human text, and what both depend on."""

    about: Mapping[str, Any]
    rows: Sequence[Row]
    human: Row

    def family(self, name: str) -> list[Row]:
        """Return the rows of a family, in the order of its knob; raises KeyError if none is."""
        rows = [row for row in self.rows if row.family == name]
        if not rows:
            raise KeyError(f"no family {name!r} is in the table")
        return rows

    def row(self, name: str) -> Row:
        """Return the row of this name, such as "top-p 0.9" or "greedy"; raises KeyError if none."""
        for row in self.rows:
            if str(row) == name:
                return row
        raise KeyError(f"no setting {name!r} is in the table")


def measure(outcome: Outcome) -> Row:
    """Return the measures of one setting's texts: at least four prompts, two texts for each."""
    setting, by_prompt = outcome
    first = [texts[0] for texts in by_prompt]
    return Row(
        setting.family,
        setting.knob,
        repr(setting.strategy),
        {name: [of(texts) for texts in by_prompt] for name, of in OF_ONE_PROMPT.items()},
        {name: half_samples(first, of) for name, of in OF_MANY_PROMPTS.items()},
        first[0].text,
    )


def measure_people(
    lm: LanguageModel, passages: Sequence[str], num_tokens: int, num_prompt_tokens: int = 12
) -> Row:
    """Return the same measures for what people wrote after the first tokens of each passage.

    There is one text for each beginning, so what compares several is missing, and intervals
    `across` passages are. Raises ValueError for a passage that is too short.
    """
    texts = [_as_text(lm, passage, num_prompt_tokens, num_tokens) for passage in passages]
    units = {
        name: [OF_ONE_PROMPT[name]([t]) for t in texts] for name in ("surprisal", "repetition")
    }
    values = {name: of(texts) for name, of in OF_MANY_PROMPTS.items()}
    across = {name: Estimate(value, math.nan, math.nan) for name, value in values.items()}
    return Row("human", None, "", units, across, texts[0].text)


def _as_text(lm: LanguageModel, passage: str, start: int, num_tokens: int) -> Text:
    ids = lm.encode(passage)
    if len(ids) < start + num_tokens:
        raise ValueError(
            f"passages must have at least {start + num_tokens} tokens, got {len(ids)} in "
            f"{passage[:30]!r}"
        )
    ids = ids[: start + num_tokens]
    logits = lm.logits(ids)[start - 1 : -1]
    nats = surprisal(logits, ids[start:].to(logits.device)).double().sum()
    return Text(lm.decode(ids[start:]), ids[start:].tolist(), float(nats))


def at_equal(
    rows: Sequence[Row],
    match: str,
    target: float,
    metric: str,
    prompts: Sequence[int] | None = None,
) -> float:
    """Return a metric of a family where its knob would give `match` the value `target`.

    Linear between the two neighbouring settings whose values of `match` enclose the target; the
    first such pair, in the order given. NaN if there is none, since nothing is extrapolated.

    Args:
        rows: Of one family, in the order of the knob.
        match, metric: Measures, as for `Row.mean`.
        target: What `match` should be.
        prompts: Numbers of the prompts to average over; all if not given.
    """
    points = [(row.mean(match, prompts), row.mean(metric, prompts)) for row in rows]
    for (a, x), (b, y) in pairwise(points):
        if min(a, b) <= target <= max(a, b):
            share = 0.0 if a == b else (target - a) / (b - a)
            return x + share * (y - x)
    return math.nan


def save_table(table: Table, path: str | Path) -> None:
    """Write a table as JSON, one row per line, rounded to 4 significant digits."""
    rows = [_line(row) for row in (table.human, *table.rows)]
    about = json.dumps(dict(table.about), ensure_ascii=False)
    text = f'{{"about": {about},\n"rows": [\n' + ",\n".join(rows) + "\n]}\n"
    Path(path).write_text(text, encoding="utf-8")


def load_table(path: str | Path) -> Table:
    """Read a table that `save_table` wrote; raises OSError or ValueError if it cannot."""
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    human, *rows = map(_row, content["rows"])
    return Table(content["about"], rows, human)


def _line(row: Row) -> str:
    units = {name: [_rounded(v) for v in values] for name, values in row.units.items()}
    across = {name: [_rounded(v) for v in values] for name, values in row.across.items()}
    entry = {"family": row.family, "knob": row.knob, "strategy": row.strategy}
    return json.dumps(
        entry | {"units": units, "across": across, "example": row.example}, ensure_ascii=False
    )


def _row(entry: Mapping[str, Any]) -> Row:
    across = {
        name: Estimate(*(math.nan if v is None else v for v in values))
        for name, values in entry["across"].items()
    }
    return Row(**{**entry, "across": across})


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.4g}")
