"""Random calls, good and bad, end in results or in ValueError and TypeError.

decodelib is imported as a reader does, as in test_errors.
"""

import math
import random

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


NUMBERS = [
    0, 1, -1, 2, 3, 40, 0.0, 0.3, 0.9, 1.0, 1.5, -0.5, 1e-300, 1e300, 1e-9, INF, -INF, NAN, 10**400,
    True, False, None, "0.9", "", [], [0.5], (1, 2), {}, object(), torch.tensor(0.5), torch.ones(3),
    np.float64(0.5), np.int64(2), np.array([0.1, 0.2]), 1j, b"x", print,
]  # fmt: skip
PROMPTS = [
    "", "a", "a b", "b a b", "zebra", [], [2], [2, 3, 2], [0], [-1], [9], [1.5], [[2]], [None],
    None, 3, 2.0, True, b"ab", {}, {2}, (2, 3), torch.tensor([2, 3]), torch.tensor([]),
    torch.tensor(2), torch.ones(2, 2), np.array([2, 3]), "a " * 12, "a " * 13, [2] * 12,
    object(), ["a"], [2**70],
]  # fmt: skip


def maybe(rng, good, anything, chance=0.25):
    return rng.choice(anything) if rng.random() < chance else rng.choice(good)


def random_strategy(dl, rng):
    def number(*good):
        return maybe(rng, good, NUMBERS, 0.15)

    def processor():
        return rng.choice([
            lambda: dl.Temperature(number(0.5, 1, 2.0, 1e-300, 1e300)),
            lambda: dl.TopK(number(1, 2, 9)),
            lambda: dl.TopP(number(0.1, 0.9, 1)),
            lambda: dl.MinP(number(0, 0.1, 1)),
            lambda: dl.EntropyTemperature(number((1.0,), (0.1, 2.0)), number(0, 0.5)),
            lambda: rng.choice([dl.TopK, 3, None, dl.Chain()]),
            lambda: rng.choice([lambda ids, logits: logits, lambda ids, logits: None]),
        ])()  # fmt: skip

    return rng.choice([
        dl.Greedy,
        lambda: dl.Sampling(*(processor() for _ in range(rng.randrange(4)))),
        lambda: dl.BeamSearch(number(1, 2, 5), number(0, 1.0, -2), number(True, False, "never"),
                              number(1, 2)),
        lambda: dl.EntropySampling(low_entropy=number(0, 0.1), high_varentropy=number(0.1, 3.0),
                                   num_branches=number(1, 3), branch_length=number(1, 4),
                                   pause_token_id=number(None, 2), wide_heat=number(1, 2)),
        lambda: rng.choice([None, 3, "greedy", dl.Greedy, [dl.Greedy()], dl.TopP(0.5)]),
    ])()  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
def test_random_calls_work_or_raise_value_error_or_type_error(dl, lm, seed):
    rng = random.Random(seed)
    worked = raised = 0
    for _ in range(250):
        settings = {
            "max_new_tokens": maybe(rng, [1, 2, 5], NUMBERS, 0.1),
            "min_new_tokens": maybe(rng, [0, 1], NUMBERS, 0.1),
            "stop": maybe(rng, [(), "b", ["a b", " <"]], NUMBERS, 0.1),
        }
        prompt = maybe(rng, PROMPTS[:4], PROMPTS, 0.3)
        how = rng.randrange(3)
        try:
            strategy = random_strategy(dl, rng)
            if how == 0:
                seeds = maybe(rng, [0, 7], NUMBERS, 0.1)
                g = dl.generate(lm, prompt, strategy, seed=seeds, trace=True, **settings)
                assert "".join(step.text for step in g.steps) == g.text
            elif how == 1:
                prompts = maybe(rng, [[prompt], [prompt, "a"]], [*NUMBERS, [], "a"], 0.1)
                seeds = maybe(rng, [None], [*NUMBERS, [1, 2]], 0.1)
                batch = dl.generate_batch(lm, prompts, strategy, seeds=seeds, **settings)
                assert len(batch) == len(prompts)
            else:
                steps = list(dl.stream(lm, prompt, strategy, **settings))
                assert 1 <= len(steps) <= settings["max_new_tokens"]
            worked += 1
        except (ValueError, TypeError):
            raised += 1
    assert worked > 40
    assert raised > 40


@pytest.mark.parametrize("seed", range(4))
def test_random_logits_are_processed_or_raise_value_error_or_type_error(dl, seed):
    rng = random.Random(seed)
    values = [0.0, 1.0, -1.0, 5.0, 1e4, -1e4, 3e38, -3e38, 1e-40, -INF]
    for _ in range(300):
        rows, vocab = rng.randrange(0, 3), rng.randrange(0, 6)
        row = [[maybe(rng, values, [NAN, INF], 0.01) for _ in range(vocab)] for _ in range(rows)]
        dtype = rng.choice([torch.float64, torch.float32, torch.float16, torch.bfloat16])
        logits = torch.tensor(row, dtype=dtype).reshape(rows, vocab)
        processor = rng.choice([
            dl.Temperature(rng.choice([1e-300, 0.1, 1, 30, 1e300])), dl.TopK(rng.randrange(1, 8)),
            dl.TopP(rng.choice([1e-12, 0.5, 1])), dl.MinP(rng.choice([0, 1e-300, 0.5, 1])),
            dl.EntropyTemperature(rng.choice([(1e300,), (2.0, 1.0), (-5.0,)]), threshold=0),
        ])  # fmt: skip
        ids = torch.zeros(rows, 1, dtype=torch.long)
        try:
            result = (processor | dl.TopK(3))(ids, logits)
        except ValueError:
            result = None
        # Every row that can be decoded is, and no other.
        assert (result is not None) == bool(vocab and torch.isfinite(logits.amax(-1)).all())
        if result is not None:
            assert (result > -INF).any(-1).all()
            assert not result.isnan().any()
