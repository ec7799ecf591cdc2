"""Greedy and beam search give the token ids of transformers' generate, on the same weights."""

import itertools
from pathlib import Path

import pytest
import torch
from transformers import GenerationConfig, GPT2LMHeadModel

import decodelib as dl

STORYBOOK = Path(dl.__file__).parent / "models" / "storybook"
PROMPTS = [
    "Once upon a time", "The old man looked at the sea and", "It was a dark and stormy night",
    '"Come here," said', "She opened the door", "In the beginning", "I", "The king had three sons.",
    "There was no one in the house but", "He took his hat and", "My dear", "London",
    "At last the ship", "They had been walking for hours when the", "What a", "Nothing could be",
    "The wolf and the lamb", "\n\nCHAPTER II\n\n", "As soon as the", "And so they",
]  # fmt: skip
ENDINGS = {"no EOS": None, "EOS": "<|endoftext|>", "a full stop for EOS": "."}


@pytest.fixture(scope="module")
def reference():
    return GPT2LMHeadModel.from_pretrained(STORYBOOK, dtype=torch.float32).eval()


def storybook(ending):
    """Return the model with another token, or none, for EOS: a common one ends many texts."""
    lm = dl.load("storybook", device="cpu", dtype="float32")
    lm.eos_token_id = None if ending is None else int(lm.encode(ending)[0])
    return lm


def theirs(reference, lm, count=1, prompts=PROMPTS, **settings):
    """Return (token ids, score) of each sequence transformers returns, in one left-padded batch."""
    rows = [lm.encode(prompt) for prompt in prompts]
    longest = max(map(len, rows))
    pad = lambda ids, value: torch.nn.functional.pad(ids, (longest - len(ids), 0), value=value)  # noqa: E731
    config = GenerationConfig(
        do_sample=False, eos_token_id=list(lm.eos_token_ids) or None,
        pad_token_id=0, num_return_sequences=count, return_dict_in_generate=True,
        output_scores=True, **settings,
    )  # fmt: skip
    reference.generation_config = config
    output = reference.generate(
        torch.stack([pad(ids, 0) for ids in rows]),
        attention_mask=torch.stack([pad(torch.ones_like(ids), 0) for ids in rows]),
    )
    scores = output.get("sequences_scores")
    return output.sequences[:, longest:].tolist(), None if scores is None else scores.tolist()


