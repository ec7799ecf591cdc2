"""Values travel as plain JSON: what comes back equals what was sent, and nothing is executed."""

import json
from fractions import Fraction

import numpy as np
import pytest
import torch

import decodelib as dl
from decodelib.plain import decode, encode

STRATEGY = dl.Sampling(dl.TopP(0.9))


def there_and_back(value):
    return decode(json.loads(json.dumps(encode(value))))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(10**30),
        0.1,
        "é\n",
        [],
        [1, (2.5, "a")],
        {("a", 1): [None]},
        {1: 2},
        STRATEGY,
    ],
    ids=repr,
)
def test_what_comes_back_equals_what_was_sent(value):
    assert there_and_back(value) == value
    assert type(there_and_back(value)) is type(value) or value is STRATEGY


def test_numbers_of_other_libraries_and_those_json_lacks_come_back_as_pythons():
    assert there_and_back(torch.tensor([1.0, 2.0])) == [1.0, 2.0]
    assert there_and_back(np.float64(0.1)) == 0.1
    assert there_and_back(Fraction(1, 4)) == 0.25
    assert there_and_back([float("inf"), -float("inf")]) == [float("inf"), -float("inf")]


def test_what_is_described_equals_only_what_reads_and_is_called_the_same():
    class Sampling:
        __eq__ = object.__eq__
        __hash__ = object.__hash__

        def __repr__(self):
            return repr(STRATEGY)

    assert there_and_back(STRATEGY) != dl.Greedy()
    assert there_and_back(Sampling()) != STRATEGY


@pytest.mark.parametrize("plain", [{"pickle": "x"}, {}, {"other": 1}, {"tuple": [], "dict": []}])
def test_what_encode_does_not_make_is_refused(plain):
    with pytest.raises(ValueError, match="plain must be what encode returns"):
        decode(plain)
