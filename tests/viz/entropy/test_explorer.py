"""The entropy map in Python: the model's numbers, and the quadrants of EntropySampling."""

from __future__ import annotations

import html
import json
import math

import pytest
import torch

import decodelib as dl
from decodelib import distributions
from decodelib.viz import explore_entropy
from decodelib.viz.entropy.explorer import QUADRANTS, THRESHOLDS

TEXT = "The sea was calm, and the old man’s boat lay still; conversations had stopped."
TEXTS = {"sea": TEXT, "tale": "Once upon a time there was a king."}


@pytest.fixture(autouse=True)
def static_explorers(monkeypatch):
    monkeypatch.setenv("DECODELIB_STATIC", "1")


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu", dtype="float64")


@pytest.fixture
def sea(lm):
    return explore_entropy(lm, TEXTS)


def test_every_step_holds_what_the_model_says_of_it(sea, lm):
    ids = lm.encode(TEXT)
    record = sea.data["texts"][0]
    assert "".join(record["tokens"]) == TEXT
    assert len(record["entropy"]) == len(ids) - 1
    for place in range(1, len(ids)):
        logits = lm.logits(ids[:place])[-1]
        step = {name: record[name][place - 1] for name in ("surprisal", "entropy", "varentropy")}
        assert step == pytest.approx(
            {
                "surprisal": float(distributions.surprisal(logits, ids[place])),
                "entropy": float(distributions.entropy(logits)),
                "varentropy": float(distributions.varentropy(logits)),
            },
            rel=1e-5,
        )
        assert step["entropy"] == pytest.approx(float(distributions.entropy(logits)), abs=1e-9)
        p, top = logits.softmax(-1).topk(5)
        assert [token for token, _ in record["top"][place - 1]] == [
            lm.decode([i]) for i in top.tolist()
        ]
        assert [p for _, p in record["top"][place - 1]] == pytest.approx(p.tolist(), rel=1e-5)


def test_the_counts_are_the_decisions_of_entropy_sampling(sea):
    record = sea.data["texts"][0]
    points = list(zip(record["entropy"], record["varentropy"], strict=True))
    # Thresholds that are some step's own values: it is then neither above nor below.
    for low, high in [(0, -1), (3, -4), (8, 8)]:
        nats, spread = sorted(h for h, _ in points), sorted(w for _, w in points)
        sea.low_entropy, sea.high_entropy = nats[low], nats[high]
        sea.low_varentropy, sea.high_varentropy = spread[low], spread[high]
        strategy = dl.EntropySampling(
            low_entropy=nats[low],
            high_entropy=nats[high],
            low_varentropy=spread[low],
            high_varentropy=spread[high],
        )
        assert sea.strategy == strategy
        names = [strategy.quadrant(*point) for point in points]
        assert sea.counts == {name: names.count(name) for name in QUADRANTS}
    assert sum(sea.counts.values()) == len(points)


def test_the_quadrants_are_those_in_which_the_strategy_decides(lm, sea):
    """Decoding from the words before a step decides as the map says."""
    sea.low_varentropy, sea.high_varentropy = 3.6, 5
    ids = lm.encode(TEXT)
    for place in range(1, len(ids)):
        sea.position = place
        step = dl.generate(lm, ids[:place], sea.strategy, max_new_tokens=4, trace=True).steps[0]
        assert step.decision.startswith(sea.selected.quadrant)


def test_the_selected_step_is_told_with_its_temperature(sea):
    sea.position = 8
    place = sea.selected
    assert TEXT.startswith(place.context + place.token)
    beta = dl.EntropyTemperature().beta(torch.tensor(place.entropy, dtype=torch.float64))
    assert place.temperature == pytest.approx(1 / float(beta), rel=1e-12)
    sea.text = "tale"
    sea.position = len(sea.data["texts"][0]["tokens"]) - 1  # past the end of the shorter text
    assert sea.selected.token == "."


def test_the_band_is_where_the_adaptive_temperature_sharpens(sea):
    low, high = sea.data["temperature"]["band"]
    inside = torch.linspace(low + 1e-5, high - 1e-5, 1000, dtype=torch.float64)
    assert (dl.EntropyTemperature().beta(inside) > 1).all()
    outside = torch.tensor([0, low - 1e-5, high + 1e-5, 10.8], dtype=torch.float64)
    assert (dl.EntropyTemperature().beta(outside) == 1).all()


