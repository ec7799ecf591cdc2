"""The engine of the book's pages in node: one process for all tests that ask it."""

from __future__ import annotations

import pytest

from tests.helpers.engine import node_engine


@pytest.fixture(scope="session")
def ask():
    with node_engine() as ask:
        yield ask
