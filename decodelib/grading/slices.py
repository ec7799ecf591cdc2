"""The part of a notebook that an exercise needs: its cell, and the statements that it refers to.

Running the rest would cost a hundred submissions an hour, and an error in one exercise's cell would
be held against another exercise.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MAGIC = re.compile(r"^(\s*)[%!?].*$", re.MULTILINE)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_PLAIN = (*_DEFINITIONS, ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Statement:
    """A top-level statement, the names that it binds or changes, and those that it refers to."""

    node: ast.stmt
    binds: frozenset[str]
    uses: frozenset[str]

    @property
    def replaces(self) -> bool:
        """Whether nothing that the names were bound to before can matter any more."""
        return isinstance(self.node, _PLAIN) and not (self.binds & self.uses)


def parsed(source: str) -> list[Statement]:
    """Return a cell's statements, without IPython's magics; raises SyntaxError for other text."""
    if source.lstrip().startswith("%%"):
        return []
    tree = ast.parse(_MAGIC.sub(r"\1pass", source))
    return [Statement(node, frozenset(_bound(node)), frozenset(_used(node))) for node in tree.body]


def needed(cells: Sequence[str], target: int) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """Return the statements that cell `target` needs from others, and its own, in order.

    Names are looked for in the cells before it first, from the nearest one, then in those after it.
    Raises SyntaxError for text in cell `target` that is not Python.
    """
    own = parsed(cells[target])
    others = [_parsed_if_any(cell) for cell in cells]
    before = [statement for cell in others[:target] for statement in cell]
    after = [statement for cell in others[target + 1 :] for statement in cell]
    imported = {
        name
        for statement in (*before, *own, *after)
        if isinstance(statement.node, (ast.Import, ast.ImportFrom))
        for name in statement.binds
    }
    wanted = {name for statement in own for name in statement.uses} - set(dir(builtins))
    for statement in own:
        if statement.replaces or isinstance(statement.node, _DEFINITIONS):
            wanted -= statement.binds
    found = _slice(before, wanted, imported)
    later = [statement for statement in after if isinstance(statement.node, _PLAIN)]
    found = [*_slice(later, wanted, imported), *found]
    return found, [statement.node for statement in own]


def _slice(statements: Sequence[Statement], wanted: set[str], imported: set[str]) -> list[ast.stmt]:
    """Return the statements that bind what is wanted; `wanted` is left with what is not found."""
    found = []
    for statement in reversed(statements):
        binds = statement.binds
        if isinstance(statement.node, ast.Expr):
            binds -= imported  # dl.generate(...) does not change dl
        if binds & wanted or "*" in binds:
            found.append(statement.node)
            if statement.replaces:
                wanted -= binds
            wanted |= statement.uses - set(dir(builtins))
    return found[::-1]


def _parsed_if_any(source: str) -> list[Statement]:
    try:
        return parsed(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds, and those whose objects it may change."""
    if isinstance(node, _DEFINITIONS):
        yield node.name
        return
    for part in ast.walk(node):
        if isinstance(part, _DEFINITIONS):
            yield part.name
        elif isinstance(part, (ast.Import, ast.ImportFrom)):
            for alias in part.names:
                yield alias.asname or alias.name.split(".")[0]
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        elif isinstance(part, (ast.Subscript, ast.Attribute)) and isinstance(part.ctx, ast.Store):
            yield from _root(part)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield from _root(node.value.func)  # words.append(...)


def _root(node: ast.expr) -> Iterator[str]:
    is_inside = isinstance(node, (ast.Attribute, ast.Subscript))
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    if is_inside and isinstance(node, ast.Name):
        yield node.id


def _used(node: ast.AST) -> set[str]:
    """Return the names that a node refers to and does not bind in a scope of its own."""
    used: set[str] = set()
    own: set[str] = set()
    if isinstance(node, (*_DEFINITIONS[:2], ast.Lambda)):
        spec = node.args
        listed = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]
        own = {argument.arg for argument in listed if argument}
        own |= {
            part.id
            for part in ast.walk(node)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        }
        shared = (part for part in ast.walk(node) if isinstance(part, ast.Global))
        own -= {name for part in shared for name in part.names}
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        own = {
            part.id
            for generator in node.generators
            for part in ast.walk(generator.target)
            if isinstance(part, ast.Name)
        }
    for child in ast.iter_child_nodes(node):
        used |= _used(child)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        used.add(node.id)
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        used.add(node.target.id)
    return used - own
