"""The strategy race in Python: its numbers are decodelib's, its texts those of `generate`."""

from __future__ import annotations

import html
import json
import math

import pytest

import decodelib as dl
from decodelib.experiments import metrics
from decodelib.models.gpt2.early_exit import first_layers
from decodelib.viz.race.explorer import explore_race
from decodelib.viz.race.scores import METRICS
from decodelib.viz.shell.source import as_call, as_source

PROMPT = "Once upon a time"
LOAD = "dl.load('storybook', dtype='float64')"
STRATEGIES = {
    "Greedy": dl.Greedy(),
    "Beams": dl.BeamSearch(num_beams=3),
    "Ancestral": dl.Sampling(),
    "Top-p": dl.Sampling(dl.Temperature(0.7), dl.TopP(0.9)),
}


@pytest.fixture(autouse=True)
def static_explorers(monkeypatch):
    monkeypatch.setenv("DECODELIB_STATIC", "1")


@pytest.fixture(scope="module")
def lm():
    # In float32 a sum may round differently alone and in a batch, and tip a draw.
    return dl.load("storybook", device="cpu", dtype="float64")


@pytest.fixture(scope="module")
def race(lm):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        yield explore_race(lm, PROMPT, STRATEGIES, samples=3, max_new_tokens=24, seed=5)


def record(race, name: str) -> dict:
    return next(r for r in race.data["strategies"] if r["name"] == name)


def test_every_text_is_what_generate_gives_for_its_seed(race, lm):
    for name, strategy in STRATEGIES.items():
        expected = [
            dl.generate(lm, PROMPT, strategy, max_new_tokens=24, seed=5 + i).token_ids
            for i in range(3 if name in ("Ancestral", "Top-p") else 1)
        ]
        assert [g.token_ids for g in race.generations[name]] == expected
        texts = ["".join(text["tokens"]) for text in record(race, name)["texts"]]
        assert texts == [lm.decode(ids) for ids in expected]


def test_the_surprisal_of_each_token_travels_to_three_digits(race):
    for name, generations in race.generations.items():
        for text, generation in zip(record(race, name)["texts"], generations, strict=True):
            assert text["surprisal"] == pytest.approx([-x for x in generation.logprobs], abs=5e-4)
            assert text["end"] == generation.finish_reason


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_numbers_are_those_of_decodelibs_metrics(race, lm, name):
    generations = race.generations[name]
    ids = [g.token_ids for g in generations]
    start = len(lm.encode(PROMPT))
    profiles = [metrics.entropy_profile(lm, lm.encode(PROMPT).tolist() + own) for own in ids]
    entropies = [h for profile in profiles for h in profile[start - 1 : -1].tolist()]
    nats = [-logprob for g in generations for logprob in g.logprobs]
    expected = {
        "surprisal": math.fsum(nats) / len(nats),
        "entropy": math.fsum(entropies) / len(entropies),
        "repetition": metrics.repetition(ids),
        "distinct_2": sum(metrics.distinct_n([own], 2) for own in ids) / len(ids),
        # Asked again, a deterministic strategy says the same.
        "self_bleu": metrics.self_bleu([g.text for g in generations] * (3 if len(ids) == 1 else 1)),
        "length": sum(map(len, ids)) / len(ids),
    }
    assert list(race.numbers[name]) == list(METRICS)
    assert race.numbers[name] == pytest.approx(expected, rel=1e-5)


def test_each_number_is_shown_with_its_range_over_the_texts(race):
    numbers = record(race, "Ancestral")["numbers"]
    means = [-g.score / len(g.token_ids) for g in race.generations["Ancestral"]]
    assert [numbers["surprisal"]["low"], numbers["surprisal"]["high"]] == pytest.approx(
        [min(means), max(means)], rel=1e-5
    )
    perplexity = math.exp(numbers["surprisal"]["value"])
    assert numbers["surprisal"]["note"] == f"perplexity {perplexity:.3g}"
    assert numbers["surprisal"]["text"] == f"{numbers['surprisal']['value']:.2f}"
    assert (numbers["length"]["text"], numbers["length"]["low"]) == ("24.0", 24)
    assert record(race, "Greedy")["numbers"]["repetition"]["note"].endswith(" of 1")


def test_only_strategies_with_chance_are_asked_more_than_once(race):
    chance = {name: record(race, name)["chance"] for name in STRATEGIES}
    assert chance == {"Greedy": False, "Beams": False, "Ancestral": True, "Top-p": True}
    counts = {name: len(texts) for name, texts in race.generations.items()}
    assert counts == {"Greedy": 1, "Beams": 1, "Ancestral": 3, "Top-p": 3}
    assert race.numbers["Beams"]["self_bleu"] == 1


def test_one_sample_has_nothing_to_be_like(lm):
    race = explore_race(lm, PROMPT, STRATEGIES, samples=1, max_new_tokens=1)
    assert race.numbers["Ancestral"]["self_bleu"] is None
    assert race.numbers["Greedy"]["self_bleu"] is None
    assert race.numbers["Greedy"]["distinct_2"] is None  # one token makes no pair
    assert "none" in race.as_text()


