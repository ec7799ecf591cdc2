"""What a sweep gave, compared between executors that may compute on other numbers of threads."""

from collections.abc import Sequence

import pytest

from decodelib.experiments.sweeps import Outcome


def assert_same_outcomes(found: Sequence[Outcome], expected: Sequence[Outcome]) -> None:
    """The settings, tokens and words are equal, and the sums of logprobs but for rounding."""

    def words(outcomes: Sequence[Outcome]) -> list:
        return [
            (one.setting, [[(t.text, t.token_ids) for t in texts] for texts in one.texts])
            for one in outcomes
        ]

    def nats(outcomes: Sequence[Outcome]) -> list[float]:
        return [t.nats for one in outcomes for texts in one.texts for t in texts]

    assert words(found) == words(expected)
    assert nats(found) == pytest.approx(nats(expected), rel=1e-9)
