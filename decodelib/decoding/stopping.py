"""When a continuation ends, and what of its text is shown: EOS, a stop string, or the length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from decodelib.arguments import check_integer
from decodelib.models.base import LanguageModel

FinishReason: TypeAlias = Literal["eos", "stop", "length", "interrupted"]


@dataclass(frozen=True)
class Stopping:
    """The rules that end a continuation, checked after every new token.

    Args:
        lm: The model, for its EOS id and its decoder.
        max_new_tokens: The most tokens to add, at least 1.
        min_new_tokens: How many tokens must come before EOS is allowed; at least 0, at most
            `max_new_tokens`.
        stop: Strings that end the text where they appear, wherever tokens begin and end. The text
            is cut before them; the tokens that spelled them stay in `token_ids`.
    """

    lm: LanguageModel
    max_new_tokens: int
    min_new_tokens: int
    stop: tuple[str, ...]

    def __post_init__(self) -> None:
        check_integer("max_new_tokens", self.max_new_tokens, 1)
        check_integer("min_new_tokens", self.min_new_tokens, 0, self.max_new_tokens)
        for text in self.stop:
            if not isinstance(text, str) or not text:
                raise ValueError(f"stop must hold non-empty strings, got {text!r}")

    def reason(self, new_ids: Sequence[int]) -> FinishReason | None:
        """Return why the continuation ends with its last token, or None if it goes on."""
        if new_ids[-1] == self.lm.eos_token_id:
            return "eos"
        if self.stop:
            # A stop string of n bytes ends within the last n tokens: none holds less than a byte.
            window = max(len(text.encode()) for text in self.stop)
            recent = self.lm.decode(new_ids[-window:])
            if any(text in recent for text in self.stop):
                return "stop"
        return "length" if len(new_ids) >= self.max_new_tokens else None

    def forbid_early_eos(
        self, logits: Float[Tensor, "rows vocab"], lengths: Sequence[int]
    ) -> Float[Tensor, "rows vocab"]:
        """Return the logits with EOS removed from rows that have too few new tokens to end."""
        early = [i for i, length in enumerate(lengths) if length < self.min_new_tokens]
        if not early or self.lm.eos_token_id is None:
            return logits
        logits = logits.clone()
        logits[early, self.lm.eos_token_id] = -torch.inf
        return logits

    def visible_text(self, new_ids: Sequence[int], reason: FinishReason | None) -> str:
        """Return the text of the continuation so far that no later token can change.

        While it goes on (`reason` None), an unfinished character and the beginning of a possible
        stop string are held back.
        """
        ids = new_ids[:-1] if reason == "eos" else new_ids
        text = self.lm.decode(ids)
        cuts = [text.index(stop) for stop in self.stop if stop in text]
        if reason is not None:
            return text[: min(cuts)] if cuts else text
        settled = settled_text(text)
        return settled[: len(settled) - self._pending(settled)]

    def _pending(self, text: str) -> int:
        """Return the length of the longest end of `text` that a stop string may begin with."""
        longest = min(len(text), max(map(len, self.stop), default=1) - 1)
        ends = (n for n in range(longest, 0, -1) if any(s.startswith(text[-n:]) for s in self.stop))
        return next(ends, 0)


def settled_text(text: str) -> str:
    """Return `text` without the replacement characters, at most three, that end it.

    They stand for the first bytes of a character whose other bytes are still to come.
    """
    unfinished = min(3, len(text) - len(text.rstrip("\ufffd")))
    return text[: len(text) - unfinished]
