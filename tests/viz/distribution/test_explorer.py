"""The explorers' data and arithmetic: what travels, what it says, and that JavaScript agrees."""

from __future__ import annotations

import gzip
import json
import math
import re
import subprocess
import sys

import pytest
import torch

from decodelib import Eta, MinP, Sampling, Temperature, TopK, TopNSigma, TopP, Typical
from decodelib.viz import DistributionExplorer, explore_distribution
from decodelib.viz.distribution.payload import HEAD, pack, unpack
from decodelib.viz.shell.explorer import front_end, question
from tests.helpers.explorer_cases import model_like_logits, words


@pytest.fixture(autouse=True)
def static_explorers(monkeypatch):
    monkeypatch.setenv("DECODELIB_STATIC", "1")


# ---- what travels -----------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.05, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("vocab", [HEAD + 1, 8_192, 50_257])
def test_no_probability_moves_by_1e_9_when_a_row_is_packed(vocab, scale):
    logits = scale * model_like_logits(vocab)
    record, ids = pack(logits, str)
    true = logits.double().softmax(-1)[ids]
    assert (unpack(record).softmax(-1) - true).abs().max() < 1e-9


@pytest.mark.parametrize("vocab", [8_192, 50_257])
def test_the_last_bits_of_logits_do_not_show(vocab):
    logits = model_like_logits(vocab).double()
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(vocab, generator=generator, dtype=torch.float64)
    record, _ = pack(logits, str)
    other, _ = pack(logits + 2e-14 * noise, str)
    assert record["tail"] == other["tail"]
    assert record["logits"] == pytest.approx(other["logits"], abs=1e-9)


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
    assert set(shown.token_ids[: shown.kept].tolist()) == set(
        true.isfinite().nonzero()[:, 0].tolist()
    )
    assert shown.mass == pytest.approx(
        float(logits.double().softmax(-1)[true.isfinite()].sum()), abs=1e-7
    )
    assert (shown.after - true.softmax(-1)[shown.token_ids]).abs().max() < 1e-8
    assert explorer.strategy == Sampling(Temperature(0.7), TopK(500), TopP(0.8), MinP(0.02))


def test_the_order_of_the_steps_is_the_readers():
    logits = [2.0, 1.0, 0.5, 0.0]
    explorer = DistributionExplorer.from_logits(logits, words(4), temperature=3.0, top_p=0.55)
    warm_first = explorer.distribution().kept
    explorer.order = ["top_p", "temperature", "top_k", "min_p"]
    assert explorer.distribution().kept < warm_first
    assert explorer.strategy == Sampling(TopP(0.55), Temperature(3.0))
    assert explorer.order[4:] == ["top_n_sigma", "typical_p", "eta"]  # those left out come last
    for wrong in (["top_p", "top_p"], ["top_p", "top_a"]):
        with pytest.raises(ValueError, match=r"order must hold each of .* at most once"):
            explorer.order = wrong


def test_typical_eta_and_top_n_sigma_are_steps_like_the_others():
    logits = [math.log(p) for p in (0.5, 0.2, 0.15, 0.1, 0.05)]
    explorer = DistributionExplorer.from_logits(logits, words(5), typical_p=0.3, eta=0.1)
    assert explorer.strategy == Sampling(Typical(0.3), Eta(0.1))
    shown = explorer.distribution()
    assert shown.after.tolist() == pytest.approx([0, 0.2 / 0.35, 0.15 / 0.35, 0, 0])
    assert shown.top_probability == pytest.approx(0.2 / 0.35)
    assert [shown.kept_after[step][0] for step in shown.removed_at[[0, 3, 4]]] == ["typical_p"] * 3
    assert shown.removed_at[1:3].tolist() == [7, 7]
    wide = DistributionExplorer.from_logits(logits, words(5), top_n_sigma=1.0)
    assert wide.strategy == Sampling(TopNSigma(1.0))
    assert wide.distribution().kept == 1


def test_the_author_says_which_knobs_are_there_from_the_start():
    make = DistributionExplorer.from_logits
    assert make([1.0, 0.0], ["a", "b"]).data["knobs"] == ["temperature", "top_k", "top_p", "min_p"]
    assert make([1.0, 0.0], ["a", "b"], knobs=("eta",)).data["knobs"] == ["eta"]
    with pytest.raises(ValueError, match=r"knobs must be .*, got 'topp'"):
        make([1.0, 0.0], ["a", "b"], knobs=["topp"])


