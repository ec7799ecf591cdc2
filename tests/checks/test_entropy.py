"""The exercises of chapter 10: right answers pass, and each usual mistake gets its own hint."""

import math

import numpy as np
import torch

import decodelib as dl
from decodelib import distributions
from decodelib.checks import entropy as checks
from tests.helpers.exercise_laws import laws

NO_IDS = torch.empty(1, 0, dtype=torch.long)


# Solutions, each written differently from the checker's own: the library's.


def logits_of(probs):
    return torch.tensor(probs, dtype=torch.float64).log()


def entropy_of(probs):
    return distributions.entropy(logits_of(probs))


def varentropy_of(probs):
    return distributions.varentropy(logits_of(probs))


def typical_mask(probs, tau):
    return dl.Typical(tau)(NO_IDS, logits_of(probs)[None])[0].isfinite()


SOLUTIONS = {
    checks.entropy_of: entropy_of,
    checks.varentropy_of: varentropy_of,
    checks.typical_mask: typical_mask,
}


def test_other_ways_to_the_same_answer_pass():
    def with_numpy(probs):
        p = np.array(probs)[np.array(probs) > 0]
        return -(p * np.log(p)).sum()

    def second_moment_minus_square(probs):
        p = np.array(probs)[np.array(probs) > 0]
        return (p * np.log(p) ** 2).sum() - (p * np.log(p)).sum() ** 2

    def by_mass_before(probs, tau):
        surprisals = -np.log(probs)
        order = np.argsort(np.abs(surprisals - np.dot(probs, surprisals)), kind="stable")
        before = np.cumsum(np.array(probs)[order]) - np.array(probs)[order]
        mask = np.zeros(len(probs), dtype=bool)
        mask[order[before < tau - 1e-9]] = True
        return mask

    assert checks.entropy_of(with_numpy).passed
    assert checks.varentropy_of(second_moment_minus_square).passed
    assert checks.typical_mask(by_mass_before).passed


def test_a_probability_of_zero_is_shown_to_have_no_logarithm():
    verdict = checks.entropy_of(lambda probs: -sum(q * math.log(q) for q in probs))
    assert not verdict.passed
    assert "ValueError" in verdict.message


# Mistakes, written as a student would, and words that only the right hint has.


def positive(probs):
    return [q for q in probs if q > 0]


def in_bits(probs):
    return -sum(q * math.log2(q) for q in positive(probs))


def base_ten(probs):
    return -sum(q * math.log10(q) for q in positive(probs))


def no_sign(probs):
    return sum(q * math.log(q) for q in positive(probs))


def unweighted_sum(probs):
    return -sum(math.log(q) for q in positive(probs))


def unweighted_mean(probs):
    return -sum(math.log(q) for q in positive(probs)) / len(probs)


def perplexity(probs):
    return math.exp(-sum(q * math.log(q) for q in positive(probs)))


def share_of_the_most(probs):
    H = -sum(q * math.log(q) for q in positive(probs))
    return H / math.log(len(probs)) if len(probs) > 1 else 0.0


def misses(probs):
    H = float(entropy_of(probs))
    return [(-math.log(q) if q else 0.0) - H for q in probs]


def standard_deviation(probs):
    return float(varentropy_of(probs)) ** 0.5


def not_centred(probs):
    return sum(q * math.log(q) ** 2 for q in positive(probs))


def variance_of_probabilities(probs):
    return np.var(probs)


def unweighted_squares(probs):
    return sum(x**2 for x in misses(probs)) / len(probs)


def variance_of_the_list(probs):
    return np.var([-math.log(q) if q else 0.0 for q in probs])


def mean_distance(probs):
    return sum(q * abs(x) for q, x in zip(probs, misses(probs), strict=True))


def in_square_bits(probs):
    return varentropy_of(probs) / math.log(2) ** 2


def not_squared(probs):
    return sum(q * x for q, x in zip(probs, misses(probs), strict=True))


def mask_by(probs, tau, distance, without_crossing=False):
    mask, mass = [False] * len(probs), 0.0
    for i in sorted(range(len(probs)), key=lambda i: distance[i]):
        if mass >= tau - 1e-9:
            break
        mass += probs[i]
        mask[i] = not (without_crossing and mass > tau + 1e-9)
    return mask


def crossing_lost(probs, tau):
    return mask_by(probs, tau, np.abs(misses(probs)), without_crossing=True)


def nucleus(probs, tau):
    return mask_by(probs, tau, [-q for q in probs])


def farthest_first(probs, tau):
    return mask_by(probs, tau, [-abs(x) for x in misses(probs)])


def signed(probs, tau):
    return mask_by(probs, tau, misses(probs))


def distance_of_probabilities(probs, tau):
    target = math.exp(-float(entropy_of(probs)))
    return mask_by(probs, tau, [abs(q - target) for q in probs])


def probability_against_entropy(probs, tau):
    H = float(entropy_of(probs))
    return mask_by(probs, tau, [abs(q - H) for q in probs])


def distance_against_tau(probs, tau):
    return [abs(x) < tau for x in misses(probs)]


def removed_instead_of_kept(probs, tau):
    return ~typical_mask(probs, tau)


MISTAKES = [
    (checks.entropy_of, in_bits, "gives bits"),
    (checks.entropy_of, base_ten, "base-10"),
    (checks.entropy_of, no_sign, "the sign is missing"),
    (checks.entropy_of, unweighted_sum, "add up the surprisals"),
    (checks.entropy_of, unweighted_mean, "as if they came equally often"),
    (checks.entropy_of, perplexity, "perplexity"),
    (checks.entropy_of, share_of_the_most, "a share between"),
    (checks.varentropy_of, standard_deviation, "standard deviation"),
    (checks.varentropy_of, not_centred, "Subtract the entropy"),
    (checks.varentropy_of, variance_of_probabilities, "variance of the probabilities"),
    (checks.varentropy_of, unweighted_squares, "squares are averaged"),
    (checks.varentropy_of, variance_of_the_list, "the list of surprisals"),
    (checks.varentropy_of, mean_distance, "average the distances"),
    (checks.varentropy_of, in_square_bits, "square bits"),
    (checks.varentropy_of, not_squared, "always 0"),
    (checks.typical_mask, crossing_lost, "crosses tau is missing"),
    (checks.typical_mask, nucleus, "that is top-p"),
    (checks.typical_mask, farthest_first, "farthest"),
    (checks.typical_mask, signed, "that is top-p"),
    (checks.typical_mask, distance_of_probabilities, "exp(-H)"),
    (checks.typical_mask, probability_against_entropy, "the probability with the entropy"),
    (checks.typical_mask, distance_against_tau, "Tau is a mass"),
    (checks.typical_mask, removed_instead_of_kept, "that are removed"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
