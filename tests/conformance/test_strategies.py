"""Strategies do what transformers' do, where it has them; what it lacks, it still lacks."""

import inspect
import re
from pathlib import Path

import pytest
import transformers

from .strategies import METHODS, count, verdict

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("method", [m for m in METHODS if m.run], ids=lambda m: m.name)
def test_every_comparison_agrees(method):
    found = count(method.name)
    assert found.of >= 4
    assert found.agreeing == found.of
    assert method.theirs


@pytest.mark.parametrize("method", [m for m in METHODS if not m.run], ids=lambda m: m.name)
def test_transformers_has_no_name_for_what_it_is_said_to_lack(method):
    settings = vars(transformers.GenerationConfig())
    names = [name.lower() for name in (*settings, *dir(transformers.generation))]
    assert method.missing
    assert not [name for name in names if any(word in name for word in method.missing)]
    assert not method.theirs
    assert verdict(method) == "no system here has it"


def test_what_transformers_is_said_to_call_a_method_is_there():
    asked = set(inspect.signature(transformers.GenerationMixin.generate).parameters)
    known = {*vars(transformers.GenerationConfig()), *dir(transformers), *asked}
    for method in METHODS:
        assert set(re.findall(r"[A-Za-z]\w{3,}", re.sub("=[^,]*", "", method.theirs))) <= known


def test_the_tests_that_stand_for_a_comparison_are_there():
    told = [re.findall("`(tests/.*)`", method.compared) for method in METHODS if not method.run]
    assert all(told)
    assert all((ROOT / name).is_file() for [name] in told)
