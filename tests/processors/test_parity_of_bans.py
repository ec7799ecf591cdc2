"""Penalties, biases and bans beside transformers' own, on random texts full of repetitions."""

import pytest
import torch
from transformers import (
    EpsilonLogitsWarper,
    MinPLogitsWarper,
    NoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
    SuppressTokensLogitsProcessor,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

import decodelib as dl

VOCAB = 12
WORDS = [[3], [5, 6], [1, 2, 1]]
PAIRS = [
    *((dl.NoRepeatNGram(n), NoRepeatNGramLogitsProcessor(n)) for n in (2, 3, 4)),
    (dl.SuppressTokens([0, 7]), SuppressTokensLogitsProcessor([0, 7])),
    (dl.SuppressTokens(WORDS), NoBadWordsLogitsProcessor(WORDS)),
    (
        dl.LogitBias({3: 1.5, (5, 6): -2.0, (1, 2, 1): 4.0, (2, 1): 1.0}),
        SequenceBiasLogitsProcessor({(3,): 1.5, (5, 6): -2.0, (1, 2, 1): 4.0, (2, 1): 1.0}),
    ),
    *(
        (
            dl.RepetitionPenalty(1.4, skip=skip),
            RepetitionPenaltyLogitsProcessor(1.4, prompt_ignore_length=skip),
        )
        for skip in (0, 3, 99)
    ),
    (dl.TopP(0.2, 4), TopPLogitsWarper(0.2, min_tokens_to_keep=4)),
    (dl.MinP(0.7, 4), MinPLogitsWarper(0.7, min_tokens_to_keep=4)),
    (dl.Typical(0.2, 4), TypicalLogitsWarper(0.2, min_tokens_to_keep=4)),
    (dl.Epsilon(0.3, 4), EpsilonLogitsWarper(0.3, min_tokens_to_keep=4)),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda pair: repr(pair)[:60])
@pytest.mark.parametrize("length", [1, 2, 5, 12])
def test_processors_equal_those_of_transformers(ours, theirs, length):
    generator = torch.Generator().manual_seed(length)
    # Few kinds of token, so that words and n-grams recur, and more rows than one.
    ids = torch.randint(1, 4 if length > 5 else 7, (40, length), generator=generator)
    ids[:10, -1], ids[10:20, -1] = 5, 2
    logits = 3 * torch.randn(40, VOCAB, generator=generator)
    torch.testing.assert_close(ours(ids, logits), theirs(ids, logits.clone()))
