"""The explorers' data and arithmetic: what travels, what it says, and that JavaScript agrees."""

from __future__ import annotations

import gzip
import json
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from decodelib import MinP, Sampling, Temperature, TopK, TopP
from decodelib.viz import DistributionExplorer, explore_distribution
from decodelib.viz.explorer import SCRIPTS, STATIC, front_end
from decodelib.viz.payload import HEAD, pack, unpack

ORDER = ["temperature", "top_k", "top_p", "min_p"]


@pytest.fixture(autouse=True)
def static_explorers(monkeypatch):
    monkeypatch.setenv("DECODELIB_STATIC", "1")


def words(vocab: int) -> list[str]:
    return [f"w{i}" for i in range(vocab)]


def model_like_logits(vocab: int, seed: int = 0) -> torch.Tensor:
    """A heavy-tailed row with a language model's range: about 20 nats from first to last."""
    rng = np.random.default_rng(seed)
    row = -1.05 * np.log(np.arange(1, vocab + 1)) + rng.normal(0, 1.2, vocab)
    return torch.tensor(rng.permutation(row), dtype=torch.float32)


# ---- what travels -----------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.05, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("vocab", [HEAD + 1, 8_192, 50_257])
def test_no_probability_moves_by_1e_9_when_a_row_is_packed(vocab, scale):
    logits = scale * model_like_logits(vocab)
    record, ids = pack(logits, str)
    true = logits.double().softmax(-1)[ids]
    assert (unpack(record).softmax(-1) - true).abs().max() < 1e-9


def test_a_small_vocabulary_travels_exactly():
    logits = [math.log(p) for p in (0.1, 0.4, 0.1, 0.25, 0.15)]
    record, ids = pack(logits, str)
    assert unpack(record).tolist() == [logits[i] for i in ids]
    assert ids.tolist() == [1, 3, 4, 0, 2]  # equal logits keep the order of their ids


def test_the_whole_row_travels_in_descending_order():
    logits = model_like_logits(8_192)
    record, ids = pack(logits, str)
    unpacked = unpack(record)
    assert sorted(ids.tolist()) == list(range(8_192))
    assert len(unpacked) == 8_192
    assert (unpacked.diff() <= 0).all()
    assert (logits[ids].diff() <= 0).all()


def test_a_gpt2_sized_distribution_travels_in_under_40_kb():
    explorer = DistributionExplorer.from_logits(model_like_logits(50_257), words(50_257))
    assert len(gzip.compress(explorer.as_html().encode())) < 40_000


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_logits_that_are_not_finite_are_refused(bad):
    with pytest.raises(ValueError, match="logits must be finite numbers"):
        DistributionExplorer.from_logits([0.0, bad], ["a", "b"])


# ---- the Python side --------------------------------------------------------------------------


def test_the_distribution_is_that_of_decodelibs_processors():
    logits = model_like_logits(8_192)
    explorer = DistributionExplorer.from_logits(
        logits, words(8_192), temperature=0.7, top_p=0.8, top_k=500, min_p=0.02
    )
    shown = explorer.distribution()
    no_ids = torch.empty(1, 0, dtype=torch.long)
    chain = Temperature(0.7) | TopK(500) | TopP(0.8) | MinP(0.02)
    true = chain(no_ids, logits.double()[None])[0]
    assert shown.kept == int(true.isfinite().sum())
    assert set(shown.token_ids[: shown.kept].tolist()) == set(true.isfinite().nonzero()[:, 0].tolist())
    assert shown.mass == pytest.approx(float(logits.double().softmax(-1)[true.isfinite()].sum()), abs=1e-7)
    assert (shown.after - true.softmax(-1)[shown.token_ids]).abs().max() < 1e-8
    assert explorer.strategy == Sampling(Temperature(0.7), TopK(500), TopP(0.8), MinP(0.02))


def test_the_order_of_the_steps_is_the_readers():
    logits = [2.0, 1.0, 0.5, 0.0]
    explorer = DistributionExplorer.from_logits(logits, words(4), temperature=3.0, top_p=0.55)
    warm_first = explorer.distribution().kept
    explorer.order = ["top_p", "temperature", "top_k", "min_p"]
    assert explorer.distribution().kept < warm_first
    assert explorer.strategy == Sampling(TopP(0.55), Temperature(3.0))
    with pytest.raises(ValueError, match="order must hold"):
        explorer.order = ["top_p"]


