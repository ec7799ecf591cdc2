"""transformers' GenerationConfig as a strategy, and a strategy as the settings of `generate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from decodelib.decoding.search import Strategy
from decodelib.processors.base import LogitsProcessor, Processor, chain_of
from decodelib.processors.generation_config import (
    BEFORE_SAMPLING,
    at_least_keeping,
    check_expressible,
    field,
    fields_of,
    processors_of,
)
from decodelib.processors.truncation import TopK
from decodelib.strategies.beam import BeamSearch
from decodelib.strategies.contrastive_search import ContrastiveSearch
from decodelib.strategies.diverse import DiverseBeamSearch
from decodelib.strategies.sampling import Greedy, Sampling


def from_generation_config(config: Any) -> Strategy:
    """Return the strategy that transformers' `generate` follows under a GenerationConfig.

    The rules are transformers' own (version 5), also where a field is None:

    - do_sample=False, its default, is `Greedy()`; with a repetition_penalty r,
      `Sampling(RepetitionPenalty(r), TopK(1))`, which is greedy on the penalised logits; likewise
      with sequence_bias, no_repeat_ngram_size, bad_words_ids and suppress_tokens;
    - do_sample=True is `Sampling` of sequence_bias, repetition_penalty, no_repeat_ngram_size,
      bad_words_ids, suppress_tokens, temperature, top_k, top_p, min_p, typical_p, epsilon_cutoff
      and eta_cutoff, applied in this order. A top_k of None is 50: whoever does not want top-k must
      say top_k=0. top_h is refused, because transformers' class is not the paper's, which is
      `TopH`;
    - num_beams > 1 is `BeamSearch`, with num_beam_groups > 1 `DiverseBeamSearch`;
    - penalty_alpha > 0 without sampling is `ContrastiveSearch`;
    - with do_sample=True, `BeamSearch` has all of these processors and draws its candidates; its
      truncations keep one token more than there are ends, as transformers' do;
    - otherwise beams and contrastive search have the processors from sequence_bias to
      suppress_tokens too.

    Lengths, stop strings and EOS ids are not read: they are arguments of `generate` and properties
    of the model, not of a strategy. Neither are settings that leave the text as it is (caches,
    assistants, what is returned).

    Args:
        config: A transformers GenerationConfig, or anything with its fields, such as
            `lm.model.generation_config`.

    Raises:
        TypeError: If it is not such a configuration.
        ValueError: For settings that no strategy of this package expresses, and values that its
            processors do not allow.

    Source: transformers, `GenerationMixin._get_logits_processor` and
    `GenerationConfig.get_generation_mode`.
    """
    check_expressible(config)
    num_beams = field(config, "num_beams", 1)
    if num_beams != 1:
        return _beams(config, num_beams)
    if field(config, "do_sample", False):
        return Sampling.from_generation_config(config)
    before = processors_of(config, BEFORE_SAMPLING)
    if (alpha := field(config, "penalty_alpha", 0)) and field(config, "top_k", 50) > 1:
        return ContrastiveSearch(field(config, "top_k", 50), alpha, before)
    return Sampling(*before, TopK(1)) if before else Greedy()


def to_generation_config(strategy: Strategy) -> dict[str, Any]:
    """Return the fields of a GenerationConfig under which transformers does what `strategy` says.

    Use it as `model.generate(**inputs, **dl.to_generation_config(strategy))` or
    `GenerationConfig(**dl.to_generation_config(strategy))`. Every field that matters is there, so
    that neither transformers' hidden default top_k=50 nor the model's own configuration adds to it.

    Args:
        strategy: `Greedy()`, a `BeamSearch`, or a `Sampling` of LogitBias, RepetitionPenalty,
            NoRepeatNGram, SuppressTokens, Temperature, TopK, TopP, MinP, Typical, Epsilon and Eta,
            each at most once, in this order, which is the only one that transformers knows, and
            with no settings but the first. Beam search may have the first four, with `do_sample`
            all of them, with min_tokens_to_keep=2 where they have that.

    Raises:
        TypeError: If it is not a strategy.
        ValueError: For any other strategy.
    """
    if isinstance(strategy, BeamSearch):
        chosen = chain_of(strategy.processors).processors
        if strategy.do_sample:
            chosen = tuple(_with_own_minimum(processor) for processor in chosen)
        return {
            "do_sample": strategy.do_sample,
            "num_beams": strategy.num_beams,
            "length_penalty": strategy.length_penalty,
            "early_stopping": strategy.early_stopping,
            "num_return_sequences": strategy.num_return_sequences,
            **(fields_of(chosen) if strategy.do_sample else fields_of(chosen, BEFORE_SAMPLING)),
        }
    if isinstance(strategy, Greedy):
        return {"do_sample": False, "num_beams": 1, "repetition_penalty": 1.0}
    if isinstance(strategy, Sampling):
        return strategy.to_generation_config()
    if isinstance(strategy, type) or not hasattr(strategy, "start"):
        raise TypeError(
            f"strategy must be one such as Greedy() or Sampling(TopP(0.9)), got {strategy!r}"
        )
    raise ValueError(f"strategy must be greedy, sampling or beam search, got {strategy!r}")


def _with_own_minimum(processor: LogitsProcessor) -> LogitsProcessor:
    """Return a truncation without the second token that transformers has it keep in such beams."""
    if getattr(processor, "min_tokens_to_keep", 2) != 2 or processor == TopK(1):
        raise ValueError(
            "processors must keep two tokens, as transformers' do in sampled beams, got "
            f"{processor!r}"
        )
    return at_least_keeping(processor, 1) if isinstance(processor, Processor) else processor


def _beams(config: Any, num_beams: int) -> Strategy:
    shared: dict[str, Any] = {
        "num_beams": num_beams,
        "length_penalty": field(config, "length_penalty", 1.0),
        "early_stopping": field(config, "early_stopping", False),
        "num_return_sequences": field(config, "num_return_sequences", 1),
    }
    groups = field(config, "num_beam_groups", 1)
    if field(config, "do_sample", False):
        if groups != 1:
            raise ValueError(
                f"config must not have do_sample=True with num_beam_groups={groups}, since no "
                "strategy draws in groups"
            )
        ends = field(config, "eos_token_id", 0)
        keep = 1 + (len(ends) if isinstance(ends, Sequence) else 1)
        chosen = processors_of(config, min_tokens_to_keep=keep)
        return BeamSearch(**shared, processors=chosen, do_sample=True)
    shared["processors"] = processors_of(config, BEFORE_SAMPLING)
    if groups == 1:
        return BeamSearch(**shared)
    penalty = field(config, "diversity_penalty", 0.0)
    return DiverseBeamSearch(num_beam_groups=groups, diversity_penalty=penalty, **shared)
