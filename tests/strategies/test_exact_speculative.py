"""The exact distribution of speculative sampling, by following every way its chances can fall."""

from collections import defaultdict

import pytest
import torch

import decodelib as dl
from decodelib.strategies import speculative
from tests.helpers.exact import DRAFT, MAX_NEW, TREE, continuations


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


class Decisions:
    """Stands in for the acceptance probabilities: 1 to accept the token asked for, 0 to reject."""

    def __init__(self, chances, acceptance):
        self.chances, self.acceptance = chances, acceptance

    def __getitem__(self, token_id):
        p = float(self.acceptance[token_id])
        return 1.0 - self.chances.choose([p, 1 - p])


def exact_distribution(strategy, monkeypatch):
    chances, acceptance = Chances(), speculative.acceptance

    def sample(logits, uniforms):
        possible = logits[0].isfinite().nonzero()[:, 0].tolist()
        probs = logits[0].double().softmax(-1)[possible].tolist()
        return torch.tensor([possible[chances.choose(probs)]])

    monkeypatch.setattr(speculative, "sample", sample)
    monkeypatch.setattr(speculative, "uniforms", lambda _: torch.tensor([0.5]))
    monkeypatch.setattr(
        speculative, "acceptance", lambda p, q: Decisions(chances, acceptance(p, q))
    )
    found, more = defaultdict(float), True
    while more:
        chances.begin()
        g = dl.generate(TREE, "", strategy, max_new_tokens=MAX_NEW)
        found[tuple(g.token_ids)] += chances.probability
        more = chances.advance()
    return found


@pytest.mark.parametrize("processors", [(), (dl.Temperature(0.7), dl.TopP(0.8))], ids=repr)
@pytest.mark.parametrize("length", [1, 2])
def test_speculative_sampling_loses_nothing(processors, length, monkeypatch):
    strategy = dl.SpeculativeSampling(DRAFT, *processors, num_draft_tokens=length)
    found = exact_distribution(strategy, monkeypatch)
    exact = continuations(chain=dl.Chain(*processors))
    outcomes = set(found) | set(exact)
    total_variation = sum(abs(found[x] - exact.get(x, 0.0)) for x in outcomes) / 2
    assert total_variation < 1e-12
