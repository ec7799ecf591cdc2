"""The beam explorer's data: the tree of decodelib's search, and what a search does with it."""

from __future__ import annotations

import json

import pytest

import decodelib as dl
from decodelib.viz import BeamExplorer, explore_beams
from tests.helpers.beams_cases import ENDINGS
from tests.helpers.tables import TWO_STEPS, random_table

STEPS = 6
PENALTIES = (-2.0, -0.7, 0.0, 1.0, 3.0)
RULES = (False, True, "never")


@pytest.fixture(autouse=True)
def static_explorers(monkeypatch):
    monkeypatch.setenv("DECODELIB_STATIC", "1")


def toy(**options) -> BeamExplorer:
    options = {"num_beams": 2, "max_new_tokens": 2, "length_penalty": 0.0} | options
    return explore_beams(dl.TableLM(TWO_STEPS), "", **options)


@pytest.mark.parametrize("table", [ENDINGS, random_table(0), random_table(4)])
def test_one_recorded_tree_gives_what_every_penalty_and_rule_returns(table):
    lm = dl.TableLM(table)
    explorer = explore_beams(lm, "", num_beams=(1, 2, 4), max_new_tokens=STEPS)
    stops = set()
    for width in (1, 2, 4):
        explorer.num_beams = width
        for penalty in PENALTIES:
            explorer.length_penalty = penalty
            for rule in RULES:
                explorer.early_stopping = rule
                strategy = dl.BeamSearch(width, penalty, rule, width)
                assert explorer.strategy == dl.BeamSearch(width, penalty, rule)
                best = dl.generate(lm, "", strategy, max_new_tokens=STEPS, trace=True)
                outcome = explorer.outcome()
                ours = [
                    (explorer.tree.token_ids(i), pytest.approx(score, rel=1e-8))
                    for score, i in outcome.finished
                ]
                assert ours == [(g.token_ids, g.score) for g in (best, *best.alternatives)]
                assert outcome.stop == best.tree.num_steps
                stops.add(outcome.stop)
    assert len(stops) > 1 or table is not ENDINGS  # the rules do decide when a search stops


def test_the_tree_is_the_searchs_with_the_best_pruned():
    lm = dl.TableLM(random_table(2, words="abcdefg"))
    explorer = explore_beams(lm, "", num_beams=3, max_new_tokens=STEPS, pruned=2)
    true = dl.generate(
        lm, "", dl.BeamSearch(3, 10.0, "never"), max_new_tokens=STEPS, trace=True
    ).tree
    greedy = explorer.greedy.token_ids
    for length in range(1, true.num_steps + 1):
        expected = {"kept": [], "finished": [], "pruned": []}
        for i in true.step(length):
            expected[true.nodes[i].fate].append(true.token_ids(i))
        shown = {"kept": [], "finished": [], "pruned": []}
        for i in explorer.tree.step(length):
            shown[explorer.tree.nodes[i].fate].append(explorer.tree.token_ids(i))
        assert shown["kept"] == expected["kept"]
        assert shown["finished"] == expected["finished"]
        assert shown["pruned"][:2] == expected["pruned"][:2]
        assert all(ids == greedy[:length] for ids in shown["pruned"][2:])


def test_greedys_path_is_marked_to_where_it_leaves_the_beam():
    # Greedy begins with "a", whose continuations are all poor; two beams drop it at step 2.
    lm = dl.TableLM(
        {
            "": {"a": 0.4, "b": 0.35, "c": 0.25},
            "a": dict.fromkeys("abcdefghij", 0.1),
            "b": {"b": 0.6, "c": 0.4},
            "c": {"c": 0.9, "a": 0.1},
        }
    )
    explorer = explore_beams(lm, "", num_beams=2, max_new_tokens=3, pruned=0)
    nodes = explorer.tree.nodes
    marked = [nodes[i] for i in explorer.data["trees"][0]["greedy"]]
    assert [(n.token, n.length, n.fate) for n in marked] == [(" a", 1, "kept"), (" a", 2, "pruned")]
    assert explorer.greedy_leaves == 2
    # With `pruned=0` no other pruned candidate is left.
    assert sum(n.fate == "pruned" for n in nodes) == 1
    assert toy().greedy_leaves is None


