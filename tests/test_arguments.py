"""Arguments: one sentence says what was given and what is allowed, and a repr is a call."""

import math
from dataclasses import dataclass

import pytest

from decodelib.arguments import check_choice, check_integer, check_number, short_repr


@dataclass(frozen=True)
class Point:
    x: float
    y: float = 0.0
    name: str = ""


@pytest.mark.parametrize(
    ("point", "text"),
    [
        (Point(1), "Point(1)"),
        (Point(1, 0.0, "a"), "Point(1, name='a')"),
        (Point(1, 2.5), "Point(1, y=2.5)"),
    ],
)
def test_a_short_repr_leaves_out_defaults_and_makes_the_same_again(point, text):
    assert short_repr(point) == text
    assert eval(text) == point


@pytest.mark.parametrize(
    ("ends", "allowed", "refused", "words"),
    [
        ((0, 1), [0, 0.5, 1], [-1e-9, 1.1, math.nan, math.inf], r"in \[0, 1\]"),
        ((0, 1, True), [1e-300, 1], [0, -1], r"in \(0, 1\]"),
        ((0, 1, False, True), [0, 0.999], [1], r"in \[0, 1\)"),
        ((2, math.inf), [2, math.inf, 10**400], [1, -math.inf], "a finite number of at least 2"),
        ((0, math.inf, True, True), [1e-300, 1e300], [0, math.inf], "greater than 0"),
        ((-math.inf, math.inf, True, True), [0, -5], [math.inf, math.nan], "a finite number"),
    ],
)
def test_a_number_is_held_between_its_ends_and_open_ends_are_excluded(
    ends, allowed, refused, words
):
    for value in allowed:
        check_number("share", value, *ends)
    for value in refused:
        with pytest.raises(ValueError, match=rf"^share must be .*{words}, got {value}$"):
            check_number("share", value, *ends)


@pytest.mark.parametrize("value", [None, "1", True, [1], 1j])
def test_what_is_no_number_is_refused_by_type(value):
    with pytest.raises(TypeError, match=r"^share must be a number, got "):
        check_number("share", value, 0, 1)
    with pytest.raises(TypeError, match=r"^count must be an integer, got "):
        check_integer("count", value, 0)


def test_an_integer_is_held_between_its_ends():
    check_integer("count", 10**30, 1)
    check_integer("count", 3, 1, 3)
    with pytest.raises(ValueError, match=r"^count must be at least 1, got 0$"):
        check_integer("count", 0, 1)
    with pytest.raises(ValueError, match=r"^count must be in \[1, 3\], got 4$"):
        check_integer("count", 4, 1, 3)
    with pytest.raises(TypeError, match=r"^count must be an integer, got 1\.0$"):
        check_integer("count", 1.0, 1)


def test_a_choice_is_one_of_its_options_and_one_is_not_true():
    check_choice("stop", True, (False, True, "never"))
    for value in (1, 0, "always", None):
        with pytest.raises(ValueError, match=r"^stop must be False, True or 'never', got "):
            check_choice("stop", value, (False, True, "never"))
