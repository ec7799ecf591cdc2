"""The exercises of chapter 3: right answers pass, and each usual mistake gets its own hint."""

import itertools

import pytest

from decodelib import checks

CHECKERS = [checks.greedy_path, checks.best_path, checks.ends_in_loop]
each_checker = pytest.mark.parametrize("check", CHECKERS, ids=lambda check: check.__name__)


# Solutions, each written differently from the checker's own.


def greedy_path(table, start, steps):
    if steps == 0:
        return []
    row = table[start]
    best = next(word for word in row if row[word] == max(row.values()))
    return [best, *greedy_path(table, best, steps - 1)]


def best_path(table, start, steps):
    beams = {(start,): 1.0}
    for _ in range(steps):
        beams = {
            (*path, word): prob * q
            for path, prob in beams.items()
            for word, q in table[path[-1]].items()
        }
    return list(max(beams, key=beams.get)[1:])


def ends_in_loop(tokens):
    return any(
        tokens[-n:] == tokens[-2 * n : -n] == tokens[-3 * n : -2 * n]
        for n in range(2, len(tokens) // 3 + 1)
    )


SOLUTIONS = {
    checks.greedy_path: greedy_path,
    checks.best_path: best_path,
    checks.ends_in_loop: ends_in_loop,
}


@each_checker
def test_the_solution_passes(check):
    verdict = check(SOLUTIONS[check])
    assert verdict.passed, verdict.message


def test_tuples_of_words_are_as_good_as_lists():
    assert checks.greedy_path(lambda *given: tuple(greedy_path(*given))).passed


@each_checker
def test_a_constant_answer_fails(check):
    assert not check(lambda *_: True).passed
    assert not check(lambda *_: False).passed
    assert not check(lambda *_: []).passed


# Mistakes, written as their authors would.


def looks_up_the_start_every_time(table, start, steps):
    path = []
    for _ in range(steps):
        row = table[start]
        path.append(max(row, key=row.get))
    return path


def compares_words(table, start, steps):
    path, word = [], start
    for _ in range(steps):
        word = sorted(table[word])[-1]
        path.append(word)
    return path


def sorts_upwards(table, start, steps):
    path, word = [], start
    for _ in range(steps):
        word = sorted(table[word].items(), key=lambda item: item[1])[0][0]
        path.append(word)
    return path


def takes_the_last_of_equals(table, start, steps):
    path, word = [], start
    for _ in range(steps):
        word = sorted(table[word].items(), key=lambda item: item[1])[-1][0]
        path.append(word)
    return path


def keeps_the_start(table, start, steps):
    path = [start]
    while len(path) <= steps:
        row = table[path[-1]]
        path.append(max(row, key=row.get))
    return path


def counts_the_start_as_a_step(table, start, steps):
    path = [start]
    while len(path) < steps:
        row = table[path[-1]]
        path.append(max(row, key=row.get))
    return path


def _enumerate(table, start, steps):
    for path in itertools.product(table, repeat=steps):
        words = [start, *path]
        probs = [table[a].get(b, 0) for a, b in itertools.pairwise(words)]
        if min(probs) > 0:
            yield path, probs


def adds_probabilities(table, start, steps):
    return list(max(_enumerate(table, start, steps), key=lambda pair: sum(pair[1]))[0])


def looks_at_the_last_step(table, start, steps):
    return list(max(_enumerate(table, start, steps), key=lambda pair: pair[1][-1])[0])


def _product(probs):
    result = 1.0
    for prob in probs:
        result *= prob
    return result


def minimises(table, start, steps):
    return list(min(_enumerate(table, start, steps), key=lambda pair: _product(pair[1]))[0])


def returns_the_probability(table, start, steps):
    return max(_product(probs) for _, probs in _enumerate(table, start, steps))


def keeps_the_start_of_the_best(table, start, steps):
    return [start, *best_path(table, start, steps)]


def accepts_one_token(tokens):
    for n in range(1, len(tokens)):
        phrase = tokens[-n:]
        if tokens[-3 * n :] == phrase * 3:
            return True
    return False


def is_content_with_two(tokens):
    return any(tokens[-2 * n :] == tokens[-n:] * 2 for n in range(2, len(tokens)))


def wants_three_repetitions_after_the_first(tokens):
    return any(tokens[-4 * n :] == tokens[-n:] * 4 for n in range(2, len(tokens)))


def looks_anywhere(tokens):
    for i in range(len(tokens)):
        for n in range(2, len(tokens)):
            phrase = tokens[i : i + n]
            if len(phrase) == n and tokens[i : i + 3 * n] == phrase * 3:
                return True
    return False


def counts_the_last_phrase(tokens):
    for n in range(2, len(tokens)):
        windows = [tokens[i : i + n] for i in range(len(tokens) - n + 1)]
        if windows.count(tokens[-n:]) >= 3:
            return True
    return False


def counts_any_phrase(tokens):
    pairs = [(tokens[i], tokens[i + 1]) for i in range(len(tokens) - 1)]
    return any(pairs.count(pair) > 2 for pair in pairs)


def tries_pairs_only(tokens):
    return len(tokens) >= 6 and tokens[-2:] == tokens[-4:-2] == tokens[-6:-4]


def tries_triples_only(tokens):
    return len(tokens) >= 9 and tokens[-3:] == tokens[-6:-3] == tokens[-9:-6]


def stops_one_length_early(tokens):
    return any(tokens[-3 * n :] == tokens[-n:] * 3 for n in range(2, len(tokens) // 3))


MISTAKES = [
    (checks.greedy_path, looks_up_the_start_every_time, "row of the word you have just added"),
    (checks.greedy_path, compares_words, "alphabet"),
    (checks.greedy_path, sorts_upwards, "least probable word"),
    (checks.greedy_path, takes_the_last_of_equals, "first one listed"),
    (checks.greedy_path, keeps_the_start, "only the words that come after"),
    (checks.greedy_path, counts_the_start_as_a_step, "only the words that come after"),
    (checks.greedy_path, best_path, "without looking at the words after"),
    (checks.best_path, greedy_path, "greedy path"),
    (checks.best_path, adds_probabilities, "product"),
    (checks.best_path, looks_at_the_last_step, "last step alone"),
    (checks.best_path, minimises, "least probable path"),
    (checks.best_path, returns_the_probability, "Return its words"),
    (checks.best_path, keeps_the_start_of_the_best, "only the words that come after"),
    (checks.ends_in_loop, accepts_one_token, "phrase of one token"),
    (checks.ends_in_loop, is_content_with_two, "two copies"),
    (checks.ends_in_loop, wants_three_repetitions_after_the_first, "four copies"),
    (checks.ends_in_loop, looks_anywhere, "must be the end"),
    (checks.ends_in_loop, counts_the_last_phrase, "without anything between"),
    (checks.ends_in_loop, counts_any_phrase, "without anything between"),
    (checks.ends_in_loop, tries_pairs_only, "phrases of 2 tokens only"),
    (checks.ends_in_loop, tries_triples_only, "phrases of 3 tokens only"),
    (checks.ends_in_loop, stops_one_length_early, "one length too early"),
]


@pytest.mark.parametrize(
    ("check", "mistake", "hint"), MISTAKES, ids=[mistake.__name__ for _, mistake, _ in MISTAKES]
)
def test_each_mistake_gets_the_hint_about_it(check, mistake, hint):
    verdict = check(mistake)
    assert not verdict.passed
    assert hint in verdict.message


def test_a_mistake_nobody_foresaw_gets_the_first_case_that_differs():
    verdict = checks.ends_in_loop(lambda tokens: len(tokens) % 2 == 0)
    assert not verdict.passed
    assert "ends_in_loop" in verdict.message or "<lambda>" in verdict.message
    assert "expected" in verdict.message