def assert_same(generations, sequences, scores=None):
    ends = {g.token_ids[-1] for g in generations}
    assert len(generations) == len(sequences)
    for index, (ours, ids) in enumerate(zip(generations, sequences, strict=True)):
        assert ours.token_ids == ids[: len(ours.token_ids)], ours.prompt
        # What follows the end is filled up with the padding or, in beam search, with EOS.
        filling = {0, *ends} if ours.finish_reason == "eos" else {0}
        assert set(ids[len(ours.token_ids) :]) <= filling, ours.prompt
        if scores is not None:
            assert ours.score == pytest.approx(scores[index], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("min_new_tokens", [0, 9])
@pytest.mark.parametrize("ending", ENDINGS)
def test_greedy_ids_equal_those_of_transformers(reference, ending, min_new_tokens):
    lm = storybook(ENDINGS[ending])
    extra = {"min_new_tokens": min_new_tokens} if min_new_tokens else {}
    sequences, _ = theirs(reference, lm, max_new_tokens=24, **extra)
    ours = dl.generate_batch(
        lm, PROMPTS, dl.Greedy(), max_new_tokens=24, min_new_tokens=min_new_tokens
    )
    assert_same(ours, sequences)
    if ending == "a full stop for EOS":
        assert {g.finish_reason for g in ours} == {"eos", "length"}
        assert min(len(g.token_ids) for g in ours) > min_new_tokens


GRID = [
    ("a full stop for EOS", 4, *pair, 2)
    for pair in itertools.product([-1.0, 0.0, 1.0, 2.0], [False, True, "never"])
]
BEAMS = [
    *GRID[::2], *(pytest.param(*settings, marks=pytest.mark.long) for settings in GRID[1::2]),
    ("a full stop for EOS", 3, 0.5, "never", 3), ("a full stop for EOS", 6, 1.0, False, 1),
    ("EOS", 5, 1.0, False, 1), ("EOS", 3, 0.0, True, 3), ("EOS", 2, 2.0, "never", 1),
    ("no EOS", 5, 1.0, False, 1), ("no EOS", 3, -1.0, True, 3), ("no EOS", 1, 1.0, False, 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("ending", "num_beams", "length_penalty", "early_stopping", "count"), BEAMS
)
def test_beam_ids_and_scores_equal_those_of_transformers(
    reference, ending, num_beams, length_penalty, early_stopping, count
):
    lm = storybook(ENDINGS[ending])
    strategy = dl.BeamSearch(num_beams, length_penalty, early_stopping, count)
    # The grid of settings on some prompts; each kind of ending on all of them.
    prompts = PROMPTS[:8] if count == 2 else PROMPTS
    found = dl.generate_batch(lm, prompts, strategy, max_new_tokens=12)
    if num_beams == 1:
        assert_same(found, theirs(reference, lm, prompts=prompts, max_new_tokens=12)[0])
        return
    wanted = theirs(
        reference, lm, count, prompts, max_new_tokens=12, num_beams=num_beams,
        length_penalty=length_penalty, early_stopping=early_stopping,
    )  # fmt: skip
    ours = [g for best in found for g in (best, *best.alternatives)]
    assert_same(ours, *wanted)
    if ENDINGS[ending] == "." and length_penalty < 2:
        assert any(g.finish_reason == "eos" for g in ours)


def test_beam_search_with_min_new_tokens_equals_that_of_transformers(reference):
    lm = storybook(",")
    strategy = dl.BeamSearch(4, 0.0, num_return_sequences=4)
    found = dl.generate_batch(lm, PROMPTS, strategy, max_new_tokens=12, min_new_tokens=7)
    settings = {"num_beams": 4, "length_penalty": 0.0, "min_new_tokens": 7, "max_new_tokens": 12}
    ours = [g for best in found for g in (best, *best.alternatives)]
    assert_same(ours, *theirs(reference, lm, 4, **settings))
    assert min(len(g.token_ids) for g in ours) == 8


PROCESSED = {
    "no n-gram twice": ({"no_repeat_ngram_size": 2}, [dl.NoRepeatNGram(2)]),
    "penalty": ({"repetition_penalty": 1.3}, [dl.RepetitionPenalty(1.3)]),
    "both": (
        {"repetition_penalty": 0.9, "no_repeat_ngram_size": 3},
        [dl.RepetitionPenalty(0.9), dl.NoRepeatNGram(3)],
    ),
}


@pytest.mark.parametrize("name", PROCESSED)
def test_beams_with_processors_equal_those_of_transformers(reference, name):
    settings, processors = PROCESSED[name]
    lm = storybook(None)
    shape = {"num_beams": 3, "length_penalty": 0.5, "max_new_tokens": 20}
    for prompt in PROMPTS[1:3]:  # one by one: padding would count as tokens that have occurred
        strategy = dl.BeamSearch(3, 0.5, num_return_sequences=3, processors=processors)
        best = dl.generate(lm, prompt, strategy, max_new_tokens=20)
        wanted = theirs(reference, lm, 3, [prompt], **shape, **settings)
        assert_same([best, *best.alternatives], *wanted)
    plain = dl.generate(lm, prompt, dl.BeamSearch(3, 0.5), max_new_tokens=20)
    assert best.token_ids != plain.token_ids


def test_a_processor_of_ours_does_the_same_in_their_beams(reference):
    lm = storybook(None)
    ids = lm.encode(PROMPTS[1])
    processors = [dl.TopK(5), dl.DRY(2.0, allowed_length=1), dl.LogitBias({ids[0].item(): 3.0})]
    reference.generation_config = GenerationConfig(
        num_beams=4, do_sample=False, max_new_tokens=16, pad_token_id=0,
    )  # fmt: skip
    mask = torch.ones_like(ids)[None]
    found = reference.generate(ids[None], attention_mask=mask, logits_processor=processors)
    best = dl.generate(lm, ids, dl.BeamSearch(4, processors=processors), max_new_tokens=16)
    assert best.token_ids == found[0, len(ids) :].tolist()[: len(best.token_ids)]


@pytest.mark.parametrize("prompt", ["Once upon a time", "My dear"])
def test_unbatched_and_batched_references_agree_with_us(reference, prompt):
    # transformers alone, without padding, as a second witness beside its padded batch.
    lm = storybook(".")
    reference.generation_config = GenerationConfig(
        num_beams=5,
        do_sample=False,
        max_new_tokens=30,
        eos_token_id=lm.eos_token_id,
        pad_token_id=0,
    )
    ids = lm.encode(prompt)
    sequence = reference.generate(ids[None], attention_mask=torch.ones_like(ids)[None])[0]
    ours = dl.generate(lm, prompt, dl.BeamSearch(5), max_new_tokens=30)
    assert ours.token_ids == sequence[len(ids) :].tolist()[: len(ours.token_ids)]


@pytest.mark.parametrize("min_new_tokens", [0, 4])
@pytest.mark.parametrize("num_beams", [1, 3, 5])
def test_any_of_several_ends_ends_as_in_transformers(reference, num_beams, min_new_tokens):
    # Common tokens, so that most candidates of a step may end the text.
    lm = storybook(None)
    lm.eos_token_ids = tuple(int(lm.encode(text)[0]) for text in (".", ",", " and", " the", " of"))
    strategy = dl.BeamSearch(num_beams, num_return_sequences=num_beams)
    settings = {"max_new_tokens": 10} | (
        {"min_new_tokens": min_new_tokens} if min_new_tokens else {}
    )
    found = dl.generate_batch(lm, PROMPTS[:10], strategy, **settings)
    ours = [g for best in found for g in (best, *best.alternatives)]
    beams = {"num_beams": num_beams, "early_stopping": False} if num_beams > 1 else {}
    wanted = theirs(reference, lm, num_beams, PROMPTS[:10], **settings, **beams)
    assert_same(ours, *wanted)
    assert len({g.stop_reason for g in ours}) > 2
    # The same ids as stop tokens of a model without ends do the same.
    plain = storybook(None)
    stopped = dl.generate_batch(
        plain, PROMPTS[:10], strategy, stop_token_ids=lm.eos_token_ids, **settings
    )
    assert [g.token_ids for g in stopped] == [g.token_ids for g in found]
