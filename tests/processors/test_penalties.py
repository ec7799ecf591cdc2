"""What repetition costs: the penalty of the CTRL paper, presence, frequency, and DRY."""

import math

import pytest
import torch

import decodelib as dl


def test_repetition_penalty_divides_positive_and_multiplies_negative_logits():
    logits = torch.tensor([[2.0, -2.0, 1.0, -1.0]])
    result = dl.RepetitionPenalty(2.0)(torch.tensor([[0, 1, 0]]), logits)
    assert result.tolist() == [[1.0, -4.0, 1.0, -1.0]]


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("a b c a b", {"c": 2}),  # "a b" has been followed by c
        ("a b c x b", {}),  # only "b" matches: shorter than 2
        ("a b c a b c a b", {"c": 5}),  # the longest match counts
        ("a b c d a b e a b", {"c": 2, "e": 2}),
        ("a a a a", {"a": 3}),
        ("a . b c a . b", {}),  # a match does not cross the breaker
        ("a b . a b", {}),  # nor is a breaker itself penalised
        ("", {}),
    ],
)
def test_dry_finds_what_would_extend_a_repetition(text, matches):
    words = "abcdex."
    ids = [words.index(word) for word in text.split()]
    found = dl.DRY(breaker_ids=(6,)).matches(ids)
    assert {words[token]: length for token, length in found.items()} == matches


def test_dry_subtracts_multiplier_times_base_to_the_length_beyond_the_allowed():
    ids = torch.tensor([[0, 1, 2, 0, 1, 2, 0, 1]])  # a match of 5, followed by 2
    result = dl.DRY(multiplier=0.8, base=1.75, allowed_length=2)(ids, torch.zeros(1, 4))
    assert result[0].tolist() == pytest.approx([0, 0, -0.8 * 1.75**3, 0])


def test_dry_stays_finite_on_the_longest_loops():
    result = dl.DRY()(torch.zeros(1, 3000, dtype=torch.long), torch.zeros(1, 2))
    assert result.tolist() == [[-1e4, 0]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dl.RepetitionPenalty(0), "repetition_penalty must be a finite number greater"),
        (lambda: dl.DRY(base=0.5), "base must be a finite number of at least 1, got 0.5"),
        (lambda: dl.DRY(allowed_length=0), "allowed_length must be at least 1, got 0"),
    ],
)
def test_values_out_of_range_are_refused_in_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_dry_in_a_window_forgets_what_lies_before():
    ids = torch.tensor([[0, 1, 2, 3, 0, 1]])  # "0 1" has been followed by 2
    assert dl.DRY()(ids, torch.zeros(1, 4))[0].tolist() == pytest.approx([0, 0, -0.8, 0])
    assert dl.DRY(window=5)(ids, torch.zeros(1, 4)).tolist() == [[0, 0, 0, 0]]
    assert dl.DRY(skip=1)(ids, torch.zeros(1, 4)).tolist() == [[0, 0, 0, 0]]


def test_breakers_given_as_strings_are_all_tokens_that_contain_one():
    lm = dl.load("storybook")
    dry = dl.DRY.with_breakers(lm, ("\n", ":"), multiplier=0.5)
    assert dry.multiplier == 0.5
    for token_id in range(lm.vocab_size):
        text = lm.decode([token_id])
        assert (token_id in dry.breaker_ids) == ("\n" in text or ":" in text)
    the, colon, old, man = ids = lm.encode(" the: old man").tolist()
    assert dl.DRY().matches([*ids, the, colon, old]) == {man: 3}
    assert dry.matches([*ids, the, colon, old]) == {}


def test_breakers_that_no_token_contains_are_refused():
    lm = dl.TableLM({"": {"a": 1, "b": 1}})
    assert dl.DRY.with_breakers(lm, ["a"]).breaker_ids == tuple(lm.encode("a").tolist())
    with pytest.raises(ValueError, match="breakers must each be part of a token's text, got '\\*'"):
        dl.DRY.with_breakers(lm, ("a", "*"))
    with pytest.raises(ValueError, match="got ''"):
        dl.DRY.with_breakers(lm, [""])


def test_presence_counts_a_token_once_and_frequency_each_time():
    ids, logits = torch.tensor([[0, 1, 0, 0]]), torch.tensor([[1.0, -1.0, 5.0]])
    assert dl.PresencePenalty(0.5)(ids, logits).tolist() == [[0.5, -1.5, 5.0]]
    assert dl.FrequencyPenalty(0.5)(ids, logits).tolist() == [[-0.5, -1.5, 5.0]]
    assert dl.FrequencyPenalty(-1)(ids, logits).tolist() == [[4.0, 0.0, 5.0]]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [-3, -1, -1]),
        ({"window": 2}, [-1, 0, -1]),
        ({"window": 99}, [-3, -1, -1]),
        ({"skip": 1}, [-2, -1, -1]),
        ({"skip": 1, "window": 3}, [-2, 0, -1]),
        ({"skip": 9}, [0, 0, 0]),
    ],
)
def test_only_the_window_after_what_is_skipped_counts(settings, expected):
    ids = torch.tensor([[0, 1, 0, 2, 0]])
    assert dl.FrequencyPenalty(1, **settings)(ids, torch.zeros(1, 3)).tolist() == [expected]
    seen = [-1.0 if value else 0.0 for value in expected]
    assert dl.PresencePenalty(1, **settings)(ids, torch.zeros(1, 3)).tolist() == [seen]
    doubled = dl.RepetitionPenalty(2, **settings)(ids, -torch.ones(1, 3))
    assert doubled.tolist() == [[-2.0 if value else -1.0 for value in expected]]


@pytest.mark.parametrize(
    ("processor", "finds"),
    [
        (dl.PresencePenalty(99), "b"),  # by itself from the prompt's end on
        (dl.FrequencyPenalty(99), "b"),
        (dl.RepetitionPenalty(1e9, skip="prompt"), "b"),
        (dl.PresencePenalty(99, skip=0), "c"),
        (dl.RepetitionPenalty(1e9), "c"),
    ],
    ids=repr,
)
def test_the_prompt_counts_only_where_it_is_said_to(processor, finds):
    # Logits below zero, and after b comes the likeliest of what is not penalised.
    lm = dl.TableLM({"": {"b": 0.6, "c": 0.3, "a": 0.1}})
    generation = dl.generate(lm, "a b", dl.Sampling(processor, dl.TopK(1)), max_new_tokens=1)
    assert generation.text == f" {finds}"


def test_each_sequence_of_a_batch_skips_its_own_prompt():
    lm = dl.TableLM({"": {"b": 0.6, "c": 0.3, "a": 0.1}})
    strategy = dl.Sampling(dl.PresencePenalty(99), dl.TopK(1))
    texts = [g.text for g in dl.generate_batch(lm, ["b", "a b c"], strategy, max_new_tokens=3)]
    assert texts == [" b c a", " b c a"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dl.PresencePenalty(math.inf), "presence_penalty must be a finite number, got inf"),
        (lambda: dl.FrequencyPenalty(-math.inf), "frequency_penalty must be a finite number, got"),
        (lambda: dl.PresencePenalty(1, window=0), "window must be at least 1, got 0"),
        (lambda: dl.DRY(skip=-1), "skip must be at least 0, got -1"),
        (lambda: dl.RepetitionPenalty(1.2, skip="all"), "skip must be a number of tokens or 'prom"),
    ],
)
def test_values_out_of_range_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
