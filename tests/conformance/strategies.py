"""Whole strategies beside those of transformers, run on one small random model.

Each method says what it is there, what was compared, and a function that does it and returns how
many of the comparisons agree. What transformers does not have is held to its own definition.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import transformers
from transformers.generation.logits_process import SynthIDTextWatermarkLogitsProcessor

import decodelib as dl
from decodelib.models.hf import HFModel
from tests.helpers.hf_models import CONFIGS, byte_tokenizer, random_model
from tests.helpers.sampled_beams import with_the_same_draws

LENGTH = 12
PROMPTS = [[5, 6, 7, 5, 6, 8, 9, 5], [7], [11, 12, 13, 11, 12], [3, 3, 4, 3]]
NEGATIVE = [9, 8, 7]
BAD_WORDS = [(5, 6), (8,)]
BIAS = {(7, 5): 6.0, (6,): -2.0}


class Count(NamedTuple):
    """How many comparisons agree, of how many."""

    agreeing: int
    of: int


@dataclass(frozen=True)
class Method:
    """A strategy, what transformers calls it, and how the two were compared.

    Attributes:
        name, ours: The method, and how decodelib spells it.
        theirs: How transformers spells it; "" where it has nothing of the kind.
        compared: What was compared, or what decodelib is held to instead.
        run: Does the comparison; None where there is none to do.
        differs: How the two differ on purpose, where they do.
        missing: What a name in transformers would contain if it had the method.
    """

    name: str
    ours: str
    theirs: str
    compared: str
    run: Callable[[], Count] | None = None
    differs: str = ""
    missing: tuple[str, ...] = ()


@functools.cache
def model() -> HFModel:
    made = random_model(CONFIGS["llama: rotary positions, grouped queries"])
    with torch.no_grad():  # so that the distribution is neither flat nor certain
        made.get_output_embeddings().weight.mul_(2)
    return HFModel(made, byte_tokenizer(), "random")


def theirs(ids: Sequence[int], **settings: Any) -> list[list[int]]:
    """Return the continuations that transformers' generate gives, without what fills them up."""
    lm = model()
    settings = {"do_sample": False, "pad_token_id": 0, "max_new_tokens": LENGTH} | settings
    found = lm.model.generate(torch.tensor([list(ids)]), **settings)[:, len(ids) :].tolist()
    return [upto(row, lm.eos_token_id) for row in found]


def upto(ids: list[int], end: int | None) -> list[int]:
    return ids[: ids.index(end) + 1] if end in ids else ids


def same_ids(strategy: dl.Strategy, **settings: Any) -> Count:
    """Compare the token ids of both libraries after every prompt."""
    texts = [dl.generate(model(), ids, strategy, max_new_tokens=LENGTH) for ids in PROMPTS]
    agreeing = sum(
        theirs(ids, **settings) == [g.token_ids] for ids, g in zip(PROMPTS, texts, strict=True)
    )
    return Count(agreeing, len(PROMPTS))


def beams(**settings: Any) -> Count:
    config = transformers.GenerationConfig(num_beams=3, **settings)
    return same_ids(dl.from_generation_config(config), num_beams=3, **settings)


def sampled_beams() -> Count:
    size = {"num_beams": 3, "num_return_sequences": 3, "max_new_tokens": LENGTH, "top_k": 0}
    pairs = [with_the_same_draws(model(), ids, **size) for ids in PROMPTS]
    return Count(sum(ours == other for ours, other in pairs), len(pairs))


def draft() -> Count:
    other = random_model(CONFIGS["llama: rotary positions, grouped queries"], seed=1)
    strategy = dl.SpeculativeSampling(HFModel(other, byte_tokenizer(), "draft"), dl.TopK(1))
    return same_ids(strategy, assistant_model=other)


def guidance() -> Count:
    strategy = dl.Guidance(1.5, dl.TopK(1), against=NEGATIVE)
    negative = torch.tensor([NEGATIVE])
    return same_ids(strategy, guidance_scale=2.5, negative_prompt_ids=negative)


def green_list() -> Count:
    """Compare marked greedy texts, and what the detectors count in them."""
    mark = dl.GreenListWatermark(gamma=0.3, delta=1.7)
    said = {"greenlist_ratio": 0.3, "bias": 1.7, "hashing_key": mark.key, "context_width": 1}
    config = transformers.WatermarkingConfig(**said, seeding_scheme="lefthash")
    texts = same_ids(dl.Sampling(mark, dl.TopK(1)), watermarking_config=config)
    agreeing, lm = texts.agreeing, model()
    detector = transformers.WatermarkDetector(
        lm.model.config, "cpu", config, ignore_repeated_ngrams=True
    )
    for seed, ids in enumerate(PROMPTS):
        # With the prompt: a first token that is BOS is one that their detector leaves out.
        text = ids + dl.generate(lm, ids, dl.Sampling(mark), max_new_tokens=40, seed=seed).token_ids
        ours, other = mark.detect(lm, text), detector(torch.tensor([text]), return_dict=True)
        counts = (other.num_tokens_scored[0], other.num_green_tokens[0])
        agreeing += counts == (ours.num_tokens, ours.statistic)
    return Count(agreeing, texts.of + len(PROMPTS))


