"""Beam search on models small enough to know every continuation and its score."""

import math

import pytest

import decodelib as dl
from tests.helpers.tables import TWO_STEPS, exhaustive, random_table


def test_greedy_loses_to_two_beams_in_two_steps():
    lm = dl.TableLM(TWO_STEPS)
    greedy = dl.generate(lm, "", dl.Greedy(), max_new_tokens=2)
    beam = dl.generate(lm, "", dl.BeamSearch(2, 0.0), max_new_tokens=2)
    assert (greedy.text, math.exp(greedy.score)) == (" a x", pytest.approx(0.5 * 0.4))
    assert (beam.text, math.exp(beam.score)) == (" b x", pytest.approx(0.4 * 0.9))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("early_stopping", [False, True, "never"])
def test_one_beam_is_greedy(seed, early_stopping):
    lm = dl.TableLM(random_table(seed))
    greedy = dl.generate(lm, "", dl.Greedy(), max_new_tokens=6)
    for penalty in (-1.0, 0.0, 1.0, 3.0):
        beam = dl.generate(lm, "", dl.BeamSearch(1, penalty, early_stopping), max_new_tokens=6)
        assert beam.token_ids == greedy.token_ids
        assert beam.score == pytest.approx(greedy.score / len(greedy.token_ids) ** penalty)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("length_penalty", [-1.0, 0.0, 1.0, 2.5])
def test_full_width_beam_equals_exhaustive_search(seed, length_penalty):
    lm = dl.TableLM(random_table(seed))
    everything = exhaustive(lm, 4, length_penalty)
    width = 3**4 + 10
    for early_stopping in (False, "never"):
        strategy = dl.BeamSearch(width, length_penalty, early_stopping, len(everything))
        best = dl.generate(lm, "", strategy, max_new_tokens=4)
        found = [best, *best.alternatives]
        assert [g.score for g in found] == pytest.approx([score for score, _ in everything])
        assert {tuple(g.token_ids) for g in found} == {tuple(ids) for _, ids in everything}
        assert best.score == pytest.approx(everything[0][0])


@pytest.mark.parametrize("seed", range(15))
def test_a_beams_score_is_that_of_its_own_tokens(seed):
    lm = dl.TableLM(random_table(seed))
    for strategy in (
        dl.BeamSearch(3, 0.7, num_return_sequences=3),
        dl.BeamSearch(2, -1.0, "never"),
    ):
        best = dl.generate(lm, "", strategy, max_new_tokens=5)
        for g in (best, *best.alternatives):
            logprobs = []
            for end, token in enumerate(g.token_ids):
                logits = lm.next_logits([0, *g.token_ids[:end]])
                logprobs.append(float(logits.log_softmax(-1)[token]))
            assert g.logprobs == pytest.approx(logprobs)
            length = len(g.token_ids)
            assert g.score == pytest.approx(sum(logprobs) / length**strategy.length_penalty)
        scores = [best.score, *(g.score for g in best.alternatives)]
        assert scores == sorted(scores, reverse=True)
        texts = [tuple(g.token_ids) for g in (best, *best.alternatives)]
        assert len(set(texts)) == len(texts)


def test_a_positive_length_penalty_favours_longer_text():
    lm = dl.TableLM({"": {"a": 0.6, "<eos>": 0.4}})
    lengths = [
        len(dl.generate(lm, "", dl.BeamSearch(4, penalty, "never"), max_new_tokens=8).token_ids)
        for penalty in (-2.0, 0.0, 3.0)
    ]
    assert lengths == [1, 1, 8]


def test_early_stopping_ends_with_the_first_full_set_of_finished_hypotheses():
    # Both beams' worth of short endings come first; the best text of all is longer.
    table = {
        "": {"a": 0.4, "<eos>": 0.35, "b": 0.25},
        "a": {"<eos>": 0.5, "c": 0.5},
        "b": {"<eos>": 1.0},
        "c": {"c": 1.0},
    }
    lm = dl.TableLM(table)
    eager = dl.generate(lm, "", dl.BeamSearch(2, 2.0, True), max_new_tokens=12)
    patient = dl.generate(lm, "", dl.BeamSearch(2, 2.0, "never"), max_new_tokens=12)
    assert len(eager.token_ids) == 2
    assert len(patient.token_ids) == 12
    assert patient.score > eager.score


def test_more_beams_than_continuations_is_no_error():
    lm = dl.TableLM({"": {"a": 0.7, "b": 0.3}})
    best = dl.generate(lm, "", dl.BeamSearch(50, num_return_sequences=50), max_new_tokens=3)
    assert len(best.alternatives) == 2**3 - 1
    only = dl.generate(dl.TableLM({"": {"a": 1.0}}), "", dl.BeamSearch(9), max_new_tokens=4)
    assert only.text == " a a a a"


def test_ties_between_hypotheses_are_decided_the_same_way_every_time():
    lm = dl.TableLM({"": {"a": 0.5, "b": 0.5}})
    strategy = dl.BeamSearch(2, num_return_sequences=2)
    results = [dl.generate(lm, "", strategy, max_new_tokens=5) for _ in range(3)]
    assert results[0] == results[1] == results[2]
    assert results[0].token_ids != results[0].alternatives[0].token_ids


def test_stop_strings_and_min_new_tokens_hold_for_every_hypothesis():
    lm = dl.TableLM({"": {"a": 0.4, "b": 0.3, "<eos>": 0.3}})
    strategy = dl.BeamSearch(4, num_return_sequences=4)
    best = dl.generate(lm, "", strategy, max_new_tokens=5, min_new_tokens=3, stop="b a")
    for g in (best, *best.alternatives):
        assert "b a" not in g.text
        assert lm.eos_token_id not in g.token_ids[:3]
        assert (g.finish_reason == "stop") == lm.decode(g.token_ids).endswith("b a")


def test_a_traced_beam_records_the_steps_of_the_hypothesis_returned():
    lm = dl.TableLM(TWO_STEPS)
    strategy = dl.BeamSearch(2, 0.0, num_return_sequences=2)
    best = dl.generate(lm, "", strategy, max_new_tokens=2, trace=True)
    for g in (best, *best.alternatives):
        assert [step.token_id for step in g.steps] == g.token_ids
        assert [step.logprob for step in g.steps] == pytest.approx(g.logprobs)
        assert "".join(step.text for step in g.steps) == g.text
    assert [step.rank for step in best.steps] == [2, 1]
