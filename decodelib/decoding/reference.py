"""Decoding at its plainest, as the specification of what the package does faster.

Greedy decoding and sampling give the tokens of this loop; the tests hold them to it. What it leaves
out is speed: no key-value cache (every token costs a full pass over the text), no batch.
"""

from __future__ import annotations

import torch

from decodelib.kernels.seeds import seeded
from decodelib.models.base import LanguageModel, Prompt
from decodelib.processors.base import LogitsProcessor


def generate_naively(
    lm: LanguageModel,
    prompt: Prompt,
    *processors: LogitsProcessor,
    max_new_tokens: int = 50,
    seed: int | None = None,
) -> list[int]:
    """Return the new tokens of one prompt: drawn with a seed, else the most probable ones.

    Args:
        processors: Applied to the logits in order, as in `Sampling`.

    >>> from decodelib import TableLM
    >>> lm = TableLM({"": {"a": 2, "b": 1}, "a": {"b": 2, "<eos>": 1}, "b": {"<eos>": 1}})
    >>> lm.decode(generate_naively(lm, "a"))
    ' b <eos>'
    """
    ids = lm.prompt_ids(prompt).tolist()
    start = len(ids)
    generator = None if seed is None else seeded(seed)
    while len(ids) < start + max_new_tokens:
        logits = lm.logits(ids)[-1:]  # (1, vocab): what may follow the last token
        for process in processors:
            logits = process(torch.tensor([ids], device=lm.device), logits)
        if generator is None:
            token_id = int(logits.argmax())
        else:
            cdf = logits.double().softmax(-1).cumsum(-1)  # (1, vocab)
            uniform = torch.rand((), generator=generator, dtype=torch.float64)
            token_id = int((cdf <= uniform * cdf[0, -1]).sum())  # the interval it falls into
        ids.append(token_id)
        if token_id in lm.eos_token_ids:
            break
    return ids[start:]