def tournament() -> Count:
    """Compare the distribution after all layers, given the same bits."""
    layers, lm = 6, model()
    unrepeated = [[*ids, 40] for ids in PROMPTS]
    mark = dl.TournamentWatermark(num_layers=layers, context_width=1)
    other = SynthIDTextWatermarkLogitsProcessor(
        5, list(range(layers)), 64, 0, 16, torch.device("cpu")
    )
    agreeing = 0
    for ids in unrepeated:  # after a context that has occurred before there is no mark
        logits = lm.next_logits(ids)[None].double()
        bits = mark.bits((ids[-1],), lm.vocab_size)
        updated = other.update_scores(logits, bits.T[None]).softmax(-1)
        found = mark(torch.tensor([ids]), logits).softmax(-1)
        agreeing += torch.allclose(found, updated, atol=1e-9)
    return Count(agreeing, len(PROMPTS))


IDS = f"the greedy ids of {len(PROMPTS)} texts"
EXACT = "its own definition, by enumeration: `tests/strategies/{}`"

METHODS = [
    Method("greedy", "Greedy()", "do_sample=False", IDS, lambda: same_ids(dl.Greedy())),
    Method("beam search", "BeamSearch(3)", "num_beams=3", "the ids", beams),
    Method(
        "beams that block n-grams", "BeamSearch(3, processors=NoRepeatNGram(2))",
        "no_repeat_ngram_size=2", "the ids", lambda: beams(no_repeat_ngram_size=2),
    ),
    Method(
        "beams without bad words", "BeamSearch(3, processors=SuppressTokens(...))",
        "bad_words_ids", "the ids", lambda: beams(bad_words_ids=[list(w) for w in BAD_WORDS]),
    ),
    Method(
        "beams with a sequence bias", "BeamSearch(3, processors=LogitBias(...))", "sequence_bias",
        "the ids", lambda: beams(sequence_bias=[[list(ids), bias] for ids, bias in BIAS.items()]),
    ),
    Method(
        "sampled beams", "BeamSearch(3, do_sample=True)", "num_beams=3, do_sample=True",
        "the ids of all beams, given the same draws", sampled_beams,
    ),
    Method(
        "a draft model", "SpeculativeSampling(draft, TopK(1))", "assistant_model",
        "the greedy ids; it is lossless here and there", draft,
    ),
    Method(
        "prompt lookup", "SpeculativeSampling(PromptLookup(), TopK(1))",
        "prompt_lookup_num_tokens", "the greedy ids; it is lossless here and there",
        lambda: same_ids(
            dl.SpeculativeSampling(dl.PromptLookup(), dl.TopK(1)), prompt_lookup_num_tokens=4
        ),
    ),
    Method(
        "guidance", "Guidance(1.5, TopK(1), against=ids)",
        "guidance_scale=2.5, negative_prompt_ids",
        "the greedy ids; their scale is gamma + 1", guidance,
    ),
    Method(
        "green-list watermark", "GreenListWatermark()", "WatermarkingConfig(...)",
        "greedy ids under the mark, and what the detectors count", green_list,
    ),
    Method(
        "tournament watermark", "TournamentWatermark()", "SynthIDTextWatermarkingConfig(...)",
        "the distribution after the tournament, given the same bits", tournament,
        differs="the bits come from another hash, so neither detects the other's texts",
    ),
    Method(
        "Gumbel watermark", "GumbelWatermark()", "",
        "its own definition: `tests/processors/test_watermarks.py`", missing=("gumbel",),
    ),
    Method(
        "best of n", "BestOfN(reward)", "", EXACT.format("test_choosing.py"),
        missing=("best_of", "bestof"),
    ),
    Method(
        "minimum Bayes risk", "MinimumBayesRisk()", "", EXACT.format("test_choosing.py"),
        missing=("bayesrisk", "bayes_risk", "mbr"),
    ),
    Method(
        "self-consistency", "SelfConsistency(answer)", "", EXACT.format("test_choosing.py"),
        missing=("selfconsist", "self_consist", "majority"),
    ),
    Method(
        "power sampling", "PowerSampling()", "", EXACT.format("test_power.py"),
        missing=("powersampl", "power_sampl", "metropolis"),
    ),
    Method(
        "arithmetic sampling", "ArithmeticSampling()", "", EXACT.format("test_arithmetic.py"),
        missing=("arithmetic",),
    ),
    Method(
        "stochastic beams", "StochasticBeamSearch()", "", EXACT.format("test_stochastic.py"),
        missing=("stochasticbeam", "stochastic_beam"),
    ),
    Method(
        "a constraint, conditioned", "ConditionedSampling(constraint)", "",
        EXACT.format("test_conditioned.py"), missing=("montecarlo", "monte_carlo", "particle"),
    ),
]  # fmt: skip


@functools.cache
def count(name: str) -> Count | None:
    """Return how many comparisons of a method agree; None where there is none to make."""
    [method] = (one for one in METHODS if one.name == name)
    return method.run() if method.run else None


def verdict(method: Method) -> str:
    found = count(method.name)
    if found is None:
        return "no system here has it"
    told = f"{found.agreeing} of {found.of} agree"
    return f"{told}; **differs**: {method.differs}" if method.differs else told
