"""Power sampling: the chain's exact distribution, by following every way its chances can fall."""

import math
from collections import defaultdict

import pytest
import torch

import decodelib as dl
from decodelib.models.toy import TableCache
from decodelib.strategies.power import SuffixChain, acceptance, log_ratio
from tests.helpers.exact import TREE, Chances, chi_square_p

EOS = TREE.eos_token_id
PAIR = dl.TableLM({"": {"a": 0.7, "<eos>": 0.3}, "a": {"a": 0.2, "<eos>": 0.8}})


def texts(room, processor=None, min_new=0, lm=TREE):
    """Return every text of at most `room` tokens with the probability of each of its tokens."""
    found = {}

    def grow(ids, probs):
        if len(ids) == room or ids[-1:] == (EOS,):
            found[ids] = probs
            return
        logits = lm.next_logits([0, *ids])[None].clone()
        if len(ids) < min_new:
            logits[0, EOS] = -math.inf
        if processor:
            logits = processor(torch.empty(1, 0).long(), logits)
        for token_id, p in enumerate(logits[0].softmax(-1).tolist()):
            if p > 0:
                grow((*ids, token_id), (*probs, p))

    grow((), ())
    return found


def definition(room, strategy, min_new=0, lm=TREE):
    """Return all texts, and the chain's transition matrix, by the formula of Metropolis-Hastings.

    q(y | x) is summed over all places that x and y share the beginning up to.
    """
    heat = strategy.temperature or 1 / strategy.alpha
    own = dl.Chain(*strategy.processors)
    p, q = (texts(room, chain, min_new, lm) for chain in (own, own | dl.Temperature(heat)))
    names = list(p)
    matrix = torch.zeros(len(names), len(names), dtype=torch.float64)
    for i, x in enumerate(names):
        for j, y in enumerate(names):
            for place in range(len(x)):
                if x[:place] != y[:place]:
                    break
                there = math.prod(q[y][place:]) / len(x)
                back = math.prod(q[x][place:]) / len(y)
                ratio = (math.prod(p[y]) / math.prod(p[x])) ** strategy.alpha
                accepted = there * min(1, ratio * back / there)
                matrix[i, j] += accepted
                matrix[i, i] += there - accepted
    return names, matrix


def target(names, room, alpha, min_new=0, chain=None):
    p = texts(room, chain, min_new)
    weights = torch.tensor([math.prod(p[x]) ** alpha for x in names], dtype=torch.float64)
    return weights / weights.sum()


def enumerated(strategy, monkeypatch, lm=TREE, **settings):
    """Yield (probability, Generation) for every way in which the library's chances can fall."""
    chances, more = Chances(), True
    monkeypatch.setattr("decodelib.strategies.power.sample", chances.sample)
    monkeypatch.setattr(
        SuffixChain, "_place", lambda self: chances.choose([1 / len(self.text)] * len(self.text))
    )

    def takes(self, chance):
        taken = chance == 1 or not chances.choose([chance, 1 - chance])
        return math.nan, taken

    monkeypatch.setattr(SuffixChain, "_takes", takes)
    while more:
        chances.begin()
        g = dl.generate(lm, "", strategy, **settings)
        yield chances.probability, g
        more = chances.advance()


CASES = {
    "temperature 1 / alpha": (dl.PowerSampling(2.0, 1), 3, 0),
    "proposals of the model": (dl.PowerSampling(3.0, 1, temperature=1.0), 2, 0),
    "the model itself": (dl.PowerSampling(1.0, 1), 2, 0),
    "flatter than the model": (dl.PowerSampling(0.5, 1, temperature=0.8), 2, 0),
    "EOS not due": (dl.PowerSampling(2.0, 1), 2, 2),
    "of truncated texts": (dl.PowerSampling(2.0, 1, processors=dl.TopK(2)), 2, 0),
}


@pytest.mark.parametrize(("strategy", "room", "min_new"), CASES.values(), ids=CASES)
def test_a_move_has_the_transition_matrix_that_leaves_the_power_alone(
    strategy, room, min_new, monkeypatch
):
    names, matrix = definition(room, strategy, min_new)
    own = dl.Chain(*strategy.processors)
    heat = dl.Temperature(strategy.temperature or 1 / strategy.alpha)
    start = texts(room, own | heat, min_new)
    found = defaultdict(float)
    settings = {"max_new_tokens": room, "min_new_tokens": min_new}
    for probability, g in enumerated(strategy, monkeypatch, **settings):
        found[g.moves[0].token_ids, tuple(g.token_ids)] += probability
    measured = torch.tensor(
        [[found[x, y] / math.prod(start[x]) for y in names] for x in names], dtype=torch.float64
    )
    assert (measured - matrix).abs().max() < 1e-12
    pi = target(names, room, strategy.alpha, min_new, own)
    flow = pi[:, None] * measured
    assert (flow - flow.T).abs().max() < 1e-12  # as much goes from x to y as from y to x
    assert (pi @ measured - pi).abs().max() < 1e-12


