"""The exercises of chapter 16: right answers pass, and each usual mistake gets its own hint."""

import itertools

from decodelib import checks
from tests.helpers.exercise_laws import laws

# Solutions, each written differently from the checker's own.


def cache_bytes(layers, width, tokens, rows, itemsize):
    vectors = rows * tokens * layers * 2
    return vectors * width * itemsize


def least_ms_per_token(weights, cache, rows, bandwidth):
    per_row = weights / rows + cache
    return per_row / (bandwidth / 1000)


def nucleus_in_head(probs, p, k):
    totals = itertools.accumulate(sorted(probs)[::-1][:k])
    return next((i for i, total in enumerate(totals, start=1) if total > p - 1e-9), 0)


SOLUTIONS = {
    checks.cache_bytes: cache_bytes,
    checks.least_ms_per_token: least_ms_per_token,
    checks.nucleus_in_head: nucleus_in_head,
}


# Mistakes, written as a student would, and a word that only the right hint has.


def keys_without_values(layers, width, tokens, rows, itemsize):
    return rows * tokens * layers * width * itemsize


def numbers_for_bytes(layers, width, tokens, rows, itemsize):
    return rows * tokens * layers * 2 * width


def one_row(layers, width, tokens, rows, itemsize):
    return cache_bytes(layers, width, tokens, 1, itemsize)


def one_layer(layers, width, tokens, rows, itemsize):
    return cache_bytes(1, width, tokens, rows, itemsize)


def attention_matrix(layers, width, tokens, rows, itemsize):
    return cache_bytes(layers, width, tokens * tokens, rows, itemsize)


def whole_step(weights, cache, rows, bandwidth):
    return least_ms_per_token(weights, cache, rows, bandwidth) * rows


def weights_for_every_row(weights, cache, rows, bandwidth):
    return least_ms_per_token(weights, cache, 1, bandwidth)


def one_cache_for_all(weights, cache, rows, bandwidth):
    return 1000 * (weights + cache) / bandwidth / rows


def no_cache(weights, cache, rows, bandwidth):
    return least_ms_per_token(weights, 0, rows, bandwidth)


def in_seconds(weights, cache, rows, bandwidth):
    return least_ms_per_token(weights, cache, rows, bandwidth) / 1000


def renormalised_head(probs, p, k):
    head = sorted(probs)[::-1][:k]
    return nucleus_in_head([q / sum(head) for q in head], p, k)


def first_tokens(probs, p, k):
    return nucleus_in_head(probs[:k], p, k)


def k_if_not_enough(probs, p, k):
    size = nucleus_in_head(probs, p, k)
    return size if size else k


def crossing_token_lost(probs, p, k):
    size = nucleus_in_head(probs, p, k)
    return size - 1 if size else 0


MISTAKES = [
    (checks.cache_bytes, keys_without_values, "a key and a value"),
    (checks.cache_bytes, numbers_for_bytes, "itemsize"),
    (checks.cache_bytes, one_row, "row's cache"),
    (checks.cache_bytes, one_layer, "one layer's share"),
    (checks.cache_bytes, attention_matrix, "pairs"),
    (checks.least_ms_per_token, whole_step, "whole step"),
    (checks.least_ms_per_token, weights_for_every_row, "anew"),
    (checks.least_ms_per_token, one_cache_for_all, "not the cache"),
    (checks.least_ms_per_token, no_cache, "caches are missing"),
    (checks.least_ms_per_token, in_seconds, "in seconds"),
    (checks.nucleus_in_head, renormalised_head, "rescale"),
    (checks.nucleus_in_head, first_tokens, "as they stand"),
    (checks.nucleus_in_head, k_if_not_enough, "return 0"),
    (checks.nucleus_in_head, crossing_token_lost, "belongs to the nucleus"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
