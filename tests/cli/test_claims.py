"""`decodelib claims MODEL`: it needs the repository, and hands its arguments on."""

import subprocess
import sys
from pathlib import Path

import pytest

from decodelib.cli import claims as module
from decodelib.cli.command import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def started(monkeypatch):
    """Record the commands that would be started, and give them the exit status 1."""
    commands = []

    def run(command, *, env, check):
        commands.append((command, env["PYTHONPATH"]))
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(module.subprocess, "run", run)
    return commands


def test_it_runs_the_tool_of_the_repository_with_what_was_given(started, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    assert main(["claims", "smollm2", "--jobs", "1"]) == 1
    ((command, path),) = started
    assert command == [sys.executable, "-m", "tools.claims_on", "smollm2", "--jobs", "1"]
    assert path.split(module.os.pathsep) == [str(ROOT), "elsewhere"]


def test_without_the_repository_it_says_so(started, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    installed = tmp_path / "site-packages" / "decodelib" / "cli" / "claims.py"
    monkeypatch.setattr(module, "__file__", str(installed))
    assert main(["claims", "smollm2"]) == 2
    assert "clone of the repository" in capsys.readouterr().err
    assert not started


def test_the_tool_says_what_it_wants(capfd):
    assert main(["claims", "--help"]) == 0
    assert "--json" in capfd.readouterr().out
