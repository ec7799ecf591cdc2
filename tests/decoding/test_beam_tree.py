"""The recorded tree: it is the search that ran, with what it threw away."""

import math

import pytest

import decodelib as dl
from decodelib.decoding.beam_tree import NUM_PRUNED, BeamNode, BeamTree
from tests.helpers.tables import TWO_STEPS, random_table

LONG = 6


def search(seed, num_beams=3, words="abc", **options):
    lm = dl.TableLM(random_table(seed, words))
    strategy = dl.BeamSearch(num_beams, num_return_sequences=num_beams, **options)
    return lm, dl.generate(lm, "", strategy, max_new_tokens=LONG, trace=True)


def test_only_a_traced_beam_search_has_a_tree():
    lm = dl.TableLM(TWO_STEPS)
    assert dl.generate(lm, "", dl.BeamSearch(2), max_new_tokens=2).tree is None
    assert dl.generate(lm, "", dl.Greedy(), max_new_tokens=2, trace=True).tree is None
    best = dl.generate(
        lm, "", dl.BeamSearch(2, num_return_sequences=2), max_new_tokens=2, trace=True
    )
    assert best.tree is best.alternatives[0].tree is not None


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("early_stopping", [False, True, "never"])
def test_recording_changes_nothing_that_is_returned(seed, early_stopping):
    lm, traced = search(seed, early_stopping=early_stopping)
    strategy = dl.BeamSearch(3, 1.0, early_stopping, 3)
    plain = dl.generate(lm, "", strategy, max_new_tokens=LONG)
    for ours, theirs in zip(
        (traced, *traced.alternatives), (plain, *plain.alternatives), strict=True
    ):
        assert (ours.token_ids, ours.score) == (theirs.token_ids, theirs.score)


def test_two_steps_by_hand():
    lm = dl.TableLM(TWO_STEPS)
    best = dl.generate(lm, "", dl.BeamSearch(2, 0.0), max_new_tokens=2, trace=True)
    seen = [
        (lm.decode(best.tree.token_ids(i)), round(math.exp(node.total), 3), node.fate)
        for i, node in enumerate(best.tree.nodes)
    ]
    assert seen == [
        (" a", 0.5, "kept"),
        (" b", 0.4, "kept"),
        (" c", 0.1, "pruned"),
        (" b x", 0.36, "finished"),
        (" a x", 0.2, "finished"),
        (" a y", 0.175, "pruned"),
        (" a z", 0.125, "pruned"),
        (" b y", 0.04, "pruned"),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_every_nodes_numbers_are_the_models(seed):
    lm, best = search(seed, length_penalty=0.5)
    for index, node in enumerate(best.tree.nodes):
        ids = best.tree.token_ids(index)
        assert len(ids) == node.length
        assert (ids[-1], node.token) == (node.token_id, lm.decode([node.token_id]))
        logprobs = [
            float(lm.next_logits([0, *ids[:end]]).log_softmax(-1)[token])
            for end, token in enumerate(ids)
        ]
        assert node.logprob == pytest.approx(logprobs[-1])
        assert node.total == pytest.approx(sum(logprobs))


@pytest.mark.parametrize("seed", range(8))
def test_each_step_keeps_its_best_and_prunes_the_rest(seed):
    _, best = search(seed)
    tree = best.tree
    for length in range(1, tree.num_steps + 1):
        step = tree.step(length)
        totals = [tree.nodes[i].total for i in step]
        assert totals == sorted(totals, reverse=True)
        kept = [i for i in step if tree.nodes[i].fate == "kept"]
        assert len(kept) <= 3
        parents = {tree.nodes[i].parent for i in step}
        assert parents <= ({None} if length == 1 else set(tree.step(length - 1)))
        assert all(p is None or tree.nodes[p].fate == "kept" for p in parents)
        # What finished was among the beam's best; what stands above a kept node was not pruned,
        # unless it ended below the beam.
        for rank, i in enumerate(step):
            if tree.nodes[i].fate == "finished":
                assert rank < 3
            if tree.nodes[i].fate == "pruned" and kept and i < kept[-1]:
                assert rank >= 3
                assert tree.nodes[i].token == " <eos>"


def test_what_is_returned_finished_in_the_tree():
    for seed in range(8):
        _, best = search(seed, length_penalty=0.0)
        for g in (best, *best.alternatives):
            node = best.tree.nodes[best.tree.find(g.token_ids)]
            assert node.fate == "finished"
            assert node.total == pytest.approx(g.score)
    assert best.tree.find([0]) is None


def test_ten_pruned_candidates_are_there_if_the_step_had_them():
    many = {str(i): 1.0 + i for i in range(40)}
    lm = dl.TableLM({"": many})
    tree = dl.generate(lm, "", dl.BeamSearch(2), max_new_tokens=3, trace=True).tree
    for length in (1, 2, 3):
        fates = [tree.nodes[i].fate for i in tree.step(length)]
        assert fates.count("pruned") >= NUM_PRUNED
    few = dl.generate(
        dl.TableLM(TWO_STEPS), "", dl.BeamSearch(3), max_new_tokens=1, trace=True
    ).tree
    assert repr(few) == "BeamTree(1 steps: 0 kept, 3 finished, 0 pruned)"


def test_a_diverse_beam_carries_its_groups_tree():
    lm = dl.TableLM(random_table(3))
    strategy = dl.DiverseBeamSearch(4, 2, 2.0, num_return_sequences=4)
    best = dl.generate(lm, "", strategy, max_new_tokens=4, trace=True)
    trees = {id(g.tree): g.tree for g in (best, *best.alternatives)}
    assert len(trees) == 2
    for g in (best, *best.alternatives):
        assert g.tree.nodes[g.tree.find(g.token_ids)].fate == "finished"


def test_an_empty_tree_has_no_steps():
    assert BeamTree(()).num_steps == 0
    node = BeamNode(None, 1, 7, "x", -1.0, -1.0, "kept")
    assert BeamTree((node,)).path(0) == [0]
