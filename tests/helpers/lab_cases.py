"""Explorers in JupyterLab: how each is made, what a reader does by keyboard, what Python sets."""

from __future__ import annotations

from selenium.webdriver import Keys

RIGHT, LEFT, UP, DOWN = Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.ARROW_UP, Keys.ARROW_DOWN

SETUP = """\
import math
import decodelib as dl
from decodelib import viz
lm = dl.load("storybook", device="cpu", dtype="float64")
toy = dl.TableLM({"": {"a": 0.5, "b": 0.3, "c": 0.2}, "a": {"b": 0.6, "a": 0.4}})
logits = [math.log(p) for p in (0.4, 0.2, 0.15, 0.1, 0.06, 0.05, 0.03, 0.01)]
words = "the cat sat on a mat and ran".split()
plain = dl.Sampling()
strategies = {"Greedy": dl.Greedy(), "Plain, pure": plain, "Top": dl.Sampling(dl.TopK(2))}"""

MAKE = {
    "distribution": "viz.DistributionExplorer.from_logits(logits, words)",
    "player": "viz.explore_generation(lm, 'The sea', dl.Sampling(dl.TopK(3)), max_new_tokens=8, "
    "seed=1)",
    "beams": "viz.explore_beams(toy, '', num_beams=(2, 1), max_new_tokens=4)",
    "entropy": "viz.explore_entropy(toy, {'one': 'a b a b a', 'two': 'b a b'})",
    "race": "viz.explore_race(toy, 'a', strategies, samples=3, max_new_tokens=9)",
    "votes": "viz.explore_votes(toy, 'a', 'a|b', texts=6, max_new_tokens=2, seed=1)",
    "mass": "viz.explore_mass(toy, 'a', dl.Constraint.from_choices(toy, [' a b', ' b a'], True), "
    "{'one': [2, 3, 2], 'two': [3, 2, 2]}, source='form')",
    "chain": "viz.explore_chain(toy, 'a', alphas=(1, 2), num_moves=3, max_new_tokens=2)",
    "watermark": "viz.explore_watermark(lm, 'The sea', {'one': list(range(100, 110))}, "
    "dl.GreenListWatermark())",
    "rating": "viz.explore_rating(toy, ['a', 'b', 'c'], strategies, num_tokens=6, seed=4)",
}
CELLS = {kind: place for place, kind in enumerate(MAKE, 1)}
LATER = '[aria-label="Apply Temperature later"]'

MOVES = {
    "distribution": [
        ('[data-dx="temperature"]', RIGHT, "temperature", 1.05),
        ('[data-dx="temperature"]', UP, "temperature", 1.1),
        ('[data-dx="temperature"]', LEFT, "temperature", 1.05),
        ('[data-dx="temperature"]', DOWN, "temperature", 1.0),
        ('[data-dx="temperature"]', Keys.HOME, "temperature", 0.05),
        ('[data-dx="temperature"]', Keys.END, "temperature", 3.0),
        ('[data-dx="top_k-box"]', "3", "top_k", 3),
        (LATER, Keys.ENTER, "order[0]", "top_k"),
    ],
    "player": [
        ('[role="option"][tabindex="0"]', RIGHT, "position", 2),
        ('[role="option"][tabindex="0"]', DOWN, "position", 3),
        ('[role="option"][tabindex="0"]', UP, "position", 2),
        ('[role="option"][tabindex="0"]', LEFT, "position", 1),
        ('[data-dx="position"]', Keys.END, "position", 8),
        ('[data-dx="back"]', Keys.ENTER, "position", 7),
    ],
    "beams": [
        ('[data-dx="step"]', LEFT, "step", 3),
        ('[data-dx="step"]', DOWN, "step", 2),
        ('[data-dx="length_penalty"]', RIGHT, "length_penalty", 1.1),
        (".dx-choice input:checked", RIGHT, "num_beams", 1),
        ('input[value="false"]', RIGHT, "early_stopping", True),
    ],
    "entropy": [
        ('[data-dx="plot"]', RIGHT, "position", 2),
        ('[data-dx="plot"]', UP, "position", 3),
        ('[data-dx="plot"]', LEFT, "position", 2),
        ('[data-dx="plot"]', DOWN, "position", 1),
        ('[data-dx="low_entropy"]', Keys.HOME, "low_entropy", 0.0),
        ('input[value="one"]', RIGHT, "text", "two"),
    ],
    "race": [
        ('[data-dx="sort"] input:checked', RIGHT, "sort", "surprisal"),
        ('[data-dx="step"]', LEFT, "step", 8),
        ('[data-dx="sample"]', UP, "sample", 2),
        ('[data-dx="shown"] input', Keys.SPACE, "shown", ["Plain, pure", "Top"]),
        ('[aria-label="Tokens and code of Top"]', Keys.ENTER, "picked", "Top"),
    ],
    "votes": [
        ('[data-dx="texts"]', LEFT, "texts", 5),
        ('[data-dx="picked"] input:checked', RIGHT, "picked", "a"),
    ],
    "mass": [
        ('[data-dx="position"]', RIGHT, "position", 2),
        ('input[value="one"]', RIGHT, "text", "two"),
    ],
    "chain": [
        ('[data-dx="move"]', RIGHT, "move", 2),
        ('[data-dx="alpha"]', RIGHT, "alpha", 2.0),
        ('[data-dx="step"]', Keys.ENTER, "move", 3),
    ],
    "watermark": [
        ('[data-dx="position"]', RIGHT, "position", 2),
        ('[data-dx="edit"]', Keys.ENTER, "edits", [2]),
        ('[data-dx="length"]', LEFT, "length", 9),
    ],
    "rating": [
        ('[data-dx="next"]', Keys.ENTER, "place", 2),
        ('[data-dx="back"]', Keys.ENTER, "place", 1),
        ('[data-dx="choose-t"]', Keys.ENTER, "letters.count('t')", 1),
        ('[data-dx="just-show"]', Keys.ENTER, "is_hidden", False),
    ],
}
"""What a reader does by keyboard, and what a trait then is: (control, key, trait, value)."""

