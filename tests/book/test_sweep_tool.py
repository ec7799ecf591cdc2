"""`make sweep`: its settings, and the file it writes."""

import importlib.util
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import decodelib as dl
from decodelib.experiments.tradeoff import load_table

TOOL = Path(__file__).resolve().parents[2] / "tools" / "sweep.py"


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("sweep_tool", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_settings_are_different_and_those_without_chance_are_marked(tool):
    assert len(set(map(str, tool.SETTINGS))) == len(tool.SETTINGS) > 40
    for setting in tool.SETTINGS:
        assert setting.deterministic == isinstance(setting.strategy, (dl.Greedy, dl.BeamSearch))


def test_two_sweeps_write_the_same_file_and_leave_nothing_behind(tool, tmp_path, monkeypatch):
    words = ("king", "queen", "fox")
    passages = [{"text": f"The {w} went out. " * 9, "in_storybook": w == "fox"} for w in words]
    (tmp_path / "passages.json").write_text(json.dumps(passages), encoding="utf-8")
    openings = "Once upon a time\nThe old man\nShe said\nOne day"
    (tmp_path / "openings.txt").write_text(openings, encoding="utf-8")
    monkeypatch.setattr(tool, "DATA", tmp_path)
    monkeypatch.setattr(tool, "KEEP", tmp_path / "build" / "kept.jsonl")
    monkeypatch.setattr(tool, "SETTINGS", [tool.SETTINGS[0], tool.SETTINGS[-1]])
    monkeypatch.setattr(tool, "REPEATS", 2)
    monkeypatch.setattr(tool, "NUM_TOKENS", 8)
    monkeypatch.setattr(tool, "executor", lambda workers, dask: ThreadPoolExecutor(1))
    written = []
    for number in (1, 2):
        output = tmp_path / f"{number}.json"
        monkeypatch.setattr(sys, "argv", ["sweep.py", "--output", str(output)])
        tool.main()
        written.append(output.read_bytes())
    assert written[0] == written[1]
    table = load_table(output)
    assert [str(row) for row in table.rows] == ["greedy", "entropy sampling"]
    assert (table.about["texts"], table.about["passages"]) == (8, 2)
    assert table.rows[0].mean("self_bleu") == 1
    assert list((tmp_path / "build").iterdir()) == []
