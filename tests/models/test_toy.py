"""TableLM is exact: what it says is what its table says."""

import math

import pytest
import torch

import decodelib as dl


def test_logits_are_the_logarithms_of_the_tables_weights():
    lm = dl.TableLM({"": {"a": 3, "b": 1}, "a": {"<eos>": 1}})
    assert lm.words == ["<bos>", "<eos>", "a", "b"]
    assert lm.next_logits("").exp().tolist() == pytest.approx([0, 0, 0.75, 0.25])
    assert lm.next_logits("a").exp().tolist() == pytest.approx([0, 1, 0, 0])
    assert lm.next_logits("a b").exp().tolist() == pytest.approx([0, 0, 0.75, 0.25])


def test_the_longest_context_that_fits_is_used():
    lm = dl.TableLM({"": {"a": 1}, "a": {"b": 1}, "a a": {"c": 1}, "b": {"a": 1}, "c": {"c": 1}})
    for prompt, following in [("", "a"), ("a", "b"), ("a a", "c"), ("b a", "b"), ("a a a", "c")]:
        assert lm.words[int(lm.next_logits(prompt).argmax())] == following, prompt


def test_logits_of_a_sequence_are_those_after_each_of_its_prefixes():
    lm = dl.TableLM({"": {"a": 0.5, "b": 0.5}, "a": {"b": 1}, "a b": {"a": 1}})
    ids = lm.encode("a b a")
    for end in range(1, 4):
        assert torch.equal(lm.logits(ids)[end - 1], lm.next_logits(ids[:end]))


def test_text_and_ids_are_two_ways_to_say_the_same():
    lm = dl.TableLM({"": {"one": 1, "two": 1}})
    assert lm.decode(lm.encode("one two one")) == " one two one"
    assert lm.encode("").tolist() == []


def test_every_sequences_probabilities_sum_to_one():
    lm = dl.TableLM({"": {"a": 0.2, "b": 0.5, "<eos>": 0.3}, "b": {"b": 0.9, "<eos>": 0.1}})
    total = 0.0
    for first in range(lm.vocab_size):
        for second in range(lm.vocab_size):
            logp = lm.next_logits("")[first] + lm.next_logits([0, first])[second]
            total += math.exp(float(logp))
    assert total == pytest.approx(1)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({}, "^table must hold at least one context, got none$"),
        ({"": {}}, "^weights must be at least 0 and not all 0, got {} after ''$"),
        ({"": {"a": 0}}, "^weights must be at least 0 and not all 0"),
        ({"": {"a": 2, "b": -1}}, "^weights must be at least 0 and not all 0"),
        ({"": {"a": math.nan}}, "^weights must be at least 0 and not all 0"),
        ({"": {"a": math.inf}}, "^weights must be at least 0 and not all 0"),
    ],
)
def test_impossible_tables_raise(table, sentence):
    with pytest.raises(ValueError, match=sentence):
        dl.TableLM(table)


def test_unknown_words_and_missing_rows_raise():
    lm = dl.TableLM({"a": {"b": 1}})
    with pytest.raises(ValueError, match=r"^text must be made of words of the table, got 'zebra'$"):
        lm.encode("a zebra")
    with pytest.raises(ValueError, match=r"^table has no row for a text that ends in ' b'"):
        lm.next_logits("b")


def test_one_end_may_be_assigned_in_place_of_all() -> None:
    lm = dl.TableLM({"": {"a": 1, "b": 1}})
    assert (lm.eos_token_ids, lm.eos_token_id) == ((1,), 1)
    lm.eos_token_ids = (2, 3)
    assert lm.eos_token_id == 2
    lm.eos_token_id = None
    assert lm.eos_token_ids == ()
    lm.eos_token_id = 3
    assert lm.eos_token_ids == (3,)
