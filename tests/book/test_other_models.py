"""The tool that runs the chapters on other models: its random model, and what it lets pass."""

import nbformat
import pytest

import decodelib as dl
from decodelib.models.loading import STORYBOOK
from tools.other_models import GPT2_VOCAB, failures_of, write_random_model


@pytest.fixture(scope="module")
def random_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("random")
    write_random_model(folder, width=8, layers=1)
    return folder


def test_random_model_has_gpt2s_vocabulary_and_reads_text_as_storybook_does(random_model):
    lm, storybook = dl.load(random_model), dl.load("storybook")
    assert lm.vocab_size == GPT2_VOCAB
    assert lm.decode(range(GPT2_VOCAB - 3, GPT2_VOCAB)).count(" ") == 6, "each holds two words"
    text = "Once upon a time, in a naïve café"
    assert lm.encode(text).tolist() == storybook.encode(text).tolist()


def test_random_model_is_about_as_sure_as_a_trained_one(random_model):
    spread = dl.load(random_model).next_logits("Once upon a time").std()
    assert 1.5 < spread < 6


@pytest.fixture
def chapter(tmp_path):
    def write(source, *tags):
        cell = nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})
        after = nbformat.v4.new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]})
        path = tmp_path / "01_test.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[cell, after]), path)
        return path

    return write


@pytest.mark.parametrize(
    ("source", "tags", "trained", "verdicts"),
    [
        ("assert True", [], False, []),
        ("assert False", [], False, ["broken"]),
        ("assert False", ["trained-model"], False, ["excused"]),
        ("assert False", ["trained-model"], True, ["broken"]),
        ("nothing.here", ["trained-model"], False, ["broken"]),
    ],
)
def test_only_claims_about_learning_may_fail(chapter, source, tags, trained, verdicts):
    found = failures_of(chapter(source, *tags), STORYBOOK, trained)
    assert ["excused" if failure.excused else "broken" for failure in found] == verdicts


def test_chapters_run_on_the_model_that_was_asked_for(chapter):
    path = chapter("import decodelib as dl\nassert dl.load('auto').vocab_size == 8192")
    assert failures_of(path, STORYBOOK, trained=True) == []
