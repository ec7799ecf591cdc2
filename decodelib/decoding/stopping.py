"""When a continuation ends: with a token that ends texts, with a stop string, or by its length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from decodelib.arguments import check_integer, check_text
from decodelib.distributions import checks_are_deferred
from decodelib.models.base import LanguageModel

FinishReason: TypeAlias = Literal["eos", "stop", "length", "interrupted"]


class Match(NamedTuple):
    """A stop string in a text: where it ends and begins, in characters, and which it is."""

    end: int
    start: int
    stop: str


@dataclass(frozen=True)
class Stopping:
    """The rules that end a continuation, checked after every new token.

    Args:
        lm: The model, for its ends and its decoder.
        max_new_tokens: The most tokens to add, at least 1.
        min_new_tokens: How many tokens must come before one that ends the text; at least 0, at most
            `max_new_tokens`.
        stop: Strings that end the text, wherever tokens begin and end. The one that is completed
            first ends it; of those completed by the same character, the longest.
        stop_token_ids: Tokens that end the text, besides the model's own.
        include_stop: Whether the stop string or stop token is part of the text.
    """

    lm: LanguageModel
    max_new_tokens: int
    min_new_tokens: int = 0
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    include_stop: bool = False
    ends: frozenset[int] = field(init=False)
    """The tokens that end the text: the model's own, and `stop_token_ids`."""

    def __post_init__(self) -> None:
        check_integer("max_new_tokens", self.max_new_tokens, 1)
        check_integer("min_new_tokens", self.min_new_tokens, 0, self.max_new_tokens)
        if not isinstance(self.include_stop, bool):
            raise TypeError(f"include_stop must be True or False, got {self.include_stop!r}")
        for text in self.stop:
            if not isinstance(text, str) or not text:
                raise ValueError(f"stop must hold non-empty strings, got {text!r}")
            check_text("stop", text)
        for token_id in self.stop_token_ids:
            check_integer("stop_token_ids", token_id, 0, self.lm.vocab_size - 1)
        ends = frozenset(map(int, (*self.lm.eos_token_ids, *self.stop_token_ids)))
        object.__setattr__(self, "ends", ends)

    def match(self, text: str) -> Match | None:
        """Return the stop string that is completed first in `text`, if one is."""
        found = [
            Match(start + len(stop), start, stop)
            for stop in self.stop
            if (start := text.find(stop)) >= 0
        ]
        return min(found, default=None)

    def withheld(self, text: str) -> int:
        """Return how many characters at the end of `text` a stop string may begin with."""
        longest = min(len(text), max(map(len, self.stop), default=1) - 1)
        ends = (n for n in range(longest, 0, -1) if any(s.startswith(text[-n:]) for s in self.stop))
        return next(ends, 0)

    def forbid_early_end(
        self,
        logits: Float[Tensor, "rows vocab"],
        lengths: Sequence[int],
        dead_rows: Literal["raise", "keep"] = "raise",
    ) -> Float[Tensor, "rows vocab"]:
        """Return the logits without the tokens that end rows with too few new tokens.

        A row that can do nothing but end has no token left: `dead_rows` says whether to raise
        ValueError then or to return the row with -inf alone, for a search that has others.
        """
        early = [i for i, length in enumerate(lengths) if length < self.min_new_tokens]
        if not early or not self.ends:
            return logits
        logits = logits.clone()
        for token_id in self.ends:
            logits[early, token_id] = -torch.inf
        if dead_rows == "raise":
            self.check_way_on(logits[early].amax(-1).amin(), lengths[early[0]])
        return logits

    def check_way_on(self, logits: Float[Tensor, "..."], length: int) -> None:
        """Raise ValueError if no token is left and that is because the text may not end yet."""
        is_due = self.min_new_tokens > length and not checks_are_deferred()
        if is_due and float(logits.max()) == -torch.inf:
            raise self.dead_end(length)

    def dead_end(self, length: int) -> ValueError:
        """Return the error for a text that must go on and cannot."""
        return ValueError(
            f"min_new_tokens={self.min_new_tokens} cannot be had: after {length} new tokens the "
            f"model can only end the text, so lower it to {length}"
        )
