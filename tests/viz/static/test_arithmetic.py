"""The explorers' JavaScript computes what decodelib computes: asked in node, without a browser."""

from __future__ import annotations

import json
import math
import shutil
import subprocess

import numpy as np
import pytest

from decodelib.viz import DistributionExplorer
from decodelib.viz.distribution.payload import pack, unpack
from decodelib.viz.shell.explorer import SCRIPTS, STATIC
from tests.helpers.explorer_cases import (
    ANSWER,
    assert_all_agree,
    expected,
    explorers_of,
    model_like_logits,
    off,
    rows_and_settings,
    words,
)


@pytest.fixture(autouse=True, scope="module")
def static_explorers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        yield


NODE = (
    """
const fs = require("fs");
for (const file of JSON.parse(process.argv[1])) (0, eval)(fs.readFileSync(file, "utf8"));
"""
    + ANSWER
    + 'console.log(JSON.stringify(answer(JSON.parse(fs.readFileSync(0, "utf8")))));'
)


@pytest.fixture(scope="module")
def node():
    if (path := shutil.which("node")) is None:
        pytest.skip("NO NODE: the arithmetic is then tested in Chromium only")

    def ask(**questions):
        files = json.dumps([str(STATIC / name) for name in SCRIPTS])
        done = subprocess.run(
            [path, "-e", NODE, files],
            input=json.dumps(questions),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask


@pytest.mark.parametrize("count", [300, pytest.param(1500, marks=pytest.mark.long)])
def test_javascript_computes_what_decodelib_computes(node, count):
    rows, cases = rows_and_settings(seed=0, count=count)
    explorers = explorers_of(rows)
    records = [explorer.data["contexts"][0] for explorer in explorers]
    assert_all_agree(node(records=records, cases=cases)["results"], explorers, cases)


def test_typical_can_remove_the_head_and_stop_within_a_run_of_equals_in_both(node):
    rows = [
        [1.0] * 6 + [0.0] * 30,
        [0.0] * 9,
        [math.log(p) for p in (0.5, 0.25, 0.15, 0.1)],
        [math.log(p) for p in (0.3, 0.3, 0.1, 0.1, 0.1, 0.04, 0.03, 0.03)],
        [2.0, 2.0, 2.0] + [-0.1 * i for i in range(400)],
    ]
    taus = [k / 40 for k in range(1, 40)]
    cases = [(i, off() | {"typical_p": tau}) for i in range(len(rows)) for tau in taus]
    explorers = explorers_of(rows)
    results = node(records=[e.data["contexts"][0] for e in explorers], cases=cases)["results"]
    assert_all_agree(results, explorers, cases)
    ranges = [result["sets"][-1] for result in results]
    assert any(first[0][0] > 0 for first in ranges)
    assert any(len(kept) == 2 for kept in ranges)


def test_typical_takes_the_more_probable_of_tokens_equally_far_from_the_entropy(node):
    (explorer,) = explorers_of([[math.log(p) for p in (0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05)]])
    cases = [(0, off() | {"typical_p": tau}) for tau in (0.2, 0.5, 0.7)]
    results = node(records=[explorer.data["contexts"][0]], cases=cases)["results"]
    assert [result["sets"][-1] for result in results] == [[[0, 1]], [[0, 3]], [[0, 4]]]


def test_javascript_unpacks_every_logit_exactly(node):
    rows = [model_like_logits(50_257, 5).tolist(), model_like_logits(301, 6).tolist(), [1.5, 0.1]]
    records = [pack(row, str)[0] for row in rows]
    answer = node(records=records)
    for record, logits in zip(records, answer["everything"], strict=True):
        assert logits == unpack(record).tolist()


def test_a_token_exactly_at_the_bound_of_min_p_is_kept_in_both(node):
    bounds = [k / 400 for k in range(1, 400)]
    explorers = explorers_of([[0.0, math.log(bound)] for bound in bounds])
    cases = [(index, off() | {"min_p": bound}) for index, bound in enumerate(bounds)]
    answer = node(records=[e.data["contexts"][0] for e in explorers], cases=cases)
    assert {expected(explorers[i], settings).kept for i, settings in cases} == {2}
    assert {result["kept"] for result in answer["results"]} == {2}


def test_draws_on_the_page_follow_the_distribution_and_the_seed(node):
    from scipy.stats import chisquare

    explorer = DistributionExplorer.from_logits(
        [math.log(p) for p in (0.4, 0.2, 0.15, 0.1, 0.06, 0.05, 0.03, 0.01)], words(8)
    )
    settings = off() | {"temperature": 1.3, "top_p": 0.95}
    shown = expected(explorer, settings)
    records = [explorer.data["contexts"][0]]
    seeds = [(0, settings, seed, 10_000) for seed in (0, 1, 2, 2**32 - 1)] + [(0, settings, 0, 100)]
    draws = node(records=records, seeds=seeds)["draws"]
    for ranks in draws[:4]:
        counts = np.bincount(ranks, minlength=8)
        assert counts[shown.kept :].sum() == 0
        theory = 10_000 * shown.after[: shown.kept].numpy()
        assert chisquare(counts[: shown.kept], theory).pvalue > 1e-3
    assert draws[4] == draws[0][:100]  # drawing more continues the same stream
    assert draws[0] != draws[1]
