"""Tokens and words that a text may not have, or is to have more or less often."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from decodelib.arguments import check_integer, check_number
from decodelib.distributions import check_logits, widen
from decodelib.kernels.gpu import integers_on
from decodelib.processors.base import Processor, remove
from decodelib.processors.penalties import LookingBack, keep_finite

Word: TypeAlias = tuple[int, ...]
"""A word as its token ids: a processor acts on the last one where the others stand before it."""


@dataclass(frozen=True, repr=False)
class NoRepeatNGram(LookingBack):
    """Remove every token that would make n tokens in a row occur a second time.

    With n = 2, after "New York ... New" comes no "York": a name of two tokens occurs once. Where
    nothing would be left, nothing is removed. Usual values: 3 and 4.

    Args:
        no_repeat_ngram_size: n, at least 1.
        window, skip: See `LookingBack`. The prompt counts, as in transformers.

    Raises:
        ValueError, TypeError: For values outside these ranges.

    Source: Paulus, Xiong and Socher 2017, arXiv 1705.04304, section 2.5 (trigrams in a beam
    search). Chapters 4 and 12.

    Example:
        >>> NoRepeatNGram(2)(torch.tensor([[0, 1, 2, 0]]), torch.zeros(1, 4))
        tensor([[0., -inf, 0., 0.]])
    """

    no_repeat_ngram_size: int

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("no_repeat_ngram_size", self.no_repeat_ngram_size, 1)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        ids, n = self.counted(input_ids), self.no_repeat_ngram_size
        if ids.shape[-1] < n:
            return logits.clone()
        grams, last = ids.unfold(-1, n, 1), ids[..., ids.shape[-1] - n + 1 :]
        continues = (grams[..., :-1] == last[..., None, :]).all(-1)
        times = torch.zeros_like(logits, dtype=torch.long)
        return _ban(logits, times.scatter_add(-1, grams[..., -1], continues.long()) > 0)


@dataclass(frozen=True, repr=False)
class SuppressTokens(Processor):
    """Remove tokens, and words of several tokens ("bad words"), wherever they would come next.

    Of a word only the last token is removed, and only after the others: "New" stays possible and
    "York" too, but not after "New". Where nothing would be left, nothing is removed.

    Args:
        token_ids: Token ids, each of one token or a sequence of those of a word.

    Raises:
        ValueError, TypeError: For ids that are negative, outside the vocabulary, or no integers,
            and for an empty word.

    Source: transformers' `SuppressTokensLogitsProcessor` and `NoBadWordsLogitsProcessor`.
    Chapter 12.

    Example:
        >>> SuppressTokens([0, (1, 2)])(torch.tensor([[3, 1]]), torch.zeros(1, 4))
        tensor([[-inf, 0., -inf, 0.]])
    """

    token_ids: Sequence[int | Sequence[int]]
    reads_input_ids: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.token_ids, Sequence) or isinstance(self.token_ids, str):
            raise TypeError(f"token_ids must be several token ids, got {self.token_ids!r}")
        words = [_word("token_ids", item) for item in self.token_ids]
        ids = tuple(word[0] if len(word) == 1 else word for word in words)
        object.__setattr__(self, "token_ids", ids)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        banned = torch.zeros_like(logits, dtype=torch.bool)
        words = [_word("token_ids", item) for item in self.token_ids]
        for word in words:
            _check_inside(word, logits)
            if len(word) > 1:
                banned[..., word[-1]] |= _ends_with(input_ids, word[:-1])
        alone = [word[0] for word in words if len(word) == 1]
        banned.index_fill_(-1, integers_on(logits.device, alone), True)
        return _ban(logits, banned)


@dataclass(frozen=True, init=False, repr=False)
class LogitBias(Processor):
    """Add a number to the logits of tokens, or of words of several tokens.

    A bias b multiplies the odds of a token against all others by exp(b). The last token of a word
    is biased where the others stand before it.

    Args:
        biases: From a token id, or a sequence of those of a word, to the bias in nats; finite.
            APIs allow -100 to 100. `SuppressTokens` is the limit of -infinity.

    Raises:
        ValueError, TypeError: For ids that are negative, outside the vocabulary, or no integers,
            and for a bias that is no finite number.

    Source: OpenAI's API reference, `logit_bias`; transformers' `SequenceBiasLogitsProcessor`.
    Chapter 12.

    Example:
        >>> LogitBias({0: 2.0, (1, 2): -3.0})(torch.tensor([[3, 1]]), torch.zeros(1, 4))
        tensor([[ 2.,  0., -3.,  0.]])
    """

    biases: tuple[tuple[Word, float], ...]
    reads_input_ids: ClassVar[bool] = True

    def __init__(self, biases: Mapping[int | Word, float]) -> None:
        if not isinstance(biases, Mapping):
            raise TypeError(f"biases must be a mapping from token ids to numbers, got {biases!r}")
        for bias in biases.values():
            check_number("biases", bias, -math.inf, math.inf, True, True)
        words = {_word("biases", ids): float(bias) for ids, bias in biases.items()}
        object.__setattr__(self, "biases", tuple(sorted(words.items())))

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        biased = widen(logits).clone()
        for word, bias in self.biases:
            _check_inside(word, logits)
            biased[..., word[-1]] += bias * _ends_with(input_ids, word[:-1]).to(biased.dtype)
        return keep_finite(biased, logits)

    def __repr__(self) -> str:
        biases = {word if len(word) > 1 else word[0]: bias for word, bias in self.biases}
        return f"LogitBias({biases})"


def _word(name: str, item: int | Sequence[int]) -> Word:
    """Return a token id, or several, as a tuple of ids."""
    ids = tuple(item) if isinstance(item, Sequence) and not isinstance(item, str) else (item,)
    if not ids:
        raise ValueError(f"{name} must hold no word without a token, got {item!r}")
    for token_id in ids:
        check_integer(name, token_id, 0)
    return tuple(map(int, ids))


def _check_inside(word: Word, logits: Float[Tensor, "*batch vocab"]) -> None:
    if max(word) >= logits.shape[-1]:
        raise ValueError(
            f"token ids must be below the vocabulary's size of {logits.shape[-1]}, got {max(word)}"
        )


def _ends_with(input_ids: Int[Tensor, "*batch seq"], ending: Word) -> Bool[Tensor, "*batch"]:
    """Return which rows end with these token ids; all do with none."""
    if len(ending) > input_ids.shape[-1]:
        return torch.zeros(input_ids.shape[:-1], dtype=torch.bool, device=input_ids.device)
    tail = input_ids[..., input_ids.shape[-1] - len(ending) :]
    return (tail == integers_on(input_ids.device, ending)).all(-1)


def _ban(
    logits: Float[Tensor, "*batch vocab"], banned: Bool[Tensor, "*batch vocab"]
) -> Float[Tensor, "*batch vocab"]:
    """Remove the banned tokens, except in rows of which nothing would be left."""
    rest = remove(logits, ~banned)
    return torch.where((rest > -torch.inf).any(-1, keepdim=True), rest, logits)
