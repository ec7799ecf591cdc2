"""The exercises of chapter 4: right answers pass, and each usual mistake gets its own hint."""

import math

import torch

import decodelib as dl
from decodelib import checks
from tests.helpers.exercise_laws import laws

# Solutions, each written differently from the checker's own.


def expand_and_prune(hypotheses, table, num_beams):
    candidates = []
    for logprob, words in hypotheses:
        row = table[words[-1]]
        for word in row:
            candidates.append((logprob + math.log(row[word]), [*words, word]))
    candidates.sort(key=lambda candidate: candidate[0], reverse=True)
    return candidates[:num_beams]


def penalised_score(logprobs, alpha):
    total = torch.tensor(logprobs, dtype=torch.float64).sum()
    return total * math.exp(-alpha * math.log(len(logprobs)))


def can_stop(scores, logprob, num_beams, alpha, longest):
    if len(scores) < num_beams:
        return False
    return not any(logprob / longest**alpha > score for score in scores)


SOLUTIONS = {
    checks.expand_and_prune: expand_and_prune,
    checks.penalised_score: penalised_score,
    checks.can_stop: can_stop,
}


def test_pairs_may_be_lists():
    assert checks.expand_and_prune(lambda *args: list(map(list, expand_and_prune(*args)))).passed


def test_repeated_steps_are_the_librarys_beam_search():
    table = {
        "the": {"mat": 0.5, "roof": 0.4, "moon": 0.1},
        "mat": {"and": 0.4, "while": 0.35, "the": 0.25},
        "roof": {"and": 0.9, "the": 0.1},
        "moon": {"the": 1.0},
        "and": {"the": 0.6, "moon": 0.4},
        "while": {"the": 0.7, "roof": 0.3},
    }
    live = [(0.0, ["the"])]
    for _ in range(5):
        live = expand_and_prune(live, table, 3)
    strategy = dl.BeamSearch(3, length_penalty=0.0, num_return_sequences=3)
    best = dl.generate(dl.TableLM(table), "the", strategy, max_new_tokens=5)
    found = [["the", *g.text.split()] for g in (best, *best.alternatives)]
    assert found == [words for _, words in live]
    assert math.isclose(best.score, live[0][0])


# Mistakes, written as a student would, and words that only the right hint has.


def searches_one_by_one(hypotheses, table, num_beams):
    grown = []
    for logprob, words in hypotheses:
        row = table[words[-1]]
        best = max(row, key=row.get)
        grown.append((logprob + math.log(row[best]), [*words, best]))
    return sorted(grown, reverse=True)


def looks_at_the_last_word(hypotheses, table, num_beams):
    grown = [(q, total + math.log(q), [*ws, w]) for total, ws in hypotheses
             for w, q in table[ws[-1]].items()]  # fmt: skip
    grown.sort(key=lambda entry: -entry[0])
    return [(total, words) for _, total, words in grown[:num_beams]]


def forgets_what_was_there(hypotheses, table, num_beams):
    grown = [(math.log(q), [*ws, w]) for _, ws in hypotheses for w, q in table[ws[-1]].items()]
    return sorted(grown, reverse=True)[:num_beams]


def mixes_logs_and_probabilities(hypotheses, table, num_beams):
    grown = [(total + q, [*ws, w]) for total, ws in hypotheses for w, q in table[ws[-1]].items()]
    return sorted(grown, reverse=True)[:num_beams]


def sorts_upwards(hypotheses, table, num_beams):
    return sorted(expand_and_prune(hypotheses, table, 10**6))[:num_beams]


def does_not_prune(hypotheses, table, num_beams):
    return expand_and_prune(hypotheses, table, 10**6)


def puts_the_best_last(hypotheses, table, num_beams):
    return sorted(expand_and_prune(hypotheses, table, num_beams))


def multiplies(logprobs, alpha):
    return sum(logprobs) * len(logprobs) ** alpha


def takes_the_mean(logprobs, alpha):
    return sum(logprobs) / len(logprobs)


def ignores_the_length(logprobs, alpha):
    return sum(logprobs)


def follows_the_paper(logprobs, alpha):
    return sum(logprobs) / ((5 + len(logprobs)) ** alpha / (5 + 1) ** alpha)


def divides_the_probability(logprobs, alpha):
    return math.prod(math.exp(x) for x in logprobs) / len(logprobs) ** alpha


def changes_the_sign(logprobs, alpha):
    return abs(sum(logprobs)) / len(logprobs) ** alpha


def does_not_count(scores, logprob, num_beams, alpha, longest):
    if not scores:
        return False
    return logprob / longest**alpha <= min(scores)


def stops_at_once(scores, logprob, num_beams, alpha, longest):
    return len(scores) == num_beams


def compares_with_the_best(scores, logprob, num_beams, alpha, longest):
    return len(scores) == num_beams and logprob / longest**alpha <= max(scores)


def compares_the_plain_sum(scores, logprob, num_beams, alpha, longest):
    return len(scores) == num_beams and all(logprob <= score for score in scores)


def stops_when_it_should_go_on(scores, logprob, num_beams, alpha, longest):
    return len(scores) == num_beams and logprob / longest**alpha > min(scores)


MISTAKES = [
    (checks.expand_and_prune, searches_one_by_one, "several greedy searches"),
    (checks.expand_and_prune, looks_at_the_last_word, "last word alone"),
    (checks.expand_and_prune, forgets_what_was_there, "already has is lost"),
    (checks.expand_and_prune, mixes_logs_and_probabilities, "Add its logarithm"),
    (checks.expand_and_prune, sorts_upwards, "least probable ones"),
    (checks.expand_and_prune, does_not_prune, "do not prune"),
    (checks.expand_and_prune, puts_the_best_last, "best should come first"),
    (checks.penalised_score, multiplies, "Divide by it"),
    (checks.penalised_score, takes_the_mean, "alpha = 1 only"),
    (checks.penalised_score, ignores_the_length, "alpha = 0 only"),
    (checks.penalised_score, follows_the_paper, "Wu et al."),
    (checks.penalised_score, divides_the_probability, "divide the probability"),
    (checks.penalised_score, changes_the_sign, "sign is wrong"),
    (checks.can_stop, does_not_count, "fewer than `num_beams`"),
    (checks.can_stop, stops_at_once, "early_stopping=True"),
    (checks.can_stop, compares_with_the_best, "worst of them"),
    (checks.can_stop, compares_the_plain_sum, "plain sum with scores"),
    (checks.can_stop, stops_when_it_should_go_on, "other way round"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
