"""The book's figures show the numbers they are given, and never by colour alone."""

from __future__ import annotations

import math

import matplotlib as mpl
import pytest
import torch

import decodelib as dl
from decodelib.distributions import nucleus_size
from decodelib.viz.figures import plots

mpl.use("Agg")

TOY = torch.tensor([math.log(p) for p in (0.1, 0.4, 0.2, 0.3)], dtype=torch.float64)
WORDS = ["a", " b", "c", "$d"]


def test_bars_are_the_probabilities_in_descending_order():
    axes = plots.plot_distribution(TOY, WORDS).axes[0]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["␣b", r"\$d", "c", "a"]


def test_removed_tokens_are_hatched_and_marked():
    kept = dl.TopP(0.7)(torch.empty(1, 0, dtype=torch.long), TOY[None])[0]
    axes = plots.plot_distribution(TOY, WORDS.__getitem__, kept).axes[0]
    after, before = axes.containers
    assert [bar.get_width() for bar in after] == pytest.approx([4 / 7, 3 / 7, 0, 0])
    assert [bar.get_hatch() for bar in before] == [None, None, "/////", "/////"]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["␣b", r"\$d", "✕ c", "✕ a"]


def test_steps_need_a_trace_and_show_it():
    lm = dl.load("storybook")
    make = {"strategy": dl.Sampling(dl.TopP(0.9)), "max_new_tokens": 5, "seed": 1}
    traced = dl.generate(lm, "Once upon a time", **make, trace=True)
    upper, lower = plots.plot_steps(traced).axes
    probs = [math.exp(logprob) for logprob in traced.logprobs]
    assert [bar.get_height() for bar in upper.patches] == pytest.approx(probs, rel=1e-5)
    assert list(lower.lines[0].get_ydata()) == [step.entropy for step in traced.steps]
    with pytest.raises(ValueError, match="generation must have steps"):
        plots.plot_steps(dl.generate(lm, "Once upon a time", **make))


def test_nucleus_sizes_are_drawn_for_each_p_apart_without_colour():
    rows = torch.stack([TOY, 3 * TOY, 0 * TOY])
    lines = plots.plot_nucleus_size(rows, (0.5, 0.9), ["x", "y", "z"]).axes[0].lines
    for line, top_p in zip(lines, (0.5, 0.9), strict=True):
        assert list(line.get_ydata()) == nucleus_size(rows, top_p).tolist()
    assert lines[0].get_linestyle() != lines[1].get_linestyle()
    assert lines[0].get_marker() != lines[1].get_marker()


def test_figures_leave_matplotlibs_own_settings_and_figures_alone():
    import matplotlib.pyplot as plt

    before = dict(mpl.rcParams)
    plots.plot_lines([1, 2, 3], {"one": [1, 2, 3], "two": [3, 2, 1]}, xlabel="x", ylabel="y")
    plots.plot_entropy(TOY[None])
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == []
