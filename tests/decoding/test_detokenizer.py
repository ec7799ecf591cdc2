"""Tokens to text one by one: whole characters, nothing taken back, for every kind of tokenizer."""

import random
import re

import pytest
from tokenizers.decoders import DecodeStream

from decodelib.decoding.detokenizer import Detokenizer, token_texts
from tests.helpers.tokenizer_families import FAMILIES, SCRIPTS, Recital, random_ids

each_family = pytest.mark.parametrize("family", FAMILIES)
FEW = pytest.param(200, id="few")
MANY = pytest.param(5000, id="many", marks=pytest.mark.long)


def collapsed(text):
    """Return the text with one replacement character for each run: how many there are differs."""
    return re.sub("\ufffd+", "\ufffd", text)


def said(tokenizer, ids):
    """Return the bytes that the tokens of a byte-fallback tokenizer stand for, as text."""
    data = b""
    for token_id in ids:
        token = tokenizer.id_to_token(token_id) or ""
        is_byte = re.fullmatch("<0x[0-9A-F]{2}>", token)
        data += bytes([int(token[3:5], 16)]) if is_byte else token.replace("▁", " ").encode()
    return data.decode(errors="replace")


@pytest.mark.parametrize("count", [FEW, MANY])
@each_family
def test_what_is_given_out_adds_up_to_the_text(family, count):
    tokenizer, rng = FAMILIES[family](), random.Random(11)
    for _ in range(count):
        ids = random_ids(rng, tokenizer)
        lm = Recital(tokenizer, ids, 1)
        text = "".join(token_texts(lm, ids))
        if family == "byte-fallback":  # whose decoder loses finished characters beside broken ones
            assert collapsed(text) == collapsed(said(tokenizer, ids))
        else:
            assert text == lm.decode(ids)


@pytest.mark.parametrize("count", [FEW, MANY])
@each_family
def test_text_comes_as_from_tokenizers_own_stream(family, count):
    tokenizer, rng = FAMILIES[family](), random.Random(12)
    scripts = [script for script in SCRIPTS if "\ufffd" not in script]  # theirs waits for ever
    for _ in range(count):
        text = "".join(rng.choices(scripts, k=2))
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        lm = Recital(tokenizer, ids, 1)
        stream = DecodeStream(skip_special_tokens=False)
        for token_id in lm._anchor:
            stream.step(tokenizer, token_id)
        theirs = [stream.step(tokenizer, token_id) or "" for token_id in ids]
        detokenizer = Detokenizer(lm.decode)
        ours = [detokenizer.push(token_id) for token_id in ids]
        if family == "byte-level":  # theirs keeps back what comes before an unfinished character
            assert "".join(ours) == "".join(theirs)
        else:
            assert ours == theirs


@each_family
def test_every_character_of_a_text_cut_anywhere_is_kept(family):
    tokenizer = FAMILIES[family]()
    ids = tokenizer.encode("🦊🦊 가나다 日本語", add_special_tokens=False).ids
    lm = Recital(tokenizer, ids, 1)
    whole = "".join(token_texts(lm, ids))
    for length in range(len(ids) + 1):
        text = "".join(token_texts(lm, ids[:length]))
        finished = text.rstrip("\ufffd")
        assert whole.startswith(finished)
        assert len(text) - len(finished) <= 3


def test_two_foxes_as_eight_bytes_are_two_foxes():
    tokenizer = FAMILIES["byte-fallback"]()
    ids = [tokenizer.token_to_id(f"<0x{byte:02X}>") for byte in "🦊🦊".encode()]
    lm = Recital(tokenizer, ids, 1)
    assert token_texts(lm, ids) == ["", "", "", "🦊", "", "", "", "🦊"]
    assert token_texts(lm, ids[:6]) == ["", "", "", "🦊", "", "\ufffd\ufffd"]


def test_bytes_that_are_no_character_do_not_spoil_the_next_one():
    tokenizer = FAMILIES["byte-fallback"]()
    broken = [0xFF, *"é".encode(), 0xF0, ord("A")]
    ids = [tokenizer.token_to_id(f"<0x{byte:02X}>") for byte in broken]
    assert "".join(token_texts(Recital(tokenizer, ids, 1), ids)) == "\ufffdé\ufffdA"


def test_ids_without_a_text_change_nothing():
    tokenizer = FAMILIES["byte-fallback"]()
    ids = [tokenizer.token_to_id(f"<0x{byte:02X}>") for byte in "é".encode()]
    padding = tokenizer.get_vocab_size() + 1
    lm = Recital(tokenizer, [*ids, padding], 1)
    assert token_texts(lm, [ids[0], padding, ids[1], padding]) == ["", "", "é", ""]


@each_family
def test_a_fork_goes_on_by_itself(family):
    tokenizer, rng = FAMILIES[family](), random.Random(13)
    for _ in range(50):
        ids = random_ids(rng, tokenizer)
        lm = Recital(tokenizer, ids, 1)
        cut = rng.randrange(len(ids))
        first = Detokenizer(lm.decode)
        before = [first.push(token_id) for token_id in ids[:cut]]
        second = first.fork()
        for detokenizer in (first, second):
            after = [detokenizer.push(token_id) for token_id in ids[cut:]]
            assert "".join([*before, *after, detokenizer.finish()]) == "".join(token_texts(lm, ids))


@pytest.mark.parametrize("length", [300, pytest.param(20_000, marks=pytest.mark.long)])
@each_family
def test_the_work_grows_with_the_number_of_tokens_alone(family, length):
    tokenizer, rng = FAMILIES[family](), random.Random(14)
    ids = [token_id for _ in range(length // 10) for token_id in random_ids(rng, tokenizer, 10)]
    # and the worst of all: bytes of which none ever becomes a character
    if family != "word-piece":
        broken = {"byte-level": "¥", "byte-fallback": "<0xA5>"}[family]
        ids += [tokenizer.token_to_id(broken)] * (length // 4)
    lm = Recital(tokenizer, ids, 1)
    decoded = 0

    def counted(some):
        nonlocal decoded
        decoded += len(some)
        return lm.decode(some)

    detokenizer = Detokenizer(counted)
    for token_id in ids:
        detokenizer.push(token_id)
    assert decoded < 40 * len(ids)
    assert len(detokenizer.open_ids) < 12
