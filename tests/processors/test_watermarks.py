"""Watermarks leave a step's distribution as they say, and are found again by the key alone."""

import itertools
import math
import re
from collections import Counter

import pytest
import torch
from scipy.stats import binom, chisquare, gamma, kstest

import decodelib as dl
from decodelib.processors.marking import binomial_tail

P = torch.tensor([0.4, 0.3, 0.2, 0.1, 0.0], dtype=torch.float64)
MARKS = [dl.GreenListWatermark, dl.GumbelWatermark, dl.TournamentWatermark]
each_mark = pytest.mark.parametrize("mark", MARKS)


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu", dtype="float64")


def test_over_the_keys_gumbel_takes_each_token_as_often_as_the_model():
    ids, logits = torch.tensor([[1, 2, 3, 4]]), P.log()[None]
    taken = Counter(int(dl.GumbelWatermark(key)(ids, logits).argmax()) for key in range(1500))
    assert 4 not in taken
    assert chisquare([taken[i] for i in range(4)], [1500 * p for p in P[:4].tolist()]).pvalue > 1e-3
    contexts = itertools.product(range(11), repeat=2)
    taken = Counter(
        int(dl.GumbelWatermark(7, 2)(torch.tensor([context]), logits).argmax())
        for context in contexts
    )
    assert chisquare([taken[i] for i in range(4)], [121 * p for p in P[:4].tolist()]).pvalue > 1e-3


def test_gumbel_takes_the_largest_r_to_the_power_of_one_over_p():
    mark = dl.GumbelWatermark(key=3, context_width=1)
    for context in range(20):
        r = mark._numbers((context,), 5)
        expected = int((r[:4] ** (1 / P[:4])).argmax())
        marked = mark(torch.tensor([[context]]), P.log()[None])
        assert marked.isfinite().nonzero()[:, 1].tolist() == [expected]
        assert marked[0, expected] == P.log()[expected]


def test_over_all_bits_a_tournament_is_the_models_distribution(monkeypatch):
    mean = torch.zeros(5, dtype=torch.float64)
    mark = dl.TournamentWatermark(num_layers=1, context_width=1)
    for bits in itertools.product([0, 1], repeat=5):
        monkeypatch.setattr(type(mark), "bits", lambda *_, bits=bits: torch.tensor([bits]))
        marked = mark(torch.tensor([[0]]), P.log()[None])[0].softmax(-1)
        # Two draws from p, of which the better bit wins and equals are a toss-up.
        duel = sum(
            p * q * torch.eye(5)[a if bits[a] >= bits[b] else b]
            for (a, p), (b, q) in itertools.product(enumerate(P.tolist()), repeat=2)
        )
        assert torch.allclose(marked, duel.double(), atol=1e-9)
        mean += marked / 32
    assert torch.allclose(mean, P, atol=1e-9)


def test_parity_of_the_tournament_with_transformers_update():
    logits_process = pytest.importorskip("transformers.generation.logits_process")
    theirs = logits_process.SynthIDTextWatermarkLogitsProcessor(
        5, list(range(6)), 64, 0, 16, torch.device("cpu")
    )
    mark = dl.TournamentWatermark(num_layers=6, context_width=1)
    logits = torch.randn(1, 9, dtype=torch.float64)
    bits = mark.bits((4,), 9)
    expected = theirs.update_scores(logits, bits.T[None])
    found = mark(torch.tensor([[4]]), logits)
    assert torch.allclose(found.softmax(-1), expected.softmax(-1), atol=1e-9)


def test_parity_of_the_green_list_with_transformers(lm):
    transformers = pytest.importorskip("transformers")
    processors = pytest.importorskip("transformers.generation.logits_process")
    mark = dl.GreenListWatermark(gamma=0.3, delta=1.7)
    theirs = processors.WatermarkLogitsProcessor(lm.vocab_size, "cpu", 0.3, 1.7)
    ids = torch.tensor([[5, 6, 7], [5, 6, 8000]])
    logits = torch.randn(2, lm.vocab_size, dtype=torch.float64)
    assert torch.allclose(mark(ids, logits), theirs(ids, logits))

    g = dl.generate(lm, "Once upon a time", dl.Sampling(mark), max_new_tokens=40)
    config = transformers.GPT2Config(vocab_size=lm.vocab_size, bos_token_id=0)
    settings = {"greenlist_ratio": 0.3, "bias": 1.7, "hashing_key": mark.key,
                "seeding_scheme": "lefthash", "context_width": 1}  # fmt: skip
    detector = transformers.WatermarkDetector(config, "cpu", settings, ignore_repeated_ngrams=True)
    expected = detector(torch.tensor([g.token_ids]), return_dict=True)
    found = mark.detect(lm, g.token_ids)
    assert found.num_tokens == expected.num_tokens_scored[0]
    assert found.statistic == expected.num_green_tokens[0]
    assert found.z == pytest.approx(expected.z_score[0])


