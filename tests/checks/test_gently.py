"""What every exercise checker does with an attempt that is not even wrong."""

import inspect

import pytest

from decodelib import checks
from decodelib.checks.exercises import tasks

CHECKERS = [getattr(checks, task.checker) for task in tasks()]
each_checker = pytest.mark.parametrize("check", CHECKERS, ids=lambda check: check.__name__)


def test_there_is_a_checker_for_every_exercise():
    assert all(inspect.isfunction(check) for check in CHECKERS)
    assert len(CHECKERS) >= 9


@each_checker
def test_the_stub_fails_gently(check):
    def stub(*_):
        raise NotImplementedError

    verdict = check(stub)
    assert not verdict.passed
    assert "stub" in verdict.message


@each_checker
def test_returning_nothing_fails_gently(check):
    verdict = check(lambda *_: None)
    assert not verdict.passed
    assert "None" in verdict.message


@each_checker
def test_raising_fails_gently_and_shows_the_error(check):
    def broken(*_):
        return int("not a number")

    verdict = check(broken)
    assert not verdict.passed
    assert "ValueError" in verdict.message


@each_checker
def test_nonsense_fails_with_the_first_difference(check):
    verdict = check(lambda *_: -7)
    assert not verdict.passed
    assert "gave -7, expected" in verdict.message
