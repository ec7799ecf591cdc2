"""Bad input gets one sentence that names the argument, the value given, and what is allowed.

These tests import decodelib as a reader does, without the run-time checks of shapes and types that
the other tests have: those would answer first.
"""

import math
import re

import numpy as np
import pytest
import torch

from tests.helpers.plain_library import plain_library

INF, NAN = math.inf, math.nan


@pytest.fixture(scope="module")
def dl():
    return plain_library()


@pytest.fixture(scope="module")
def lm(dl):
    return dl.TableLM({"": {"a": 0.5, "b": 0.3, "<eos>": 0.2}}, context_length=12)


AT_CONSTRUCTION = [
    (lambda d: d.Temperature(0), "temperature must be greater than 0, got 0: for its limit, which "
     "always takes the most probable token, use Greedy()"),
    (lambda d: d.Temperature(-1), "temperature must be a finite number greater than 0, got -1"),
    (lambda d: d.Temperature(INF), "temperature must be a finite number greater than 0, got inf"),
    (lambda d: d.Temperature(NAN), "temperature must be a finite number greater than 0, got nan"),
    (lambda d: d.Temperature("hot"), "temperature must be a number, got 'hot'"),
    (lambda d: d.Temperature(None), "temperature must be a number, got None"),
    (lambda d: d.Temperature(torch.ones(2)), "temperature must be a number, got tensor([1., 1.])"),
    (lambda d: d.TopK(0), "top_k must be at least 1, got 0"),
    (lambda d: d.TopK(-3), "top_k must be at least 1, got -3"),
    (lambda d: d.TopK(2.0), "top_k must be an integer, got 2.0"),
    (lambda d: d.TopK(True), "top_k must be an integer, got True"),
    (lambda d: d.SuppressTokens("ab"), "token_ids must be several token ids, got 'ab'"),
    (lambda d: d.SuppressTokens(["a"]), "token_ids must be an integer, got 'a'"),
    (lambda d: d.LogitBias([1]), "biases must be a mapping from token ids to numbers, got [1]"),
    (lambda d: d.RepetitionPenalty(1.2, window=1.5), "window must be an integer, got 1.5"),
    (lambda d: d.TopP(1.5), "top_p must be in (0, 1], got 1.5"),
    (lambda d: d.TopP(0), "top_p must be in (0, 1], got 0"),
    (lambda d: d.TopP(NAN), "top_p must be in (0, 1], got nan"),
    (lambda d: d.TopP("0.9"), "top_p must be a number, got '0.9'"),
    (lambda d: d.MinP(-0.1), "min_p must be in [0, 1], got -0.1"),
    (lambda d: d.MinP(1.01), "min_p must be in [0, 1], got 1.01"),
    (lambda d: d.MinP(10**400), f"min_p must be in [0, 1], got {10**400}"),
    (lambda d: d.EntropyTemperature(()), "coefficients must hold at least one number, got none"),
    (lambda d: d.EntropyTemperature(threshold=-1),
     "threshold must be a finite number of at least 0, got -1"),
    (lambda d: d.Sampling(d.TopP),
     "processors must be callables p(input_ids, logits), got "
     "<class 'decodelib.processors.truncation.TopP'>"),
    (lambda d: d.Sampling(0.9), "processors must be callables p(input_ids, logits), got 0.9"),
    (lambda d: d.TopP(0.9) | 3, "processors must be callables p(input_ids, logits), got 3"),
    (lambda d: d.BeamSearch(0), "num_beams must be at least 1, got 0"),
    (lambda d: d.BeamSearch(2.5), "num_beams must be an integer, got 2.5"),
    (lambda d: d.BeamSearch(2, 1e300), "length_penalty must be in [-10, 10], got 1e+300"),
    (lambda d: d.BeamSearch(2, NAN), "length_penalty must be in [-10, 10], got nan"),
    (lambda d: d.BeamSearch(2, 1.0, 1), "early_stopping must be False, True or 'never', got 1"),
    (lambda d: d.BeamSearch(2, 1.0, "always"),
     "early_stopping must be False, True or 'never', got 'always'"),
    (lambda d: d.BeamSearch(2, num_return_sequences=3),
     "num_return_sequences must be in [1, 2], got 3"),
    (lambda d: d.Constraint(3), "automaton must be one over tokens, such as "
     "Constraint.from_choices(lm, [...]) makes, got 3"),
    (lambda d: d.ConditionedSampling(d.TopK(2)), "constraint must be a Constraint, got TopK(2)"),
]  # fmt: skip

