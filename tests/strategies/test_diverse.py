"""Diverse beam search: each group is put off what the groups before it chose."""

import math

import pytest

import decodelib as dl
from tests.helpers.exact import MAX_NEW, TREE


def test_one_group_of_diverse_beams_is_beam_search():
    for beams in (1, 3):
        diverse = dl.DiverseBeamSearch(beams, 1, 0.5, num_return_sequences=beams)
        plain = dl.BeamSearch(beams, num_return_sequences=beams)
        a, b = (dl.generate(TREE, "", s, max_new_tokens=MAX_NEW) for s in (diverse, plain))
        assert a == b


def test_diverse_groups_take_other_first_tokens_when_the_penalty_is_high():
    strategy = dl.DiverseBeamSearch(3, 3, 100.0, num_return_sequences=3)
    g = dl.generate(TREE, "", strategy, max_new_tokens=MAX_NEW)
    assert len({x.token_ids[0] for x in (g, *g.alternatives)}) == 3


def test_diverse_beams_subtract_the_penalty_for_each_earlier_choice():
    # Group 1 takes a (.5). Group 2 sees a at ln .5 - 1, below b at ln .3: takes b.
    strategy = dl.DiverseBeamSearch(2, 2, 1.0, num_return_sequences=2)
    g = dl.generate(TREE, "", strategy, max_new_tokens=1)
    assert [x.token_ids for x in (g, *g.alternatives)] == [[2], [3]]
    # At a penalty of ln(.5/.3) - .01 the second group still prefers a.
    close = dl.DiverseBeamSearch(2, 2, math.log(0.5 / 0.3) - 0.01, num_return_sequences=2)
    g = dl.generate(TREE, "", close, max_new_tokens=1)
    assert [x.token_ids for x in (g, *g.alternatives)] == [[2], [2]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((6, 4), "num_beams must be a multiple of num_beam_groups=4, got 6"),
        ((6, 7), r"num_beam_groups must be in \[1, 6\], got 7"),
        ((6, 3, -1.0), "diversity_penalty must be a finite number of at least 0, got -1.0"),
    ],
)
def test_diverse_beams_refuse_groups_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        dl.DiverseBeamSearch(*arguments)