def test_blocks_grow_the_text_with_moves_in_between(monkeypatch):
    strategy = dl.PowerSampling(2.0, 1, block_length=1, temperature=1.0)
    found = defaultdict(float)
    for probability, g in enumerated(strategy, monkeypatch, PAIR, max_new_tokens=2):
        found[tuple(g.token_ids)] += probability
    short, first = definition(1, strategy, lm=PAIR)
    long, second = definition(2, strategy, lm=PAIR)
    drawn = texts(2, lm=PAIR)
    begun = torch.tensor([math.prod(texts(1, lm=PAIR)[x]) for x in short])
    after_first = dict(zip(short, (begun.double() @ first).tolist(), strict=True))
    extended = torch.tensor(
        [after_first[x[:1]] * math.prod(drawn[x][1:]) for x in long], dtype=torch.float64
    )
    wanted = dict(zip(long, (extended @ second).tolist(), strict=True))
    assert found == pytest.approx(wanted, abs=1e-7)


def test_more_moves_come_nearer_and_arrive():
    strategy = dl.PowerSampling(4.0, temperature=1.0)
    names, matrix = definition(3, strategy)
    pi = target(names, 3, 4.0)
    start = texts(3)
    here = torch.tensor([math.prod(start[x]) for x in names], dtype=torch.float64)
    far = [float((here @ matrix.matrix_power(n) - pi).abs().sum()) / 2 for n in (0, 1, 5, 20, 400)]
    assert far == sorted(far, reverse=True)
    assert far[0] > 0.1
    assert far[-1] < 1e-9


@pytest.mark.parametrize("draws", [40, pytest.param(500, marks=pytest.mark.long)])
def test_draws_of_the_strategy_itself_are_in_proportion_to_the_power(draws):
    strategy = dl.PowerSampling(2.0, 12)
    counts = defaultdict(int)
    for g in dl.generate_batch(TREE, [""] * draws, strategy, max_new_tokens=2, seeds=range(draws)):
        counts[tuple(g.token_ids)] += 1
    names = list(texts(2))
    exact = dict(zip(names, target(names, 2, 2.0).tolist(), strict=True))
    assert chi_square_p(counts, exact) > 1e-3


def test_the_moves_say_what_the_chain_did():
    g = dl.generate(TREE, "", dl.PowerSampling(3.0, 12), max_new_tokens=3, seed=2, trace=True)
    first, *moves = g.moves
    assert (first.place, first.acceptance, first.drawn, first.accepted) == (None, 1.0, None, True)
    assert len(moves) == 12
    text = first.token_ids
    p, q = texts(3), texts(3, dl.Temperature(1 / 3))
    for move in moves:
        there = math.prod(q[move.token_ids][move.place :]) / len(text)
        back = math.prod(q[text][move.place :]) / len(move.token_ids)
        ratio = (math.prod(p[move.token_ids]) / math.prod(p[text])) ** 3
        assert move.log_ratio == pytest.approx(math.log(ratio * back / there))
        assert move.acceptance == pytest.approx(min(1, ratio * back / there))
        assert move.accepted == (move.drawn < move.acceptance)
        assert move.token_ids[: move.place] == text[: move.place]
        assert move.logprob == pytest.approx(math.log(math.prod(p[move.token_ids])))
        assert move.text == TREE.decode(move.token_ids)
        text = move.token_ids if move.accepted else text
    assert text == tuple(g.token_ids)
    assert {move.accepted for move in moves} == {True, False}
    drawn = [int(step.decision.split()[-1]) if "move" in step.decision else 0 for step in g.steps]
    assert all(g.moves[move].accepted for move in drawn)


def test_acceptance_does_not_overflow_or_vanish():
    from decodelib.strategies.power import Drawn

    def text(log_p, log_q):
        return [Drawn(0, log_p, log_p, log_q, torch.empty(0), torch.empty(0), 0)]

    up, down = (text(-1e6, -1), text(-1, -1)), (text(-1, -1), text(-1e6, -1))
    assert [acceptance(log_ratio(*pair, 0, 1e3)) for pair in (up, down)] == [1.0, 0.0]


def test_the_cache_holds_the_text_whose_logits_are_asked_for(monkeypatch):
    lm = dl.load("storybook", device="cpu", dtype="float64")
    own = SuffixChain._logits_after
    most = 0.0

    def witness(self, ids):
        nonlocal most
        found = own(self, ids)
        prompt = self.transcripts[0].prompt_ids
        most = max(most, float((found[0] - lm.logits(prompt + ids)[-1]).abs().max()))
        return found

    monkeypatch.setattr(SuffixChain, "_logits_after", witness)
    dl.generate(lm, "Once", dl.PowerSampling(2.0, 6, block_length=4), max_new_tokens=8)
    assert 0 < most < 1e-9


def test_a_model_whose_cache_forgets_nothing_gives_the_same_text(monkeypatch):
    strategy = dl.PowerSampling(3.0, 12, temperature=1.0)
    settings = {"max_new_tokens": 5, "seed": 6}
    wanted = dl.generate(TREE, "", strategy, **settings)

    def refuse(self, count):
        if count:
            raise ValueError("cache cannot be rewound")

    monkeypatch.setattr(TableCache, "rewind", refuse)
    found = dl.generate(TREE, "", strategy, **settings)
    assert (found.token_ids, found.moves) == (wanted.token_ids, wanted.moves)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"alpha": -1}, "alpha must be a finite number of at least 0, got -1"),
        ({"alpha": 0}, "temperature must be given where alpha is 0, got None"),
        ({"num_moves": 0}, "num_moves must be at least 1, got 0"),
        ({"block_length": 0}, "block_length must be at least 1, got 0"),
        ({"temperature": 0}, "temperature must be a finite number greater than 0, got 0"),
    ],
)
def test_values_out_of_range_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        dl.PowerSampling(**settings)
