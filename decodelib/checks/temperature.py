"""Exercises of chapter 6: a distribution at a temperature, its entropy, and its tail."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict

Probs = list[float]

COLDEST, HOTTEST = 0.01, 100.0
HALVINGS = 60


def apply_temperature(attempt: Attempt) -> Verdict:
    """Check `apply_temperature(probs, temperature)`: the probabilities at that temperature."""
    return _APPLY_TEMPERATURE.check(attempt)


def find_temperature(attempt: Attempt) -> Verdict:
    """Check `find_temperature(probs, wanted)`: the T in [0.01, 100] that gives `wanted` nats."""
    return _FIND_TEMPERATURE.check(attempt)


def tempered_tail(attempt: Attempt) -> Verdict:
    """Check `tempered_tail(probs, k, temperature)`: the mass beyond the k most probable tokens."""
    return _TEMPERED_TAIL.check(attempt)


def _powers(probs: Probs, exponent: float) -> Probs:
    return [p**exponent for p in probs]


def _normalised(weights: Probs) -> Probs:
    return [weight / sum(weights) for weight in weights]


def _tempered(probs: Probs, temperature: float) -> Probs:
    # Relative to the largest, so that a low temperature does not leave 0 / 0.
    return _normalised(_powers([p / max(probs) for p in probs], 1 / temperature))


def _entropy(probs: Probs) -> float:
    return -sum(p * math.log(p) for p in probs if p > 0)


def _bisected(
    probs: Probs,
    wanted: float,
    entropy: Callable[[Probs], float] = _entropy,
    geometric: bool = False,
    backwards: bool = False,
) -> float:
    """Return the temperature, or where the search ends if it is one of the misconceptions."""
    low, high = COLDEST, HOTTEST
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high) if geometric else (low + high) / 2
        if (entropy(_tempered(probs, middle)) < wanted) != backwards:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _tail(probs: Probs, k: int) -> float:
    return sum(sorted(probs, reverse=True)[k:])


def _random_probs(rng: random.Random, size: int) -> Probs:
    return _normalised([rng.expovariate(1) ** 2 + 0.001 for _ in range(size)])


def _temperatures(seed: int = 6) -> list[tuple[Probs, float]]:
    rng = random.Random(seed)
    hand_made = [
        ([0.4, 0.2, 0.12, 0.1, 0.08, 0.05, 0.03, 0.02], 0.5),
        ([0.5, 0.3, 0.2], 2.0),
        ([0.5, 0.3, 0.2], 1.0),  # nothing changes
        ([0.1, 0.6, 0.3], 0.25),  # not sorted
        ([0.25, 0.25, 0.25, 0.25], 3.0),  # nothing to sharpen or flatten
        ([0.7, 0.3, 0.0], 2.0),  # what is impossible stays so
        ([1.0], 0.5),
    ]
    drawn = [(_random_probs(rng, rng.randint(2, 12)), rng.uniform(0.2, 4)) for _ in range(30)]
    return hand_made + drawn


_APPLY_TEMPERATURE = Exercise(
    solution=_tempered,
    probes=_temperatures(),
    hidden=_temperatures,
    misconceptions=[
        Misconception(
            lambda probs, temperature: [p / temperature for p in probs],
            "you divide the probabilities by T. It is the logits that are divided; what this does "
            "to a probability is to raise it to the power 1/T.",
        ),
        Misconception(
            lambda probs, temperature: probs,
            "every distribution comes back unchanged. If you divide the probabilities by T and "
            "normalise, T cancels; raise them to the power 1/T instead.",
        ),
        Misconception(
            lambda probs, temperature: _normalised(_powers(probs, temperature)),
            "you heat where you should cool. That is the power T, or logits times T; the exponent "
            "is 1/T, and logits are divided by T.",
        ),
        Misconception(
            lambda probs, temperature: _powers(probs, 1 / temperature),
            "the powers are right, and they do not sum to 1. Divide them by their total.",
        ),
        Misconception(
            lambda probs, temperature: _normalised([math.exp(p / temperature) for p in probs]),
            "you put probabilities into softmax, which expects logits. The logarithm of a "
            "probability is a logit.",
        ),
    ],
    praise="Dividing logits by T is raising probabilities to the power 1/T.",
)


def _targets(seed: int = 66) -> list[tuple[Probs, float]]:
    rng = random.Random(seed)
    probes = []
    for temperature in (0.4, 0.5, 0.7, 1.3, 1.6, 2.0, 2.5, 3.0, 0.6, 0.9):
        probs = _random_probs(rng, rng.randint(4, 12))
        probes.append((probs, _entropy(_tempered(probs, temperature))))
    return probes


_BACKWARDS = (
    "the search ends at one of its bounds. Entropy rises with T: where it is below the wanted one, "
    "the temperature has to go up, so the lower bound moves."
)

_FIND_TEMPERATURE = Exercise(
    solution=_bisected,
    probes=_targets(),
    hidden=_targets,
    misconceptions=[
        *[
            Misconception(
                lambda probs, wanted, g=geometric: _bisected(
                    probs, wanted, geometric=g, backwards=True
                ),
                _BACKWARDS,
            )
            for geometric in (False, True)
        ],
        Misconception(
            lambda probs, wanted: 1 / _bisected(probs, wanted),
            "you return 1/T. Do you raise the probabilities to the power T? The exponent is 1/T.",
        ),
        Misconception(
            lambda probs, wanted: _bisected(
                probs, wanted, lambda tempered: _entropy(tempered) / math.log(2)
            ),
            "you compute the entropy in bits, and the wanted one is in nats. Use the natural "
            "logarithm.",
        ),
        Misconception(
            lambda probs, wanted: wanted,
            "that is the wanted entropy. Return the temperature that gives it.",
        ),
        Misconception(
            lambda probs, wanted: wanted / _entropy(probs),
            "you assume that the entropy is proportional to T. It rises with T, on a curve that "
            "ends at ln V: try temperatures, and narrow them down.",
        ),
    ],
    praise="Entropy rises with T, so each value has one temperature, and halving finds it.",
)


def _tails(seed: int = 6) -> list[tuple[Probs, int, float]]:
    probes = _temperatures(seed)
    return [(probs, 1 + i % 3, temperature) for i, (probs, temperature) in enumerate(probes)]


_TEMPERED_TAIL = Exercise(
    solution=lambda probs, k, temperature: _tail(_tempered(probs, temperature), k),
    probes=_tails(),
    hidden=_tails,
    misconceptions=[
        Misconception(
            lambda probs, k, temperature: _tail(probs, k),
            "that is the tail of the model's own distribution. Apply the temperature first.",
        ),
        Misconception(
            lambda probs, k, temperature: 1 - _tail(_tempered(probs, temperature), k),
            "that is the mass of the k most probable tokens. The tail is the rest.",
        ),
        Misconception(
            lambda probs, k, temperature: sum(_tempered(probs, temperature)[k:]),
            "you skip the first k tokens in the order given. Rank them by probability first.",
        ),
        Misconception(
            lambda probs, k, temperature: _tail(_powers(probs, 1 / temperature), k),
            "you add up powers that have not been normalised. Divide by the total of all of them.",
        ),
        Misconception(
            lambda probs, k, temperature: _tail(_normalised(_powers(probs, temperature)), k),
            "you heat where you should cool: the exponent is 1/T, not T.",
        ),
    ],
    praise="Heat moves mass from the head to the tail, one small probability at a time.",
)
