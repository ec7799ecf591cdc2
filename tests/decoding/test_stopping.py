"""Where a continuation ends, wherever its tokens do, and what a reader sees meanwhile."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import decodelib as dl
from decodelib.models.base import LanguageModel


class Script(LanguageModel):
    """A model over byte strings that always continues with the next piece of its script."""

    def __init__(self, pieces, ends=True):
        self.pieces = [b"", *pieces, b"<eos>"]
        self.name, self.device, self.dtype = "script", torch.device("cpu"), torch.float64
        self.vocab_size, self.context_length = len(self.pieces), 10_000
        self.bos_token_id = 0
        self.eos_token_ids = (len(self.pieces) - 1,) if ends else ()

    def encode(self, text):
        return torch.tensor([], dtype=torch.long)

    def decode(self, ids):
        return b"".join(self.pieces[int(i)] for i in ids).decode(errors="replace")

    def logits(self, ids):
        return torch.stack([self._after(int(i)) for i in ids])

    def prefill(self, prompts, capacity):
        return torch.stack([self._after(int(ids[-1])) for ids in prompts]), Rows()

    def step(self, next_ids, cache):
        return torch.stack([self._after(token) for token in next_ids.tolist()])

    def _after(self, token):
        row = torch.full((self.vocab_size,), -torch.inf, dtype=torch.float64)
        row[min(token + 1, self.vocab_size - 1)] = 0.0
        return row


class Rows:
    hidden = None

    def select(self, rows):
        return self

    def rewind(self, count):
        raise NotImplementedError


def run(pieces, stop=(), ends=True, **settings):
    """Decode the script; check that streaming adds up to it and never takes anything back."""
    lm = Script(pieces, ends)
    settings = {"max_new_tokens": len(pieces) + ends, "stop": stop, **settings}
    g = dl.generate(lm, "", dl.Greedy(), **settings)
    steps = list(dl.stream(lm, "", dl.Greedy(), **settings))
    assert "".join(step.text for step in steps) == g.text
    assert [step.token_id for step in steps] == g.token_ids
    assert "".join(g.tokens) == lm.decode(g.token_ids)
    return g, [step.text for step in steps]


def pieces_of(text, cuts):
    """Cut the text's bytes into pieces of the given sizes, over and over."""
    data, pieces, n = text.encode(), [], 0
    while data:
        size = cuts[n % len(cuts)]
        pieces.append(data[:size])
        data, n = data[size:], n + 1
    return pieces


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_characters_of_several_bytes_are_streamed_whole(size):
    text = "né 🦊🦊 日本語 e\u0301 👩‍👩‍👧 end"
    g, shown = run(pieces_of(text, [size]))
    assert g.text == text
    assert "\ufffd" not in "".join(shown)


def test_a_character_appears_with_its_last_byte():
    fox = "🦊".encode()
    _, shown = run([b"a", fox[:1], fox[1:2], fox[2:3], fox[3:], b"b"])
    assert shown == ["a", "", "", "", "🦊", "b", ""]


def test_bytes_that_never_become_a_character_are_shown_in_the_end():
    g, shown = run([b"a", b"\xf0\x9f", b"b", b"\xff"])
    assert g.text == "a\ufffdb\ufffd"
    assert shown[:3] == ["a", "", "\ufffdb"]


def test_a_stop_string_is_found_across_token_boundaries():
    for size in range(1, 9):
        g, shown = run(pieces_of("one two\n\nthree", [size]), stop="\n\n")
        assert (g.text, g.finish_reason) == ("one two", "stop")
        assert "\n" not in "".join(shown)


def test_a_stop_string_with_characters_of_several_bytes_is_found():
    for size in (1, 2, 3, 7):
        g, _ = run(pieces_of("né 🦊 stop here", [size]), stop="🦊 s")
        assert (g.text, g.finish_reason) == ("né ", "stop")


def test_of_several_stop_strings_the_one_completed_first_ends_the_text():
    assert run([b"x STOP y END"], stop=["END", "STOP"])[0].text == "x "
    assert run([b"abc"], stop=["abc", "b"])[0].text == "a"
    assert run([b"a", b"b", b"c"], stop=["abc", "b"])[0].text == "a"
    assert run([b"x", b" END", b" STOP"], stop=["STOP", "END"])[0].text == "x "
    assert run([b"aaab"], stop=["ab", "aaab"])[0].text == ""


def test_the_start_of_a_stop_string_that_comes_to_nothing_is_shown():
    g, shown = run([b"a<", b"/", b"b", b"</", b"s>"], stop="</s>")
    assert g.text == "a</b"
    assert shown == ["a", "", "</b", "", ""]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_any_beginning_of_a_stop_string_is_held_back_until_it_is_known(length):
    begun = b"</s>"[:length]
    assert run([begun, b"x"], stop="</s>")[1] == ["", begun.decode() + "x", ""]
    assert run([begun, b"</s>"[length:]], stop="</s>")[1] == ["", ""]


def test_the_start_of_a_stop_string_at_the_very_end_is_text():
    g, _ = run([b"a", b"</s"], stop="</s>")
    assert (g.text, g.finish_reason) == ("a</s", "eos")
    g, _ = run([b"a", b"</s", b"zz"], stop="</s>", max_new_tokens=2)
    assert (g.text, g.finish_reason) == ("a</s", "length")


def test_stop_string_tokens_stay_in_token_ids_and_eos_does_not_in_text():
    g, _ = run([b"a", b"b STOP c", b"d"], stop="STOP")
    assert (g.token_ids, g.text) == ([1, 2], "ab ")
    g, _ = run([b"a", b"b"])
    assert (g.token_ids, g.text, g.finish_reason) == ([1, 2, 3], "ab", "eos")


def test_a_stop_string_in_the_prompt_does_not_stop():
    lm = dl.TableLM({"": {"a": 1}})
    g = dl.generate(lm, "a", dl.Greedy(), max_new_tokens=2, stop="a a a")
    assert g.finish_reason == "length"
    g = dl.generate(lm, "a", dl.Greedy(), max_new_tokens=9, stop="a a a")
    assert (g.finish_reason, len(g.token_ids)) == ("stop", 3)


def test_the_stop_string_wins_over_the_length_on_the_last_token():
    assert run([b"a", b"b"], stop="ab", max_new_tokens=2)[0].finish_reason == "stop"


@settings(deadline=None, max_examples=150, derandomize=True)
@given(
    st.text("ab<é🦊\n", min_size=1, max_size=14),
    st.lists(st.integers(1, 6), min_size=1, max_size=4),
    st.lists(st.text("ab<é🦊\n", min_size=1, max_size=4), max_size=3),
)
def test_any_text_in_any_pieces_ends_with_the_stop_string_that_completes_first(text, cuts, stops):
    g, _ = run(pieces_of(text, cuts), stop=stops)
    ends = [(text.index(stop) + len(stop), text.index(stop)) for stop in stops if stop in text]
    end, start = min(ends, default=(len(text), len(text)))
    assert (g.text, g.finish_reason) == (text[:start], "stop" if ends else "eos")
    if ends:
        assert g.stop_reason == text[start:end]
        kept, _ = run(pieces_of(text, cuts), stop=stops, include_stop=True)
        assert (kept.text, kept.token_ids) == (text[:end], g.token_ids)
