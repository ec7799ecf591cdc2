"""The figure of a sweep shows the numbers of its rows, with their intervals."""

import matplotlib as mpl
import pytest

from decodelib.experiments.tradeoff import Row
from decodelib.viz.figures.tradeoff import LABELS, plot_tradeoff

mpl.use("Agg")

LINE = [
    Row("top-p", p, "", {"self_bleu": [p - 0.1, p + 0.1, p], "surprisal": [1.0, 2.0, 3.0]})
    for p in (0.3, 0.5, 0.9)
]
ALONE = [Row("greedy", None, "", {"self_bleu": [1.0, 1.0], "surprisal": [0.5, 0.7]})]


def draw(**given):
    lines = {"top-p": LINE, "greedy": ALONE}
    return plot_tradeoff(lines, "self_bleu", "surprisal", **given).axes[0]


def test_every_setting_is_a_mark_with_the_arms_of_its_intervals():
    axes = draw()
    line, alone = axes.containers
    assert list(line.lines[0].get_xdata()) == pytest.approx([0.3, 0.5, 0.9])
    assert list(line.lines[0].get_ydata()) == pytest.approx([2, 2, 2])
    for row, (start, end) in zip(LINE, line.lines[2][0].get_segments(), strict=True):
        _, low, high = row.estimate("self_bleu")
        assert (start[0], end[0]) == pytest.approx((low, high))
    assert alone.lines[0].get_linestyle() == "None"
    assert line.lines[0].get_linestyle() != "None"
    assert (axes.get_xlabel(), axes.get_ylabel()) == (LABELS["self_bleu"], LABELS["surprisal"])


def test_the_ends_of_a_line_are_named_by_their_knobs():
    assert [text.get_text() for text in draw().texts] == ["0.3", "0.9"]


def test_peoples_level_and_log_scales_are_drawn_where_asked():
    assert {t.get_text() for t in draw().get_legend().get_texts()} == {"top-p", "greedy"}
    axes = draw(human=2.5, log="xy")
    assert "people" in {text.get_text() for text in axes.get_legend().get_texts()}
    assert any(list(line.get_ydata()) == [2.5, 2.5] for line in axes.lines)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
