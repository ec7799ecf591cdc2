"""The line of all texts: intervals as long as texts are probable, and seeds where they draw."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest

import decodelib as dl
from decodelib.models.toy import PROBS, WORDS
from tests.helpers.engine import storybook

LOGITS = [math.log(p) for p in PROBS]
EXACT = [Fraction(str(p)) for p in PROBS]


def log(value: Fraction) -> float:
    return math.log(value.numerator) - math.log(value.denominator)


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_of_a_text_is_as_long_as_the_text_is_probable(ask, seed):
    path = random.Random(seed).choices(range(8), k=260)
    answer = ask(zoomTo={"logits": LOGITS, "path": path})
    probability = Fraction(1)
    for token, seen in zip(path, answer["seen"], strict=True):
        probability *= EXACT[token]
        # A difference of logarithms is a relative difference of lengths.
        assert abs(seen["length"] - log(probability)) < 1e-12
        assert abs(seen["log"] - log(probability)) < 1e-12
    assert probability < Fraction(1, 10**200)


def test_zooming_out_comes_back_to_the_whole_line(ask):
    answer = ask(zoomTo={"logits": LOGITS, "path": [7, 0, 3] * 40})
    assert answer["view"]["path"][:60] == ([7, 0, 3] * 20)
    assert answer["back"] == {"path": [], "lo": 0, "hi": 1}


def test_a_seed_lies_in_the_interval_of_the_token_that_it_draws_among_eight_words(ask):
    lm = dl.TableLM({"": dict(zip(WORDS, PROBS, strict=True))})
    places = ask(placesOfSeeds={"logits": LOGITS, "seeds": list(map(str, range(100)))})
    for seed, found in enumerate(places):
        drawn = dl.generate(lm, "mat", dl.Sampling(), max_new_tokens=1, seed=seed).text
        assert WORDS[found["id"]] == drawn.strip()
        assert found["start"] <= found["place"] < found["start"] + found["length"]


@pytest.mark.parametrize("processors", [(), (dl.Temperature(0.6),), (dl.TopP(0.7),)])
def test_a_seed_lies_in_the_interval_of_the_token_that_it_draws_from_the_model(ask, processors):
    lm, prompt = storybook(), "The old lighthouse keeper"
    logits = dl.Chain(*processors)(lm.encode(prompt)[None], lm.next_logits(prompt)[None])[0]
    asked = [None if value == -math.inf else value for value in logits.tolist()]
    places = ask(placesOfSeeds={"logits": asked, "seeds": list(map(str, range(40)))})
    batch = dl.generate_batch(
        lm, [prompt] * 40, dl.Sampling(*processors), max_new_tokens=1, seeds=range(40)
    )
    for found, g in zip(places, batch, strict=True):
        assert [found["id"]] == g.token_ids
        assert found["start"] <= found["place"] < found["start"] + found["length"]
        probability = float(logits.softmax(-1)[found["id"]])
        assert found["length"] == pytest.approx(probability, abs=1e-13)
