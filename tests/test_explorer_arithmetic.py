"""The explorers' JavaScript computes what decodelib computes: asked in node, without a browser."""

from __future__ import annotations

import json
import math
import shutil
import subprocess

import numpy as np
import pytest
from explorer_cases import (
    ANSWER,
    ORDER,
    assert_agrees,
    expected,
    explorers_of,
    model_like_logits,
    rows_and_settings,
    words,
)

from decodelib.viz import DistributionExplorer
from decodelib.viz.explorer import SCRIPTS, STATIC
from decodelib.viz.payload import pack, unpack


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
        files = json.dumps(
            [str(STATIC / name) for name in SCRIPTS if name != "explorer-distribution.js"]
        )
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


def test_javascript_computes_what_decodelib_computes_on_1500_settings(node):
    rows, cases = rows_and_settings(seed=0, count=1500)
    explorers = explorers_of(rows)
    records = [explorer.data["contexts"][0] for explorer in explorers]
    answer = node(records=records, cases=cases)
    assert len(answer["results"]) == 1500
    for result, (index, settings) in zip(answer["results"], cases, strict=True):
        assert_agrees(result, expected(explorers[index], settings), (index, settings))


def test_javascript_unpacks_every_logit_exactly(node):
    rows = [model_like_logits(50_257, 5).tolist(), model_like_logits(301, 6).tolist(), [1.5, 0.1]]
    records = [pack(row, str)[0] for row in rows]
    answer = node(records=records)
    for record, logits in zip(records, answer["everything"], strict=True):
        assert logits == unpack(record).tolist()


def test_javascript_logarithms_are_correctly_rounded(node):
    from mpmath import mp

    rng = np.random.default_rng(0)
    numbers = (
        [k / 1000 for k in range(1, 1001)] + rng.uniform(0, 1, 500).tolist() + [1e-300, 1 - 2**-53]
    )
    with mp.workprec(300):
        exact = [float(mp.log(mp.mpf(number))) for number in numbers]
    assert node(logs=numbers)["logs"] == exact


def test_a_token_exactly_at_the_bound_of_min_p_is_kept_in_both(node):
    bounds = [k / 1000 for k in range(1, 1000)]
    explorers = explorers_of([[0.0, math.log(bound)] for bound in bounds])
    neutral = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "order": ORDER}
    cases = [(index, neutral | {"min_p": bound}) for index, bound in enumerate(bounds)]
    answer = node(records=[e.data["contexts"][0] for e in explorers], cases=cases)
    assert {expected(explorers[i], settings).kept for i, settings in cases} == {2}
    wrong = [
        settings["min_p"]
        for result, (_, settings) in zip(answer["results"], cases, strict=True)
        if result["kept"] != 2
    ]
    assert len(wrong) <= 1, wrong  # a C library's own logarithm is off for about one in a thousand


def test_draws_on_the_page_follow_the_distribution_and_the_seed(node):
    from scipy.stats import chisquare

    explorer = DistributionExplorer.from_logits(
        [math.log(p) for p in (0.4, 0.2, 0.15, 0.1, 0.06, 0.05, 0.03, 0.01)], words(8)
    )
    settings = dict.fromkeys(ORDER) | {"temperature": 1.3, "top_k": 0, "top_p": 0.95, "min_p": 0.0}
    settings["order"] = ORDER
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