def test_the_order_is_that_of_a_number_smallest_first(race):
    assert race.ranking == list(STRATEGIES)
    race.sort = "surprisal"
    values = [race.numbers[name]["surprisal"] for name in race.ranking]
    assert values == sorted(values)
    race.shown = ["Ancestral", "Beams"]
    assert race.ranking == ["Beams", "Ancestral"]
    race.sort = "as given"
    assert race.shown == ["Beams", "Ancestral"]
    race.shown = []
    assert race.ranking == list(STRATEGIES)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("sort", "wit", "sort must be 'as given', 'surprisal', .* or 'length', got 'wit'"),
        ("sample", 4, r"sample must be in \[1, 3\], got 4"),
        ("step", 0, r"step must be in \[1, 24\], got 0"),
        ("picked", "Bottom-q", "picked must be 'Greedy', .* or 'Top-p', got 'Bottom-q'"),
        ("shown", ["Top-k"], r"shown must be among Greedy, .*, got \['Top-k'\]"),
    ],
)
def test_a_setting_out_of_range_is_refused_in_one_sentence(race, name, value, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        setattr(race, name, value)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"strategies": {}}, ValueError, "strategies must hold at least one strategy, got none"),
        ({"samples": 0}, ValueError, r"samples must be in \[1, 50\], got 0"),
        ({"speed": 2}, TypeError, "settings must be among .*, got speed"),
        ({"predict": "Who?", "answer": "most wit"}, ValueError, "answer must be 'highest' or"),
        (
            {"predict": "Who?", "answer": "highest self_bleu"},
            ValueError,
            "answer must be one strategy's, got 'highest self_bleu' of Greedy, Beams",
        ),
    ],
)
def test_arguments_out_of_range_are_refused_in_one_sentence(lm, change, error, message):
    arguments = {"strategies": STRATEGIES, "samples": 2, "max_new_tokens": 2} | change
    with pytest.raises(error, match=message):
        explore_race(lm, PROMPT, **arguments)


def test_an_unanswered_prediction_hides_the_numbers_in_every_form(lm):
    race = explore_race(
        lm,
        PROMPT,
        STRATEGIES,
        samples=2,
        max_new_tokens=12,
        predict="Which strategy finds the most probable text?",
        answer="lowest surprisal",
    )
    shown = race._repr_mimebundle_()
    values = [number["text"] for number in record(race, "Ancestral")["numbers"].values()]
    for text in (shown["text/plain"], shown["text/html"].split("<pre")[1]):
        assert "Which strategy finds the most probable text?" in text
        assert not any(f" {value} " in text for value in values)
    with pytest.raises(ValueError, match="prediction must be one of Greedy, Beams"):
        race.prediction = "Nobody"
    race.prediction = "Beams"
    assert min(race.numbers, key=lambda n: race.numbers[n]["surprisal"]) in race.summary()
    assert race.data["predict"]["answer"] == "Beams"


def test_the_code_of_each_strategy_makes_it_again(race):
    for name, strategy in STRATEGIES.items():
        assert eval(record(race, name)["code"], {"dl": dl}) == strategy


def test_source_makes_the_models_that_a_strategy_holds_with_their_layers_and_dtype(lm):
    contrast = as_source(dl.ContrastiveDecoding(lm, alpha=0.2))
    assert contrast.startswith(f"dl.ContrastiveDecoding(amateur={LOAD}, alpha=0.2")
    draft = as_source(dl.SpeculativeSampling(lm, dl.TopP(0.9)))
    assert draft == f"dl.SpeculativeSampling({LOAD}, dl.TopP(0.9), num_draft_tokens=4)"
    contrast = as_source(dl.ContrastiveDecoding(first_layers(lm, 3)))
    assert contrast.startswith(f"dl.ContrastiveDecoding(amateur=first_layers({LOAD}, 3), ")
    assert repr(eval(contrast, {"dl": dl, "first_layers": first_layers}).amateur) == repr(
        first_layers(lm, 3)
    )
    single = dl.load("storybook", device="cpu", dtype="float32")
    assert as_call(single) == "dl.load('storybook')"
    table = dl.TableLM({"": {"a": 0.5, "b": 0.5}})
    assert eval(as_call(table), {"dl": dl}).table == table.table

    class Own:
        def __call__(self, input_ids, logits):
            return logits

        def __repr__(self) -> str:
            return "Own(TopP(0.5))"

    best = as_source(dl.BestOfN(dl.mean_logprob, dl.Sampling(num_return_sequences=2)))
    assert best == "dl.BestOfN(dl.mean_logprob, candidates=dl.Sampling(num_return_sequences=2))"
    assert as_source(dl.Sampling(Own())) == "dl.Sampling(Own(dl.TopP(0.5)))"


def test_the_html_is_the_same_every_time_and_holds_the_text_version(lm):
    def page() -> str:
        race = explore_race(lm, PROMPT, STRATEGIES, samples=2, max_new_tokens=6, note="Read me.")
        return race.as_html()

    assert page() == page()
    state = json.loads(html.unescape(page().split("data-dx='")[1].split("'")[0]))
    assert state["data"]["prompt"] == PROMPT
    assert state["data"]["initial"] == {
        "sort": "as given", "sample": 1, "step": 6, "shown": [], "picked": "Greedy",
    }  # fmt: skip
    text = html.unescape(page().split('<pre class="dx-fallback">')[1])
    assert "Read me." in text
    assert "Sampling(Temperature(0.7), TopP(0.9))" in text
    assert "Surprisal" in text
