"""Trees of continuations: what is drawn is what the branches say."""

import pytest
from matplotlib import pyplot as plt

import decodelib as dl
from decodelib.viz.figures.trees import beam_branches, plot_tree

BRANCHES = {
    ("mat",): 0.5,
    ("mat", "and"): 0.4,
    ("mat", "while"): 0.6,
    ("roof",): 0.5,
    ("roof", "and"): 1.0,
}


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_every_branch_shows_its_probability_and_every_leaf_the_product():
    shown = texts(plot_tree(BRANCHES, root="on the"))
    assert sorted(t for t in shown if t in {"0.5", "0.4", "0.6", "1"}) == sorted(
        ["0.5", "0.4", "0.6", "0.5", "1"]
    )
    assert [t for t in shown if len(t) == 4 and t[0] == "0"] == ["0.20", "0.30", "0.50"]
    assert "on the" in shown


def test_marked_paths_differ_by_line_style_as_well_as_colour():
    paths = {"greedy": ("mat", "while"), "best": ("roof", "and")}
    axes = plot_tree(BRANCHES, paths=paths).axes[0]
    marked = [line for line in axes.lines if line.get_linewidth() > 2]
    assert [line.get_label() for line in marked] == ["greedy", "best"]
    assert len({line.get_color() for line in marked}) == 2
    assert marked[0].is_dashed() != marked[1].is_dashed()
    assert all(len(line.get_xdata()) == 3 for line in marked)


def test_leaves_do_not_overlap_and_parents_stand_amid_their_children():
    axes = plot_tree(BRANCHES, paths={"a": ("mat", "and"), "b": ("roof", "and")}).axes[0]
    ends = {line.get_label(): list(line.get_ydata()) for line in axes.lines[-2:]}
    assert ends["a"][1:] == [0.5, 0.0]
    assert ends["b"][1:] == [2.0, 2.0]


def test_a_beam_searchs_tree_is_drawn_with_what_it_pruned():
    table = {
        "": {"a": 0.5, "b": 0.4, "c": 0.1},
        "a": {"x": 0.4, "y": 0.35, "z": 0.25},
        "b": {"x": 0.9, "y": 0.1},
        "c": {"x": 1.0},
    }
    best = dl.generate(dl.TableLM(table), "", dl.BeamSearch(2), max_new_tokens=2, trace=True)
    branches, pruned = beam_branches(best.tree, pruned=1)
    assert {path: round(p, 2) for path, p in branches.items()} == {
        (" a",): 0.5,
        (" b",): 0.4,
        (" c",): 0.1,
        (" b", " x"): 0.9,
        (" a", " x"): 0.4,
        (" a", " y"): 0.35,
    }
    assert pruned == [(" c",), (" a", " y")]
    assert len(beam_branches(best.tree, pruned=3)[1]) == 4
    assert beam_branches(best.tree, pruned=0)[1] == []

    figure = plot_tree(branches, pruned=pruned, sums=True, paths={"best": best.tokens})
    shown = texts(figure)
    assert {"× ␣c", "× ␣y", "␣b", "-1.02", "-1.61"} <= set(shown)
    thin = [line for line in figure.axes[0].lines if line.get_linewidth() < 1]
    assert [line.is_dashed() for line in thin] == [path in pruned for path in branches]
    colours = {text.get_text(): text.get_color() for text in figure.axes[0].texts}
    assert colours["× ␣c"] != colours["␣b"]


def test_the_figure_is_left_to_the_cell():
    plot_tree(BRANCHES)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("branches", "paths", "message"),
    [
        ({}, {}, "branches must hold at least one node, got none"),
        ({("a", "b"): 1.0}, {}, "branches must hold the parent of every node"),
        (BRANCHES, {"x": ("moon",)}, "paths must lead to nodes of the tree, got"),
        (BRANCHES, dict.fromkeys("abcd", ("mat",)), "paths must be at most 3, got 4"),
    ],
)
def test_what_cannot_be_drawn_is_refused(branches, paths, message):
    with pytest.raises(ValueError, match=message):
        plot_tree(branches, paths=paths)
