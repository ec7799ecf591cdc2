"""Attention weights: those of transformers, and what hiding a position does to them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import decodelib as dl
from decodelib.models.gpt2.attention_maps import attention

TEXT = "Once upon a time there was an old man who lived by the sea"


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu", dtype="float64")


def test_the_weights_and_logits_are_those_of_transformers(lm):
    from transformers import GPT2LMHeadModel

    folder = Path(dl.__file__).parent / "models" / "storybook"
    settings = {"dtype": torch.float64, "attn_implementation": "eager"}
    model = GPT2LMHeadModel.from_pretrained(folder, **settings)
    ids = lm.encode(TEXT)
    with torch.no_grad():
        theirs = model(ids[None], output_attentions=True)
    ours = attention(lm, TEXT)
    assert ours.weights.shape == (6, 4, len(ids), len(ids))
    assert torch.allclose(ours.weights, torch.cat(theirs.attentions), atol=1e-6)
    assert torch.allclose(ours.logits, theirs.logits[0], atol=1e-4)


def test_the_logits_are_those_of_a_plain_forward_pass(lm):
    for prompt in (TEXT, "", [5]):
        assert torch.allclose(attention(lm, prompt).logits, lm.logits(lm.prompt_ids(prompt)))


def test_no_position_looks_ahead_and_every_row_sums_to_one(lm):
    weights = attention(lm, TEXT).weights
    assert (weights.triu(1) == 0).all()
    assert torch.allclose(weights.sum(-1), torch.ones(()).double())


def test_a_hidden_position_is_seen_by_itself_alone(lm):
    weights = attention(lm, TEXT, hidden=[0, 3]).weights
    for place in (0, 3):
        assert (weights[:, :, place + 1 :, place] == 0).all()
        assert (weights[:, :, place, place] > 0).all()
    assert torch.allclose(weights.sum(-1), torch.ones(()).double())
    # In the first layer nothing but the renormalisation has changed.
    before = attention(lm, TEXT).weights[0, :, 5]
    before[:, [0, 3]] = 0
    assert torch.allclose(weights[0, :, 5], before / before.sum(-1, keepdim=True))


def test_what_stands_before_a_hidden_position_is_not_changed(lm):
    plain, hidden = attention(lm, TEXT).logits, attention(lm, TEXT, hidden=[4]).logits
    assert torch.allclose(plain[:5], hidden[:5])
    assert not torch.allclose(plain[5:], hidden[5:])


def test_other_models_and_positions_outside_the_text_are_refused(lm):
    # jaxtyping refuses the table before the function can, in the same kind of error
    with pytest.raises(TypeError):
        attention(dl.TableLM({"": {"a": 1}}), "a")
    with pytest.raises(ValueError, match=r"hidden must be in \[0, 0\], got 1"):
        attention(lm, "", hidden=[1])
