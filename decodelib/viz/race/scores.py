"""What a race shows of a strategy's texts: a few of decodelib's metrics, as numbers and as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from decodelib.decoding.generation import Generation
from decodelib.experiments.metrics import distinct_n, ends_in_repetition, entropy_profile, self_bleu
from decodelib.models.base import LanguageModel


class Metric(NamedTuple):
    """A number about a strategy's texts: its label, what it says, and where its bar ends.

    Without an end the longest bar is the largest value's.
    """

    label: str
    help: str
    end: float | None = None


METRICS = {
    "surprisal": Metric("Surprisal", "nats a token under the model: low for probable texts"),
    "entropy": Metric("Entropy", "nats: how unsure the model was, on average over the tokens"),
    "repetition": Metric(
        "Ends in a loop", "the share of texts whose end is a repeated phrase", 1.0
    ),
    "distinct_2": Metric("Distinct-2", "the share of a text's token pairs that differ", 1.0),
    "self_bleu": Metric("Self-BLEU", "how alike the texts are: 1 if they are the same", 1.0),
    "length": Metric("Length", "new tokens in a text"),
}
"""In the order shown. Surprisal and entropy are means over all tokens, the others over texts."""

Score = dict[str, Any]
"""One number as JSON: `value` (None without meaning), `low` and `high` over the texts, `text`,
and a `note` to it."""


def scores(
    lm: LanguageModel, prompt: str, generations: Sequence[Generation], samples: int
) -> dict[str, Score]:
    """Return the score of each metric for the continuations of one strategy.

    Args:
        generations: `samples` of them, or one that stands for as many equal ones.
    """
    ids = [generation.token_ids for generation in generations]
    surprisal = [[-logprob for logprob in generation.logprobs] for generation in generations]
    entropies = [_entropies(lm, prompt, own) for own in ids]
    pairs = [distinct_n([own], 2) for own in ids if len(own) > 1]
    loops = sum(map(ends_in_repetition, ids))
    nats = _mean([*chain(*surprisal)])
    length = _mean([len(own) for own in ids])
    return {
        "surprisal": _score(
            nats, map(_mean, surprisal), note=f"perplexity {math.exp(nats):.3g}", digits=2
        ),
        "entropy": _score(_mean([*chain(*entropies)]), map(_mean, entropies), note="nats"),
        "repetition": _score(loops / len(ids), note=f"{loops} of {len(ids)}"),
        "distinct_2": _score(_mean(pairs) if pairs else None, pairs),
        "self_bleu": _score(_alikeness(generations, samples)),
        "length": _score(length, map(len, ids), note="tokens", digits=1),
    }


def winner(answer: str, numbers: Mapping[str, Mapping[str, float | None]]) -> str:
    """Return the name with the "highest" or "lowest" value of a metric: "highest self_bleu".

    Raises ValueError for another form of `answer`, and where no name or several have that value.
    """
    which, _, metric = answer.partition(" ")
    if which not in ("highest", "lowest") or metric not in METRICS:
        raise ValueError(
            f"answer must be 'highest' or 'lowest' and one of {', '.join(METRICS)}, got {answer!r}"
        )
    values = {name: v for name, own in numbers.items() if (v := own[metric]) is not None}
    best = (max if which == "highest" else min)(values.values(), default=None)
    names = [name for name, value in values.items() if value == best]
    if len(names) != 1:
        raise ValueError(
            f"answer must be one strategy's, got {answer!r} of {', '.join(names) or 'none'}"
        )
    return names[0]


def _score(
    value: float | None, over_texts: Iterable[float] = (), note: str = "", digits: int = 2
) -> Score:
    each = [_rounded(number) for number in over_texts]
    return {
        "value": None if value is None else _rounded(value),
        "low": min(each, default=None),
        "high": max(each, default=None),
        "text": "none" if value is None else f"{value:.{digits}f}",
        "note": note,
    }


def _rounded(value: float) -> float:
    """To six significant digits: what is only displayed should not change with the machine."""
    return float(f"{value:.6g}")


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _entropies(lm: LanguageModel, prompt: str, ids: Sequence[int]) -> list[float]:
    """The entropy of the distribution that each token of a continuation came from."""
    start = lm.prompt_ids(prompt).tolist()
    entropies: list[float] = entropy_profile(lm, [*start, *ids][:-1])[len(start) - 1 :].tolist()
    return entropies


def _alikeness(generations: Sequence[Generation], samples: int) -> float | None:
    if samples < 2:
        return None
    return 1.0 if len(generations) == 1 else self_bleu([g.text for g in generations])
