"""Tables small enough to know every continuation and its score."""

import itertools
import math
import random

TWO_STEPS = {
    "": {"a": 0.5, "b": 0.4, "c": 0.1},
    "a": {"x": 0.4, "y": 0.35, "z": 0.25},
    "b": {"x": 0.9, "y": 0.1},
    "c": {"x": 1.0},
}


def random_table(seed, words="abc", eos=True):
    """Return a table over pairs of words with random weights, some of them 0."""
    rng = random.Random(seed)
    names = [*words, "<eos>"] if eos else list(words)
    table = {}
    for context in ["", *words, *map(" ".join, itertools.product(words, repeat=2))]:
        weights = {name: rng.choice([0, rng.random(), rng.random() ** 4]) for name in names}
        weights[rng.choice(words)] = rng.random() + 0.01
        table[context] = weights
    return table


def exhaustive(lm, max_new_tokens, length_penalty):
    """Return (score, token ids) of every possible continuation of "", best first."""
    found = []

    def extend(ids, logprob):
        if len(ids) == max_new_tokens or ids[-1:] == [lm.eos_token_id]:
            found.append((logprob / len(ids) ** length_penalty, ids))
            return
        for token, value in enumerate(lm.next_logits([0, *ids]).log_softmax(-1).tolist()):
            if value > -math.inf:
                extend([*ids, token], logprob + value)

    extend([], 0.0)
    return sorted(found, key=lambda pair: -pair[0])
