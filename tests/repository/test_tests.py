"""Laws about the tests themselves."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
MODULES = sorted(TESTS.rglob("*.py"))


def modules_named(module: Path) -> set[str]:
    """The dotted names in the import statements of a module, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_nothing_imports_a_test_module(module):
    """What tests share stands in tests/helpers/, where changing one test breaks no other."""
    parts = {name: name.split(".") for name in modules_named(module)}
    assert not [
        name
        for name, (first, *rest) in parts.items()
        if first == "tests" and any(part.startswith("test_") for part in rest)
    ]
