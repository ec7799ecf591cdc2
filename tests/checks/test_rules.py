"""The exercises of chapter 19: right answers pass, and each usual mistake gets its own hint."""

import math

import torch

import decodelib as dl
from decodelib.checks import rules as checks
from tests.helpers.exercise_laws import laws

# Solutions, each written differently from the checker's own.


def allowed_tokens(so_far, choices, tokens):
    """Ask the library's automaton."""
    dfa = dl.DFA.of_choices(choices)
    alive = dfa.read(so_far)
    return [alive is not None and dfa.read(token, alive) is not None for token in tokens]


def given_form(probs, chances):
    """Add up logarithms, and let softmax do the rest."""
    logs = torch.tensor([probs, chances], dtype=torch.float64).log().sum(0)
    return logs.softmax(-1)


def green_z(green, scored, gamma):
    """Measure the spread of a count by its definition."""
    spread = math.sqrt(scored * sum(p * (x - gamma) ** 2 for x, p in ((1, gamma), (0, 1 - gamma))))
    return (green - scored * gamma) / spread


SOLUTIONS = {
    checks.allowed_tokens: allowed_tokens,
    checks.given_form: given_form,
    checks.green_z: green_z,
}


def forgets_the_past(so_far, choices, tokens):
    return [any(choice.startswith(token) for choice in choices) for token in tokens]


def only_completes(so_far, choices, tokens):
    return [so_far + token in choices for token in tokens]


def anywhere(so_far, choices, tokens):
    return [any(token in choice for choice in choices) for token in tokens]


def wrong_way_round(so_far, choices, tokens):
    return [any((so_far + token).startswith(c) for c in choices) for token in tokens]


def first_character(so_far, choices, tokens):
    following = {c[len(so_far)] for c in choices if c.startswith(so_far) and c != so_far}
    return [token[0] in following for token in tokens]


def words(so_far, choices, tokens):
    return [t for t in tokens if any(c.startswith(so_far + t) for c in choices)]


def masks(probs, chances):
    kept = [p if c else 0.0 for p, c in zip(probs, chances, strict=True)]
    return [p / sum(kept) for p in kept]


def not_normalised(probs, chances):
    return [p * c for p, c in zip(probs, chances, strict=True)]


def chances_alone(probs, chances):
    return [c / sum(chances) for c in chances]


def adds(probs, chances):
    total = sum(probs) + sum(chances)
    return [(p + c) / total for p, c in zip(probs, chances, strict=True)]


def takes_the_best(probs, chances):
    weights = [p * c for p, c in zip(probs, chances, strict=True)]
    return [1.0 if w == max(weights) else 0.0 for w in weights]


def by_variance(green, scored, gamma):
    return (green - gamma * scored) / (scored * gamma * (1 - gamma))


def poisson(green, scored, gamma):
    return (green - gamma * scored) / (scored * gamma) ** 0.5


def a_share(green, scored, gamma):
    return (green / scored - gamma) / (scored * gamma * (1 - gamma)) ** 0.5


def half_are_green(green, scored, gamma):
    return (green - 0.5 * scored) / (scored * gamma * (1 - gamma)) ** 0.5


def backwards(green, scored, gamma):
    return -green_z(green, scored, gamma)


def the_excess(green, scored, gamma):
    return green - gamma * scored


MISTAKES = [
    (checks.allowed_tokens, forgets_the_past, "you forget what has been written"),
    (checks.allowed_tokens, only_completes, "only the tokens that complete"),
    (checks.allowed_tokens, anywhere, "anywhere in a choice"),
    (checks.allowed_tokens, wrong_way_round, "the wrong way round: it is the choice"),
    (checks.allowed_tokens, first_character, "only the first character"),
    (checks.allowed_tokens, words, "the tokens themselves"),
    (checks.given_form, masks, "that is the mask"),
    (checks.given_form, not_normalised, "do not sum to 1"),
    (checks.given_form, chances_alone, "leave the model's own probabilities out"),
    (checks.given_form, adds, "you add the chances"),
    (checks.given_form, takes_the_best, "everything on the best token"),
    (checks.green_z, by_variance, "divide by the variance"),
    (checks.green_z, poisson, "lacks the factor"),
    (checks.green_z, a_share, "mix a share"),
    (checks.green_z, half_are_green, "half of the tokens"),
    (checks.green_z, backwards, "sign is the wrong way round"),
    (checks.green_z, the_excess, "how many more tokens"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
