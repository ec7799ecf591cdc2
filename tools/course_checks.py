"""The checks of the student edition: the same names and hints, and no solution."""

from __future__ import annotations

import ast
import inspect
import shutil
from pathlib import Path
from typing import Any

from decodelib import checks
from decodelib.checks import packed
from decodelib.checks.exercises import tasks
from decodelib.checks.verdict import exercise_of


def leave_solutions_out(package: Path) -> None:
    """Replace the modules with solutions in a copy of decodelib by their packed answers."""
    functions = {task.checker: inspect.unwrap(getattr(checks, task.checker)) for task in tasks()}
    modules = {function.__module__ for function in functions.values()}
    room = package / "checks"
    entries = {name: (inspect.getdoc(f) or "", exercise_of(f)) for name, f in functions.items()}
    (room / packed.PACKED.name).write_bytes(packed.pack(entries))
    (room / "__init__.py").write_text(_without(modules, room / "__init__.py"), encoding="utf-8")
    for module in modules:
        (room / f"{module.rpartition('.')[2]}.py").unlink()
    shutil.rmtree(package / "grading")  # marks need the solutions


def _without(modules: set[str], init: Path) -> str:
    """Return the package's module with checkers from the packed file in place of imports."""
    source = init.read_text(encoding="utf-8")
    kept: list[str] = []
    made: list[str] = []
    rest: list[str] = []
    for node in ast.parse(source).body:
        text: Any = ast.get_source_segment(source, node)
        if isinstance(node, ast.ImportFrom) and node.module in modules:
            made += [f'{alias.name} = checker("{alias.name}")' for alias in node.names]
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            kept.append(text)
        else:
            rest.append(text)
    kept.append("from decodelib.checks.packed import checker")
    docstring, *others = rest
    return "\n\n".join([docstring, "\n".join(kept), "\n".join(made), *others]) + "\n"
