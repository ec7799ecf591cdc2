"""lm.chat writes a conversation as the model's own template has it."""

import pytest
import torch

import decodelib as dl
from decodelib.models.hf import HFModel
from decodelib.viz.live.interruptible import Interruptible
from tests.helpers.hf_models import CONFIGS, byte_tokenizer, random_model

LLAMA = "llama: rotary positions, grouped queries"
TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'robot' %}{{ raise_exception('no robots') }}{% endif %}"
    "<|end|>{{ m.role }}!{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<|end|>assistant!{% endif %}"
)
TALK = [{"role": "user", "content": "hi there"}, {"role": "assistant", "content": "yes"}]


def model(template: str | None = TEMPLATE) -> HFModel:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = template
    return HFModel(random_model(CONFIGS[LLAMA]), tokenizer, "random")


@pytest.mark.parametrize("answer", [True, False])
def test_the_prompt_is_the_one_that_transformers_makes(answer: bool) -> None:
    lm = model()
    ids = lm.chat(TALK, add_generation_prompt=answer)
    theirs = lm.tokenizer.apply_chat_template(
        TALK, add_generation_prompt=answer, return_dict=False, return_tensors="pt"
    )
    assert torch.equal(ids, theirs[0])
    assert lm.decode(ids).count("<|end|>") == 2 + answer
    assert lm.eos_token_id is not None  # the special token is one id, not its letters
    g = dl.generate(lm, ids, dl.Greedy(), max_new_tokens=4)
    assert g.full_text.startswith("<|end|>user!hi there<|end|>assistant!yes")


def test_a_text_is_one_message_of_the_user() -> None:
    lm = model()
    assert torch.equal(lm.chat("hi"), lm.chat([{"role": "user", "content": "hi"}]))


def test_bos_stands_where_the_template_puts_it_and_only_there() -> None:
    lm = model("<|end|>{{ messages[0].content }}")
    lm.bos_token_id, lm.begins_with_bos = lm.encode("<|end|>")[0].item(), True
    ids = lm.chat("ab")
    assert ids.tolist() == [lm.bos_token_id, *lm.encode("ab").tolist()]
    assert torch.equal(lm.prompt_ids(ids), ids)  # ids are taken as they are
    assert torch.equal(lm.prompt_ids(lm.decode(ids)), ids)  # and a text's BOS is not doubled


@pytest.mark.parametrize(
    "lm", [model(None), dl.TableLM({"": {"a": 1}}), dl.load("storybook", device="cpu")], ids=repr
)
def test_a_model_without_template_says_so(lm: dl.LanguageModel) -> None:
    with pytest.raises(ValueError, match=f"{lm.name} has no chat template"):
        lm.chat("hi")


@pytest.mark.parametrize(
    ("messages", "error", "message"),
    [
        ([], ValueError, "messages must hold at least one message"),
        ([{"role": "user"}], TypeError, r"messages must be texts .* got \{'role': 'user'\}"),
        ([{"role": "user", "content": 3}], TypeError, "messages"),
        (["hi"], TypeError, "messages"),
        ([{"role": "robot", "content": "hi"}], ValueError, r"do not fit .* \(no robots\)"),
        ([{"role": "user", "content": "\ud800"}], ValueError, "messages must be text that UTF-8"),
    ],
)
def test_messages_that_cannot_be_are_refused(messages, error, message) -> None:
    with pytest.raises(error, match=message):
        model().chat(messages)


def test_a_model_that_can_be_interrupted_talks_like_the_model() -> None:
    lm = model()
    assert torch.equal(Interruptible(lm, lambda: None).chat(TALK), lm.chat(TALK))
