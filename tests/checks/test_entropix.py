"""The exercises of chapter 11: right answers pass, and each usual mistake gets its own hint."""

import math
import statistics

import numpy as np
import torch

import decodelib as dl
from decodelib.checks import entropix as checks
from decodelib.distributions import entropy_and_varentropy
from tests.helpers.exercise_laws import laws

# Solutions, each written differently from the checker's own: the library's, where it has one.


def in_nats(entropy_bits, varentropy_square_bits):
    """Convert by what the library's default thresholds say: 5 bits, and 5 square bits."""
    default = dl.EntropySampling()
    return (
        entropy_bits / 5 * default.high_entropy,
        varentropy_square_bits / 5 * default.high_varentropy,
    )


def best_branch(branches):
    return int(np.argmax([np.mean(branch) for branch in branches]))


ACTIONS = {
    "certain": "greedy", "forked": "branch", "wide": "pause", "lost": "resample",
    "between": "sample",
}  # fmt: skip


def moments(probs):
    return [float(x) for x in entropy_and_varentropy(torch.tensor(probs).double().log())]


def act(entropy, varentropy, low_h, high_h, low_w, high_w):
    strategy = dl.EntropySampling(
        low_entropy=low_h, high_entropy=high_h, low_varentropy=low_w, high_varentropy=high_w
    )
    return ACTIONS[strategy.quadrant(entropy, varentropy)]


def choose_action(probs, *thresholds):
    return act(*moments(probs), *thresholds)


SOLUTIONS = {
    checks.in_nats: in_nats,
    checks.best_branch: best_branch,
    checks.choose_action: choose_action,
}


def test_other_ways_to_the_same_answer_pass():
    assert checks.in_nats(lambda h, w: [h / math.log2(math.e), w / math.log2(math.e) ** 2]).passed

    def by_geometric_mean(branches):
        return max(range(len(branches)), key=lambda i: statistics.fmean(branches[i]))

    assert checks.best_branch(by_geometric_mean).passed


def test_the_probes_of_actions_call_for_each_of_the_five():
    called = {choose_action(*probe) for probe in checks._ACTION.probes}
    assert called == set(ACTIONS.values())


# Mistakes, written as a student would, and words that only the right hint has.


def one_factor(h, w):
    return h * math.log(2), w * math.log(2)


def wrong_way(h, w):
    return h / math.log(2), w / math.log(2) ** 2


def wrong_way_with_one_factor(h, w):
    return h * math.log2(math.e), w * math.log2(math.e)


def varentropy_forgotten(h, w):
    return h * math.log(2), w


def root_of_the_factor(h, w):
    return h * math.log(2), w * math.log(2) ** 0.5


def index_of_best(branches, score):
    return max(range(len(branches)), key=lambda i: score(branches[i]))


def highest_sum(branches):
    return index_of_best(branches, sum)


def lowest_mean(branches):
    return index_of_best(branches, lambda branch: -np.mean(branch))


def best_first_token(branches):
    return index_of_best(branches, lambda branch: branch[0])


def best_last_token(branches):
    return index_of_best(branches, lambda branch: branch[-1])


def best_token(branches):
    return index_of_best(branches, max)


def best_worst_token(branches):
    return index_of_best(branches, min)


def mean_of_probabilities(branches):
    return index_of_best(branches, lambda branch: np.exp(branch).mean())


def mean_itself(branches):
    return max(statistics.fmean(branch) for branch in branches)


def numbers_swapped(probs, *thresholds):
    entropy, varentropy = moments(probs)
    return act(varentropy, entropy, *thresholds)


def in_bits(probs, *thresholds):
    entropy, varentropy = moments(probs)
    return act(entropy / math.log(2), varentropy / math.log(2) ** 2, *thresholds)


def standard_deviation(probs, *thresholds):
    entropy, varentropy = moments(probs)
    return act(entropy, varentropy**0.5, *thresholds)


def swapped(action, one, other):
    return {one: other, other: one}.get(action, action)


def branch_and_resample_swapped(probs, *thresholds):
    return swapped(choose_action(probs, *thresholds), "branch", "resample")


def pause_and_resample_swapped(probs, *thresholds):
    return swapped(choose_action(probs, *thresholds), "pause", "resample")


def entropy_alone(probs, low_h, high_h, low_w, high_w):
    entropy = moments(probs)[0]
    if entropy > high_h:
        return "resample"
    return "greedy" if entropy < low_h else "sample"


def two_halves(probs, low_h, high_h, low_w, high_w):
    entropy, varentropy = moments(probs)
    if entropy > high_h:
        return "resample" if varentropy > high_w else "pause"
    return "branch" if varentropy > high_w else "greedy"


MISTAKES = [
    (checks.in_nats, one_factor, "mean of squares"),
    (checks.in_nats, wrong_way, "from nats to bits"),
    (checks.in_nats, wrong_way_with_one_factor, "you divide by ln 2"),
    (checks.in_nats, varentropy_forgotten, "still in square bits"),
    (checks.in_nats, root_of_the_factor, "root of the factor"),
    (checks.best_branch, highest_sum, "you compare sums"),
    (checks.best_branch, lowest_mean, "lowest mean"),
    (checks.best_branch, best_first_token, "its first token"),
    (checks.best_branch, best_last_token, "its last token"),
    (checks.best_branch, best_token, "its best token"),
    (checks.best_branch, best_worst_token, "its worst token"),
    (checks.best_branch, mean_of_probabilities, "average probabilities"),
    (checks.best_branch, mean_itself, "Return its index"),
    (checks.choose_action, numbers_swapped, "the entropy's thresholds"),
    (checks.choose_action, in_bits, "compute in bits"),
    (checks.choose_action, standard_deviation, "standard deviation"),
    (checks.choose_action, branch_and_resample_swapped, "branch and resample"),
    (checks.choose_action, pause_and_resample_swapped, "pause and resample"),
    (checks.choose_action, entropy_alone, "entropy alone"),
    (checks.choose_action, two_halves, "not high as low"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
