"""The part of a notebook that an exercise needs."""

import ast

from decodelib.grading.slices import needed


def sliced(cells, target):
    others, own = needed(cells, target)
    return [ast.unparse(node) for node in others], [ast.unparse(node) for node in own]


def test_only_what_the_exercise_refers_to_is_taken():
    cells = [
        "import math\nimport decodelib as dl\nlm = dl.load('auto')\nslow = lm.next_logits('The')",
        "%matplotlib inline\nhelper = lambda x: math.exp(x)",
        "def f(x):\n    slow = helper(x)\n    return slow\n\nchecks.f(f)",
    ]
    others, own = sliced(cells, 2)
    assert others == ["import math", "helper = lambda x: math.exp(x)"]
    assert len(own) == 2


def test_the_nearest_definition_counts_and_changes_to_it_do():
    cells = ["words = ['a']", "words = []\nwords.append('b')\nwords[0] = 'c'", "words", "words = 1"]
    assert sliced(cells, 2)[0] == ["words = []", "words.append('b')", "words[0] = 'c'"]


def test_calls_of_a_module_that_is_needed_are_not():
    cells = ["import decodelib as dl\ndl.generate(dl.load('auto'), 'Once')", "dl.Greedy()"]
    assert sliced(cells, 1)[0] == ["import decodelib as dl"]


def test_a_helper_below_is_found_and_cells_that_are_not_python_are_passed_over():
    cells = [
        "this is no Python",
        "def f(x):\n    return g(x)",
        "%%timeit\nf(1)",
        "def g(x): return x",
    ]
    assert sliced(cells, 1)[0] == ["def g(x):\n    return x"]
