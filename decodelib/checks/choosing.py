"""Prompts for a model at hand, chosen by measuring from a list.

What is a settled context for one model is an open one for another, and greedy decoding loops after
other prompts. A chapter that needs such a place searches a list of candidates and shows its choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from decodelib.decoding.loop import generate_batch
from decodelib.distributions import entropy
from decodelib.experiments.metrics import ends_in_repetition
from decodelib.models.base import LanguageModel
from decodelib.strategies.sampling import Greedy

CONTEXTS = (
    "The",
    "It was",
    "She said that",
    "He looked at the",
    "Once upon a time",
    "The old man sat down on the",
    "I do not know what to",
    "The capital of France is",
    "The Wizard of",
    "Once upon a",
    "One, two, three,",
    "The United States of",
    "He shook his",
    "He nodded and shrugged his",
    "hand in hand, side by side, face to",
    "up and down, up and down, up and",
)
"""Beginnings of sentences; after some of them nearly anything may follow, after others one word."""

OPENINGS = (
    "Once upon a time",
    "The old man opened the door and",
    "She did not know what to say, so",
    "In the middle of the forest there",
    "The first thing I remember is",
    "It was a dark and stormy night, and",
    "He looked at the letter again and",
    "On the morning of the third day",
    "Nobody had ever seen",
    "When the rain stopped, the children",
)
"""Beginnings of stories, for texts to be written from."""


def by_entropy(lm: LanguageModel, contexts: Iterable[str] = CONTEXTS) -> dict[str, float]:
    """Return the entropy in nats of the next token after each context, the most settled first.

    Raises ValueError if there are no contexts.
    """
    entropies = {context: float(entropy(lm.next_logits(context))) for context in contexts}
    if not entropies:
        raise ValueError("contexts must hold at least one text, got none")
    return dict(sorted(entropies.items(), key=lambda item: item[1]))


def settled_and_open(lm: LanguageModel, contexts: Iterable[str] = CONTEXTS) -> tuple[str, str]:
    """Return the contexts after which the next token is least and most uncertain, by entropy.

    Raises ValueError if there are no contexts.
    """
    ordered = list(by_entropy(lm, contexts))
    return ordered[0], ordered[-1]


def looping(
    lm: LanguageModel, prompts: Sequence[str] = OPENINGS, max_new_tokens: int = 120
) -> list[str]:
    """Return the prompts after which greedy decoding ends in a repetition, in the order given.

    A repetition is what `metrics.ends_in_repetition` finds: a phrase three times in a row.
    """
    texts = generate_batch(lm, prompts, Greedy(), max_new_tokens=max_new_tokens)
    pairs = zip(prompts, texts, strict=True)
    return [prompt for prompt, text in pairs if ends_in_repetition(text.token_ids)]


def straddling(tokens: Sequence[str]) -> str | None:
    """Return the first piece of a text that begins inside a token and ends inside the next one.

    Such a stop string is in no token of the text, and its first half cannot be told from ordinary
    text. None if no two neighbouring tokens are long enough: each needs two characters.

    Args:
        tokens: The text's tokens as they were drawn, such as `generation.tokens`: a model may spell
            a text in another way than its tokenizer.
    """
    for left, right in pairwise(tokens):
        if min(len(left), len(right)) < 2 or "\ufffd" in left + right:
            continue
        piece = left[1:] + right[:-1]
        if not any(piece in token for token in tokens):
            return piece
    return None
