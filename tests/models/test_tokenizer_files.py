"""A model's tokenizer files: what they may say, and what they cannot change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import decodelib as dl
from tests.helpers.gpt2 import STORYBOOK
from tests.helpers.model_folders import changed, refused

# The tokenizer


def test_saved_truncation_and_padding_change_no_prompt(folder) -> None:
    text = "abc" * 40
    expected = dl.load(folder, device="cpu").encode(text).tolist()
    path = folder / "tokenizer.json"
    saved = json.loads(path.read_text())
    saved["truncation"] = {
        "direction": "Right",
        "max_length": 8,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    saved["padding"] = {
        "strategy": {"Fixed": 40},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "a",
    }
    path.write_text(json.dumps(saved))
    lm = dl.load(folder, device="cpu")
    assert lm.encode(text).tolist() == expected
    assert lm.encode("ab").tolist() == dl.load(folder, device="cpu").encode("ab").tolist()
    assert len(lm.encode("a")) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 10_000, '{"model": {"type": "BPE"}}'])
def test_a_damaged_tokenizer_is_refused(folder, text) -> None:
    (folder / "tokenizer.json").write_text(text)
    refused(folder, r"tokenizer.* (is damaged|cannot be loaded)")


@pytest.mark.parametrize("value", ["8", {}, [8], None, -1, 2])
def test_the_length_that_a_tokenizer_was_trained_for_is_not_heeded(llama, value) -> None:
    expected = dl.load(llama, device="cpu").encode("abc").tolist()
    changed(llama, "tokenizer_config.json", model_max_length=value)
    assert dl.load(llama, device="cpu").encode("abc").tolist() == expected


def with_template(folder: Path, token: str, token_id: int) -> None:
    """Let the tokenizer put a token in front of each text."""
    path = folder / "tokenizer.json"
    saved = json.loads(path.read_text())
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    saved["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": token, "type_id": 0}}, first],
        "pair": [first, second],
        "special_tokens": {token: {"id": token, "ids": [token_id], "tokens": [token]}},
    }
    path.write_text(json.dumps(saved))


def test_bos_of_the_template_begins_text_prompts_once_for_both_classes(gpt2) -> None:
    from decodelib.models.hf import HFModel

    before = dl.load(gpt2, device="cpu")
    end = before.decode([0])
    with_template(gpt2, end, 0)
    ours = dl.load(gpt2, device="cpu", dtype="float32")
    theirs = HFModel.from_folder(gpt2, "random", torch.device("cpu"), torch.float32)
    for lm in (ours, theirs):
        ids = before.encode("The old").tolist()
        assert lm.prompt_ids("The old").tolist() == [0, *ids]
        assert lm.prompt_ids(end + "The old").tolist() == [0, *ids]  # no second one
        assert lm.prompt_ids(ids).tolist() == ids
        assert lm.encode("The old").tolist() == ids
        assert lm.prompt_ids("").tolist() == [0]
    assert before.prompt_ids("The old").tolist() == ids


def test_gpt2_with_a_vocabulary_and_merges_alone_loads(gpt2) -> None:
    expected = dl.load(gpt2, device="cpu")
    model = json.loads((STORYBOOK / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    (gpt2 / "tokenizer.json").unlink()
    (gpt2 / "vocab.json").write_text(json.dumps(model["vocab"]), encoding="utf-8")
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (gpt2 / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]), encoding="utf-8")
    lm = dl.load(gpt2, device="cpu")
    assert type(lm) is type(expected)
    text = "The old man’s daughter said: “I am 19 years old.”\n\n"
    assert lm.encode(text).tolist() == expected.encode(text).tolist()
    assert lm.decode(lm.encode(text)) == text
    torch.testing.assert_close(lm.next_logits(text), expected.next_logits(text))


def test_text_that_utf8_cannot_write_is_refused_by_name(folder) -> None:
    lm = dl.load(folder, device="cpu")
    with pytest.raises(
        ValueError, match=r"prompt must be text that UTF-8 can write, got '\\ud83d'"
    ):
        lm.prompt_ids("a\ud83d b")
