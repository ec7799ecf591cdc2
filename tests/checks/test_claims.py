"""Claims: what holds, what does not, and what each model's reader sees of it."""

import json
import math

import numpy as np
import pytest
import torch

import decodelib as dl
from decodelib import checks
from decodelib.checks.claims import ABOUT, RECORD, VOUCHED, Claims

PAIR = {"measured": 3, "at_least": 10}


@pytest.fixture
def claim():
    """Claims on a model that the book does not vouch for."""
    return Claims("elsewhere", "float32")


@pytest.fixture
def vouched():
    return Claims("storybook", "float64")


HOLDING = [
    {"measured": 10, "at_least": 10},
    {"measured": 10, "at_most": 10},
    {"measured": 10.1, "above": 10},
    {"measured": 9.9, "below": 10},
    {"measured": torch.tensor(2.0), "within": (1, 2)},
    {"measured": np.float32(2), "within": (2, 3)},
    {"measured": "mat", "equals": "mat"},
    {"measured": 0.1 + 0.2, "equals": 0.3},
    {"measured": [1, "a", 0.5], "equals": (1, "a", 0.5)},
    {"measured": {"a": [0.5]}, "equals": {"a": [0.5]}},
    {"measured": torch.tensor([1.0, -math.inf]), "equals": torch.tensor([1.0, -math.inf])},
    {"measured": torch.tensor([1.0, 2.0]), "equals": torch.tensor([1.05, 2.0]), "tolerance": 0.1},
    {"measured": 7, "equals": 8, "tolerance": 1},
    {"measured": ("mat", 0.36), "equals": ("mat", 0.360001), "tolerance": 1e-5},
    {"holds": True},
]
FAILING = [
    ({"measured": 9, "at_least": 10}, "measured 9, the book expects at least 10"),
    ({"measured": 11.5, "at_most": 10}, "measured 11.5, the book expects at most 10"),
    ({"measured": 10, "above": 10}, "measured 10, the book expects above 10"),
    ({"measured": 10, "below": 10}, "measured 10, the book expects below 10"),
    ({"measured": 3, "within": (1, 2)}, "measured 3, the book expects 1 to 2"),
    ({"measured": "mat", "equals": "moon"}, "measured 'mat', the book expects 'moon'"),
    ({"measured": [1, 2], "equals": [1, 2, 3]}, "measured [1, 2], the book expects [1, 2, 3]"),
    ({"measured": 1.0, "equals": 1.001}, "measured 1, the book expects 1.001"),
    ({"measured": {"a": 1}, "equals": {"b": 1}}, "measured {a: 1}, the book expects {b: 1}"),
    ({"measured": torch.ones(2), "equals": torch.ones(3)}, "expects [1, 1, 1]"),
    ({"measured": math.nan, "at_least": 0}, "measured nan"),
    ({"measured": math.nan, "below": 0}, "measured nan"),
    ({"measured": math.nan, "equals": math.nan}, "measured nan"),
    ({"measured": 1_234_567, "below": 5}, "measured 1,234,567"),
    ({"measured": "mat " * 99, "equals": "mat"}, "mat m ..., the book expects 'mat'"),
    ({"holds": False}, "it came out false"),
    ({"measured": [3, 1], "holds": False}, "measured [3, 1], the book expects this to hold"),
]


@pytest.mark.parametrize("given", HOLDING)
def test_a_claim_that_holds_is_silent(claim, vouched, capsys, given):
    claim("So it is.", **given)
    vouched("So it is.", **given)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("given", "said"), FAILING)
def test_a_claim_that_fails_is_a_note_elsewhere(claim, capsys, given, said):
    claim("So it is.", **given)
    out = capsys.readouterr().out
    assert out.startswith("Does not hold on elsewhere: ")
    assert said in " ".join(out.split())
    assert out.endswith(".\n  So it is.\n")


def test_a_note_is_in_lines_that_a_page_shows_whole(claim, capsys):
    claim("It is so. " * 20, measured="mat " * 99, equals="moon " * 99, about="small models")
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert max(map(len, lines)) <= 76
    assert all(line.startswith("  ") for line in lines[1:])
    assert " ".join(out.split()).endswith("(A claim about small models.)")


@pytest.mark.parametrize(("given", "said"), FAILING)
def test_a_claim_that_fails_is_an_error_where_the_book_vouches_for_it(vouched, given, said):
    with pytest.raises(AssertionError) as error:
        vouched("So it is.", **given)
    assert said in str(error.value)
    assert str(error.value).startswith("So it is. Does not hold on")


def test_mathematics_is_an_error_on_any_model(claim):
    with pytest.raises(AssertionError, match="at least 10"):
        claim("So it is.", about="mathematics", **PAIR)


def test_the_note_says_what_kind_of_model_a_claim_is_about(claim, capsys):
    claim("So it is.", about="trained models", **PAIR)
    assert "So it is. (A claim about trained models.)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"measured": 1}, "exactly one of"),
        ({"measured": 1, "at_least": 0, "at_most": 2}, "exactly one of"),
        ({"measured": 1, "larger": 0}, "exactly one of"),
        ({"at_least": 0}, "measured must be given"),
        ({"measured": "3", "at_least": 0}, "measured must be a number, got '3'"),
        ({"measured": True, "at_least": 0}, "measured must be a number"),
        ({"measured": [1], "at_least": 0}, "measured must be a number"),
        ({"measured": 1, "at_least": None}, "at_least must be a number"),
        ({"holds": 1}, "holds must be True or False"),
        ({"holds": torch.tensor(True)}, "holds must be True or False"),
    ],
)
def test_what_is_no_claim_is_a_mistake_in_the_chapter(claim, given, error):
    with pytest.raises(TypeError, match=error):
        claim("So it is.", **given)


def test_a_claim_is_about_a_kind_of_model_that_is_known(claim):
    with pytest.raises(ValueError, match="about must be"):
        claim("So it is.", about="nice models", **PAIR)


def test_outcomes_are_recorded_whether_they_hold_or_not(claim, tmp_path, monkeypatch, capsys):
    file = tmp_path / "claims.jsonl"
    monkeypatch.setenv(RECORD, str(file))
    claim("Some café is.", measured=2.0, above=1)
    claim("So it is.", about="small models", **PAIR)
    first, second = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert first == {
        "sentence": "Some café is.",
        "about": "every model",
        "measured": "2",
        "expected": "above 1",
        "holds": True,
        "model": "elsewhere",
        "dtype": "float32",
    }
    assert (second["holds"], second["about"]) == (False, "small models")


def test_a_failure_is_recorded_before_it_is_raised(vouched, tmp_path, monkeypatch):
    file = tmp_path / "claims.jsonl"
    monkeypatch.setenv(RECORD, str(file))
    with pytest.raises(AssertionError):
        vouched("So it is.", **PAIR)
    assert json.loads(file.read_text(encoding="utf-8"))["holds"] is False


def test_claims_are_made_on_the_model_at_hand():
    lm = dl.load("storybook", dtype="float64")
    assert checks.claims_on(lm) == Claims("storybook", "float64")
    assert lm.name in VOUCHED
    assert ABOUT[0] == "every model"
