"""Exercises of chapter 19: constraint and watermark."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict


def allowed_tokens(attempt: Attempt) -> Verdict:
    """Check `allowed_tokens(so_far, choices, tokens)`: the tokens that a list of choices allows."""
    return _ALLOWED.check(attempt)


def given_form(attempt: Attempt) -> Verdict:
    """Check `given_form(probs, chances)`: the next-token distribution given the form."""
    return _GIVEN.check(attempt)


def green_z(attempt: Attempt) -> Verdict:
    """Check `green_z(green, scored, gamma)`: the z-score of a green-list detector."""
    return _GREEN_Z.check(attempt)


def _where(fits: Callable[[str, str, str], bool]) -> Attempt:
    """Return the attempt that keeps a token if it fits one of the choices after the text so far."""

    def attempt(so_far: str, choices: list[str], tokens: list[str]) -> list[bool]:
        return [any(fits(so_far, choice, token) for choice in choices) for token in tokens]

    return attempt


def _choice_probes() -> list[tuple[str, list[str], list[str]]]:
    tokens = ["y", "ye", "yes", "es", "s", "n", "no", "o", "none", "one", "a", "yes no", "e"]
    choices = ["yes", "no", "none", "yesterday"]
    so_fars = ["", "y", "ye", "n", "no", "non", "yes", "yest"]
    return [
        *((so_far, choices, tokens) for so_far in so_fars),
        ("", ["banana", "band", "ban"], ["b", "ban", "and", "na", "bandana", "a", "d"]),
        ("ban", ["banana", "band", "ban"], ["b", "ban", "and", "na", "ana", "anas", "d"]),
        ("aa", ["aab", "baa"], ["a", "b", "ab", "aab"]),
    ]


def _drawn_choices(seed: int) -> list[tuple[str, list[str], list[str]]]:
    rng = random.Random(seed)

    def word(longest: int) -> str:
        return "".join(rng.choice("ab") for _ in range(rng.randint(1, longest)))

    probes = []
    for _ in range(30):
        choices = [word(6) for _ in range(rng.randint(1, 4))]
        start = rng.choice(choices)
        tokens = list(dict.fromkeys([word(3) for _ in range(8)] + [start[-2:], "a", "b"]))
        probes.append((start[: rng.randint(0, 2)], choices, tokens))
    return [_choice_probes()[1], *probes]


_ALLOWED = Exercise(
    solution=_where(lambda so_far, choice, token: choice.startswith(so_far + token)),
    probes=_choice_probes(),
    hidden=_drawn_choices,
    misconceptions=[
        Misconception(
            _where(lambda so_far, choice, token: choice.startswith(token)),
            "you forget what has been written. The text so far and the token together must begin "
            "a choice.",
        ),
        Misconception(
            _where(lambda so_far, choice, token: so_far + token == choice),
            "you allow only the tokens that complete a choice. One that is on its way to a choice "
            "is allowed, too.",
        ),
        Misconception(
            _where(lambda so_far, choice, token: token in choice),
            "you look for the token anywhere in a choice. It has to stand where the text so far "
            "ends.",
        ),
        Misconception(
            _where(lambda so_far, choice, token: (so_far + token).startswith(choice)),
            "you have startswith the wrong way round: it is the choice that begins with the text.",
        ),
        Misconception(
            _where(
                lambda so_far, choice, token: (
                    choice.startswith(so_far) and choice[len(so_far) :][:1] == token[:1]
                )
            ),
            "you compare only the first character. A longer token may leave the choice after it.",
        ),
        Misconception(
            lambda so_far, choices, tokens: [
                token for token in tokens if any(c.startswith(so_far + token) for c in choices)
            ],
            "you return the tokens themselves. Return one True or False for each token.",
        ),
    ],
    praise="Characters decide, however the tokens cut them.",
)


def _normalised(weights: list[float]) -> list[float]:
    return [weight / sum(weights) for weight in weights]


def _given_probes(seed: int = 19) -> list[tuple[list[float], list[float]]]:
    rng = random.Random(seed)
    probes = [([0.4, 0.2, 0.4], [0.01, 0.3, 0.8]), ([0.5, 0.5], [0.0, 0.2]), ([1.0], [0.3])]
    for _ in range(20):
        size = rng.randint(2, 8)
        probs = _normalised([rng.expovariate(1) for _ in range(size)])
        probes.append((probs, [rng.choice([0.0, rng.random(), rng.random()]) for _ in probs]))
    return [(probs, chances) for probs, chances in probes if sum(chances) > 0]


_GIVEN = Exercise(
    solution=lambda probs, chances: _normalised(
        [p * c for p, c in zip(probs, chances, strict=True)]
    ),
    probes=_given_probes(),
    hidden=_given_probes,
    misconceptions=[
        Misconception(
            lambda probs, chances: _normalised(
                [p if c > 0 else 0.0 for p, c in zip(probs, chances, strict=True)]
            ),
            "that is the mask: it asks only whether a token can still succeed. Weigh each token by "
            "how probably it does.",
        ),
        Misconception(
            lambda probs, chances: [p * c for p, c in zip(probs, chances, strict=True)],
            "these weights do not sum to 1. Divide by their sum, which is P(form).",
        ),
        Misconception(
            lambda probs, chances: _normalised(chances),
            "you leave the model's own probabilities out. Multiply each by its chance.",
        ),
        Misconception(
            lambda probs, chances: _normalised(
                [p + c for p, c in zip(probs, chances, strict=True)]
            ),
            "you add the chances. The token *and then* success is a product of probabilities.",
        ),
        Misconception(
            lambda probs, chances: [
                float(p * c == max(q * d for q, d in zip(probs, chances, strict=True)))
                for p, c in zip(probs, chances, strict=True)
            ],
            "you put everything on the best token. A distribution is asked for.",
        ),
    ],
    praise="Bayes' rule, with the model's own future as the likelihood.",
)


def _z(green: float, scored: float, gamma: float) -> float:
    return (green - gamma * scored) / math.sqrt(scored * gamma * (1 - gamma))


def _counts(seed: int) -> list[tuple[int, int, float]]:
    rng = random.Random(seed)
    sizes = [rng.randint(5, 300) for _ in range(30)]
    return [(rng.randint(0, size), size, rng.uniform(0.05, 0.8)) for size in sizes]


_GREEN_Z = Exercise(
    solution=_z,
    probes=[
        (green, scored, gamma)
        for scored in (10, 57, 200)
        for green in (0, 5, 10)
        for gamma in (0.1, 0.25, 0.5)
    ],
    hidden=_counts,
    misconceptions=[
        Misconception(
            lambda green, scored, gamma: (green - gamma * scored) / (scored * gamma * (1 - gamma)),
            "you divide by the variance. z counts standard deviations: take the square root.",
        ),
        Misconception(
            lambda green, scored, gamma: (green - gamma * scored) / math.sqrt(scored * gamma),
            "your variance lacks the factor 1 - gamma: a count of hits is binomial.",
        ),
        Misconception(
            lambda green, scored, gamma: (
                (green / scored - gamma) / math.sqrt(scored * gamma * (1 - gamma))
            ),
            "you mix a share with the spread of a count. Take the count green minus gamma times "
            "scored.",
        ),
        Misconception(
            lambda green, scored, gamma: (
                (green - scored / 2) / math.sqrt(scored * gamma * (1 - gamma))
            ),
            "you expect half of the tokens to be green. In unmarked text it is the share gamma.",
        ),
        Misconception(
            lambda green, scored, gamma: (
                (gamma * scored - green) / math.sqrt(scored * gamma * (1 - gamma))
            ),
            "your sign is the wrong way round: more green tokens should give a larger z.",
        ),
        Misconception(
            lambda green, scored, gamma: green - gamma * scored,
            "that is how many more tokens are green than expected. Divide by the standard "
            "deviation of that number.",
        ),
    ],
    praise="A count, less what chance gives, in units of chance.",
)