def test_z_and_p_values_are_their_definitions(lm):
    ids = lm.encode("The old man went down to the sea, and there he saw a ship.").tolist()
    green = dl.GreenListWatermark(gamma=0.4)
    hits = [ids[i] in green.green(ids[i - 1], lm.vocab_size) for i in range(1, len(ids))]
    found = green.detect(lm, ids)
    count, total = len(hits), sum(hits)
    assert found.z == pytest.approx((total - 0.4 * count) / math.sqrt(count * 0.4 * 0.6))
    assert found.p_value == pytest.approx(binom.sf(total - 1, count, 0.4))
    assert found.scores == {i + 1: float(hit) for i, hit in enumerate(hits)}

    race = dl.GumbelWatermark(context_width=2)
    parts = [-math.log(1 - float(race._numbers(ids[i - 2 : i], lm.vocab_size)[ids[i]]))
             for i in range(2, len(ids))]  # fmt: skip
    found = race.detect(lm, ids)
    assert found.statistic == pytest.approx(sum(parts))
    assert found.z == pytest.approx((sum(parts) - len(parts)) / math.sqrt(len(parts)))
    assert found.p_value == pytest.approx(gamma.sf(sum(parts), len(parts)))

    tournament = dl.TournamentWatermark(num_layers=8)
    found = tournament.detect(lm, ids)
    flips = 8 * found.num_tokens
    assert found.z == pytest.approx((found.statistic - flips / 2) / math.sqrt(flips / 4))
    assert found.p_value == pytest.approx(binom.sf(found.statistic - 1, flips, 0.5))
    assert binomial_tail(0, 7, 0.3) == pytest.approx(1.0)


@each_mark
def test_a_marked_text_is_found_by_its_key_and_an_unmarked_one_is_not(lm, mark):
    g = dl.generate(lm, "Once upon a time", dl.Sampling(mark()), max_new_tokens=60, seed=1)
    assert mark().detect(lm, g.token_ids).p_value < 1e-6
    others = [mark(key).detect(lm, g.token_ids).p_value for key in range(100, 120)]
    if mark is not dl.GreenListWatermark:  # whose p-values are few and large steps
        assert kstest(others, "uniform").pvalue > 1e-3
    assert min(others) > 1e-5


@pytest.mark.parametrize("kind", [dl.GumbelWatermark, dl.TournamentWatermark])
def test_a_context_that_has_occurred_is_left_unmarked_and_counts_once(lm, kind):
    mark = kind(context_width=2)
    logits = torch.zeros(1, lm.vocab_size)
    fresh, repeated = torch.tensor([[8, 9, 1, 2]]), torch.tensor([[1, 2, 9, 1, 2]])
    assert not torch.equal(mark(fresh, logits), logits)
    assert torch.equal(mark(repeated, logits), logits)
    assert mark.detect(lm, [1, 2, 3] * 5).num_tokens == 3


@each_mark
def test_greedy_text_cannot_be_marked(lm, mark):
    prompt = "The King said to the old"
    plain = dl.generate(lm, prompt, dl.Greedy(), max_new_tokens=30)
    marked = dl.generate(lm, prompt, dl.Sampling(dl.TopK(1), mark()), max_new_tokens=30)
    assert marked.token_ids == plain.token_ids


@pytest.mark.parametrize("width", [1, 4])
def test_a_changed_token_spoils_its_own_score_and_those_it_is_the_context_of(lm, width):
    mark = dl.GumbelWatermark(context_width=width)
    ids = list(range(100, 140))
    before = mark.detect(lm, ids).scores
    after = mark.detect(lm, [*ids[:20], 7000, *ids[21:]]).scores
    assert [i for i in before if before[i] != after[i]] == list(range(20, 21 + width))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: dl.GumbelWatermark(-1), "key must be in [0, 9223372036854775807], got -1"),
        (lambda: dl.GumbelWatermark(context_width=0), "context_width must be at least 1, got 0"),
        (lambda: dl.GreenListWatermark(context_width=2), "context_width must be in [1, 1], got 2"),
        (lambda: dl.GreenListWatermark(gamma=1), "gamma must be in (0, 1), got 1"),
        (lambda: dl.GreenListWatermark(delta=-1), "delta must be a finite number of at least 0"),
        (lambda: dl.TournamentWatermark(num_layers=0), "num_layers must be at least 1, got 0"),
    ],
)
def test_bad_arguments_are_refused_in_a_sentence(make, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        make()


def test_a_text_with_nothing_to_score_is_refused(lm):
    with pytest.raises(ValueError, match="text must have more than context_width=4 tokens, got 3"):
        dl.GumbelWatermark().detect(lm, [1, 2, 3])