TOLD = {
    "distribution": [
        ("top_p", 0.6, '[data-dx="top_p-box"]', "value", "0.6"),
        ("temperature", 2.0, '[data-dx="temperature-box"]', "value", "2"),
        ("order", ["top_p", "temperature"], ".dx-step", "data-dx", "top_p-step"),
        ("seed", 7, '[data-dx="seed"]', "value", "7"),
    ],
    "player": [
        ("position", 4, '[data-dx="position-box"]', "value", "4"),
        ("position", 4, '[aria-selected="true"] ~ [role="option"]', "tabIndex", -1),
    ],
    "beams": [
        ("num_beams", 2, ".dx-choice input:checked", "value", "2"),
        ("step", 4, '[data-dx="step-box"]', "value", "4"),
        ("length_penalty", -0.5, '[data-dx="length_penalty-box"]', "value", "-0.5"),
        ("early_stopping", "never", 'input[value="never"]', "checked", True),
    ],
    "entropy": [
        ("text", "one", 'input[value="one"]', "checked", True),
        ("position", 3, '[data-dx="plot"]', "aria-valuenow", "3"),
        ("high_entropy", 4.5, '[data-dx="high_entropy-box"]', "value", "4.5"),
    ],
    "race": [
        ("sort", "length", '[data-dx="sort"] input:checked', "value", "length"),
        ("sample", 3, '[data-dx="sample-box"]', "value", "3"),
        ("step", 2, '[data-dx="step-box"]', "value", "2"),
        ("shown", ["Plain, pure"], '[data-dx="lane"] strong', "textContent", "Plain, pure"),
        ("picked", "Plain, pure", '[aria-label$="Plain, pure"]', "aria-pressed", "true"),
    ],
    "votes": [
        ("texts", 4, '[data-dx="texts-box"]', "value", "4"),
        ("picked", "b", '[data-dx="picked"] input:checked', "value", "b"),
    ],
    "mass": [
        ("position", 3, '[data-dx="position-box"]', "value", "3"),
        ("text", "one", 'input[value="one"]', "checked", True),
    ],
    "chain": [
        ("move", 1, '[data-dx="move-box"]', "value", "1"),
        ("alpha", 1.0, '[data-dx="alpha-box"]', "value", "1"),
    ],
    "watermark": [
        ("length", 5, '[data-dx="length-box"]', "value", "5"),
        ("edits", [1, 2], '[data-dx="random-box"]', "value", "2"),
    ],
    "rating": [
        ("place", 3, '[data-dx="progress"]', "textContent", "Pair 3 of 3"),
        ("revealed", True, '[data-dx="just-show"]', "hidden", True),
    ],
}
"""What Python sets, and what the page then shows: (trait, value, element, property, value)."""
