"""Good and bad arguments for random calls of the public API: what `fuzz` draws from."""

import math
from collections.abc import Callable

import torch

import decodelib as dl

INF, NAN = math.inf, math.nan
NUMBERS = [0, 1, -1, 2, 5, 0.5, 1.0, 0.9, 1e-9, 1e9, -0.5, 10**30, INF, -INF, NAN]
JUNK = [*NUMBERS, None, True, "a", "", [], [1, 2], (0.5,), {}, b"x", object(), torch.ones(2)]
TABLE = dl.TableLM(
    {"": {"a": 0.5, "b": 0.3, "<eos>": 0.2}, "a": {"b": 0.7, "<eos>": 0.3}}, context_length=10
)
OTHER = dl.TableLM({"": {"a": 0.2, "b": 0.6, "<eos>": 0.2}}, context_length=10)
MAKERS: dict[str, tuple[type, list[list]]] = {
    # For each class, good values of its arguments in order.
    "Temperature": (dl.Temperature, [[0.5, 1, 2.0]]),
    "TopK": (dl.TopK, [[1, 2, 50]]),
    "TopP": (dl.TopP, [[0.1, 0.9, 1]]),
    "MinP": (dl.MinP, [[0, 0.1, 1]]),
    "Typical": (dl.Typical, [[0.2, 0.9, 1]]),
    "Epsilon": (dl.Epsilon, [[0, 3e-4, 0.3]]),
    "Eta": (dl.Eta, [[0, 3e-4, 0.3]]),
    "TopNSigma": (dl.TopNSigma, [[0, 1.0, INF]]),
    "RepetitionPenalty": (dl.RepetitionPenalty, [[0.5, 1.0, 1.3]]),
    "DRY": (dl.DRY, [[0.8, 0], [1.75, 1], [1, 2], [(), (1,)]]),
    "XTC": (dl.XTC, [[0, 0.5, 1], [0.1, 0.6], [0, 7]]),
    "Mirostat": (dl.Mirostat, [[1.0, 5], [0.1, 1]]),
    "EntropyTemperature": (dl.EntropyTemperature, [[(1.0,), (0.5, -1.0)], [0, 0.5]]),
    "PresencePenalty": (dl.PresencePenalty, [[0, 0.5, -1.0]]),
    "FrequencyPenalty": (dl.FrequencyPenalty, [[0, 0.5, -1.0]]),
    "LogitBias": (dl.LogitBias, [[{2: 1.0}, {3: -INF}]]),
    "NoRepeatNGram": (dl.NoRepeatNGram, [[1, 2]]),
    "SuppressTokens": (dl.SuppressTokens, [[[1], [2, 3]]]),
    "TopH": (dl.TopH, [[0.3, 1]]),
    "PLess": (dl.PLess, []),
    "DynamicTemperature": (dl.DynamicTemperature, [[0.5, 1], [1, 1.5], [0, 1, 2.0]]),
}


def length(g):
    return len(g.text)


def likeness(g, other):
    return float(g.text == other.text)


PROCESSORS = [
    (),
    dl.NoRepeatNGram(1),
    [dl.XTC(0.5, 0.1), dl.PresencePenalty(1.0)],
    dl.SuppressTokens([0, 1, 2, 3]),
    dl.Mirostat(),
]
STRATEGIES: dict[str, tuple[Callable, list[list]]] = {
    "Greedy": (dl.Greedy, []),
    "BeamSearch": (
        dl.BeamSearch,
        [[1, 3], [0, 1.0, -1], [True, False, "never"], [1], PROCESSORS, [True, False]],
    ),
    "EntropySampling": (dl.EntropySampling, [[0.07], [0.5, 3.0], [0.01], [0.1, 2.0]]),
    "DiverseBeamSearch": (
        dl.DiverseBeamSearch,
        [[4, 2], [1, 2], [0, 0.5], [1.0], [False], [1, 2], PROCESSORS],
    ),
    "StochasticBeamSearch": (dl.StochasticBeamSearch, [[1, 3, 30], PROCESSORS]),
    "ContrastiveDecoding": (dl.ContrastiveDecoding, [[OTHER], [0, 0.1, 1], [0.5, 1], PROCESSORS]),
    "ContrastiveSearch": (dl.ContrastiveSearch, [[1, 4], [0, 0.6, 1], PROCESSORS]),
    "SpeculativeSampling": (
        dl.SpeculativeSampling,
        [[OTHER, dl.PromptLookup()], [dl.TopP(0.9), dl.XTC(0.5, 0.1)]],
    ),
    "PromptLookup": (
        lambda size: dl.SpeculativeSampling(dl.PromptLookup(size), num_draft_tokens=3),
        [[1, 2]],
    ),
    "PowerSampling": (dl.PowerSampling, [[4, 0.5], [1, 3], [None, 2], [None, 1.0]]),
    "ArithmeticSampling": (dl.ArithmeticSampling, [[dl.TopP(0.9)], [dl.Temperature(2)]]),
    "BestOfN": (dl.BestOfN, [[length], [dl.Greedy(), dl.ArithmeticSampling()]]),
    "MinimumBayesRisk": (dl.MinimumBayesRisk, [[likeness], [dl.Greedy(), dl.BeamSearch(2)]]),
    "SelfConsistency": (dl.SelfConsistency, [["a", "(b) a"], [dl.Greedy(), dl.Sampling()]]),
}
