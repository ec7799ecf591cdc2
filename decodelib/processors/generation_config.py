"""The fields of transformers' GenerationConfig that are processors of ours, in its own order.

A configuration is a bag of fields, of which transformers makes a list of processors in an order of
its own; here that order is written down. No import of transformers is needed to read one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from decodelib.processors.base import LogitsProcessor, Processor
from decodelib.processors.knobs import PROCESSOR_KNOBS

_FIELDS = {knob.field: knob for knob in PROCESSOR_KNOBS.values() if knob.field is not None}
"""The fields that are processors of ours, in the order in which transformers applies them."""

# Fields that change which tokens come and have no counterpart here, and the values that are no-ops.
_INEXPRESSIBLE: Mapping[str, tuple[object, ...]] = {
    "top_h": (),
    "no_repeat_ngram_size": (0,),
    "encoder_no_repeat_ngram_size": (0,),
    "encoder_repetition_penalty": (1.0,),
    "bad_words_ids": (),
    "forced_bos_token_id": (),
    "forced_eos_token_id": (),
    "exponential_decay_length_penalty": (),
    "suppress_tokens": (),
    "begin_suppress_tokens": (),
    "sequence_bias": (),
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


def processors_of(config: Any, names: Sequence[str] = tuple(_FIELDS)) -> list[Processor]:
    """Return the processors of the fields `names` that change anything, in transformers' order."""
    values = {name: field(config, name, _FIELDS[name].unset) for name in names}
    return [
        _FIELDS[name].make(value)
        for name, value in values.items()
        if value != _FIELDS[name].neutral
    ]


def fields_of(processors: Sequence[LogitsProcessor]) -> dict[str, float]:
    """Return all fields for processors, at their neutral values unless a processor sets them.

    Raises ValueError for processors without a field, or in another order than transformers'.
    """
    names: dict[object, str] = {field.make: name for name, field in _FIELDS.items()}
    settings = {name: field.neutral for name, field in _FIELDS.items()}
    order, last = list(_FIELDS), -1
    for processor in processors:
        name = names.get(type(processor))
        if name is None:
            raise ValueError(
                f"processors must be those that GenerationConfig has a field for, got {processor!r}"
            )
        if order.index(name) <= last:
            known = ", ".join(getattr(f.make, "__name__", "") for f in _FIELDS.values())
            raise ValueError(
                f"processors must come in transformers' order ({known}), each at most once, got "
                + ", ".join(map(repr, processors))
            )
        last = order.index(name)
        settings[name] = next(iter(vars(processor).values()))  # its first attribute
    return settings


def field(config: Any, name: str, unset: Any) -> Any:
    """Return a field's value, or `unset` where it is None or missing."""
    value = getattr(config, name, None)
    return unset if value is None else value
