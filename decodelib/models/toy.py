"""TableLM: a language model that is a table of next-token probabilities, to reason about exactly.

Nothing to download, nothing to train: every sequence's probability can be worked out by hand, so
what a strategy finds can be compared with what there was to find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_integer
from decodelib.models.base import LanguageModel

BOS, EOS = "<bos>", "<eos>"

WORDS = ("mat", "floor", "chair", "roof", "table", "moon", "idea", "of")
"""The book's toy vocabulary: eight words that may follow "The cat sat on the"."""

PROBS = (0.40, 0.20, 0.12, 0.10, 0.08, 0.05, 0.03, 0.02)
"""Their probabilities, made up to be easy to add."""


@dataclass
class TableCache:
    """The rows' token ids: all that a table needs to remember."""

    rows: list[list[int]]
    hidden: None = None

    def select(self, rows: Int[Tensor, " rows"]) -> TableCache:
        return TableCache([self.rows[row].copy() for row in rows.tolist()])

    def rewind(self, count: int) -> None:
        for row in self.rows:
            del row[len(row) - count :]


class TableLM(LanguageModel[TableCache]):
    """A model over whole words whose next-word distribution is looked up by the last words.

    Args:
        table: From a context (words separated by spaces, "" for none) to the weights of the words
            that may follow it. The longest context that ends the text so far is used; "" is the
            fallback. Weights are made to sum to 1; words not mentioned have probability 0.
        context_length: The most words a sequence may have, the beginning `<bos>` included.
        dtype: Of the logits.

    The vocabulary is `<bos>`, `<eos>` and every word of the table, in the order they appear. A
    token's text is a space and its word, as in GPT-2.

    Raises:
        ValueError: For an empty table, weights that are negative or sum to 0, and text with words
            that are not in the vocabulary.

    Example:
        >>> lm = TableLM({"": {"a": 0.5, "b": 0.4, "<eos>": 0.1}, "a": {"<eos>": 1}})
    """

    def __init__(
        self,
        table: Mapping[str, Mapping[str, float]],
        context_length: int = 64,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        check_integer("context_length", context_length, 1)
        if not table:
            raise ValueError("table must hold at least one context, got none")
        words = dict.fromkeys([BOS, EOS])
        for context, weights in table.items():
            words.update(dict.fromkeys([*context.split(), *weights]))
        self.table = {context: dict(weights) for context, weights in table.items()}
        self.words = list(words)
        self._ids = {word: i for i, word in enumerate(self.words)}
        self.name, self.device, self.dtype = "table", torch.device("cpu"), dtype
        self.vocab_size, self.context_length = len(self.words), context_length
        self.bos_token_id, self.eos_token_ids = 0, (1,)
        self._logits = {
            tuple(self._ids[word] for word in context.split()): self._row(context, weights)
            for context, weights in table.items()
        }
        self._longest = max(map(len, self._logits))

    def _row(self, context: str, weights: Mapping[str, float]) -> Float[Tensor, " vocab"]:
        row = torch.zeros(self.vocab_size, dtype=torch.float64, device=self.device)
        for word, weight in weights.items():
            row[self._ids[word]] = weight
        if not (row >= 0).all() or not 0 < row.sum() < torch.inf:
            raise ValueError(
                f"weights must be at least 0 and not all 0, got {dict(weights)} after {context!r}"
            )
        return (row / row.sum()).log().to(self.dtype)

    def encode(self, text: str) -> Int[Tensor, " seq"]:
        unknown = [word for word in text.split() if word not in self._ids]
        if unknown:
            raise ValueError(f"text must be made of words of the table, got {unknown[0]!r}")
        ids = [self._ids[word] for word in text.split()]
        return torch.tensor(ids, dtype=torch.long, device=self.device)

    def decode(self, ids: Sequence[int] | Int[Tensor, " seq"]) -> str:
        return "".join(f" {self.words[int(i)]}" for i in ids)

    def logits(self, ids: Sequence[int] | Int[Tensor, " seq"]) -> Float[Tensor, "seq vocab"]:
        sequence = self.prompt_ids(ids).tolist()
        return torch.stack([self._lookup(sequence[: end + 1]) for end in range(len(sequence))])

    def prefill(
        self, prompts: Sequence[Int[Tensor, " _seq"]], capacity: int
    ) -> tuple[Float[Tensor, "rows vocab"], TableCache]:
        rows = [ids.tolist() for ids in prompts]
        return torch.stack([self._lookup(row) for row in rows]), TableCache(rows)

    def step(
        self, next_ids: Int[Tensor, " rows"], cache: TableCache
    ) -> Float[Tensor, "rows vocab"]:
        for row, token in zip(cache.rows, next_ids.tolist(), strict=True):
            row.append(token)
        return torch.stack([self._lookup(row) for row in cache.rows])

    def _lookup(self, sequence: Sequence[int]) -> Float[Tensor, " vocab"]:
        for length in range(min(self._longest, len(sequence)), -1, -1):
            row = self._logits.get(tuple(sequence[len(sequence) - length :]))
            if row is not None:
                return row
        words = self.decode(sequence)
        raise ValueError(f"table has no row for a text that ends in {words!r}, nor a fallback ''")
