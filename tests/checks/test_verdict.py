"""How an exercise is judged: by its answers alone, gently, and with a hint where one fits."""

import math

import numpy as np
import pytest
import torch

from decodelib.checks import Exercise, Misconception

DOUBLE = Exercise(
    solution=lambda x: 2 * x,
    probes=[(1.0,), (2.0,), (-3.0,)],
    misconceptions=[
        Misconception(lambda x: x * x, "you square it."),
        Misconception(lambda x: x + 1, "you add one."),
        Misconception(lambda x: abs(2 * x), "you lose the sign."),
    ],
    praise="Well doubled.",
)

REVERSE = Exercise(
    solution=lambda items: items[::-1],
    probes=[([1, 2, 3],), ([],), ([[0.5, 0.25], [1.0]],)],
    misconceptions=[],
    praise="Well turned.",
)


def test_agreeing_on_every_probe_passes_with_praise():
    verdict = DOUBLE.check(lambda x: x + x)
    assert verdict.passed
    assert repr(verdict) == "Correct: 3 cases agree. Well doubled."


def test_a_hint_needs_the_same_answer_on_every_probe():
    assert DOUBLE.check(lambda x: x**2).message == "you square it."
    assert DOUBLE.check(lambda x: 1 + x).message == "you add one."
    assert DOUBLE.check(lambda x: 2 * abs(x)).message == "you lose the sign."


def test_an_unknown_mistake_gets_the_first_probe_it_fails_on():
    def triple(x):
        return 2 * x if x == 1 else 3 * x

    verdict = DOUBLE.check(triple)
    assert repr(verdict) == "Not yet: triple(2) gave 6, expected 4."


def test_two_mistakes_at_once_get_no_hint_about_either():
    verdict = DOUBLE.check(lambda x: x * x + 1)
    assert "gave 2, expected 2" not in verdict.message
    assert "gave 5, expected 4" in verdict.message


@pytest.mark.parametrize("given", [None, 4, "double", [1, 2]])
def test_something_that_is_no_function_fails_gently(given):
    verdict = DOUBLE.check(given)
    assert not verdict.passed
    assert "function itself" in verdict.message


def test_the_stub_is_told_apart_from_a_broken_attempt():
    def stub(x):
        raise NotImplementedError

    assert "still the stub" in DOUBLE.check(stub).message
    assert "raised ZeroDivisionError" in DOUBLE.check(lambda x: x / 0).message


def test_the_wrong_number_of_parameters_fails_gently():
    verdict = DOUBLE.check(lambda: 2)
    assert not verdict.passed
    assert "TypeError" in verdict.message


def test_returning_nothing_asks_for_a_return():
    assert "returned None" in DOUBLE.check(lambda x: None).message


def test_none_on_one_probe_is_enough_to_fail():
    assert not DOUBLE.check(lambda x: 2 * x if x > 0 else None).passed


def test_changing_the_arguments_fails_even_with_the_right_answer():
    def in_place(items):
        items.reverse()
        return items

    verdict = REVERSE.check(in_place)
    assert not verdict.passed
    assert "changes its arguments" in verdict.message


def test_an_attempt_cannot_spoil_the_probes_for_the_next():
    def spoiled(items):
        items.clear()
        return items

    REVERSE.check(spoiled)
    assert REVERSE.check(lambda items: list(reversed(items))).passed


@pytest.mark.parametrize(
    "as_given",
    [
        lambda x: 2.0 * x,
        lambda x: torch.tensor(2 * x),
        lambda x: torch.tensor(2 * x, dtype=torch.float64),
        lambda x: int(2 * x),
        lambda x: 2 * x * (1 + 1e-9),
    ],
    ids=["float", "float32 tensor", "float64 tensor", "int", "rounded"],
)
def test_the_same_number_in_another_form_is_the_same_answer(as_given):
    assert DOUBLE.check(as_given).passed


def test_a_tuple_is_as_good_as_a_list_at_any_depth():
    assert REVERSE.check(lambda items: tuple(reversed(items))).passed
    assert REVERSE.check(
        lambda items: [tuple(i) if isinstance(i, list) else i for i in items[::-1]]
    ).passed


@pytest.mark.parametrize(
    "answer", [math.nan, math.inf, "2", [2.0], torch.zeros(3), {}, 1j], ids=repr
)
def test_answers_of_another_kind_fail_without_an_error(answer):
    verdict = DOUBLE.check(lambda x: answer)
    assert not verdict.passed
    assert "expected 2" in verdict.message


def test_a_difference_beyond_rounding_fails():
    assert not DOUBLE.check(lambda x: 2 * x + 1e-4).passed


def test_a_sequence_that_is_too_long_or_too_short_fails():
    assert not REVERSE.check(lambda items: items[::-1][:-1]).passed
    assert not REVERSE.check(lambda items: [*items[::-1], 0]).passed


def test_long_arguments_are_shortened_in_messages():
    many = Exercise(solution=sum, probes=[(list(range(50)),)], misconceptions=[], praise="Summed.")
    message = many.check(len).message
    assert message == "len([0, 1, 2, 3, 4, 5, 6, 7, ...]) gave 50, expected 1225."


def test_attempts_without_a_name_are_checked_too():
    class Doubler:
        def __call__(self, x):
            return 3 * x

    assert "your function(1) gave 3, expected 2" in DOUBLE.check(Doubler()).message


def test_a_right_answer_may_be_a_numpy_array():
    def doubled(values):
        return np.array(values) * 2

    exercise = Exercise(lambda values: [2 * v for v in values], [([1, 2],), ([0.5],)], [], "Good.")
    assert exercise.check(doubled).passed


def test_long_tables_are_shortened_in_messages():
    table = {str(i): {"a": 0.5} for i in range(50)}
    exercise = Exercise(lambda table: 1, [(table,)], [], "Good.")
    message = exercise.check(lambda table: 2).message
    assert "'2': {'a': 0.5}, ..." in message
    assert len(message) < 200


def test_a_right_answer_may_be_a_dict_within_rounding():
    exercise = Exercise(lambda x: {"a": x, "b": 0.1 * 3}, [(1.0,)], [], "Good.")
    assert exercise.check(lambda x: {"b": 0.3, "a": x}).passed
    assert not exercise.check(lambda x: {"b": 0.3}).passed
    assert not exercise.check(lambda x: {"b": 0.3, "a": x + 0.01}).passed
