"""The table: adversarial rows of logits, what is right, and who differs and why.

A row is written as probabilities (exact decimals, of which the float logarithms are taken) or as
logits. `right` is the set of ids that the method's definition keeps, "raises" where nothing can be
drawn; settings apply in the order they are written.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

INF, NAN = math.inf, math.nan
FLOAT, HALF, BRAIN, DOUBLE = torch.float32, torch.float16, torch.bfloat16, torch.float64

Outcome = tuple[int, ...] | str


@dataclass(frozen=True)
class Differs:
    """What a system does instead of what is right, and why."""

    outcome: Outcome
    why: str
    luck: bool = False
    """Whether rounding alone decides, so that another machine may get it right."""


@dataclass(frozen=True)
class Row:
    """One row of logits under some settings."""

    name: str
    settings: dict[str, Any]
    right: Outcome
    why: str
    probs: str = ""
    logits: tuple[float, ...] = ()
    dtype: torch.dtype = FLOAT
    differs: dict[str, Differs] = field(default_factory=dict)

    def tensor(self) -> Tensor:
        if self.probs:
            probs = [float(p) for p in self.probs.split()]
            return torch.tensor(probs, dtype=DOUBLE).log().to(self.dtype)
        return torch.tensor(self.logits, dtype=DOUBLE).to(self.dtype)


ALL_TIES = "keeps every token tied with the k-th"
HIGHER_ID = "sorts ascending, so of equals the higher ids survive"
UPSIDE_DOWN = "cumulates from the least probable up, so only the most probable can go"
DEAD_MIN_P = "its min-p masks logits that are not the ones it draws from"
K_TOO_LARGE = "JAX's top_k refuses a k larger than the vocabulary"
T_LAST = "applies the temperature last, to what the truncation left"
UNDERFLOW = "removes what has probability 0 in float32, though p = 1 means everything"


def passes(*systems: str) -> dict[str, Differs]:
    why = "computes on with NaN, and leaves the failure to the draw"
    return {system: Differs("passes on", why) for system in systems}


TIES = [
    Row(
        "top-k, ties at the boundary", {"top_k": 3}, (0, 1, 2),
        "three are three; of equals the lower ids", logits=(2, 1, 1, 1, 0),
        differs={s: Differs((0, 1, 2, 3), ALL_TIES) for s in ("transformers", "vLLM")},
    ),
    Row(
        "top-k, all equal", {"top_k": 2}, (0, 1), "of equals the lower ids", logits=(0, 0, 0, 0),
        differs={s: Differs((0, 1, 2, 3), ALL_TIES) for s in ("transformers", "vLLM")},
    ),
    Row(
        "top-p, all equal", {"top_p": 0.5}, (0, 1), "two quarters are a half; the lower ids",
        logits=(0, 0, 0, 0),
        differs={
            "transformers": Differs((2, 3), HIGHER_ID), "vLLM": Differs((2, 3), HIGHER_ID),
            "entropix": Differs((1, 2, 3), UPSIDE_DOWN),
        },
    ),
    Row(
        "top-p, a tie at the crossing", {"top_p": 0.55}, (0, 1), "0.6 crosses; of equals the lower",
        probs="0.4 0.2 0.2 0.2",
        differs={
            "transformers": Differs((0, 3), HIGHER_ID), "vLLM": Differs((0, 3), HIGHER_ID),
            "entropix": Differs((1, 2, 3), UPSIDE_DOWN),
        },
    ),
    Row(
        "min-p of 1, a tie at the top", {"min_p": 1.0}, (0, 1), "the most probable and its equals",
        logits=(1, 1, 0), differs={"entropix": Differs((0, 1, 2), DEAD_MIN_P)},
    ),
    Row(
        "typical, all equal", {"typical": 0.5}, (0, 1), "two quarters are a half; the lower ids",
        logits=(0, 0, 0, 0),
        differs={
            "transformers": Differs((0, 1, 2, 3), "keeps all that are equally far from H"),
            "llama.cpp": Differs((0, 1, 2), "wants more than tau: an exact hit adds one"),
        },
    ),
    Row(
        "XTC, two equal halves", {"xtc": 0.5}, (0,), "of equally likely top choices the lower id",
        probs="0.5 0.5",
        differs={"llama.cpp": Differs((1,), "keeps the last of its list; equals have no order")},
    ),
]  # fmt: skip

EXACT_HITS = [
    Row(
        "top-p, an exact hit", {"top_p": 0.75}, (0, 1), "0.5 + 0.25 is enough",
        probs="0.5 0.25 0.125 0.125",
        differs={"entropix": Differs((0, 1, 2, 3), UPSIDE_DOWN)},
    ),
    Row(
        "top-p, an exact hit that float32 misses from below", {"top_p": 0.65}, (0,),
        "0.65 is enough, whatever 1 - 0.65 is in binary", probs="0.65 0.2 0.15",
        differs={
            "transformers": Differs((0, 1), "finds the tail to be more than 1 - p", luck=True),
            "vLLM": Differs((0, 1), "finds the tail to be more than 1 - p", luck=True),
            "entropix": Differs((0, 1, 2), UPSIDE_DOWN),
        },
    ),
    Row(
        "top-p, an exact hit that float32 misses from above", {"top_p": 0.85}, (0, 1),
        "0.6 + 0.25 is enough", probs="0.6 0.25 0.15",
        differs={
            "llama.cpp": Differs((0, 1, 2), "its sum falls short by a rounding", luck=True),
            "vLLM": Differs((0, 1, 2), "finds the tail to be more than 1 - p", luck=True),
            "entropix": Differs((0, 1, 2), UPSIDE_DOWN),
        },
    ),
    Row(
        "min-p, an exact hit", {"min_p": 0.25}, (0, 1, 2, 3), "0.125 is 0.25 of 0.5",
        probs="0.5 0.25 0.125 0.125",
    ),
    Row(
        "min-p, an exact hit that float32 misses", {"min_p": 0.2}, (0, 1, 2), "0.1 is 0.2 of 0.5",
        probs="0.5 0.1 0.4",
        differs={
            s: Differs((0, 2), "compares rounded probabilities, and 0.1 is just below 0.2 * 0.5")
            for s in ("transformers", "vLLM")
        },
    ),
    Row(
        "epsilon, an exact hit", {"epsilon": 0.2}, (0, 1, 2), "0.2 reaches 0.2",
        probs="0.5 0.3 0.2",
        differs={"transformers": Differs((0, 1), "its softmax gives just less", luck=True)},
    ),
    Row(
        "top-n-sigma, an exact hit", {"top_n_sigma": 2}, (0, 1),
        "the deviation of two logits is half their distance", logits=(0.9, 0.3),
    ),
    Row(
        "XTC, an exact hit", {"xtc": 0.2}, (1, 2), "0.7 and 0.2 reach 0.2; the likelier goes",
        probs="0.7 0.2 0.1",
        differs={"llama.cpp": Differs((0, 1, 2), "its softmax gives just less", luck=True)},
    ),
    Row(
        "top-p below the best probability", {"top_p": 0.1}, (0,), "the best is enough",
        probs="0.5 0.3 0.2", differs={"entropix": Differs((2,), UPSIDE_DOWN)},
    ),
    Row(
        "top-p, nothing exact", {"top_p": 0.4}, (0,), "0.5 is enough",
        probs="0.5 0.3 0.1 0.1", differs={"entropix": Differs((1, 2, 3), UPSIDE_DOWN)},
    ),
    Row(
        "min-p, nothing exact", {"min_p": 0.3}, (0, 1), "the bound is 0.15",
        probs="0.5 0.3 0.1 0.1", differs={"entropix": Differs((0, 1, 2, 3), DEAD_MIN_P)},
    ),
    Row(
        "eta, H outside the root", {"eta": 0.4}, (0, 1), "sqrt(0.4) exp(-1.168) = 0.197",
        probs="0.5 0.3 0.1 0.1",
        differs={"transformers' docstring": Differs((0,), "sqrt(0.4 exp(-1.168)) = 0.353")},
    ),
    Row(
        "typical without its best token", {"typical": 0.6}, tuple(range(1, 15)),
        "sixteen are nearer to H than the best; fourteen reach 0.6",
        probs="0.3" + " 0.04375" * 16,
        differs={"transformers": Differs(tuple(range(1, 17)), "keeps all equally far from H")},
    ),
]  # fmt: skip
