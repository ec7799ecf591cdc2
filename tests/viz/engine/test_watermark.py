"""The page's green lists are decodelib's, and so is what its detector counts."""

from __future__ import annotations

import random

import pytest

import decodelib as dl
from tests.helpers.engine import storybook

MARKS = [
    dl.GreenListWatermark(),
    dl.GreenListWatermark(gamma=0.5, key=1),
    dl.GreenListWatermark(gamma=0.1, key=2**53 - 1),
]


@pytest.mark.parametrize("mark", MARKS, ids=repr)
@pytest.mark.parametrize("size", [8192, 50])
def test_the_green_lists_are_pythons_in_their_order(ask, mark, size):
    tokens = [0, 1, size - 1, *random.Random(0).sample(range(size), 20)]
    asked = {"key": mark.key, "gamma": mark.gamma}
    got = ask(green=[asked, tokens, size])
    assert got == [mark.green(token, size).tolist() for token in tokens]


def test_the_digits_say_which_of_some_tokens_are_green(ask):
    mark, tokens = dl.GreenListWatermark(), random.Random(1).sample(range(8192), 30)
    digits = ask(greenDigits=[{"key": mark.key, "gamma": mark.gamma}, tokens, 8192])
    assert {len(one) for one in digits} == {8}
    for token, one in zip(tokens, digits, strict=True):
        green = set(mark.green(token, storybook().vocab_size).tolist())
        bits = f"{int(one, 16):032b}"[: len(tokens)]
        assert [bit == "1" for bit in bits] == [other in green for other in tokens]
