"""The tool behind chapter 14's second judge: what it reads, and how it divides."""

import pytest

import decodelib as dl
from tools import second_judge as tool


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", "cpu", "float64")


def test_every_judged_setting_is_in_the_sweep():
    assert [str(setting) for setting in tool.settings()] == [
        " ".join(name.split()) for name in tool.JUDGED.split(",")
    ]


def test_a_text_s_surprisal_is_divided_by_its_characters(lm):
    g = dl.generate(lm, "The old man", dl.Greedy(), max_new_tokens=12)
    assert tool.nats_per_character(lm, "The old man", g.text) == pytest.approx(
        -sum(g.logprobs) / len(g.text)
    )


def test_where_the_tokens_merge_the_merged_one_is_counted(lm):
    """ "The king" is other tokens than "The ki" and "ng"."""
    nats = -lm.logits(lm.encode("The king"))[0].log_softmax(-1)[lm.encode(" king")[0]]
    assert tool.nats_per_character(lm, "The ki", "ng") == pytest.approx(float(nats) / len(" king"))


def test_people_s_texts_are_cut_as_generated_ones_are(lm):
    passage = "It was a dark night, and the wind blew from the sea. " * 9
    ((start, text),) = tool.people(lm, [passage])
    assert passage.startswith(start + text)
    assert len(lm.encode(start)) == tool.NUM_PROMPT_TOKENS