AT_CALL = [
    (lambda d, lm: d.generate("storybook", "a", d.Greedy()),
     "lm must be a model, such as load() returns, got 'storybook'"),
    (lambda d, lm: d.generate(lm, "a", d.Greedy, max_new_tokens=1),
     "strategy must be one such as Greedy() or Sampling(TopP(0.9)), got "
     "<class 'decodelib.strategies.sampling.Greedy'>"),
    (lambda d, lm: d.generate(lm, "a", "greedy", max_new_tokens=1),
     "strategy must be one such as Greedy() or Sampling(TopP(0.9)), got 'greedy'"),
    (lambda d, lm: d.generate(lm, "a", d.TopP(0.9), max_new_tokens=1),
     "strategy must be one such as Greedy() or Sampling(TopP(0.9)), got TopP(0.9)"),
    (lambda d, lm: d.generate(lm, "a", d.Greedy(), max_new_tokens=0),
     "max_new_tokens must be at least 1, got 0"),
    (lambda d, lm: d.generate(lm, "a", d.Greedy(), max_new_tokens=2.5),
     "max_new_tokens must be an integer, got 2.5"),
    (lambda d, lm: d.generate(lm, "a", d.Greedy(), max_new_tokens=3, min_new_tokens=4),
     "min_new_tokens must be in [0, 3], got 4"),
    (lambda d, lm: d.generate(lm, "a a", d.Greedy(), max_new_tokens=11),
     "the prompt's 2 tokens plus max_new_tokens=11 make 13, more than the 12 of table's context: "
     "shorten one of them"),
    (lambda d, lm: d.generate(lm, "a " * 13, d.Greedy(), max_new_tokens=1),
     "prompt has 13 tokens, more than the 12 of table's context: shorten it"),
    (lambda d, lm: d.generate(lm, [2, 99], d.Greedy(), max_new_tokens=1),
     "token ids must be in [0, 3], got 99"),
    (lambda d, lm: d.generate(lm, [-1], d.Greedy(), max_new_tokens=1),
     "token ids must be in [0, 3], got -1"),
    (lambda d, lm: d.generate(lm, [0.5], d.Greedy()),
     "prompt ids must be integers, got torch.float32"),
    (lambda d, lm: d.generate(lm, [[1, 2]], d.Greedy()),
     "prompt ids must have one dimension, got shape (1, 2)"),
    (lambda d, lm: d.generate(lm, None, d.Greedy()),
     "prompt must be text or a sequence of token ids, got NoneType"),
    (lambda d, lm: d.generate(lm, {"a": 1}, d.Greedy()),
     "prompt must be text or a sequence of token ids, got dict"),
    (lambda d, lm: d.generate(lm, "a", d.Greedy(), stop=""),
     "stop must hold non-empty strings, got ''"),
    (lambda d, lm: d.generate(lm, "a", d.Greedy(), stop=["x", 3]),
     "stop must hold non-empty strings, got 3"),
    (lambda d, lm: d.generate(lm, "a", d.Greedy(), stop=None),
     "stop must be a string or a list of strings, got None"),
    (lambda d, lm: d.generate(lm, "a", d.Greedy(), stop_token_ids=[99]),
     "stop_token_ids must be in [0, 3], got 99"),
    (lambda d, lm: d.stream(lm, "a", d.Greedy(), stop_token_ids=[-1]),
     "stop_token_ids must be in [0, 3], got -1"),
    (lambda d, lm: d.generate_batch(lm, ["a"], d.Greedy(), stop_token_ids=["a"]),
     "stop_token_ids must be an integer, got 'a'"),
    (lambda d, lm: d.generate(lm, "a", d.Greedy(), stop_token_ids=5),
     "stop_token_ids must be a list of token ids, got 5"),
    (lambda d, lm: d.generate(lm, "a", d.Greedy(), include_stop="yes"),
     "include_stop must be True or False, got 'yes'"),
    (lambda d, lm: d.generate(lm, "a", d.Greedy(), seed=-1, max_new_tokens=1),
     "seed must be in [0, 9223372036854775807], got -1"),
    (lambda d, lm: d.generate(lm, "a", d.Greedy(), seed=1.5, max_new_tokens=1),
     "seed must be an integer, got 1.5"),
    (lambda d, lm: d.generate_batch(lm, [], d.Greedy()),
     "prompts must hold at least one prompt, got none"),
    (lambda d, lm: d.generate_batch(lm, "a", d.Greedy()),
     "prompts must be a list of prompts, got one string: use generate() for one"),
    (lambda d, lm: d.generate_batch(lm, None, d.Greedy()),
     "prompts must be a list of prompts, got None"),
    (lambda d, lm: d.generate_batch(lm, ["a", "b"], [d.Greedy()], max_new_tokens=1),
     "strategies must be one, or one for each of 2 prompts, got 1"),
    (lambda d, lm: d.generate_batch(lm, ["a"], [], max_new_tokens=1),
     "strategies must be one, or one for each of 1 prompts, got 0"),
    (lambda d, lm: d.generate_batch(lm, ["a", "b"], d.Sampling(), seeds=[1], max_new_tokens=1),
     "seeds must be one for each of 2 prompts, got 1"),
    (lambda d, lm: d.generate_batch(lm, ["a"], d.Sampling(), seeds=7, max_new_tokens=1),
     "seeds must be a list of integers, got 7"),
    (lambda d, lm: d.TopK(2)(None, torch.tensor([[0.0, NAN]])),
     "logits must be finite, or -inf for removed tokens, got NaN in row 0"),
    (lambda d, lm: d.MinP(0.1)(None, torch.tensor([[0.0, 1.0], [-INF, -INF]])),
     "logits must be finite, or -inf for removed tokens, got every token at -inf in row 1"),
    (lambda d, lm: d.TopP(0.9)(None, torch.tensor([[1, 2]])),
     "logits must be a tensor of floats, got torch.int64"),
    (lambda d, lm: d.Constraint.from_dfa(lm, "a"), "dfa must be a DFA, got 'a'"),
    (lambda d, lm: d.TopK(2)(None, [0.0, 1.0]), "logits must be a tensor of floats, got list"),
    (lambda d, lm: d.TopK(2)(None, torch.zeros(1, 0)),
     "logits must have at least one token in the last dimension, got none"),
    (lambda d, lm: d.generate(d.TableLM({"": {"<eos>": 1}}), "", d.Greedy(), min_new_tokens=1),
     "min_new_tokens=1 cannot be had: after 0 new tokens the model can only end the text, so lower "
     "it to 0"),
    (lambda d, lm: d.generate(d.TableLM({"": {"<eos>": 1}}), "", d.BeamSearch(2), min_new_tokens=1),
     "min_new_tokens=1 cannot be had: after 0 new tokens the model can only end the text, so lower "
     "it to 0"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "sentence"), AT_CONSTRUCTION, ids=[s[:40] for _, s in AT_CONSTRUCTION]
)
def test_bad_settings_raise_one_sentence_at_construction(dl, call, sentence):
    with pytest.raises((ValueError, TypeError), match=f"^{re.escape(sentence)}$"):
        call(dl)


