"""The fields of transformers' GenerationConfig that are processors of ours, in its own order.

A configuration is a bag of fields, of which transformers makes a list of processors in an order of
its own; here that order is written down. No import of transformers is needed to read one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple, cast

from decodelib.processors.bans import LogitBias, SuppressTokens
from decodelib.processors.base import LogitsProcessor, Processor
from decodelib.processors.knobs import PROCESSOR_KNOBS
from decodelib.processors.truncation import TopK


class _Field(NamedTuple):
    """A field of GenerationConfig that is a processor of ours.

    `make` and `read` go from the field's value to a processor of this kind and back; `read` gives
    None for a processor that the field cannot say. `unset` is what transformers takes for None,
    `neutral` the value that changes nothing.
    """

    kind: type[Processor]
    make: Callable[[Any], Processor]
    read: Callable[[Any], Any]
    unset: Any = None
    neutral: Any = None


def _logit_bias(value: Any) -> LogitBias:
    pairs = value.items() if isinstance(value, Mapping) else value
    return LogitBias({tuple(ids): bias for ids, bias in pairs})


def _pairs(processor: LogitBias) -> list[list[Any]]:
    return [[list(ids), bias] for ids, bias in processor.biases]


def _words(processor: SuppressTokens) -> list[list[int]]:
    return [[item] if isinstance(item, int) else list(item) for item in processor.token_ids]


def _tokens(processor: SuppressTokens) -> list[int] | None:
    ids = [item for item in processor.token_ids if isinstance(item, int)]
    return ids if len(ids) == len(processor.token_ids) else None


def _only_value(processor: Processor) -> Any:
    """Return the value of the first positional setting of a processor."""
    return next(getattr(processor, f.name) for f in fields(cast(Any, processor)) if not f.kw_only)


_BY_HAND = {
    "sequence_bias": _Field(LogitBias, _logit_bias, _pairs),
    "bad_words_ids": _Field(SuppressTokens, SuppressTokens, _words),
    "suppress_tokens": _Field(SuppressTokens, SuppressTokens, _tokens),
}
_FROM_KNOBS = {
    knob.field: _Field(cast(Any, knob.make), knob.make, _only_value, knob.unset, knob.neutral)
    for knob in PROCESSOR_KNOBS.values()
    if knob.field is not None
}
BEFORE_SAMPLING = (
    "sequence_bias",
    "repetition_penalty",
    "no_repeat_ngram_size",
    "bad_words_ids",
    "suppress_tokens",
)
"""The fields that transformers applies whether it samples or not, in its order."""
_ORDER = [*BEFORE_SAMPLING, *(name for name in _FROM_KNOBS if name not in BEFORE_SAMPLING)]
_FIELDS = {name: (_BY_HAND | _FROM_KNOBS)[name] for name in _ORDER}
"""The fields that are processors of ours, in the order in which transformers applies them."""

# Fields that change which tokens come and have no counterpart here, and the values that are no-ops.
# top_h is there because transformers' class keeps other tokens than the paper's, which is TopH.
_INEXPRESSIBLE: Mapping[str, tuple[object, ...]] = {
    "top_h": (),
    "encoder_no_repeat_ngram_size": (0,),
    "encoder_repetition_penalty": (1.0,),
    "forced_bos_token_id": (),
    "forced_eos_token_id": (),
    "exponential_decay_length_penalty": (),
    "begin_suppress_tokens": (),
    "guidance_scale": (1, 1.0),
    "watermarking_config": (),
    "remove_invalid_values": (False,),
    "constraints": (),
    "force_words_ids": (),
    "dola_layers": (),
    "token_healing": (False,),
}


def check_expressible(config: Any) -> None:
    """Raise unless `config` is a GenerationConfig of which nothing would be lost here."""
    if not hasattr(config, "do_sample"):
        raise TypeError(f"config must be a GenerationConfig of transformers, got {config!r}")
    for name, no_ops in _INEXPRESSIBLE.items():
        value = getattr(config, name, None)
        if value is not None and value != [] and value not in no_ops:
            raise ValueError(f"config must leave {name} unset, got {value!r}: no strategy has it")
    returned, num_beams = field(config, "num_return_sequences", 1), field(config, "num_beams", 1)
    if num_beams == 1 and returned != 1 and not field(config, "do_sample", False):
        raise ValueError(
            "config must have num_return_sequences=1 without beams or sampling, since greedy "
            f"decoding has one text, got {returned}"
        )


def processors_of(
    config: Any, names: Sequence[str] = tuple(_FIELDS), min_tokens_to_keep: int = 1
) -> list[Processor]:
    """Return the processors of the fields `names` that change anything, in transformers' order.

    Truncations keep `min_tokens_to_keep` tokens at least.
    """
    values = {name: field(config, name, _FIELDS[name].unset) for name in names}
    return [
        at_least_keeping(_FIELDS[name].make(value), min_tokens_to_keep)
        for name, value in values.items()
        if value != _FIELDS[name].neutral and value != []
    ]


def at_least_keeping(processor: Processor, count: int) -> Processor:
    """Return a truncation that keeps at least `count` tokens; other processors as they are."""
    if isinstance(processor, TopK):
        return TopK(max(processor.top_k, count))
    if hasattr(processor, "min_tokens_to_keep"):
        return replace(cast(Any, processor), min_tokens_to_keep=count)
    return processor


def fields_of(
    processors: Sequence[LogitsProcessor], names: Sequence[str] = tuple(_FIELDS)
) -> dict[str, Any]:
    """Return the fields `names`, at their neutral values unless a processor sets them.

    Raises ValueError for processors without a field, or in another order than transformers'.
    """
    settings = {name: _FIELDS[name].neutral for name in names}
    end = len(names)
    for processor in reversed(processors):
        places = [place for place in _places(processor) if place < end]
        if not places:
            raise ValueError(
                f"processors must come in transformers' order ({', '.join(names)}), each at most "
                f"once, got {', '.join(map(repr, processors))}"
            )
        end = places[-1]
        settings[names[end]] = _FIELDS[names[end]].read(processor)
    return settings


def _places(processor: LogitsProcessor) -> list[int]:
    """Return the places in the order of the fields that say all that a processor does."""
    places = []
    for place, field in enumerate(_FIELDS.values()):
        if type(processor) is field.kind:
            value = field.read(processor)
            if value is not None and field.make(value) == processor:
                places.append(place)
    if not places:
        raise ValueError(
            f"processors must be those that GenerationConfig has a field for, got {processor!r}"
        )
    return places


def field(config: Any, name: str, unset: Any) -> Any:
    """Return a field's value, or `unset` where it is None or missing."""
    value = getattr(config, name, None)
    return unset if value is None else value
