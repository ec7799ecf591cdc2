"""Automata read characters; tokens may be cut anywhere, and never lead to a dead end."""

import itertools
import re

import pytest

import decodelib as dl
from decodelib.processors.automata import OTHER, token_moves, without_dead_ends

VOWELS = dl.DFA([{"a": 1, OTHER: 0}, {"a": 0, OTHER: 1}], accepting=[0])  # an even number of a
TEXTS = ["", "a", "b", "ab", "ba", "aa", "é", "xa"]


def test_an_automaton_accepts_the_strings_of_its_set_and_no_others():
    for length in range(5):
        for text in map("".join, itertools.product("ab", repeat=length)):
            assert VOWELS.accepts(text) == (text.count("a") % 2 == 0)


@pytest.mark.parametrize("open_end", [False, True])
def test_choices_are_accepted_whole_and_open_ends_go_on(open_end):
    choices = ["a", "abba", "abc", "bb"]
    dfa = dl.DFA.of_choices(choices, open_end)
    for length in range(6):
        for text in map("".join, itertools.product("abc", repeat=length)):
            known = text.startswith(tuple(choices)) if open_end else text in choices
            assert dfa.accepts(text) == known, text


def test_a_token_is_readable_where_its_characters_are_and_leads_where_they_lead():
    dfa = dl.DFA([{"a": 1, "x": None, OTHER: 0}, {"b": 2}, {}], accepting=[2])
    moves = token_moves(dfa, TEXTS)
    for state, row in enumerate(moves):
        ends = {i: dfa.read(text, state) for i, text in enumerate(TEXTS) if text}
        assert row == {i: end for i, end in ends.items() if end is not None}
    assert moves[0] == {1: 1, 2: 0, 3: 2, 4: 1, 6: 0}


def test_moves_into_dead_ends_are_taken_out_and_no_others():
    # 0 -a-> 1 -b-> 2 (accepting); 0 -b-> 3, from which nothing accepting is reached.
    moves = [{0: 1, 1: 3}, {1: 2}, {}, {0: 4}, {1: 3}]
    assert without_dead_ends(moves, [2]) == [{0: 1}, {1: 2}, {}, {}, {}]


@pytest.mark.parametrize(
    ("moves", "accepting", "said"),
    [
        ([], [0], "DFA must have at least one state"),
        ([{}], [], "DFA must have at least one state"),
        ([{"a": 1}], [0], "states must be in [0, 0], got 1"),
        ([{"a": 0}], [2], "states must be in [0, 0], got 2"),
        ([{"ab": 0}], [0], "moves must be by single characters or OTHER, got 'ab'"),
    ],
)
def test_an_automaton_that_makes_no_sense_is_refused(moves, accepting, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        dl.DFA(moves, accepting)