@pytest.mark.parametrize(("call", "sentence"), AT_CALL, ids=[s[:40] for _, s in AT_CALL])
def test_bad_arguments_raise_one_sentence_at_the_call(dl, lm, call, sentence):
    with pytest.raises((ValueError, TypeError), match=f"^{re.escape(sentence)}$"):
        call(dl, lm)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("name", ["Greedy", "Sampling", "BeamSearch", "EntropySampling"])
def test_a_model_that_says_nan_raises_and_never_yields_token_zero(dl, name, bad):
    class Broken(dl.TableLM):
        def step(self, next_ids, cache):
            return super().step(next_ids, cache) * 0 + bad

    lm = Broken({"": {"a": 0.5, "b": 0.5}})
    with pytest.raises(
        ValueError, match=r"^logits must be finite, or -inf for removed tokens, got"
    ):
        dl.generate(lm, "", getattr(dl, name)(), max_new_tokens=3)


def test_numbers_of_numpy_and_lists_for_tuples_are_welcome(dl, lm):
    strategy = dl.Sampling(dl.Temperature(np.float32(0.5)), dl.TopK(np.int64(2)))
    plain = dl.Sampling(dl.Temperature(0.5), dl.TopK(2))
    settings = {"max_new_tokens": 5}
    wanted = dl.generate(lm, "", plain, seed=3, **settings).token_ids
    assert dl.generate(lm, "", strategy, seed=np.int64(3), **settings).token_ids == wanted
    assert dl.EntropyTemperature([1.0, 2.0]) == dl.EntropyTemperature((1.0, 2.0))
    assert hash(dl.EntropyTemperature([1.0])) == hash(dl.EntropyTemperature((1.0,)))
