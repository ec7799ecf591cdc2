"""The page's tokenizer is the package `tokenizers`, on any text and on any sequence of ids."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator

import pytest

from decodelib.decoding.detokenizer import token_texts
from tests.helpers.engine import storybook

PARTS = (
    " ", "  ", "\t", "\n", "\r\n", "\r", "\0", "\x85", "\ufeff", "\u00a0", "\u2003", "\u3000",
    "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "\u2019s", "don't", "THE", "the ", " The",
    "12", "\u0663", "\u00bd", "\u2167", "e\u0301", "\u00e9", "\u00df", "\u1e9e", "\u65e5\u672c",
    "\u0e17\u0e35\u0e48", "\u0928\u093f", "\U0001f642", "\U0001f469\u200d\U0001f467",
    "\u2764\ufe0f",
    "\U0001f1e9\U0001f1ea", "\U00031350", "\u088f", "\U00011de0", "<|endoftext|>", "<|endoftext|",
    "lighthouse", "...", "!?", "--", "_", "$5", "\ufffd", "\U0010ffff",
)  # fmt: skip


def texts(count: int, seed: int) -> Iterator[str]:
    """Joined parts, random characters of all planes, and runs of one part."""
    r = random.Random(seed)
    for number in range(count):
        if number % 4 == 0:
            yield "".join(r.choice(PARTS) for _ in range(r.randint(0, 12)))
        elif number % 4 == 1:
            codes = (r.randrange(sys.maxunicode + 1) for _ in range(r.randint(1, 12)))
            yield "".join(chr(code) for code in codes if not 0xD800 <= code <= 0xDFFF)
        elif number % 4 == 2:
            codes = (r.randrange(r.choice((0x80, 0x250, 0x3000))) for _ in range(r.randint(1, 20)))
            yield "".join(map(chr, codes))
        else:
            yield r.choice(PARTS) * r.randint(1, 9) + r.choice(PARTS) + r.choice(PARTS)


def assert_same_ids(ask, given):
    encoded = storybook().tokenizer.encode_batch(given, add_special_tokens=False)
    for text, got, want in zip(given, ask(encode=given), encoded, strict=True):
        assert got == want.ids, text


def test_texts_become_the_same_ids(ask):
    assert_same_ids(ask, list(texts(2000, seed=0)))


@pytest.mark.long
def test_20000_texts_become_the_same_ids(ask):
    assert_same_ids(ask, list(texts(20_000, seed=1)))


PLANES = range(17)  # of 65,536 code points each


@pytest.mark.long
@pytest.mark.parametrize("plane", PLANES)
def test_every_character_becomes_the_same_ids_beside_a_letter_and_a_number(ask, plane):
    codes = range(plane << 16, (plane + 1) << 16)
    texts = [f"a{chr(code)}1" for code in codes if not 0xD800 <= code <= 0xDFFF]
    for start in range(0, len(texts), 20_000):
        assert_same_ids(ask, texts[start : start + 20_000])


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc00\ud800"])
def test_half_a_surrogate_pair_is_refused_by_both(ask, text):
    with pytest.raises((TypeError, ValueError)):
        storybook().encode(text)
    assert ask(encode=[text]) == ["text must be valid Unicode, got half of a surrogate pair"]


def random_ids(count: int, seed: int) -> list[list[int]]:
    """Half of them of single bytes and odd tokens, which are seldom UTF-8."""
    r = random.Random(seed)
    tops = (storybook().vocab_size, 300)
    return [[r.randrange(tops[n % 2]) for _ in range(r.randint(0, 12))] for n in range(count)]


def test_any_sequence_of_ids_becomes_the_same_text(ask):
    given = random_ids(1000, seed=0)
    assert ask(decode=given) == [storybook().decode(ids) for ids in given]


def test_the_texts_of_single_tokens_are_the_same(ask):
    given = random_ids(200, seed=1)
    assert ask(texts=given) == [token_texts(storybook(), ids) for ids in given]


def test_a_text_comes_back(ask):
    given = list(texts(500, seed=3))
    assert ask(decode=ask(encode=given)) == given