def test_a_prediction_is_a_number_or_one_of_the_choices():
    explorer = DistributionExplorer.from_logits([1.0, 0.0], ["a", "b"], predict="How many?")
    for wrong in ("two", math.nan, math.inf):
        with pytest.raises(ValueError, match="prediction must be a finite number"):
            explorer.prediction = wrong
    choosing = DistributionExplorer.from_logits([1.0, 0.0], ["a", "b"])
    choosing.start({}, question("Which?", "a", ["a", "b"]))
    assert choosing.is_hidden
    with pytest.raises(ValueError, match="prediction must be one of a, b, got 'c'"):
        choosing.prediction = "c"
    choosing.prediction = "b"
    assert not choosing.is_hidden


def test_a_setting_out_of_range_is_refused_in_one_sentence():
    explorer = DistributionExplorer.from_logits([1.0, 0.0], ["a", "b"])
    for name, value in [
        ("temperature", 0.0),
        ("top_k", -1),
        ("top_p", 0.0),
        ("min_p", 1.5),
        ("eta", 1.0),
    ]:
        with pytest.raises(ValueError, match=f"^{name} must be .*, got {value}$"):
            setattr(explorer, name, value)
    with pytest.raises(TypeError, match=r"settings must be among .*, got topp"):
        DistributionExplorer.from_logits([1.0, 0.0], ["a", "b"], topp=0.5)
    with pytest.raises(ValueError, match="tokens must name every logit, got 1 for 2 logits"):
        DistributionExplorer.from_logits([1.0, 0.0], ["a"])
    rows = {"one": [1.0, 0.0], "two": [0.0, 0.0]}
    with pytest.raises(ValueError, match="context must be 'one' or 'two', got 'three'"):
        DistributionExplorer.from_logits(rows, ["a", "b"], context="three")


def test_rows_without_a_model_can_still_say_what_they_follow():
    make = DistributionExplorer.from_logits
    one = make([1.0, 0.0], ["a", "b"], prompts="The cat sat on the")
    two = make({"x": [1.0, 0.0], "y": [0.0, 1.0]}, ["a", "b"], prompts={"y": "A dog"})
    assert [context["prompt"] for context in one.data["contexts"]] == ["The cat sat on the"]
    assert [context["prompt"] for context in two.data["contexts"]] == [None, "A dog"]


def test_an_unanswered_prediction_hides_the_answer_in_every_form():
    make = DistributionExplorer.from_logits
    logits = [math.log(p) for p in (0.5, 0.3, 0.15, 0.05)]
    hidden = make(logits, words(4), top_p=0.9, predict="How many?")
    bundle = hidden._repr_mimebundle_()
    for text in (bundle["text/plain"], bundle["text/html"].split("<pre")[1]):
        assert "How many?" in text
        assert "keeps" not in text
        assert "cut" not in text
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
    assert "keeps 4 of 4 tokens" in page
    assert "<b>" not in page


def test_static_explorers_are_plain_and_live_ones_are_widgets(monkeypatch):
    import ipywidgets

    plain = DistributionExplorer.from_logits([1.0, 0.0], ["a", "b"])
    assert not isinstance(plain, ipywidgets.Widget)
    assert set(plain._repr_mimebundle_()) == {"text/plain", "text/html"}
    monkeypatch.delenv("DECODELIB_STATIC")
    live = DistributionExplorer.from_logits([1.0, 0.0], ["a", "b"])
    assert isinstance(live, ipywidgets.Widget)
    assert isinstance(live, DistributionExplorer)
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


def test_the_front_end_asks_no_other_host_and_imports_nothing():
    source = front_end()
    source = source.replace("http://www.w3.org/2000/svg", "")  # the name of a namespace
    for word in ("http://", "https://", "import(", "fetch(", "getElementById"):
        assert word not in source, word
    # The other imports are in the Python that the reader copies, inside strings.
    assert not re.search(r"^\s*import\b", source, re.MULTILINE)


def test_importing_decodelib_does_not_import_the_explorers():
    code = (
        "import sys, decodelib; heavy = 'decodelib.viz', 'matplotlib', 'anywidget', 'ipywidgets'; "
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