def test_a_setting_out_of_range_is_refused_in_one_sentence():
    explorer = DistributionExplorer.from_logits([1.0, 0.0], ["a", "b"])
    for name, value in [("temperature", 0.0), ("top_k", -1), ("top_p", 0.0), ("min_p", 1.5)]:
        with pytest.raises(ValueError, match=f"^{name} must be .*, got {value}$"):
            setattr(explorer, name, value)
    with pytest.raises(TypeError, match="settings must be among .*, got topp"):
        DistributionExplorer.from_logits([1.0, 0.0], ["a", "b"], topp=0.5)
    with pytest.raises(ValueError, match="tokens must name every logit, got 1 for 2 logits"):
        DistributionExplorer.from_logits([1.0, 0.0], ["a"])
    with pytest.raises(ValueError, match="context must be 'one' or 'two', got 'three'"):
        rows = {"one": [1.0, 0.0], "two": [0.0, 0.0]}
        DistributionExplorer.from_logits(rows, ["a", "b"], context="three")


def test_an_unanswered_prediction_hides_the_answer_in_every_form():
    make = DistributionExplorer.from_logits
    logits = [math.log(p) for p in (0.5, 0.3, 0.15, 0.05)]
    hidden = make(logits, words(4), top_p=0.9, predict="How many?")
    bundle = hidden._repr_mimebundle_()
    for text in (bundle["text/plain"], bundle["text/html"].split("<pre")[1]):
        assert "How many?" in text
        assert "keeps" not in text and "cut" not in text
    hidden.prediction = 2
    assert "keeps 3 of 4" in hidden.summary()


def test_the_html_is_the_same_every_time_and_shows_text_where_no_script_runs():
    def make():
        tokens = ["'quoted'", "<b>", "&amp;", "a > b"]
        return DistributionExplorer.from_logits([3.0, 2.0, 1.0, 0.0], tokens, title="Tom & Jerry's")

    page = make().as_html()
    assert page == make().as_html()
    attribute = page.split("data-dx='")[1].split("'")[0]
    assert not set("<>") & set(attribute)
    state = json.loads(__import__("html").unescape(attribute))
    assert state["title"] == "Tom & Jerry's"
    assert state["data"]["contexts"][0]["tokens"] == ["'quoted'", "<b>", "&amp;", "a > b"]
    assert "keeps 4 of 4 tokens" in page and "<b>" not in page


def test_static_explorers_are_plain_and_live_ones_are_widgets(monkeypatch):
    import ipywidgets

    plain = DistributionExplorer.from_logits([1.0, 0.0], ["a", "b"])
    assert not isinstance(plain, ipywidgets.Widget)
    assert set(plain._repr_mimebundle_()) == {"text/plain", "text/html"}
    monkeypatch.delenv("DECODELIB_STATIC")
    live = DistributionExplorer.from_logits([1.0, 0.0], ["a", "b"])
    assert isinstance(live, ipywidgets.Widget) and isinstance(live, DistributionExplorer)
    bundle, _ = live._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/html"] == plain.as_html()
    assert live._esm.endswith("export default globalThis.DecodeExplorer;\n")


def test_an_explorer_of_a_language_model_shows_its_next_token_distribution():
    import decodelib as dl

    lm = dl.load("storybook")
    explorer = explore_distribution(lm, {"a": "Once upon a time", "b": "Sherlock"}, context="b")
    true = lm.next_logits("Sherlock").double().softmax(-1)
    shown = explorer.distribution()
    assert (shown.before - true[shown.token_ids]).abs().max() < 1e-9
    assert explorer.data["contexts"][1]["tokens"][0] == lm.decode([int(shown.token_ids[0])])


def test_the_page_loads_the_same_scripts_in_the_same_order_as_the_widget():
    import yaml

    config = yaml.safe_load((STATIC.parents[2] / "_config.yml").read_text(encoding="utf-8"))
    assert tuple(config["sphinx"]["config"]["html_js_files"]) == SCRIPTS


def test_the_front_end_asks_no_other_host_and_imports_nothing():
    source = front_end()
    for word in ("http://", "https://", "import(", "import ", "fetch(", "getElementById"):
        code = source.replace('"import torch"', "").replace('"import decodelib as dl"', "")
        assert word not in code, word


# ---- JavaScript against decodelib -------------------------------------------------------------

NODE = """
const fs = require("fs");
for (const file of JSON.parse(process.argv[1])) (0, eval)(fs.readFileSync(file, "utf8"));
const { unpack, row, apply, draw, ln } = DecodeExplorer.logits;
const { records, cases, logs, seeds } = JSON.parse(fs.readFileSync(0, "utf8"));
const rows = records.map((record) => row(unpack(record)));
const results = cases.map(([index, settings]) => {
  const data = rows[index];
  const r = apply(data, settings);
  const some = [0, 1, 2, r.kept - 1, r.kept, data.logits.length - 1]
    .filter((i) => i >= 0 && i < data.logits.length);
  return {
    kept: r.kept, mass: r.mass, steps: r.steps.map((s) => s.kept),
    facts: [r.before.entropy, r.after.entropy, r.before.varentropy, r.after.varentropy],
    p: some.map((i) => [i, r.pBefore(i), r.pAfter(i)]),
  };
});
const everything = rows.map((data) => Array.from(data.logits));
const draws = seeds.map(([index, settings, seed, n]) => draw(apply(rows[index], settings), seed, n));
console.log(JSON.stringify({ results, everything: everything.slice(0, 3), logs: logs.map(ln), draws }));
"""


