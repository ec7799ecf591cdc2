"""Measures of a sweep, the table they are kept in, and comparison at equal diversity."""

import json
import math
from pathlib import Path

import pytest

import decodelib as dl
from decodelib.experiments import metrics
from decodelib.experiments.intervals import Estimate
from decodelib.experiments.sweeps import Outcome, Setting, Task, Text, run
from decodelib.experiments.tradeoff import (
    OF_ONE_PROMPT,
    Row,
    Table,
    at_equal,
    load_table,
    measure,
    measure_people,
    save_table,
)

DATA = Path(__file__).resolve().parents[2] / "chapters" / "data"


def text(words, nats):
    return Text(words, [ord(character) for character in words if character != " "], nats)


def outcome():
    prompts = [
        [text("a b c d e", 5.0), text("a b c d f", 10.0)],
        [text("a b a b a b", 3.0), text("c d e f g h", 9.0)],
        [text("p q r s t", 5.0), text("p q r s t", 5.0)],
        [text("x y z x y", 2.0), text("x y z z z", 3.0)],
    ]
    return Outcome(Setting("top-p", 0.9, dl.Sampling(dl.TopP(0.9))), prompts)


def test_each_prompt_is_measured_on_its_own_texts():
    row = measure(outcome())
    assert row.units["surprisal"] == [1.5, 1.0, 1.0, 0.5]
    assert row.units["repetition"] == [0, 0.5, 0, 0]
    # Pairs of the first prompt: ab bc cd de | ab bc cd df, 5 of 8 different.
    assert row.units["distinct_2"] == [5 / 8, 7 / 10, 4 / 8, 4 / 8]
    assert row.units["self_bleu"][2] == pytest.approx(1)
    assert row.units["self_bleu"][1] == metrics.self_bleu(["a b a b a b", "c d e f g h"])
    assert str(row) == "top-p 0.9"
    assert row.strategy == "Sampling(TopP(0.9))"
    assert row.example == "a b c d e"


def test_means_and_intervals_are_over_prompts():
    row = measure(outcome())
    assert row.mean("surprisal") == 1
    assert row.mean("surprisal", [0, 0, 3]) == pytest.approx(3.5 / 3)
    assert row.mean("perplexity") == pytest.approx(math.e)
    value, low, high = row.estimate("perplexity")
    assert value == pytest.approx(math.e)
    assert low < value < high
    assert math.exp(0.5) <= low < math.exp(0.8)


def test_measures_of_many_prompts_use_one_text_of_each_in_halves():
    firsts = [texts[0] for texts in outcome().texts]
    row = measure(outcome())
    pairs = [
        metrics.zipf_exponent([a.token_ids, b.token_ids])
        for i, a in enumerate(firsts)
        for b in firsts[:i]
    ]
    value, low, high = row.across["zipf"]
    assert row.estimate("zipf") == row.across["zipf"]
    assert min(pairs) <= low <= value <= high <= max(pairs)
    assert value == pytest.approx(sum(pairs) / len(pairs), abs=0.05)


def test_peoples_text_is_measured_after_its_beginning():
    lm = dl.load("storybook", device="cpu", dtype="float64")
    passages = [
        "Once upon a time there was a little girl who lived in a wood.",
        "The end of it all",
    ]
    row = measure_people(lm, passages, num_tokens=3, num_prompt_tokens=2)
    ids = lm.encode(passages[0])
    logprobs = lm.logits(ids).log_softmax(-1)
    nats = -sum(float(logprobs[i - 1, ids[i]]) for i in (2, 3, 4))
    assert row.units["surprisal"][0] == pytest.approx(nats / 3)
    assert row.example == lm.decode(ids[2:5])
    with pytest.raises(ValueError, match=r"must have at least 32 tokens, got .* in 'Once upon a"):
        measure_people(lm, passages, num_tokens=30, num_prompt_tokens=2)


def line(*points):
    return [
        Row("f", i, "", {"self_bleu": [x - 0.1, x + 0.1], "surprisal": [y, y]})
        for i, (x, y) in enumerate(points)
    ]


def test_at_equal_is_linear_between_the_neighbours_of_the_target():
    rows = line((0.8, 1), (0.4, 3), (0.2, 4))
    assert at_equal(rows, "self_bleu", 0.6, "surprisal") == pytest.approx(2)
    assert at_equal(rows, "self_bleu", 0.4, "surprisal") == pytest.approx(3)
    assert at_equal(rows, "self_bleu", 0.25, "surprisal") == pytest.approx(3.75)
    # Of the first unit alone, every self-BLEU is lower by 0.1.
    assert at_equal(rows, "self_bleu", 0.5, "surprisal", [0]) == pytest.approx(2)


@pytest.mark.parametrize("target", [0.9, 0.1])
def test_at_equal_never_extrapolates(target):
    assert math.isnan(at_equal(line((0.8, 1), (0.2, 4)), "self_bleu", target, "surprisal"))


def test_a_table_is_read_as_it_was_written_but_for_rounding(tmp_path):
    human = Row(
        "human", None, "", {"surprisal": [1.0]}, {"zipf": Estimate(0.5, math.nan, math.nan)}
    )
    rows = [Row("top-p", 0.9, "S", {"surprisal": [1.23456, 2.0]}, {"zipf": Estimate(1, 0, 2)}, "é")]
    path = tmp_path / "table.json"
    save_table(Table({"model": "m"}, rows, human), path)
    table = load_table(path)
    assert table.about == {"model": "m"}
    assert table.rows[0].units["surprisal"] == [1.235, 2.0]
    assert table.rows[0].across["zipf"] == Estimate(1, 0, 2)
    assert table.rows[0].example == "é"
    assert table.human.across["zipf"].value == 0.5
    assert math.isnan(table.human.across["zipf"].low)
    assert [str(row) for row in table.family("top-p")] == ["top-p 0.9"]
    assert table.row("top-p 0.9") is table.rows[0]
    with pytest.raises(KeyError, match="no family 'top-k'"):
        table.family("top-k")
    with pytest.raises(KeyError, match=r"no setting 'top-p 0.5'"):
        table.row("top-p 0.5")
    json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_the_committed_table_is_what_a_sweep_gives():
    table = load_table(DATA / "quality_diversity.json")
    prompts = tuple((DATA / "openings.txt").read_text(encoding="utf-8").splitlines())
    assert table.about["model"] == "storybook"
    assert len(prompts) == table.about["openings"]
    row = table.row("top-p 0.9")
    strategy, few = dl.Sampling(dl.TopP(0.9)), prompts[:1]
    assert row.strategy == repr(strategy)
    rounds = [
        run(Task("storybook", "cpu", "float64", strategy, few, seeds, table.about["tokens"]))
        for start in range(0, table.about["texts"], len(prompts))
        for seeds in [tuple(range(start, start + len(few)))]
    ]
    for number, texts in enumerate(zip(*rounds, strict=True)):
        for name, of in OF_ONE_PROMPT.items():
            assert row.units[name][number] == pytest.approx(of(texts), rel=1e-3), name
    assert row.example == rounds[0][0].text