def test_greedys_node_is_there_however_low_it_ranked():
    table = {"": {"a": 0.52, "b": 0.48}, "a": {str(i): 1.0 for i in range(40)}}
    table["b"] = {f"x{i}": 1.0 for i in range(30)}  # 30 better candidates than any after "a"
    explorer = explore_beams(dl.TableLM(table), "", num_beams=2, max_new_tokens=2, pruned=1)
    assert explorer.greedy_leaves == 2
    node = explorer.tree.nodes[explorer.data["trees"][0]["greedy"][-1]]
    assert (node.token, node.fate) == (" 0", "pruned")
    assert node.total == pytest.approx(explorer.greedy.score)


def test_the_toy_by_hand():
    explorer = toy()
    assert explorer.text_of(explorer.outcome().finished[0][1]) == " b x"
    assert explorer.summary().endswith("stops after step 2 and returns ' b x', score -1.0217")
    assert explorer.outcome(until=1) == (None, [])
    text = explorer.as_text()
    assert "finished   -1.0217  ' b x'" in text
    assert "pruned     -2.3026  ' c'" in text
    assert "finished   -1.6094  ' a x'  (greedy's path)" in text


def test_a_hidden_answer_is_in_no_text():
    explorer = toy(predict="Which text does it return?")
    assert explorer.data["predict"]["choices"] == [" a x", " b x"]
    assert explorer.data["predict"]["answer"] == " b x"
    for text in (explorer.summary(), explorer.as_text()):
        assert "b x" not in text
        assert "finished" not in text
    explorer.prediction = " a x"
    assert " b x" in explorer.as_text()
    with pytest.raises(ValueError, match="prediction must be one of  a x,  b x, got 'c'"):
        explorer.prediction = "c"


@pytest.mark.parametrize(
    ("answer", "value"), [("greedy_leaves", 0), ("stop", 2), ("length", 2), ("returned", " b x")]
)
def test_the_answers_to_the_questions(answer, value):
    assert toy(predict="?", answer=answer).data["predict"]["answer"] == value


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("num_beams", 3, "num_beams must be 1 or 2, got 3"),
        ("step", 3, r"step must be in \[0, 2\], got 3"),
        ("step", -1, r"step must be in \[0, 2\], got -1"),
        ("length_penalty", 11.0, r"length_penalty must be in \[-10, 10\], got 11.0"),
        ("early_stopping", "soon", "early_stopping must be False, True or 'never', got 'soon'"),
        ("early_stopping", 1, "early_stopping must be False, True or 'never', got 1"),
    ],
)
def test_a_setting_out_of_range_is_refused_in_one_sentence(name, value, message):
    explorer = toy(num_beams=(1, 2))
    with pytest.raises(ValueError, match=f"^{message}$"):
        setattr(explorer, name, value)
    with pytest.raises(ValueError, match=f"^{message}$"):
        explorer.start({name: value})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beams": ()}, r"num_beams must be one width or several different ones, got \[\]"),
        ({"num_beams": (2, 2)}, "num_beams must be one width or several different ones"),
        ({"pruned": 11}, r"pruned must be in \[0, 10\], got 11"),
        ({"answer": "text"}, "answer must be 'returned', .*, got 'text'"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        toy(**options)


def test_the_html_is_the_same_every_time_and_reads_back():
    first, second = toy(num_beams=(1, 2)), toy(num_beams=(1, 2))
    assert first.as_html() == second.as_html()
    lm = dl.TableLM(random_table(0))
    data = explore_beams(lm, "", num_beams=3, max_new_tokens=STEPS).data
    assert json.loads(json.dumps(data)) == data
    assert dl.TableLM(lm.table).table == lm.table
