"""Numbers about generated text: repetition, diversity, and how probable a model finds it.

Texts are given as sequences of token ids, except to self-BLEU, which reads words.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from decodelib.arguments import check_integer
from decodelib.distributions import entropy, surprisal
from decodelib.models.base import LanguageModel, Prompt


def ends_in_repetition(ids: Sequence[Hashable], min_length: int = 2, min_times: int = 3) -> bool:
    """Return whether a text ends in a phrase of >= min_length tokens, >= min_times in a row.

    Source: Holtzman et al. 2020, arXiv 1904.09751, section 5.3, with these defaults. Chapter 14.
    """
    check_integer("min_length", min_length, 1)
    check_integer("min_times", min_times, 2)
    for length in range(min_length, len(ids) // min_times + 1):
        phrase = list(ids[-length:])
        if all(list(ids[-(n + 1) * length : -n * length]) == phrase for n in range(1, min_times)):
            return True
    return False


def repetition(texts: Sequence[Sequence[Hashable]]) -> float:
    """Return the share of texts that end in a repetition, in [0, 1]; see `ends_in_repetition`.

    Raises ValueError if there are no texts.
    """
    _require_texts(texts, 1)
    return sum(map(ends_in_repetition, texts)) / len(texts)


def distinct_n(texts: Sequence[Sequence[Hashable]], n: int) -> float:
    """Return the number of different n-grams divided by the number of n-grams, in (0, 1].

    Counted over all texts together; it falls with the amount of text, so compare equal amounts.
    Raises ValueError if no text has n tokens.  Source: Li et al. 2016, arXiv 1510.03055.
    """
    check_integer("n", n, 1)
    grams = [tuple(ids[i : i + n]) for ids in texts for i in range(len(ids) - n + 1)]
    if not grams:
        raise ValueError(f"texts must hold at least one {n}-gram, got none")
    return len(set(grams)) / len(grams)


def self_bleu(texts: Sequence[str], max_n: int = 4) -> float:
    """Return the mean BLEU of each text against all the others as references, in [0, 1].

    Lower is more diverse: 1 if all texts are the same. BLEU with n-grams up to `max_n`, computed by
    sacrebleu (its tokenizer and exponential smoothing), which must be installed.

    Raises ValueError for fewer than two texts.  Source: Zhu et al. 2018, arXiv 1802.01886.
    """
    check_integer("max_n", max_n, 1)
    _require_texts(texts, 2)
    from sacrebleu.metrics import BLEU

    bleu = BLEU(max_ngram_order=max_n, effective_order=True)
    scores = [
        bleu.sentence_score(text, [*texts[:i], *texts[i + 1 :]]).score
        for i, text in enumerate(texts)
    ]
    return math.fsum(scores) / len(scores) / 100


def zipf_exponent(texts: Sequence[Sequence[Hashable]]) -> float:
    """Return s of the fit frequency ~ rank^(-s): minus the slope of ln frequency over ln rank.

    Least squares over all tokens that occur. Near 1 for natural text (Zipf 1949); higher means that
    fewer words do more of the work. Raises ValueError for fewer than two different tokens.
    """
    counts = sorted(Counter(token for ids in texts for token in ids).values(), reverse=True)
    if len(counts) < 2:
        raise ValueError(f"texts must hold at least two different tokens, got {len(counts)}")
    rank = torch.arange(1, len(counts) + 1, dtype=torch.float64).log()
    frequency = torch.tensor(counts, dtype=torch.float64).log()
    rank, frequency = rank - rank.mean(), frequency - frequency.mean()
    return float(-(rank * frequency).sum() / (rank * rank).sum())


def model_perplexity(lm: LanguageModel, text: Prompt, stride: int | None = None) -> float:
    """Return exp of the mean surprisal that the model has at each token of a text but the first.

    A text longer than the context is read in windows that move by `stride` tokens; each token is
    counted once, with all the context its window gives it. A smaller stride gives more context and
    takes more time. The default is half the context.

    Args:
        text: Text, or token ids: at least two tokens.
        stride: In [1, context_length - 1].

    Raises:
        ValueError: For a shorter text, or a stride outside its range.
    """
    nats = _surprisals(lm, text, stride)
    return float(nats.mean().exp())


def _surprisals(lm: LanguageModel, text: Prompt, stride: int | None) -> Float[Tensor, " counted"]:
    ids = lm.encode(text) if isinstance(text, str) else torch.as_tensor(text)
    if len(ids) < 2:
        raise ValueError(f"text must have at least two tokens, got {len(ids)}")
    window = lm.context_length
    stride = max(1, window // 2) if stride is None else stride
    check_integer("stride", stride, 1, window - 1)
    parts, counted = [], 1  # the first token has no context to be predicted from
    for start in range(0, len(ids), stride):
        inside = ids[start : start + window]
        logits = lm.logits(inside).cpu()
        first = counted - start  # tokens before it were counted in the window before
        parts.append(surprisal(logits[first - 1 : len(inside) - 1], inside[first:].cpu()))
        counted = start + len(inside)
        if counted == len(ids):
            break
    return torch.cat(parts).double()


def entropy_profile(lm: LanguageModel, text: Prompt) -> Float[Tensor, " seq"]:
    """Return the entropy in nats of the distribution after each token of a text.

    The text must fit into the context; raises ValueError if it does not.
    """
    ids = lm.prompt_ids(text)
    return entropy(lm.logits(ids)).cpu()


def _require_texts(texts: Sequence[object], count: int) -> None:
    if len(texts) < count:
        raise ValueError(f"texts must be at least {count}, got {len(texts)}")
