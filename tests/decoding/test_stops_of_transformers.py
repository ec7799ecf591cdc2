"""Where transformers' stop strings end a text, ours do: held on random texts and strings."""

import random

import pytest
import torch
from transformers import PreTrainedTokenizerFast, StopStringCriteria

import decodelib as dl
from tests.helpers.tokenizer_families import Recital, byte_level, random_ids

EOS = 1


def tokens_until_theirs_stops(tokenizer, ids: list[int], stop: str) -> int | None:
    """Return after how many tokens transformers ends the text, or None if it never does."""
    criterion = StopStringCriteria(tokenizer, [stop])
    for count in range(1, len(ids) + 1):
        if criterion(torch.tensor([ids[:count]]), None)[0]:
            return count
    return None


@pytest.mark.parametrize(
    "count", [pytest.param(40, id="few"), pytest.param(1000, id="many", marks=pytest.mark.long)]
)
def test_a_text_ends_with_the_token_after_which_transformers_ends_it(count: int) -> None:
    tokenizer, rng = byte_level(), random.Random(5)
    theirs = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    ended = 0
    for _ in range(count):
        ids = [i for i in random_ids(rng, tokenizer) if i != EOS] or [2]
        lm = Recital(tokenizer, ids, EOS)
        text = dl.generate(lm, [EOS], dl.Greedy(), max_new_tokens=len(ids)).text
        start = rng.randrange(len(text)) if text else 0
        stop = text[start : start + rng.randint(1, 6)] or "zz"
        if "\ufffd" in stop:
            continue  # bytes that are no character: transformers looks for the sign's own bytes
        ours = dl.generate(lm, [EOS], dl.Greedy(), max_new_tokens=len(ids), stop=stop)
        expected = tokens_until_theirs_stops(theirs, ids, stop)
        found = len(ours.token_ids) if ours.finish_reason == "stop" else None
        assert found == expected, (ids, text, stop)
        ended += found is not None
    assert ended > count / 3
