"""Every public name says what it is for."""

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
import torch
from jaxtyping import AbstractArray

import decodelib as dl
from decodelib.processors.base import Processor

CORE = [
    name
    for _, name, is_package in pkgutil.iter_modules(dl.__path__, "decodelib.")
    if not is_package and not name.endswith("__main__")
]


def is_processor(item):
    return inspect.isclass(item) and issubclass(item, Processor) and item is not dl.Chain


def public_definitions(module):
    """Yield the module's own public functions and classes, and the classes' public methods."""
    for name, item in vars(module).items():
        if name.startswith("_") or getattr(item, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(item) or inspect.isfunction(item):
            yield name, item
        if inspect.isclass(item):
            for method, function in vars(item).items():
                if not method.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{method}", getattr(item, method)


def test_all_lists_every_public_name_once():
    assert len(dl.__all__) == len(set(dl.__all__))
    for name in dl.__all__:
        assert hasattr(dl, name), name


@pytest.mark.parametrize("name", dl.__all__)
def test_every_public_name_has_a_docstring(name):
    item = getattr(dl, name)
    own = item.__dict__.get("__doc__") if inspect.isclass(item) else item.__doc__
    # A dataclass without one is given its signature instead.
    assert own, name
    assert not own.startswith(f"{name}("), name
    assert own.splitlines()[0].rstrip().endswith((".", ":", ",")), name


@pytest.mark.parametrize("module", CORE)
def test_every_module_and_its_public_functions_are_explained(module):
    loaded = importlib.import_module(module)
    assert loaded.__doc__, module
    # A method that overrides a documented one is explained there; protocols share their words.
    silent = [
        name
        for name, item in public_definitions(loaded)
        if not inspect.getdoc(item) and name.split(".")[-1] not in DOCUMENTED_BY_CONTRACT
    ]
    assert silent == []


DOCUMENTED_BY_CONTRACT = {
    "start", "advance", "run_round", "steps", "results", "result", "select", "rewind", "extend",
}  # fmt: skip
"""Methods of the protocols in decodelib.types and decodelib.search, explained there."""


@pytest.mark.parametrize("name", dl.__all__)
def test_every_parameter_of_a_public_name_is_annotated(name):
    item = getattr(dl, name)
    if not callable(item) or getattr(item, "_is_protocol", False):
        return
    for parameter in inspect.signature(item).parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty, f"{name}({parameter})"


METHODS = [
    name
    for name in dl.__all__
    if hasattr(getattr(dl, name), "start") or is_processor(getattr(dl, name))
]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_states_its_arguments_errors_source_and_chapter(name):
    item = getattr(dl, name)
    text = inspect.getdoc(item)
    for parameter in inspect.signature(item).parameters:
        # Several may share a line: "low_entropy, high_entropy: ...".
        assert re.search(rf"^    (\w+, )*{parameter}(, \w+)*:", text, re.MULTILINE), parameter
    assert "Chapter" in text
    if inspect.signature(item).parameters:
        assert re.search("^Raises:$", text, re.MULTILINE)
        assert re.search("^Source:", text, re.MULTILINE)


@pytest.mark.parametrize(
    "name", [name for name in METHODS if not hasattr(getattr(dl, name), "start")]
)
def test_every_processor_gives_the_shapes_it_takes_and_returns(name):
    signature = inspect.signature(getattr(dl, name).__call__, eval_str=True)
    shapes = [p.annotation for p in signature.parameters.values() if p.name != "self"]
    for annotation in (*shapes, signature.return_annotation):
        assert issubclass(annotation, AbstractArray)
        assert annotation.dim_str


@pytest.mark.parametrize("name", [n for n in dl.__all__ if inspect.isfunction(getattr(dl, n))])
def test_every_public_function_says_what_it_raises(name):
    assert re.search(r"[Rr]aises|errors", inspect.getdoc(getattr(dl, name)))


PACKAGE = Path(dl.__file__).parent
WITH_EXAMPLES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_in_docstrings_give_what_they_say(module):
    found = doctest.testmod(importlib.import_module(module), extraglobs={"dl": dl, "torch": torch})
    assert found.attempted
    assert not found.failed


@pytest.mark.parametrize("name", dl.__all__)
def test_every_strategy_has_an_example(name):
    item = getattr(dl, name)
    if inspect.isclass(item) and hasattr(item, "start"):
        assert ">>> " in item.__doc__


def test_every_processor_has_an_example():
    processors = list(filter(is_processor, map(vars(dl).get, dl.__all__)))
    assert len(processors) > 10
    assert [p.__name__ for p in processors if ">>> " not in p.__doc__] == []
