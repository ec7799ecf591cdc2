"""Tokens to text, one at a time: what has been given out is never taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from decodelib.models.base import LanguageModel

UNFINISHED = "\ufffd"
"""What decoders put for the bytes of a character that is not complete, or never will be."""

LONGEST_UNFINISHED = 3
"""A character of UTF-8 has four bytes at most, so that three may be waiting for the last."""


class Detokenizer:
    """Decodes one token after the other, in time that grows with their number alone.

    A character that several tokens spell comes with the last of them. Only the tokens since the
    last finished character are decoded anew with each token, so that nothing before them can change
    any more. That is what the decoder of a tokenizer with byte fallback would do: it replaces a
    whole run of bytes where the last character of the run is unfinished.

    Args:
        decode: Returns the text that some ids add to a text, such as `lm.decode`.

    Attributes:
        open_ids: The tokens since the last finished character.
    """

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self._decode = decode
        self.open_ids: list[int] = []
        self._given = 0  # how many characters of their text have been given out

    def fork(self) -> Detokenizer:
        """Return an independent copy."""
        copy = Detokenizer(self._decode)
        copy.open_ids, copy._given = self.open_ids.copy(), self._given
        return copy

    def push(self, token_id: int) -> str:
        """Return the text that is finished with this token; it may be empty."""
        self.open_ids.append(token_id)
        text = self._decode(self.open_ids)
        if not text.endswith(UNFINISHED):
            new = text[self._given :]
            self.open_ids, self._given = [], 0
            return new
        if len(self.open_ids) > 1:
            if not self._decode([token_id]):
                self.open_ids.pop()  # an id without a text, such as those that pad a vocabulary
                return ""
            for start in range(1, len(self.open_ids)):
                finished = self._decode(self.open_ids[start:])
                if finished and UNFINISHED not in finished:
                    # The bytes before it will never be a character, and spoil one in some decoders.
                    new = (self._decode(self.open_ids[:start]) + finished)[self._given :]
                    self.open_ids, self._given = [], 0
                    return new
        waiting = min(LONGEST_UNFINISHED, len(text) - len(text.rstrip(UNFINISHED)))
        settled = text[: len(text) - waiting]
        new, self._given = settled[self._given :], max(self._given, len(settled))
        self._forget(text)
        return new

    def finish(self) -> str:
        """Return what is left of the text when no token follows."""
        new = self._decode(self.open_ids)[self._given :] if self.open_ids else ""
        self.open_ids, self._given = [], 0
        return new

    def _forget(self, text: str) -> None:
        """Drop the first tokens whose text has been given out, if no character bridges the cut."""
        for cut in range(len(self.open_ids) - 1, 0, -1):
            before = self._decode(self.open_ids[:cut])
            if len(before) <= self._given and before + self._decode(self.open_ids[cut:]) == text:
                self.open_ids, self._given = self.open_ids[cut:], self._given - len(before)
                return


def token_texts(lm: LanguageModel, ids: Sequence[int]) -> list[str]:
    """Return the texts of tokens in a row, one by one, as `Generation.tokens` has them."""
    detokenizer = Detokenizer(lm.decode)
    texts = [detokenizer.push(token_id) for token_id in ids]
    if texts:
        texts[-1] += detokenizer.finish()
    return texts
