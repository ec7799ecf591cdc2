"""Every processor that transformers has too keeps the same tokens on 10,000 random rows.

`make test` tries a tenth of them, `make test-all` every one.

Where the two differ all the same, the difference has to be one of those named here: a tie, or a
boundary that is hit up to rounding. Anything else fails.
"""

import math
from collections import Counter

import pytest
import torch
import transformers as hf

import decodelib as dl

INF = math.inf
ROWS_OF = {1: 200, 2: 500, 3: 900, 7: 2100, 32: 3000, 100: 2000, 1000: 900, 50_257: 400}
BATCH = 50
EPS = torch.finfo(torch.float32).eps
HIT, RELATIVE = 1e-6, 1e-5
"""How near to its bound a mass, and in relation to its bound a probability, has to be for rounding
to decide: they compute in float32, we in float64."""

FAMILIES = {
    "Temperature": [(dl.Temperature(t), hf.TemperatureLogitsWarper(t)) for t in (0.05, 0.7, 1.9)],
    "TopK": [(dl.TopK(k), hf.TopKLogitsWarper(k)) for k in (1, 2, 40, 2000)],
    "TopP": [(dl.TopP(p), hf.TopPLogitsWarper(p)) for p in (0.1, 0.5, 0.9, 0.95)],
    "MinP": [(dl.MinP(m), hf.MinPLogitsWarper(m)) for m in (0.001, 0.05, 0.3)],
    "Typical": [(dl.Typical(m), hf.TypicalLogitsWarper(m)) for m in (0.2, 0.6, 0.95)],
    "Epsilon": [(dl.Epsilon(e), hf.EpsilonLogitsWarper(e)) for e in (1e-5, 9e-4, 0.1)],
    "Eta": [(dl.Eta(e), hf.EtaLogitsWarper(e, device="cpu")) for e in (1e-5, 4e-3, 0.3)],
    "RepetitionPenalty": [
        (dl.RepetitionPenalty(r), hf.RepetitionPenaltyLogitsProcessor(r)) for r in (0.7, 1.2, 3.0)
    ],
}


def batches(every):
    """Yield 10,000 rows / `every` in batches of one vocabulary: flat and peaked, some removed."""
    generator = torch.Generator().manual_seed(20_260)
    scales = torch.tensor([0.3, 1.0, 2.5, 5.0, 12.0])
    for vocab, rows in ROWS_OF.items():
        for start in range(0, rows // every, BATCH):
            count = min(BATCH, rows // every - start)
            logits = torch.randn(count, vocab, generator=generator)
            logits *= scales[torch.arange(count) % 5, None]
            removed = torch.rand(count, vocab, generator=generator) < 0.3
            removed[torch.arange(count) % 4 > 0] = False
            removed[:, vocab // 2] = False
            ids = torch.randint(vocab, (count, 12), generator=generator)
            yield ids, logits.masked_fill(removed, -INF)


@pytest.mark.parametrize("every", [10, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("family", FAMILIES)
def test_processors_equal_those_of_transformers_on_ten_thousand_rows(family, every):
    compared, reasons = 0, Counter()
    for number, (ids, logits) in enumerate(batches(every)):
        ours, theirs = FAMILIES[family][number % len(FAMILIES[family])]
        wanted, got = theirs(ids, logits.clone()), ours(ids, logits)
        compared += len(logits)
        differ = (got > -INF) ^ (wanted > -INF)
        for row in differ.any(-1).nonzero()[:, 0].tolist():
            reason = named(ours, logits[row].double(), differ[row])
            assert reason, f"{ours!r} on row {row} of batch {number}"
            reasons[reason] += 1
        both = (got > -INF) & (wanted > -INF)
        assert torch.allclose(got[both], wanted[both], rtol=1e-6, atol=0)
    assert compared == 10_000 // every
    # Typical ranks by distance from H, so that neighbours come from both sides of it: more ties.
    assert reasons.total() <= (60 if family == "Typical" else 10), reasons


def named(processor, logits, differ):
    """Return why the two may differ on these tokens of a row, or None if nothing explains it."""
    probs, logp = logits.softmax(-1), logits.log_softmax(-1)
    if isinstance(processor, dl.TopK):
        cut = logits.topk(processor.top_k).values[-1]
        return "tie at the k-th" if (logits[differ] == cut).all() else None
    if isinstance(processor, dl.MinP):
        return near(probs[differ], processor.min_p * probs.max())
    if isinstance(processor, dl.Epsilon):
        return near(probs[differ], processor.epsilon)
    if isinstance(processor, dl.Eta):
        entropy = -(probs * logp).nansum()
        bound = math.sqrt(processor.epsilon) * math.exp(-entropy)
        return near(probs[differ], min(processor.epsilon, bound))
    if isinstance(processor, dl.TopP):
        return at_the_boundary(probs, -logits, differ, processor.top_p, 0.0)
    if isinstance(processor, dl.Typical):
        entropy = -(probs * logp).nansum()
        single = logits.float().log_softmax(-1)
        their_entropy = -(single.exp() * single).nansum()
        # An entropy that is off by e moves the tokens above and below it by 2e to each other.
        slack = 2 * abs(float(their_entropy - entropy)) + 4 * EPS * float(logp[differ].abs().max())
        return at_the_boundary(probs, (-logp - entropy).abs(), differ, processor.typical_p, slack)
    return None


def near(probs, bound):
    close = ((probs - bound).abs() < RELATIVE * bound).all()
    return "within rounding of the bound" if close else None


def at_the_boundary(probs, rank, differ, mass, slack):
    """Return what makes the boundary of a nucleus uncertain for these tokens, or None."""
    order = rank.argsort(stable=True)
    cumulated = probs[order].cumsum(-1)
    before = torch.zeros_like(probs).scatter(-1, order, cumulated - probs[order])
    if ((before - mass).abs()[differ] < HIT).all():
        return "mass within rounding"
    crossing = rank[order][int((cumulated < mass).sum().clamp(max=len(rank) - 1))]
    return "tie at the boundary" if ((rank[differ] - crossing).abs() <= slack).all() else None


def test_a_difference_that_nothing_explains_is_noticed():
    logits = torch.tensor([0.9, 0.7, 0.4, 0.1, -0.3, -2.0], dtype=torch.float64)
    ids, row = torch.zeros(1, 1).long(), logits[None]
    for processor, off_by_one in [
        (dl.TopK(3), dl.TopK(4)), (dl.TopP(0.5), dl.TopP(0.7)), (dl.MinP(0.5), dl.MinP(0.3)),
        (dl.Typical(0.5), dl.Typical(0.7)), (dl.Epsilon(0.2), dl.Epsilon(0.1)),
        (dl.Eta(0.9), dl.Eta(0.3)),
    ]:  # fmt: skip
        differ = ((processor(ids, row) > -INF) ^ (off_by_one(ids, row) > -INF))[0]
        assert differ.any(), processor
        assert named(processor, logits, differ) is None, processor