def test_a_threshold_takes_its_partner_along(sea):
    sea.low_entropy = 5.5
    assert (sea.low_entropy, sea.high_entropy) == (5.5, 5.5)
    sea.high_entropy = 1
    assert (sea.low_entropy, sea.high_entropy) == (1, 1)
    assert sea.strategy.low_varentropy == dl.EntropySampling().low_varentropy


def test_the_axes_reach_beyond_every_point_and_default(lm, sea):
    for kind in ("entropy", "varentropy"):
        values = [x for record in sea.data["texts"] for x in record[kind]]
        assert max(values) < sea.data["axes"][kind]
        assert getattr(dl.EntropySampling(), f"high_{kind}") < sea.data["axes"][kind]
    certain = dl.TableLM({"": {"a": 1.0}})
    assert explore_entropy(certain, "a a a").counts["certain"] == 2


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("text", "land", "text must be 'sea' or 'tale', got 'land'"),
        ("position", 0, r"position must be in \[1, \d+\], got 0"),
        ("low_entropy", -0.1, r"low_entropy must be in \[0, \d+\], got -0.1"),
        ("high_varentropy", math.nan, r"high_varentropy must be in \[0, \d+\], got nan"),
    ],
)
def test_a_setting_out_of_range_is_refused_in_one_sentence(sea, name, value, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        setattr(sea, name, value)


@pytest.mark.parametrize(
    ("texts", "change", "error", "message"),
    [
        ({}, {}, ValueError, "texts must hold at least one text, got none"),
        ("The", {}, ValueError, "texts must have at least two tokens each, got 1 in 'The'"),
        (TEXT, {"answer": "most"}, ValueError, "answer must be 'certain', .* or 'largest'"),
        (TEXT, {"low_entropy": 5}, ValueError, r"low_entropy must be in \[0, 3.46.*\], got 5"),
        (TEXT, {"zoom": 2}, TypeError, "settings must be among .*, got zoom"),
    ],
)
def test_arguments_out_of_range_are_refused_in_one_sentence(lm, texts, change, error, message):
    with pytest.raises(error, match=message):
        explore_entropy(lm, texts, **change)


def test_a_text_that_cannot_come_is_refused():
    with pytest.raises(ValueError, match="got a token of probability 0 in 'b b'"):
        explore_entropy(dl.TableLM({"": {"a": 1.0, "b": 0.0}}), "b b")


def test_two_quadrants_that_share_the_lead_are_no_answer():
    even = dl.TableLM({"": {"a": 0.5, "b": 0.5}, "b": {"a": 1.0}})
    halves = {"low_entropy": 0.1, "high_entropy": 0.6, "predict": "Which?"}
    with pytest.raises(ValueError, match="got 'largest' of certain, wide"):
        explore_entropy(even, "a b a", **halves)


def test_an_unanswered_prediction_hides_the_counts_in_every_form(lm):
    asked = explore_entropy(lm, TEXT, predict="Where are most steps?", position=5)
    assert asked.data["predict"]["choices"] == list(QUADRANTS)
    shown = asked._repr_mimebundle_()
    for text in (shown["text/plain"], shown["text/html"].split("<pre")[1]):
        assert "Where are most steps?" in text
        assert "lost" not in text
    asked.prediction = "certain"
    right = max(asked.counts, key=asked.counts.get)
    assert asked.data["predict"]["answer"] == right
    assert f"{asked.counts[right]} {right}" in asked.summary()
    assert "most probable:" in asked.as_text()
    number = explore_entropy(lm, TEXT, predict="How many?", answer="lost", prediction=3)
    assert number.data["predict"]["answer"] == number.counts["lost"]
    assert not number.is_hidden


def test_the_html_is_the_same_every_time(lm, sea):
    assert sea.as_html() == explore_entropy(lm, TEXTS).as_html()
    state = json.loads(html.unescape(sea.as_html().split("data-dx='")[1].split("'")[0]))
    assert state["data"]["initial"] == {"text": "sea", "position": 1} | {
        name: getattr(dl.EntropySampling(), name) for name in THRESHOLDS
    }
    assert "thresholds:" in sea.as_html().split("<pre")[1]
