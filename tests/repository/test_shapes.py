"""tests/helpers/shapes.py: where shapes are checked, a wrong one is refused."""

import os

import pytest
import torch
from jaxtyping import TypeCheckError, config

from decodelib.distributions import nucleus_size
from tests.helpers import shapes

pytestmark = pytest.mark.skipif(
    os.environ.get("DECODELIB_TYPECHECK") == "0", reason="no shapes are checked in this run"
)
WRONG = torch.zeros(3, dtype=torch.long)  # numbers of a type that no logits have


def test_a_wrong_type_is_refused_where_shapes_are_checked_and_only_there():
    config.update("jaxtyping_disable", False)
    with pytest.raises(TypeCheckError, match="nucleus_size"):
        nucleus_size(WRONG, 0.9)
    config.update("jaxtyping_disable", True)
    with pytest.raises((TypeError, RuntimeError)) as refused:  # by torch itself
        nucleus_size(WRONG, 0.9)
    assert not isinstance(refused.value, TypeCheckError)


def test_a_function_made_in_a_call_is_left_alone_while_nothing_is_checked():
    def made(count: int) -> int:
        return count

    for checked in (True, False):
        config.update("jaxtyping_disable", not checked)
        assert (shapes.checker(made) is made) is not checked


def test_one_test_in_twelve_checks_and_all_where_all_are_asked_for(monkeypatch):
    names = [f"tests/test_some.py::test_{number}" for number in range(1000)]
    monkeypatch.delenv("DECODELIB_TYPECHECK", raising=False)
    assert 50 < sum(map(shapes.are_checked_in, names)) < 120
    monkeypatch.setenv("DECODELIB_TYPECHECK", "all")
    assert all(map(shapes.are_checked_in, names))