def rows_and_settings(seed: int, count: int) -> tuple[list[list[float]], list[tuple[int, dict]]]:
    """Random and adversarial rows (ties everywhere, exact hits, extremes) and settings for them."""
    rng = np.random.default_rng(seed)
    rows = [
        [0.0],
        [0.0, 0.0],
        [5.0] * 40,
        [math.log(p) for p in (0.4, 0.2, 0.15, 0.1, 0.06, 0.05, 0.03, 0.01)],
        [math.log(p) for p in (0.5, 0.3, 0.2)],
        [math.log(p) for p in (0.5, 0.1, 0.1, 0.1, 0.1, 0.1)],
        [1000.0, 999.0, -1000.0, -1000.0],
        [300.0 - i for i in range(280)],
        np.round(rng.gumbel(size=299), 1).tolist(),
        model_like_logits(8_192, 1).tolist(),
        (0.1 * model_like_logits(2_000, 2)).tolist(),
        np.round(model_like_logits(1_000, 3).numpy(), 1).tolist(),
        model_like_logits(50_257, 4).tolist(),
    ]
    rows += [
        (rng.gumbel(size=int(rng.integers(1, 400))) * rng.choice([0.1, 1, 2, 8])).tolist()
        for _ in range(40)
    ]
    bounds = [0.001, 0.01, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99, 0.999, 1.0]
    cases = []
    for number in range(count):
        index = number % len(rows)
        vocab = len(rows[index])
        settings = {
            "temperature": float(rng.choice([0.01, 0.05, 0.5, 0.7, 1, 1, 1, 1.3, 3, 10, rng.uniform(0.05, 3)])),
            "top_k": int(rng.choice([0, 0, 1, 2, 5, 40, max(1, vocab - 1), vocab, vocab + 9])),
            "top_p": float(rng.choice([*bounds, 1.0, 1.0, rng.uniform(0.001, 1)])),
            "min_p": float(rng.choice([0, 0, *bounds, rng.uniform(0, 1)])),
            "order": rng.permutation(ORDER).tolist() if rng.random() < 0.6 else ORDER,
        }
        cases.append((index, settings))
    return rows, cases


def explorers_of(rows: list[list[float]]) -> list[DistributionExplorer]:
    return [DistributionExplorer.from_logits(row, words(len(row))) for row in rows]


def expected(explorer: DistributionExplorer, settings: dict):
    for name, value in settings.items():
        setattr(explorer, name, value)
    return explorer.distribution()


def assert_agrees(result: dict, shown, where: object) -> None:
    """Kept sets equal after every step, everything else within 1e-9."""
    assert result["steps"] == [kept for _, kept in shown.kept_after], where
    assert result["kept"] == shown.kept, where
    facts = [shown.entropy_before, shown.entropy, shown.varentropy_before, shown.varentropy]
    assert np.allclose(result["facts"], facts, rtol=1e-9, atol=1e-9), where
    assert abs(result["mass"] - shown.mass) < 1e-9, where
    for rank, before, after in result["p"]:
        assert abs(before - float(shown.before[rank])) < 1e-9, where
        assert abs(after - float(shown.after[rank])) < 1e-9, where


@pytest.fixture(scope="module")
def node():
    if (path := shutil.which("node")) is None:
        pytest.skip("NO NODE: the arithmetic is then tested in Chromium only")

    def ask(**questions):
        files = json.dumps([str(STATIC / name) for name in SCRIPTS[:2]])
        defaults = {"records": [], "cases": [], "logs": [], "seeds": []}
        done = subprocess.run(
            [path, "-e", NODE, files],
            input=json.dumps(defaults | questions),
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
    numbers = [k / 1000 for k in range(1, 1001)] + rng.uniform(0, 1, 500).tolist() + [1e-300, 1 - 2**-53]
    with mp.workprec(300):
        exact = [float(mp.log(mp.mpf(number))) for number in numbers]
    assert node(logs=numbers)["logs"] == exact


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


def test_importing_decodelib_does_not_import_the_explorers():
    code = "import sys, decodelib; print([m for m in sys.modules if m.startswith(('decodelib.viz', 'matplotlib', 'anywidget', 'ipywidgets'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
