"""decodelib: how text is decoded from a language model, as a small library.

import decodelib as dl

lm = dl.load("storybook")
print(dl.generate(lm, "Once upon a time", dl.Sampling(dl.TopP(0.9))).text)
"""

from decodelib.beam import BeamSearch
from decodelib.contrastive import ContrastiveDecoding, ContrastiveSearch
from decodelib.diverse import DiverseBeamSearch
from decodelib.entropix import EntropySampling
from decodelib.generate import generate, generate_batch, stream
from decodelib.generation import Candidate, Generation, Step
from decodelib.interop import from_generation_config, to_generation_config
from decodelib.load import load, resolve
from decodelib.mirostat import Mirostat
from decodelib.penalties import DRY, RepetitionPenalty
from decodelib.presets import preset
from decodelib.processors import Chain, MinP, Temperature, TopK, TopP
from decodelib.samplers import Greedy, Sampling
from decodelib.speculative import SpeculativeSampling
from decodelib.stochastic import StochasticBeamSearch
from decodelib.temperatures import DynamicTemperature, EntropyTemperature
from decodelib.toy import TableLM
from decodelib.truncation import Epsilon, Eta, TopNSigma, Typical
from decodelib.types import LanguageModel, LogitsProcessor
from decodelib.xtc import XTC

__all__ = [
    "DRY",
    "XTC",
    "BeamSearch",
    "Candidate",
    "Chain",
    "ContrastiveDecoding",
    "ContrastiveSearch",
    "DiverseBeamSearch",
    "DynamicTemperature",
    "EntropySampling",
    "EntropyTemperature",
    "Epsilon",
    "Eta",
    "Generation",
    "Greedy",
    "LanguageModel",
    "LogitsProcessor",
    "MinP",
    "Mirostat",
    "RepetitionPenalty",
    "Sampling",
    "SpeculativeSampling",
    "Step",
    "StochasticBeamSearch",
    "TableLM",
    "Temperature",
    "TopK",
    "TopNSigma",
    "TopP",
    "Typical",
    "from_generation_config",
    "generate",
    "generate_batch",
    "load",
    "preset",
    "resolve",
    "stream",
    "to_generation_config",
]
