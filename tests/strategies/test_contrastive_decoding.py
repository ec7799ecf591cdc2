"""Contrastive decoding takes the token that the expert prefers most over the amateur."""

import decodelib as dl
from tests.helpers.exact import DRAFT, MAX_NEW, TREE


def test_contrastive_decoding_takes_the_best_ratio_among_the_plausible():
    # Expert .5 .3 .2, amateur .2 .6 .2 for a, b, end: ratios 2.5, .5, 1.
    g = dl.generate(TREE, "", dl.ContrastiveDecoding(DRAFT, alpha=0.1), max_new_tokens=1)
    assert g.token_ids == [2]
    # After a: expert .1 .6 .3, amateur .4 .4 .2: ratios .25, 1.5, 1.5; of equals the lower id.
    g = dl.generate(TREE, "a", dl.ContrastiveDecoding(DRAFT, alpha=0.1), max_new_tokens=1)
    assert g.token_ids == [1]
    # An implausible token never wins: at alpha = .6 the end (.3 < .6 * .6) is out.
    g = dl.generate(TREE, "a", dl.ContrastiveDecoding(DRAFT, alpha=0.6), max_new_tokens=1)
    assert g.token_ids == [3]


def test_contrastive_decoding_with_alpha_one_is_greedy():
    g = dl.generate(TREE, "b", dl.ContrastiveDecoding(DRAFT, alpha=1.0), max_new_tokens=MAX_NEW)
    assert g.token_ids == dl.generate(TREE, "b", dl.Greedy(), max_new_tokens=MAX_NEW).token_ids
