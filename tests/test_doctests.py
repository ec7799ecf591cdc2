"""The examples in docstrings say what the code does."""

import doctest
import importlib
import pkgutil

import pytest
import torch

import decodelib

MODULES = [
    module.name
    for module in pkgutil.walk_packages(decodelib.__path__, "decodelib.")
    if not module.name.startswith(("decodelib.viz", "decodelib.__main__"))
]
FINDER = doctest.DocTestFinder(exclude_empty=True)


def examples_of(name):
    module = importlib.import_module(name)
    found = FINDER.find(module, name, extraglobs={"torch": torch, "dl": decodelib})
    return [test for test in found if test.examples]


@pytest.mark.parametrize("name", ["decodelib", *MODULES])
def test_examples_give_what_they_show(name):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    report: list[str] = []
    for test in examples_of(name):
        runner.run(test, out=report.append)
    assert not runner.failures, "".join(report)


def test_every_public_processor_has_an_example():
    processors = [
        item
        for item in map(vars(decodelib).get, decodelib.__all__)
        if isinstance(item, type) and issubclass(item, decodelib.processors.base.Processor)
    ]
    assert len(processors) > 10
    assert [item.__name__ for item in processors if ">>>" not in (item.__doc__ or "")] == []
