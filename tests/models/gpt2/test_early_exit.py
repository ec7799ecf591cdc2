"""A model's first layers alone: all of them are the model, fewer are a model of their own."""

import pytest
import torch

import decodelib as dl
from decodelib.models.gpt2.early_exit import first_layers

TEXT = "The old man opened the door, looked at the little girl, and said that he was glad."


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu", dtype="float32")


def acceptance(one, other):
    """Return the mass that two models' distributions share, on average over the text."""
    p, q = (model.logits(model.encode(TEXT)).softmax(-1) for model in (one, other))
    return float(torch.minimum(p, q).sum(-1).mean())


def test_all_layers_are_the_model(lm):
    ids = lm.encode(TEXT)
    torch.testing.assert_close(first_layers(lm, 6).logits(ids), lm.logits(ids))


def test_more_layers_are_nearer_to_the_model(lm):
    shared = [acceptance(lm, first_layers(lm, count)) for count in (1, 3, 5, 6)]
    assert shared == sorted(shared)
    assert shared[0] < 0.5
    assert shared[-1] == pytest.approx(1, abs=1e-5)


def test_its_cached_steps_equal_its_full_pass_and_it_leaves_the_model_alone(lm):
    ids = lm.encode(TEXT)
    before = lm.logits(ids)
    shallow = first_layers(lm, 2)
    _, cache = shallow.prefill([ids[:-1]], len(ids))
    stepped = shallow.step(ids[-1:], cache)
    assert torch.allclose(stepped[0], shallow.logits(ids)[-1], atol=1e-4)
    assert torch.equal(lm.logits(ids), before)
    assert lm.config.n_layer == 6
    assert repr(shallow) == "GPT2('storybook, 2 of 6 layers')"


@pytest.mark.parametrize("count", [0, 7, -1])
def test_a_count_that_the_model_does_not_have_raises(lm, count):
    with pytest.raises(ValueError, match=f"count .*{count}"):
        first_layers(lm, count)


def test_another_kind_of_model_raises():
    with pytest.raises(TypeError, match="lm must be GPT-2 or a model of transformers, got TableLM"):
        first_layers(dl.TableLM({"": {"a": 1}}), 1)
