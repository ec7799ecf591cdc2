"""The exercises of chapter 2: right answers pass, and each usual mistake gets its own hint."""

import itertools
import math

import numpy as np

from decodelib import checks
from tests.helpers.exercise_laws import laws

EOS = "<eos>"

# Solutions, each written differently from the checker's own.


def marginals(table, start, steps):
    words = sorted(table)
    matrix = np.array([[table[a].get(b, 0.0) for b in words] for a in words])
    row = np.linalg.matrix_power(matrix, steps)[words.index(start)]
    return dict(zip(words, row.tolist(), strict=True))


def usual_surprisal(table, start, steps):
    if steps == 0:
        return 0.0
    rest = ((p, usual_surprisal(table, word, steps - 1)) for word, p in table[start].items())
    return sum(p * (later - math.log(p)) for p, later in rest)


def best_finished(table, start, longest):
    best, todo = (0.0, []), [(1.0, [])]
    for prob, path in todo:
        for word, p in table[path[-1] if path else start].items():
            if prob * p <= best[0]:
                continue
            if word == EOS:
                best = prob * p, path
            elif len(path) < longest:
                todo.append((prob * p, [*path, word]))
    return best[1]


SOLUTIONS = {
    checks.marginals: marginals,
    checks.usual_surprisal: usual_surprisal,
    checks.best_finished: best_finished,
}


def test_words_that_cannot_be_there_may_be_left_out():
    def without_zeros(*given):
        return {word: prob for word, prob in marginals(*given).items() if prob > 0}

    assert checks.marginals(without_zeros).passed


# Mistakes, written as their authors would.


def keeps_the_best_way(table, start, steps):
    here = {start: 1.0}
    for _ in range(steps):
        there = {}
        for word, prob in here.items():
            for after, p in table[word].items():
                there[after] = max(there.get(after, 0), prob * p)
        here = there
    return here


def overwrites(table, start, steps):
    here = {start: 1.0}
    for _ in range(steps):
        there = {}
        for word, prob in here.items():
            for after, p in table[word].items():
                there[after] = prob * p
        here = there
    return here


def forgets_where_it_is(table, start, steps):
    words = {start: 1.0}
    for _ in range(steps):
        names = {after for word in words for after in table[word]}
        words = {after: sum(table[w].get(after, 0) for w in words) for after in names}
    return words


def steps_once(table, start, steps):
    return dict(table[start])


def stops_early(table, start, steps):
    return marginals(table, start, steps - 1)


def _all_paths(table, start, steps):
    for path in itertools.product(table, repeat=steps):
        prob = math.prod(table[a].get(b, 0) for a, b in itertools.pairwise([start, *path]))
        if prob:
            yield prob


def of_the_mode(table, start, steps):
    return -math.log(max(_all_paths(table, start, steps)))


def plain_mean(table, start, steps):
    probs = list(_all_paths(table, start, steps))
    return -sum(map(math.log, probs)) / len(probs)


def first_row_every_time(table, start, steps):
    return steps * -sum(p * math.log(p) for p in table[start].values())


def per_word(*given):
    return usual_surprisal(*given) / given[-1]


def in_bits(*given):
    return usual_surprisal(*given) / math.log(2)


def mean_logprob(*given):
    return -usual_surprisal(*given)


def greedy(table, start, longest):
    word, words = start, []
    for _ in range(longest):
        word = max(table[word], key=table[word].get)
        if word == EOS:
            return words
        words.append(word)
    return words


def _ended(table, start, lengths):
    for n in lengths:
        for path in itertools.product(list(table), repeat=n):
            words = [start, *path, EOS]
            prob = math.prod(table[a].get(b, 0) for a, b in itertools.pairwise(words))
            if prob:
                yield prob, list(path)


def divides_by_the_length(table, start, longest):
    texts = _ended(table, start, range(longest + 1))
    return max(texts, key=lambda pair: math.log(pair[0]) / (len(pair[1]) + 1))[1]


def never_ends_at_once(table, start, longest):
    return max(_ended(table, start, range(1, longest + 1)))[1]


def only_the_longest(table, start, longest):
    return max(_ended(table, start, [longest]))[1]


def counts_the_end(table, start, longest):
    return best_finished(table, start, longest - 1)


def keeps_the_end(table, start, longest):
    return [*best_finished(table, start, longest), EOS]


MISTAKES = [
    (checks.marginals, keeps_the_best_way, "best path to each word"),
    (checks.marginals, overwrites, "the last one looked at"),
    (checks.marginals, forgets_where_it_is, "as if it were certain"),
    (checks.marginals, steps_once, "one step only"),
    (checks.marginals, stops_early, "one step too early"),
    (checks.usual_surprisal, of_the_mode, "most probable text"),
    (checks.usual_surprisal, plain_mean, "as if they were equally probable"),
    (checks.usual_surprisal, first_row_every_time, "like the first"),
    (checks.usual_surprisal, per_word, "per word"),
    (checks.usual_surprisal, in_bits, "bits"),
    (checks.usual_surprisal, mean_logprob, "mean log-probability"),
    (checks.best_finished, greedy, "greedy text"),
    (checks.best_finished, divides_by_the_length, "divide by the length"),
    (checks.best_finished, never_ends_at_once, "may end at once"),
    (checks.best_finished, only_the_longest, "exactly `longest` words"),
    (checks.best_finished, counts_the_end, "count <eos>"),
    (checks.best_finished, keeps_the_end, "leave <eos> out"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
