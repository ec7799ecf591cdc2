"""Every public name says what it is for."""

import importlib
import inspect
import pkgutil

import pytest

import decodelib as dl

CORE = [
    name
    for _, name, is_package in pkgutil.iter_modules(dl.__path__, "decodelib.")
    if not is_package and not name.endswith("__main__")
]


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
