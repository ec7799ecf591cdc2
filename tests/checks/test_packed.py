"""Exercises without their solutions give the verdicts of those with them."""

import base64
import zlib

import pytest

from decodelib import checks
from decodelib.checks import packed
from decodelib.checks.exercises import tasks
from decodelib.checks.verdict import exercise_of

NAMES = [task.checker for task in tasks()]


@pytest.fixture(scope="module")
def checker(tmp_path_factory):
    exercises = {name: ("Check it.", exercise_of(getattr(checks, name))) for name in NAMES}
    file = tmp_path_factory.mktemp("packed") / "exercises.packed"
    file.write_bytes(packed.pack(exercises))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "PACKED", file)
        packed._unpacked.cache_clear()
        yield packed.checker
    packed._unpacked.cache_clear()


@pytest.mark.parametrize("name", NAMES)
def test_verdicts_are_the_same(checker, name):
    exercise, check = exercise_of(getattr(checks, name)), checker(name)
    assert check.__name__ == name
    wrong = [misconception.wrong for misconception in exercise.misconceptions]
    for attempt in [exercise.solution, *wrong, lambda *_: -7, lambda *_: None, print]:
        assert check(attempt) == exercise.check(attempt)
    assert check(exercise.solution).passed


def test_nobody_sees_an_answer_who_opens_the_file(checker):
    data = packed.PACKED.read_bytes()
    assert b"probability" not in data
    assert b"probability" in zlib.decompress(base64.b85decode(data))
