"""decodelib: how text is decoded from a language model, as a small library.

import decodelib as dl

lm = dl.load("storybook")
print(dl.generate(lm, "Once upon a time", dl.Sampling(dl.TopP(0.9))).text)
"""

from decodelib.beam import BeamSearch
from decodelib.entropix import EntropySampling
from decodelib.generate import generate, generate_batch, stream
from decodelib.generation import Candidate, Generation, Step
from decodelib.load import load
from decodelib.processors import Chain, EntropyTemperature, MinP, Temperature, TopK, TopP
from decodelib.samplers import Greedy, Sampling
from decodelib.toy import TableLM
from decodelib.types import LanguageModel, LogitsProcessor

__all__ = [
    "BeamSearch",
    "Candidate",
    "Chain",
    "EntropySampling",
    "EntropyTemperature",
    "Generation",
    "Greedy",
    "LanguageModel",
    "LogitsProcessor",
    "MinP",
    "Sampling",
    "Step",
    "TableLM",
    "Temperature",
    "TopK",
    "TopP",
    "generate",
    "generate_batch",
    "load",
    "stream",
]
