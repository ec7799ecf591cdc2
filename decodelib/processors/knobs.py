"""The processors as settings that a reader can turn: the one table that says what each is.

The command line, the playground, the explorers and GenerationConfig read it. `strategies/knobs.py`
adds the settings of strategies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from decodelib.processors.bans import NoRepeatNGram
from decodelib.processors.base import Processor
from decodelib.processors.cutoffs import Epsilon, Eta, PLess, TopH, TopNSigma
from decodelib.processors.dry import DRY
from decodelib.processors.mirostat import Mirostat
from decodelib.processors.penalties import FrequencyPenalty, PresencePenalty, RepetitionPenalty
from decodelib.processors.temperatures import DynamicTemperature, EntropyTemperature, Temperature
from decodelib.processors.truncation import MinP, TopK, TopP, Typical
from decodelib.processors.xtc import XTC


@dataclass(frozen=True)
class Knob:
    """A setting that a reader can turn.

    Attributes:
        label: What to call it beside a slider.
        help: What it does, in a line.
        metavar: What the command line calls its values; none for a switch.
        kind: The type of each value.
        neutral: The value that changes nothing; None if it depends on the strategy.
        slider: The lowest and the highest value of a slider, and its step; None for no slider.
        usual: Where a knob starts that a reader adds; None if it depends on the strategy.
    """

    label: str
    help: str
    metavar: tuple[str, ...]
    kind: Callable[[str], Any] = float
    neutral: Any = None
    slider: tuple[float, float, float] | None = None
    usual: Any = None

    @property
    def is_switch(self) -> bool:
        """Whether the knob has no value: it is given or not."""
        return not self.metavar


@dataclass(frozen=True, kw_only=True)
class ProcessorKnob(Knob):
    """A setting that is a logits processor.

    Attributes:
        make: Returns the processor for a value, or for a pair where there are two.
        allowed: The lowest and the highest value that an explorer takes, the neutral one included.
        field: The processor's name in transformers' GenerationConfig, if it has one.
        unset: What transformers takes for a field that is None.
    """

    make: Callable[[Any], Processor]
    allowed: tuple[float, float] = (-math.inf, math.inf)
    field: str | None = None
    unset: float | None = None


PROCESSOR_KNOBS: dict[str, ProcessorKnob] = {
    "repetition_penalty": ProcessorKnob(
        "Repetition penalty",
        "divide or multiply the logits of tokens that have occurred by R",
        ("R",),
        make=RepetitionPenalty,
        neutral=1.0,
        slider=(0.5, 2.0, 0.05),
        usual=1.2,
        field="repetition_penalty",
        unset=1.0,
    ),
    "no_repeat_ngram_size": ProcessorKnob(
        "No repeated n-gram",
        "remove what would make N tokens in a row occur again",
        ("N",),
        kind=int,
        make=NoRepeatNGram,
        neutral=0,
        slider=(0, 8, 1),
        usual=3,
        field="no_repeat_ngram_size",
        unset=0,
    ),
    "presence_penalty": ProcessorKnob(
        "Presence penalty",
        "subtract A from the logit of each token that the continuation has",
        ("A",),
        make=PresencePenalty,
        neutral=0.0,
        slider=(-2.0, 2.0, 0.1),
        usual=0.5,
    ),
    "frequency_penalty": ProcessorKnob(
        "Frequency penalty",
        "subtract A from a token's logit for each time that the continuation has it",
        ("A",),
        make=FrequencyPenalty,
        neutral=0.0,
        slider=(-2.0, 2.0, 0.1),
        usual=0.5,
    ),
    "dry": ProcessorKnob(
        "DRY multiplier",
        "penalise what would extend a repetition (DRY), M times as strongly",
        ("M",),
        make=DRY,
        neutral=0.0,
        slider=(0.0, 2.0, 0.05),
        usual=0.8,
    ),
    "temperature": ProcessorKnob(
        "Temperature",
        "below 1 favours probable tokens, above 1 flattens, 0 is greedy",
        ("T",),
        make=Temperature,
        neutral=1.0,
        slider=(0.0, 3.0, 0.05),
        allowed=(0.01, 10),
        usual=0.7,
        field="temperature",
        unset=1.0,
    ),
    "dynamic_temperature": ProcessorKnob(
        "Dynamic temperature",
        "a temperature between two, by the entropy",
        ("MIN", "MAX"),
        make=lambda bounds: DynamicTemperature(*bounds),
        neutral=(1.0, 1.0),
        slider=(0.05, 3.0, 0.05),
        usual=(0.5, 1.5),
    ),
    "entropy_temperature": ProcessorKnob(
        "Entropy temperature",
        "sharpen by a factor that depends on the entropy",
        (),
        make=lambda _: EntropyTemperature(),
        neutral=False,
        usual=True,
    ),
    "top_n_sigma": ProcessorKnob(
        "Top-nσ",
        "keep logits within N standard deviations of the largest",
        ("N",),
        make=TopNSigma,
        neutral=0.0,
        slider=(0.0, 5.0, 0.1),
        allowed=(0, 100),
        usual=1.0,
    ),
    "top_h": ProcessorKnob(
        "Top-H",
        "keep the most probable tokens whose entropy is at most A times the whole",
        ("A",),
        make=TopH,
        neutral=1.0,
        slider=(0.01, 1.0, 0.01),
        usual=0.4,
    ),
    "p_less": ProcessorKnob(
        "P-less",
        "keep tokens at least as probable as two draws are to agree",
        (),
        make=lambda _: PLess(),
        neutral=False,
        usual=True,
    ),
    "top_k": ProcessorKnob(
        "Top-k",
        "keep only the K most probable tokens",
        ("K",),
        kind=int,
        make=TopK,
        neutral=0,
        slider=(0, 200, 1),
        allowed=(0, math.inf),
        usual=40,
        field="top_k",
        unset=50,
    ),
    "top_p": ProcessorKnob(
        "Top-p",
        "keep the fewest tokens of total probability P",
        ("P",),
        make=TopP,
        neutral=1.0,
        slider=(0.01, 1.0, 0.01),
        allowed=(0.001, 1),
        usual=0.9,
        field="top_p",
        unset=1.0,
    ),
    "min_p": ProcessorKnob(
        "Min-p",
        "keep tokens at least P times as probable as the most probable one",
        ("P",),
        make=MinP,
        neutral=0.0,
        slider=(0.0, 1.0, 0.01),
        allowed=(0, 1),
        usual=0.05,
        field="min_p",
        unset=0.0,
    ),
    "typical_p": ProcessorKnob(
        "Typical",
        "keep tokens whose surprisal is nearest to the entropy, of mass P",
        ("P",),
        make=Typical,
        neutral=1.0,
        slider=(0.01, 1.0, 0.01),
        allowed=(0.001, 1),
        usual=0.9,
        field="typical_p",
        unset=1.0,
    ),
    "epsilon": ProcessorKnob(
        "Epsilon",
        "keep tokens of probability P or more",
        ("P",),
        make=Epsilon,
        neutral=0.0,
        slider=(0.0, 0.05, 0.0005),
        usual=3e-4,
        field="epsilon_cutoff",
        unset=0.0,
    ),
    "eta": ProcessorKnob(
        "Eta",
        "like --epsilon, with a bound that falls as entropy rises",
        ("P",),
        make=Eta,
        neutral=0.0,
        slider=(0.0, 0.05, 0.0005),
        allowed=(0, 0.999),
        usual=0.002,
        field="eta_cutoff",
        unset=0.0,
    ),
    "xtc": ProcessorKnob(
        "XTC probability",
        "with probability P, drop the top tokens above T but one",
        ("P", "T"),
        make=lambda values: XTC(*values),
        neutral=0.0,
        slider=(0.0, 1.0, 0.05),
        usual=(0.5, 0.1),
    ),
    "mirostat": ProcessorKnob(
        "Mirostat, bits",
        "keep the surprisal near BITS a token",
        ("BITS",),
        make=Mirostat,
        neutral=0.0,
        slider=(0.0, 12.0, 0.1),
        usual=5.0,
    ),
}
"""By name, in the order in which they are applied: transformers' for those that it has."""
