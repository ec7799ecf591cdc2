"""What the entropy map shows of a text and of the adaptive temperature, as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from decodelib.decoding.detokenizer import token_texts
from decodelib.distributions import entropy_and_varentropy, surprisal, widen
from decodelib.models.base import LanguageModel
from decodelib.processors.temperatures import EntropyTemperature

DIGITS = 9
"""Entropies and varentropies travel with this many decimals: the same on every machine."""

CANDIDATES = 5


def record_steps(lm: LanguageModel, label: str, text: str) -> dict[str, Any]:
    """Return the tokens of a text, and the surprisal, entropy, varentropy and best of each step.

    Raises ValueError for a text of one token, and for one that the model holds impossible.
    """
    ids = lm.prompt_ids(text)
    if len(ids) < 2:
        raise ValueError(f"texts must have at least two tokens each, got {len(ids)} in {text!r}")
    logits = lm.logits(ids)[:-1].cpu()
    surprise = surprisal(logits, ids[1:].cpu())
    if not surprise.isfinite().all():
        raise ValueError(
            f"texts must be possible under the model, got a token of probability 0 in {text!r}"
        )
    nats, spread = entropy_and_varentropy(logits)
    p, top = widen(logits).softmax(-1).topk(min(CANDIDATES, logits.shape[-1]))
    candidates = [
        [[lm.decode([i]), _significant(value)] for i, value in zip(*row, strict=True)]
        for row in zip(top.tolist(), p.tolist(), strict=True)
    ]
    return {
        "label": label,
        "tokens": token_texts(lm, ids.tolist()),
        "surprisal": [_significant(x) for x in surprise.tolist()],
        "entropy": [round(x, DIGITS) + 0.0 for x in nats.tolist()],  # + 0.0 turns -0.0 into 0.0
        "varentropy": [round(x, DIGITS) + 0.0 for x in spread.tolist()],
        "top": candidates,
    }


def _significant(value: float) -> float:
    return float(f"{value:.6g}") + 0.0


def axis_end(records: Sequence[dict[str, Any]], kind: str, least: int) -> int:
    """Return where the axis ends: above every point, so that a threshold can exclude them all."""
    return max(least, *(math.floor(max(record[kind])) + 1 for record in records))


def adaptive_band(adaptive: EntropyTemperature) -> dict[str, Any]:
    """Return what the page draws of an adaptive temperature: its polynomial and where it acts."""
    shifted = np.array(adaptive.coefficients)
    shifted[-1] -= 1  # it sharpens where the polynomial exceeds 1
    real = [float(root.real) for root in np.roots(shifted) if abs(root.imag) < 1e-9]
    ends = sorted(root for root in real if root > adaptive.threshold)
    return {
        "coefficients": list(adaptive.coefficients),
        "threshold": adaptive.threshold,
        "band": [round(end, 6) for end in (ends[0], ends[-1])],
    }
