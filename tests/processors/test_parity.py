"""decodelib's processors beside transformers': equal where meanings agree, explained where not."""

import math
from pathlib import Path

import pytest
import torch
from transformers import (
    GPT2LMHeadModel,
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

import decodelib as dl

INF = math.inf
STORYBOOK = Path(dl.__file__).parent / "models" / "storybook"
SIZES = [1, 2, 3, 7, 100, 1000, 8192, 50_257]

PAIRS = [
    *((dl.Temperature(t), TemperatureLogitsWarper(t)) for t in (0.05, 0.7, 1.0, 1.3, 50.0)),
    *((dl.TopK(k), TopKLogitsWarper(k)) for k in (1, 2, 50, 10**6)),
    *((dl.TopP(p), TopPLogitsWarper(p)) for p in (0.01, 0.5, 0.9, 0.999)),
    *((dl.MinP(m), MinPLogitsWarper(m)) for m in (0.0, 0.05, 0.5)),
    (
        dl.Temperature(0.8) | dl.TopK(40) | dl.TopP(0.9) | dl.MinP(0.02),
        LogitsProcessorList(
            [
                TemperatureLogitsWarper(0.8),
                TopKLogitsWarper(40),
                TopPLogitsWarper(0.9),
                MinPLogitsWarper(0.02),
            ]
        ),
    ),
]


def no_ties(vocab: int) -> torch.Tensor:
    """Return random rows, a shuffled ramp, extremes, a peak and rows with most tokens removed."""
    generator = torch.Generator().manual_seed(vocab)
    random = (
        torch.randn(5, vocab, generator=generator) * torch.tensor([0.1, 1, 3, 10, 100])[:, None]
    )
    ramp = torch.randperm(vocab, generator=generator).float() / 8
    peak = random[1].clone()
    peak[vocab // 2] = 60.0
    removed = random[2].clone()
    removed[torch.rand(vocab, generator=generator) < 0.9] = -INF
    removed[vocab // 3] = 1.7
    return torch.stack([*random, ramp, -ramp * 100, peak, removed])


@pytest.mark.parametrize("vocab", SIZES)
@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda pair: repr(pair)[:60])
def test_processors_equal_those_of_transformers(ours, theirs, vocab):
    logits = no_ties(vocab)
    ids = torch.zeros(len(logits), 1, dtype=torch.long)
    wanted, got = theirs(ids, logits.clone()), ours(ids, logits)
    kept = got > -INF
    if not torch.equal(kept, wanted > -INF):
        # They sum in float32, we in float64: the sets may only differ where that is the reason.
        assert _only_by_rounding(ours, logits, kept ^ (wanted > -INF))
        kept &= wanted > -INF
    assert torch.allclose(got[kept], wanted[kept], rtol=1e-6)


def _only_by_rounding(chain, logits, differing):
    """Return whether, in float64, the differing tokens all lie at the boundary of the nucleus."""
    logits = logits.double()
    for member in chain.processors if isinstance(chain, dl.Chain) else (chain,):
        if isinstance(member, dl.TopP):
            probs, order = logits.softmax(-1).sort(descending=True)
            mass_before = torch.zeros_like(probs).scatter(-1, order, probs.cumsum(-1) - probs)
            return bool(((mass_before - member.top_p).abs() < 1e-5)[differing].all())
        logits = member(torch.zeros(len(logits), 1, dtype=torch.long), logits)
    return False


# Where they differ on purpose. Each test shows both.


def test_top_k_ties_we_keep_exactly_k_and_transformers_keeps_all():
    """A parameter named k that keeps more than k breaks every count that rests on it."""
    logits, ids = torch.tensor([[2.0, 1.0, 1.0, 1.0, 0.0]]), torch.zeros(1, 1).long()
    assert (dl.TopK(3)(ids, logits) > -INF).tolist() == [[True, True, True, False, False]]
    assert (TopKLogitsWarper(3)(ids, logits) > -INF).tolist() == [[True, True, True, True, False]]


def test_top_p_ties_we_keep_the_lower_id_and_transformers_the_higher():
    """One rule for ties everywhere: the lower id, as argmax and top-k have it."""
    logits, ids = torch.zeros(1, 4), torch.zeros(1, 1).long()
    assert (dl.TopP(0.5)(ids, logits) > -INF).tolist() == [[True, True, False, False]]
    assert (TopPLogitsWarper(0.5)(ids, logits) > -INF).tolist() == [[False, False, True, True]]


def test_top_p_exact_hit_we_add_nothing_and_transformers_depends_on_rounding():
    """A mass of .65 reaches p = .65 by definition, whatever 1 - .65 is in binary.

    Theirs sums in float32, in an order that differs by processor: with luck they add nothing.
    """
    ids = torch.zeros(1, 1).long()
    for probs, p in [
        ([0.5, 0.3, 0.2], 0.8),
        ([0.65, 0.25, 0.1], 0.65),
        ([0.65, 0.25, 0.1], 0.9),
        ([0.65, 0.3, 0.05], 0.65),
    ]:
        logits = torch.tensor([probs]).log()
        smallest = 1 + sum(sum(probs[: n + 1]) < p - 1e-9 for n in range(len(probs)))
        assert int((dl.TopP(p)(ids, logits) > -INF).sum()) == smallest
        assert int((TopPLogitsWarper(p)(ids, logits) > -INF).sum()) in (smallest, smallest + 1)


def test_top_p_of_one_we_keep_everything_and_transformers_drops_what_underflows():
    """p = 1 is the neutral setting, and a neutral setting is the identity."""
    logits, ids = torch.tensor([[0.0, -200.0, 1.0]]), torch.zeros(1, 1).long()
    assert torch.equal(dl.TopP(1)(ids, logits), logits)
    assert (TopPLogitsWarper(1.0)(ids, logits) > -INF).tolist() == [[True, False, True]]


def test_min_p_exact_equality_we_keep_and_transformers_depends_on_rounding():
    """The definition says p_i >= m * p_max; in float32, .1 may become less than .2 * .5."""
    logits, ids = torch.tensor([[0.5, 0.1, 0.4]]).log(), torch.zeros(1, 1).long()
    assert (dl.MinP(0.2)(ids, logits) > -INF).tolist() == [[True, True, True]]
    best, _, between = (MinPLogitsWarper(0.2)(ids, logits) > -INF)[0].tolist()
    assert best
    assert between


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda pair: repr(pair)[:60])
@pytest.mark.parametrize("value", [-INF, math.nan])
def test_hopeless_rows_we_raise_and_transformers_passes_on(ours, theirs, value):
    """Nothing sensible can be drawn from such a row; the earliest place to say so is the best."""
    logits, ids = torch.full((1, 5), value), torch.zeros(1, 1).long()
    assert not torch.isfinite(theirs(ids, logits.clone())).any()
    with pytest.raises(ValueError, match=r"^logits must be finite"):
        ours(ids, logits)


def test_temperature_zero_both_refuse_and_ours_names_greedy():
    with pytest.raises(ValueError, match="do_sample=False"):
        TemperatureLogitsWarper(0.0)
    with pytest.raises(ValueError, match=r"Greedy\(\)"):
        dl.Temperature(0.0)


# Each kind inside the other's machinery


@pytest.fixture(scope="module")
def reference():
    return GPT2LMHeadModel.from_pretrained(STORYBOOK, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu", dtype="float32")


def test_our_processors_work_inside_transformers_generate(reference, lm):
    prompt = lm.encode("The old man looked at the sea and")[None]
    settings = {"do_sample": False, "max_new_tokens": 12, "pad_token_id": 0}
    bare = reference.generate(prompt, **settings)
    kept = LogitsProcessorList([dl.Temperature(0.7) | dl.TopK(3) | dl.TopP(0.9)])
    assert torch.equal(reference.generate(prompt, logits_processor=kept, **settings), bare)

    chain = dl.Temperature(0.8) | dl.TopP(0.7) | dl.MinP(0.05)
    theirs = [TemperatureLogitsWarper(0.8), TopPLogitsWarper(0.7), MinPLogitsWarper(0.05)]
    outputs = []
    for processors in ([chain], theirs):
        torch.manual_seed(3)
        outputs.append(
            reference.generate(
                prompt.expand(3, -1), do_sample=True, top_k=0, max_new_tokens=20, pad_token_id=0,
                logits_processor=LogitsProcessorList(processors),
            )
        )  # fmt: skip
    assert torch.equal(*outputs)


def test_transformers_processors_work_inside_our_chain(lm):
    prompts = ["Once upon a time", "It was a dark and stormy night, and the captain", ""]
    ours = dl.Sampling(dl.Temperature(0.9), dl.TopP(0.8))
    theirs = dl.Sampling(TemperatureLogitsWarper(0.9), TopPLogitsWarper(0.8))
    mixed = dl.Sampling(TemperatureLogitsWarper(0.9) | dl.TopP(0.8))
    results = [
        [g.token_ids for g in dl.generate_batch(lm, prompts, strategy, max_new_tokens=15)]
        for strategy in (ours, theirs, mixed)
    ]
    assert results[0] == results[1] == results[2]


def test_a_foreign_processor_is_given_each_rows_own_tokens(lm):
    # The repetition penalty reads the ids; padding or a neighbour's tokens would change it.
    prompts = ["Yes, yes, yes, yes,", "He said that he", "Once upon a time there was a king who"]
    strategy = dl.Sampling(RepetitionPenaltyLogitsProcessor(1.8), dl.TopK(1))
    together = dl.generate_batch(lm, prompts, strategy, max_new_tokens=16)
    alone = [dl.generate(lm, prompt, strategy, max_new_tokens=16) for prompt in prompts]
    assert [g.token_ids for g in together] == [g.token_ids for g in alone]
    for prompt, generation in zip(prompts, together, strict=True):
        ids = lm.prompt_ids(prompt).tolist()
        for token_id in generation.token_ids:
            logits = lm.logits(ids)[-1:]
            penalised = RepetitionPenaltyLogitsProcessor(1.8)(torch.tensor([ids]), logits)
            assert token_id == int(penalised.argmax())
            ids.append(token_id)


def test_a_foreign_processor_that_writes_in_place_cannot_spoil_the_record(lm):
    def forbid(input_ids, logits):
        logits[:, 13:] = -INF
        return logits

    step = dl.generate(lm, "So", dl.Sampling(forbid), max_new_tokens=1, trace=True).steps[0]
    assert step.kept == 13
    assert step.entropy > math.log(13)


@pytest.mark.parametrize(
    ("returned", "got"), [(lambda x: x[0], r"\(5,\)"), (lambda x: None, "NoneType")]
)
def test_a_foreign_processor_that_returns_another_shape_is_named(returned, got):
    def broken(input_ids, logits):
        return returned(logits)

    with pytest.raises(TypeError, match=rf"shape \(2, 5\), got {got} from <function .*broken"):
        dl.Chain(broken)(torch.zeros(2, 1).long(), torch.zeros(2, 5))
