"""The benchmarks run: every case on both sides, on the embedded model, and the report of them."""

import json
from dataclasses import replace

import gguf
import pytest
import torch

import decodelib as dl
from benchmarks import anchors, growth, load, report
from benchmarks.__main__ import Log, mixed_case, one_case, one_sampler
from benchmarks.cases import CHAIN, cases, chain, sampler_calls
from benchmarks.machine import Reading, describe
from benchmarks.pairs import load_pair

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pair():
    return load_pair("storybook", torch.float32, CPU)


@pytest.fixture(scope="module")
def read():
    return Reading(CPU)


ALL = cases("storybook", torch.float32, CPU)


@pytest.mark.parametrize("case", ALL, ids=[f"{case.name} b{case.batch}" for case in ALL])
def test_both_sides_of_a_case_write_the_same(pair, read, case) -> None:
    short = replace(case, batch=min(case.batch, 2), new_tokens=5)
    measured = one_case(pair, short, 1, read)
    assert measured["agreement"] in ("same tokens", "same distribution")
    assert min(measured["ours_ms"], measured["theirs_ms"], measured["of_limit"]) > 0


def test_a_report_shows_what_was_measured_and_a_second_run_resumes(
    pair, read, tmp_path, monkeypatch
):
    monkeypatch.setattr(growth, "BATCHES", [1, 2])
    case = replace(cases("storybook", torch.float32, CPU)[0], new_tokens=5)
    calls = sampler_calls(CHAIN, chain(), torch.randn(2, 1000))
    about = {"case": "chain", "rows": "peaked", "target": 5.0}
    log = Log(tmp_path / "here.json", resume=False)
    log.parts |= {"machine": describe(CPU), "bandwidth": 1e9, "starting": {"import torch": 1.0}}
    log.measure("storybook: greedy", one_case, pair, case, 1, read)
    log.measure("storybook: mixed", mixed_case, pair, 1)
    log.measure("sampler: chain", one_sampler, about, calls, 1, CPU, 1)
    log.measure("storybook: batches", growth.with_batch, pair, 1)
    monkeypatch.setattr(growth, "VOCABULARIES", [100, 600])
    log.measure("sampler: vocabulary", growth.with_vocabulary, CPU, 1)
    log.measure("storybook: beside others", load.beside_others, pair, 1, 2)
    report.write(log.parts, tmp_path / "here")
    text = (tmp_path / "here.md").read_text(encoding="utf-8")
    for line in (
        "| storybook | float32 | greedy | 1 |",
        "| chain | peaked | 1 |",
        "| batch |",
        "| vocabulary |",
        "| neighbours |",
    ):
        assert line in text
    assert (tmp_path / "here.svg").stat().st_size > 1000

    again = Log(tmp_path / "here.json", resume=True)
    again.measure("storybook: greedy", pytest.fail)
    assert again.parts == json.loads(json.dumps(log.parts))


def test_llama_cpp_is_given_the_same_weights(pair, tmp_path):
    anchors.write_gguf(pair, tmp_path / "model.gguf", "F32")
    tensors = {t.name: t for t in gguf.GGUFReader(tmp_path / "model.gguf").tensors}
    theirs = pair.theirs.transformer.h[1].mlp.c_fc
    up = tensors["blk.1.ffn_up.weight"]
    assert up.data.tolist() == theirs.weight.T.tolist()
    assert tensors["blk.1.ffn_up.bias"].data.tolist() == theirs.bias.tolist()
    layers = pair.theirs.config.n_layer
    assert len(tensors) == 5 + 12 * layers  # token, position and output matrices, the last norm


def test_others_that_cannot_be_had_are_left_out(pair, monkeypatch):
    monkeypatch.setattr(anchors.shutil, "which", lambda name: None)
    monkeypatch.setattr(anchors.importlib.util, "find_spec", lambda name: None)
    assert anchors.beside(pair, 1) == []


def test_agreement_counts_the_tokens_before_the_first_that_ours_would_not_give(pair):
    prompt = pair.prompt(anchors.PROMPT)
    greedy = pair.generate_ours(dl.Greedy(), [prompt], anchors.NEW_TOKENS)[0]
    assert anchors.agreement(pair, prompt, greedy, dl.Greedy()) == anchors.NEW_TOKENS
    chain = dl.Sampling(dl.TopK(2))
    drawn = pair.generate_ours(chain, [prompt], anchors.NEW_TOKENS)[0]
    assert anchors.agreement(pair, prompt, drawn, chain) == anchors.NEW_TOKENS
    other = [*greedy[:9], (greedy[9] + 1) % pair.ours.vocab_size, *greedy[10:]]
    assert anchors.agreement(pair, prompt, other, dl.Greedy()) == 9
