"""decodelib: how text is decoded from a language model, as a small library.

import decodelib as dl

lm = dl.load("storybook")
print(dl.generate(lm, "Once upon a time", dl.Sampling(dl.TopP(0.9))).text)
"""

from decodelib.starting import end_quietly_if_interrupted

end_quietly_if_interrupted()  # before PyTorch is imported, which takes a second

from decodelib.decoding.generation import Candidate, Generation, Proposal, Step
from decodelib.decoding.loop import generate, generate_batch, stream
from decodelib.models.base import LanguageModel
from decodelib.models.loading import load, resolve
from decodelib.models.toy import TableLM
from decodelib.processors.automata import DFA
from decodelib.processors.bans import LogitBias, NoRepeatNGram, SuppressTokens
from decodelib.processors.base import Chain, LogitsProcessor
from decodelib.processors.constraint import Constraint
from decodelib.processors.cutoffs import Epsilon, Eta, PLess, TopH, TopNSigma
from decodelib.processors.dry import DRY
from decodelib.processors.mirostat import Mirostat
from decodelib.processors.penalties import FrequencyPenalty, PresencePenalty, RepetitionPenalty
from decodelib.processors.temperatures import DynamicTemperature, EntropyTemperature, Temperature
from decodelib.processors.truncation import MinP, TopK, TopP, Typical
from decodelib.processors.watermarks import (
    GreenListWatermark,
    GumbelWatermark,
    TournamentWatermark,
)
from decodelib.processors.xtc import XTC
from decodelib.strategies.arithmetic import ArithmeticSampling
from decodelib.strategies.beam import BeamSearch
from decodelib.strategies.choosing import (
    BestOfN,
    MinimumBayesRisk,
    SelfConsistency,
    mean_logprob,
)
from decodelib.strategies.conditioned import ConditionedSampling
from decodelib.strategies.contrastive_decoding import ContrastiveDecoding
from decodelib.strategies.contrastive_search import ContrastiveSearch
from decodelib.strategies.diverse import DiverseBeamSearch
from decodelib.strategies.entropix import EntropySampling
from decodelib.strategies.generation_config import from_generation_config, to_generation_config
from decodelib.strategies.guidance import Guidance
from decodelib.strategies.power import PowerSampling
from decodelib.strategies.presets import preset
from decodelib.strategies.prompt_lookup import PromptLookup
from decodelib.strategies.sampling import Greedy, Sampling
from decodelib.strategies.speculative import SpeculativeSampling
from decodelib.strategies.stochastic import StochasticBeamSearch

__version__ = "0.2.0"

__all__ = [
    "DFA",
    "DRY",
    "XTC",
    "ArithmeticSampling",
    "BeamSearch",
    "BestOfN",
    "Candidate",
    "Chain",
    "ConditionedSampling",
    "Constraint",
    "ContrastiveDecoding",
    "ContrastiveSearch",
    "DiverseBeamSearch",
    "DynamicTemperature",
    "EntropySampling",
    "EntropyTemperature",
    "Epsilon",
    "Eta",
    "FrequencyPenalty",
    "Generation",
    "Greedy",
    "GreenListWatermark",
    "Guidance",
    "GumbelWatermark",
    "LanguageModel",
    "LogitBias",
    "LogitsProcessor",
    "MinP",
    "MinimumBayesRisk",
    "Mirostat",
    "NoRepeatNGram",
    "PLess",
    "PowerSampling",
    "PresencePenalty",
    "PromptLookup",
    "Proposal",
    "RepetitionPenalty",
    "Sampling",
    "SelfConsistency",
    "SpeculativeSampling",
    "Step",
    "StochasticBeamSearch",
    "SuppressTokens",
    "TableLM",
    "Temperature",
    "TopH",
    "TopK",
    "TopNSigma",
    "TopP",
    "TournamentWatermark",
    "Typical",
    "from_generation_config",
    "generate",
    "generate_batch",
    "load",
    "mean_logprob",
    "preset",
    "resolve",
    "stream",
    "to_generation_config",
]
