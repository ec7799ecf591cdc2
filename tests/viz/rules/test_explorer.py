"""The explorers of rules as Python makes them: what they record, count, refuse and hide."""

import math
import re

import pytest

import decodelib as dl
from decodelib import viz
from decodelib.viz.rules.watermark import HOW, THRESHOLD

PROMPT = "Once upon a time"


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu", dtype="float64")


@pytest.fixture(autouse=True)
def static(monkeypatch):
    monkeypatch.setenv("DECODELIB_STATIC", "1")


@pytest.fixture(scope="module")
def begins(lm):
    return dl.Constraint.from_choices(lm, [" sea", " there was"], open_end=True)


@pytest.fixture(scope="module")
def generated(lm, begins):
    ways = {"one": dl.Sampling(begins), "two": dl.ConditionedSampling(begins, num_particles=4)}
    return {
        name: dl.generate(lm, PROMPT, way, max_new_tokens=6, seed=3, trace=True)
        for name, way in ways.items()
    }


def strip(lm, begins, generated, **settings):
    texts = {name: g.token_ids for name, g in generated.items()}
    return viz.explore_mass(lm, PROMPT, begins, texts, source="begins", **settings)


def test_the_strip_has_the_masses_that_decoding_records(lm, begins, generated):
    made = strip(lm, begins, generated)
    for record, g in zip(made.data["texts"], generated.values(), strict=True):
        assert record["tokens"] == g.tokens
        assert record["mass"] == pytest.approx([s.kept_mass for s in g.steps], rel=1e-5)
        assert record["p"] == pytest.approx([math.exp(x) for x in g.logprobs], rel=1e-5)
        assert record["allowed"] == [s.kept for s in g.steps]
        for step, top in zip(g.steps, record["top"], strict=True):
            kept = [(c.token, c.p_before) for c in step.candidates if c.p_after > 0][: len(top)]
            assert [name for name, _ in top][: len(kept)] == [name for name, _ in kept]


def test_a_prediction_hides_the_masses_and_knows_the_answer(lm, begins, generated):
    asked = strip(lm, begins, generated, predict="Which?")
    products = asked.products
    assert asked.data["predict"]["answer"] == min(products, key=products.get)
    assert "?" in asked.as_text()
    assert "products" not in asked.summary()
    alone = {"one": generated["one"]}
    place = strip(lm, begins, alone, predict="Where?").data["predict"]["answer"]
    masses = [s.kept_mass for s in generated["one"].steps]
    assert masses[place - 1] == min(masses)
    asked.revealed = True
    assert "products of the feasible masses" in asked.summary()


def editor(lm, **settings):
    mark = dl.GreenListWatermark()
    texts = {
        name: dl.generate(lm, PROMPT, way, max_new_tokens=40, seed=1).token_ids
        for name, way in {"marked": dl.Sampling(mark), "free": dl.Sampling()}.items()
    }
    return viz.explore_watermark(lm, PROMPT, texts, mark, **settings), texts


def test_the_editor_counts_what_the_detector_finds_in_the_edited_text(lm):
    made, texts = editor(lm)
    mark = dl.GreenListWatermark()
    for name, length, edits, how in [
        ("marked", 40, [], HOW[0]),
        ("marked", 25, [], HOW[0]),
        ("marked", 40, [1, 2, 3, 17, 40], HOW[0]),
        ("marked", 40, [1, 2, 3, 17, 40], HOW[1]),
        ("free", 33, [5, 6], HOW[1]),
    ]:
        made.text, made.length, made.edits, made.how = name, length, edits, how
        record = next(r for r in made.data["texts"] if r["label"] == name)
        swaps = [record["vocabulary"][word] for word in record["swaps"]]
        left = [
            swaps[i] if i + 1 in edits else token_id
            for i, token_id in enumerate(texts[name][:length])
            if how == HOW[0] or i + 1 not in edits
        ]
        found = mark.detect(lm, left)
        count = made.count
        assert (count.scored, count.green) == (found.num_tokens, found.statistic)
        assert (count.z, count.p_value) == (
            pytest.approx(found.z),
            pytest.approx(found.p_value, rel=1e-6),
        )


def test_a_replacement_is_the_models_next_best_token(lm):
    made, texts = editor(lm)
    record = made.data["texts"][0]
    ids = lm.prompt_ids(PROMPT).tolist()
    for place in (0, 7, 20):
        logits = lm.next_logits([*ids, *texts["marked"][:place]])
        logits[texts["marked"][place]] = -math.inf
        assert record["vocabulary"][record["swaps"][place]] == int(logits.argmax())


def test_the_answer_is_the_first_number_of_edits_that_loses_the_mark(lm):
    made, _ = editor(lm, predict="How many?")
    answer = made.data["predict"]["answer"]
    order = made.data["texts"][0]["order"]
    assert sorted(order) == list(range(1, len(order) + 1))
    made.edits = order[:answer]
    assert made.count.z < THRESHOLD
    made.edits = order[: answer - 1]
    assert made.count.z >= THRESHOLD
    assert "green" not in made.summary()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"length": 1}, "length must be in [2, 40], got 1"),
        ({"position": 41}, "position must be in [1, 40], got 41"),
        ({"edits": [41]}, "edits must be in [1, 40], got 41"),
        ({"text": "other"}, "text must be 'marked' or 'free', got 'other'"),
    ],
)
def test_settings_out_of_range_are_refused(lm, change, said):
    made, _ = editor(lm)
    [(name, value)] = change.items()
    with pytest.raises(ValueError, match=re.escape(said)):
        setattr(made, name, value)


def test_what_is_no_text_of_the_constraint_is_refused(lm, begins):
    with pytest.raises(ValueError, match="texts must satisfy Constraint"):
        viz.explore_mass(lm, PROMPT, begins, {"a": lm.encode(" moon").tolist()}, source="begins")
    with pytest.raises(ValueError, match="texts must hold at least one text"):
        viz.explore_mass(lm, PROMPT, begins, {}, source="begins")
    with pytest.raises(ValueError, match="texts must hold at least one text, each of two tokens"):
        viz.explore_watermark(lm, PROMPT, {"a": [5]}, dl.GreenListWatermark())
