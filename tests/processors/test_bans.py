"""Suppressed tokens and words, biases, and n-grams that may not come twice."""

import itertools
import math

import pytest
import torch

import decodelib as dl

INF = math.inf


def left(processor, ids, vocab=5):
    logits = processor(torch.tensor([ids], dtype=torch.long), torch.zeros(1, vocab))
    return (logits > -INF).nonzero()[:, 1].tolist()


def test_a_token_that_would_repeat_an_n_gram_is_removed():
    assert left(dl.NoRepeatNGram(2), [0, 1, 2, 0]) == [0, 2, 3, 4]  # "0 1" has been
    assert left(dl.NoRepeatNGram(2), [0, 1, 0, 3, 0]) == [0, 2, 4]
    assert left(dl.NoRepeatNGram(3), [0, 1, 2, 0]) == [0, 1, 2, 3, 4]
    assert left(dl.NoRepeatNGram(3), [0, 1, 2, 0, 1]) == [0, 1, 3, 4]
    assert left(dl.NoRepeatNGram(1), [0, 1, 2]) == [3, 4]
    assert left(dl.NoRepeatNGram(2), [0]) == [0, 1, 2, 3, 4]
    assert left(dl.NoRepeatNGram(2), [0, 0]) == [1, 2, 3, 4]


def test_n_grams_of_the_prompt_or_before_the_window_may_be_allowed():
    assert left(dl.NoRepeatNGram(2, skip=2), [0, 1, 2, 0]) == [0, 1, 2, 3, 4]
    assert left(dl.NoRepeatNGram(2, window=3), [0, 1, 2, 0]) == [0, 1, 2, 3, 4]


def test_each_row_of_n_grams_is_its_own():
    ids = torch.tensor([[0, 1, 0], [1, 0, 1]])
    result = dl.NoRepeatNGram(2)(ids, torch.zeros(2, 3))
    assert (result > -INF).tolist() == [[True, False, True], [False, True, True]]


def test_a_text_without_repeated_n_grams_has_none():
    lm = dl.load("storybook")
    blocked = dl.Sampling(dl.NoRepeatNGram(2), dl.TopK(1))
    for strategy, repeats in ((dl.Greedy(), True), (blocked, False)):
        ids = dl.generate(lm, "Once upon a time", strategy, max_new_tokens=60).token_ids
        pairs = list(itertools.pairwise(ids))
        assert (len(set(pairs)) < len(pairs)) == repeats


def test_suppressed_tokens_go_and_words_go_where_they_would_end():
    banned = dl.SuppressTokens([0, (1, 2), (3, 1, 2)])
    assert left(banned, [4]) == [1, 2, 3, 4]
    assert left(banned, [1]) == [1, 3, 4]
    assert left(banned, []) == [1, 2, 3, 4]
    assert left(dl.SuppressTokens([(3, 1, 2)]), [3, 1]) == [0, 1, 3, 4]
    assert left(dl.SuppressTokens([(3, 1, 2)]), [0, 1]) == [0, 1, 2, 3, 4]


def test_what_would_leave_nothing_removes_nothing():
    assert left(dl.SuppressTokens(range(5)), [0]) == [0, 1, 2, 3, 4]
    assert left(dl.NoRepeatNGram(1), [0, 1, 2, 3, 4]) == [0, 1, 2, 3, 4]


def test_a_bias_multiplies_the_odds_by_its_exponential():
    logits = torch.tensor([[0.5, 0.3, 0.2]], dtype=torch.float64).log()
    probs = dl.LogitBias({1: 1.0})(torch.tensor([[0]]), logits).softmax(-1)[0]
    odds = probs[1] / (1 - probs[1])
    assert float(odds) == pytest.approx(math.e * 0.3 / 0.7)
    assert float(probs[0] / probs[2]) == pytest.approx(2.5)


def test_a_word_is_biased_at_its_last_token_and_biases_add_up():
    bias = dl.LogitBias({(0, 1): 2.0, 1: 0.5, (2, 0, 1): -1.0})
    for ids, expected in (([0], 2.5), ([2, 0], 1.5), ([1], 0.5), ([], 0.5)):
        result = bias(torch.tensor([ids], dtype=torch.long), torch.zeros(1, 3))
        assert result.tolist() == [[0, expected, 0]]


def test_one_bias_is_one_value_however_it_is_written():
    assert dl.LogitBias({3: 1, (1, 2): 2}) == dl.LogitBias({(1, 2): 2.0, (3,): 1.0})
    assert repr(dl.LogitBias({3: 1, (1, 2): 2})) == "LogitBias({(1, 2): 2.0, 3: 1.0})"
    assert dl.SuppressTokens([[1, 2], [3]]) == dl.SuppressTokens(((1, 2), 3))


@pytest.mark.parametrize("processor", [dl.SuppressTokens([7]), dl.LogitBias({(1, 7): 1.0})])
def test_a_token_outside_the_vocabulary_is_named(processor):
    message = "token ids must be below the vocabulary's size of 5, got 7"
    with pytest.raises(ValueError, match=message):
        processor(torch.tensor([[0]]), torch.zeros(1, 5))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dl.NoRepeatNGram(0), "no_repeat_ngram_size must be at least 1, got 0"),
        (lambda: dl.SuppressTokens([-1]), "token_ids must be at least 0, got -1"),
        (lambda: dl.SuppressTokens([()]), "token_ids must hold no word without a token, got "),
        (lambda: dl.LogitBias({1: INF}), "biases must be a finite number, got inf"),
    ],
)
def test_values_out_of_range_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
