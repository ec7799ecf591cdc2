"""The exercises of chapter 6: right answers pass, and each usual mistake gets its own hint."""

import math

import torch

from decodelib import checks
from decodelib.distributions import entropy
from tests.helpers.exercise_laws import laws

# Solutions, each written differently from the checker's own.


def apply_temperature(probs, temperature):
    logits = torch.tensor(probs, dtype=torch.float64).log()
    return (logits / temperature).softmax(-1).tolist()


def entropy_at(probs, temperature):
    return float(entropy(torch.tensor(probs, dtype=torch.float64).log() / temperature))


def find_temperature(probs, wanted):
    """The solution finds T by halving on a logarithmic scale."""
    low, high = math.log(0.01), math.log(100)
    while high - low > 1e-10:
        middle = (low + high) / 2
        if entropy_at(probs, math.exp(middle)) > wanted:
            high = middle
        else:
            low = middle
    return math.exp(low)


def tempered_tail(probs, k, temperature):
    values = torch.tensor(apply_temperature(probs, temperature), dtype=torch.float64)
    return 1 - float(values.topk(min(k, len(probs))).values.sum())


SOLUTIONS = {
    checks.apply_temperature: apply_temperature,
    checks.find_temperature: find_temperature,
    checks.tempered_tail: tempered_tail,
}


def test_answers_may_be_tensors():
    def in_torch(probs, temperature):
        return (torch.tensor(probs, dtype=torch.float64).log() / temperature).softmax(-1)

    assert checks.apply_temperature(in_torch).passed


def test_sixty_halvings_as_the_exercise_says_are_precise_enough():
    def sixty(probs, wanted):
        low, high = 0.01, 100
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if entropy_at(probs, middle) < wanted else (low, middle)
        return low

    assert checks.find_temperature(sixty).passed


# Mistakes, written as a student would, and words that only the right hint has.


def total_one(weights):
    total = sum(weights)
    return [w / total for w in weights]


def probabilities_divided(probs, temperature):
    return [q / temperature for q in probs]


def probabilities_divided_and_normalised(probs, temperature):
    return total_one([q / temperature for q in probs])


def logits_multiplied(probs, temperature):
    return (torch.tensor(probs).double().log() * temperature).softmax(-1).tolist()


def power_of_the_temperature(probs, temperature):
    return total_one([q**temperature for q in probs])


def not_normalised(probs, temperature):
    return [q ** (1 / temperature) for q in probs]


def softmax_of_probabilities(probs, temperature):
    return (torch.tensor(probs).double() / temperature).softmax(-1).tolist()


def bisect(probs, wanted, goes_up, arithmetic=True):
    low, high = 0.01, 100.0
    for _ in range(60):
        middle = (low + high) / 2 if arithmetic else (low * high) ** 0.5
        if goes_up(entropy_at(probs, middle), wanted):
            low = middle
        else:
            high = middle
    return low


def bisection_backwards(probs, wanted):
    return bisect(probs, wanted, lambda found, target: found > target)


def bisection_backwards_on_a_log_scale(probs, wanted):
    return bisect(probs, wanted, lambda found, target: found > target, arithmetic=False)


def inverse_temperature(probs, wanted):
    return 1 / find_temperature(probs, wanted)


def entropy_in_bits(probs, wanted):
    return bisect(probs, wanted, lambda found, target: found / math.log(2) < target)


def the_wanted_entropy(probs, wanted):
    return wanted


def rule_of_three(probs, wanted):
    return wanted / entropy_at(probs, 1)


def tail_without_temperature(probs, k, temperature):
    return sum(sorted(probs)[::-1][k:])


def head(probs, k, temperature):
    return sum(sorted(apply_temperature(probs, temperature), reverse=True)[:k])


def tail_as_given(probs, k, temperature):
    return sum(apply_temperature(probs, temperature)[k:])


def tail_of_powers(probs, k, temperature):
    return sum(sorted((q ** (1 / temperature) for q in probs), reverse=True)[k:])


def tail_of_the_opposite(probs, k, temperature):
    return sum(sorted(logits_multiplied(probs, temperature), reverse=True)[k:])


MISTAKES = [
    (checks.apply_temperature, probabilities_divided, "you divide the probabilities by T"),
    (checks.apply_temperature, probabilities_divided_and_normalised, "T cancels"),
    (checks.apply_temperature, logits_multiplied, "heat where you should cool"),
    (checks.apply_temperature, power_of_the_temperature, "heat where you should cool"),
    (checks.apply_temperature, not_normalised, "do not sum to 1"),
    (checks.apply_temperature, softmax_of_probabilities, "probabilities into softmax"),
    (checks.find_temperature, bisection_backwards, "one of its bounds"),
    (checks.find_temperature, bisection_backwards_on_a_log_scale, "one of its bounds"),
    (checks.find_temperature, inverse_temperature, "return 1/T"),
    (checks.find_temperature, entropy_in_bits, "bits"),
    (checks.find_temperature, the_wanted_entropy, "that is the wanted entropy"),
    (checks.find_temperature, rule_of_three, "proportional"),
    (checks.tempered_tail, tail_without_temperature, "the model's own"),
    (checks.tempered_tail, head, "The tail is the rest"),
    (checks.tempered_tail, tail_as_given, "Rank them"),
    (checks.tempered_tail, tail_of_powers, "not been normalised"),
    (checks.tempered_tail, tail_of_the_opposite, "heat where you should cool"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
