"""The tests of every exercise: its solution passes, and each usual mistake gets its own hint."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

Check = Callable[[Any], Any]
Mistake = tuple[Check, Callable[..., Any], str]
"""A checker, an attempt that makes a usual mistake, and words that only the right hint has."""


def laws(
    solutions: Mapping[Check, Callable[..., Any]], mistakes: Sequence[Mistake]
) -> tuple[Callable[..., None], Callable[..., None], Callable[..., None]]:
    """Return the three tests, for a test module to give their names to."""
    each_checker = pytest.mark.parametrize("check", solutions, ids=lambda check: check.__name__)

    @each_checker
    def the_solution_passes(check):
        verdict = check(solutions[check])
        assert verdict.passed, verdict.message

    @pytest.mark.parametrize(
        ("check", "mistake", "said"), mistakes, ids=[mistake.__name__ for _, mistake, _ in mistakes]
    )
    def each_mistake_gets_the_hint_about_it(check, mistake, said):
        verdict = check(mistake)
        assert not verdict.passed
        assert said in verdict.message

    @each_checker
    def hints_tell_mistakes_apart(check):
        own = [(mistake, said) for owner, mistake, said in mistakes if owner is check]
        hints = {check(mistake).message for mistake, _ in own}
        assert len(hints) == len({said for _, said in own}) >= 3

    return the_solution_passes, each_mistake_gets_the_hint_about_it, hints_tell_mistakes_apart
