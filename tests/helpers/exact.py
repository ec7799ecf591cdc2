"""Everything a small table can say: all continuations and their exact probabilities."""

from __future__ import annotations

from collections import Counter

import torch

from decodelib import Chain, TableLM, generate_batch
from decodelib.decoding.search import Strategy

# Two words and an end; every context differs, so that no method can be right by accident.
TREE = TableLM(
    {
        "": {"a": 0.5, "b": 0.3, "<eos>": 0.2},
        "a": {"a": 0.1, "b": 0.6, "<eos>": 0.3},
        "b": {"a": 0.7, "b": 0.05, "<eos>": 0.25},
        "a b": {"a": 0.2, "b": 0.2, "<eos>": 0.6},
        "b a": {"a": 0.45, "b": 0.45, "<eos>": 0.1},
    }
)
# The same words with other habits: a draft for speculative sampling, an amateur for contrast.
DRAFT = TableLM(
    {
        "": {"a": 0.2, "b": 0.6, "<eos>": 0.2},
        "a": {"a": 0.4, "b": 0.4, "<eos>": 0.2},
        "b": {"a": 0.3, "b": 0.3, "<eos>": 0.4},
    }
)
MAX_NEW = 3


def continuations(
    lm: TableLM = TREE, prompt: str = "", chain: Chain | None = None, max_new: int = MAX_NEW
) -> dict[tuple[int, ...], float]:
    """Return every continuation that can be decoded, with its probability; they sum to 1."""
    chain = chain or Chain()
    found = {}

    def grow(ids: tuple[int, ...], new: tuple[int, ...], probability: float) -> None:
        if new and (new[-1] == lm.eos_token_id or len(new) == max_new):
            found[new] = probability
            return
        logits = chain(torch.tensor([ids]), lm.next_logits(ids)[None])[0]
        for token_id, p in enumerate(logits.softmax(-1).tolist()):
            if p > 0:
                grow((*ids, token_id), (*new, token_id), probability * p)

    grow(tuple(lm.prompt_ids(prompt).tolist()), (), 1.0)
    return found


def chi_square_p(counts: dict[tuple[int, ...], int], probabilities: dict) -> float:
    """Return the p-value of the counts under the probabilities; unexpected outcomes give 0."""
    from scipy.stats import chisquare

    if set(counts) - set(probabilities):
        return 0.0
    total = sum(counts.values())
    observed = [counts.get(outcome, 0) for outcome in probabilities]
    expected = [total * p for p in probabilities.values()]
    return float(chisquare(observed, expected).pvalue)


def drawn(strategy: Strategy, draws: int, lm: TableLM = TREE) -> Counter[tuple[int, ...]]:
    """How often each continuation comes when a strategy is run with the seeds 0 to `draws` - 1."""
    generations = generate_batch(
        lm, [""] * draws, strategy, max_new_tokens=MAX_NEW, seeds=range(draws)
    )
    return Counter(tuple(g.token_ids) for g in generations)


class Chances:
    """Chance that takes every branch in turn, and knows how probable the present one is."""

    def __init__(self):
        self.path = []  # of [branch taken, branches there are]
        self.depth, self.probability = 0, 1.0

    def begin(self):
        self.depth, self.probability = 0, 1.0

    def choose(self, probabilities):
        if self.depth == len(self.path):
            self.path.append([0, len(probabilities)])
        branch = self.path[self.depth][0]
        self.depth += 1
        self.probability *= probabilities[branch]
        return branch

    def advance(self):
        """Go on to the next branch that has not been taken; return whether there is one."""
        while self.path and self.path[-1][0] + 1 == self.path[-1][1]:
            self.path.pop()
        if self.path:
            self.path[-1][0] += 1
        return bool(self.path)

    def sample(self, logits, uniforms):
        """Stand in for `samplers.sample` on a single row: take every token that is possible."""
        possible = logits[0].isfinite().nonzero()[:, 0].tolist()
        probs = logits[0].double().softmax(-1)[possible].tolist()
        return torch.tensor([possible[self.choose(probs)]])
