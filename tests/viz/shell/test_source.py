"""The source that explorers offer loads the model that they showed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import decodelib as dl
from decodelib.models.gpt2.early_exit import first_layers
from decodelib.viz import DistributionExplorer, explore_distribution, explore_entropy
from decodelib.viz.shell.source import as_call, load_of

STORYBOOK = Path(dl.__file__).parent / "models" / "storybook"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    """A model in a folder that is called as another model is."""
    place = tmp_path_factory.mktemp("models") / "gpt2"
    shutil.copytree(STORYBOOK, place)
    return str(place)


def test_a_model_from_a_folder_is_loaded_from_there_again(folder):
    lm = dl.load(folder, device="cpu", dtype="float64")
    assert lm.name == "gpt2"
    for model in (lm, first_layers(lm, 2)):
        again = eval(as_call(model), {"dl": dl, "first_layers": first_layers})
        assert (again.next_logits("The sea") == model.next_logits("The sea")).all()
    assert as_call(dl.load("storybook")) == "dl.load('storybook')"


def test_explorers_say_where_a_model_came_from_only_if_its_name_does_not(folder, monkeypatch):
    monkeypatch.setenv("DECODELIB_STATIC", "1")
    named, placed = dl.load("storybook"), dl.load(folder)
    assert load_of(named) == {}
    for make in (explore_distribution, explore_entropy):
        assert "load" not in make(named, "The sea was calm.").data
        assert make(placed, "The sea was calm.").data["load"] == f"dl.load({folder!r})"


def test_text_that_no_file_could_hold_is_refused(monkeypatch):
    monkeypatch.setenv("DECODELIB_STATIC", "1")
    make = DistributionExplorer.from_logits
    half = "a\ud800"
    for rows, words, title in (
        ({half: [0.0, 1.0]}, "ab", "t"),
        ([0.0, 1.0], [half, "b"], "t"),
        ([0.0, 1.0], "ab", half),
    ):
        with pytest.raises(ValueError, match="title and labels must be text that UTF-8 can hold"):
            make(rows, list(words), title=title)
    make({"whole \U0001f600": [0.0, 1.0]}, ["a", "b"]).as_html().encode("utf-8")
