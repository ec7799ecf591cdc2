"""The page of promises names tests, and they exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "chapters" / "promises.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def functions_of(path: str) -> set[str]:
    """The names of the test functions of a module."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_a_test_that_exists():
    promises = re.split(r"^- ", PAGE, flags=re.MULTILINE)[1:]
    assert len(promises) > 20
    for promise in promises:
        found = NAMED.findall(promise)
        assert found, promise
        for path, name in found:
            assert name in functions_of(path), f"{path} has no {name}"


def test_every_test_that_the_page_mentions_is_read_as_one():
    assert len(NAMED.findall(PAGE)) == PAGE.count("::")
