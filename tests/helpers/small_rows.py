"""Processors applied to small rows, written as probabilities or as logits."""

import math

import pytest
import torch

from decodelib.processors.base import LogitsProcessor

INF = math.inf
NO_IDS = torch.empty(1, 0, dtype=torch.long)
TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
each_dtype = pytest.mark.parametrize("dtype", TYPES, ids=str)


def apply(
    processor: LogitsProcessor, *rows: list[float], dtype: torch.dtype = torch.float64
) -> torch.Tensor:
    """What a processor makes of rows of logits, before any token."""
    logits = torch.tensor(rows, dtype=dtype)
    return processor(torch.empty(len(rows), 0, dtype=torch.long), logits)


def kept(
    processor: LogitsProcessor, probs: list[float], dtype: torch.dtype = torch.float64
) -> list[int]:
    """The ids that a processor leaves of a row of probabilities."""
    logits = torch.tensor([probs], dtype=torch.float64).log().to(dtype)
    return (processor(NO_IDS, logits) > -INF).nonzero()[:, 1].tolist()
