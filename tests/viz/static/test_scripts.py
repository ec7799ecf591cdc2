"""The front end as files: each one is listed, short, typed, formatted, and passes its own tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from decodelib.viz.shell.explorer import SCRIPTS, STATIC, STYLES, front_end, styles

ROOT = Path(__file__).resolve().parents[3]
LONGEST_FILE = 300


APART = ("engine/", "live/")  # loaded on the page that runs the model, and on no other

OUTSIDE = [*(ROOT / "chapters" / "_assets").glob("*.js"), *(ROOT / "tools").glob("*.js")]
"""The scripts of the book's pages, and those of the tools."""


def names(suffix: str) -> set[str]:
    """The explorers' files."""
    files = {path.relative_to(STATIC).as_posix() for path in STATIC.rglob(f"*{suffix}")}
    return {name for name in files if not name.startswith(APART)}


def test_every_script_and_style_is_in_the_manifest_once():
    assert sorted(SCRIPTS) == sorted(names(".js"))
    assert sorted(STYLES) == sorted(names(".css"))


def test_scripts_fit_in_one_reading():
    files = [path for folder in (STATIC, ROOT / "tests") for path in folder.rglob("*.js")]
    sizes = {path: path.read_text("utf-8").count("\n") for path in (*files, *OUTSIDE)}
    assert not {path: lines for path, lines in sizes.items() if lines > LONGEST_FILE}


def test_every_script_has_its_types_checked():
    scripts = [*STATIC.rglob("*.js"), *OUTSIDE]
    assert len(scripts) > len(SCRIPTS) + len(OUTSIDE) > len(SCRIPTS)
    assert all(path.read_text("utf-8").startswith("// @ts-check\n") for path in scripts)


def test_a_page_gets_what_a_notebook_gets(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from explorer_assets import bundle

    assert front_end().startswith(bundle(STATIC, "scripts"))
    assert styles() == bundle(STATIC, "styles")


def test_the_scripts_pass_their_own_tests():
    if (node := shutil.which("node")) is None:
        pytest.skip("NO NODE: the tests in tests/viz/static/*.test.js are not run")
    tests = sorted(map(str, Path(__file__).parent.glob("*.test.js")))
    assert tests
    done = subprocess.run(
        [node, "--test", *tests], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr


def test_without_node_the_check_says_so_and_fails_only_in_ci(tmp_path):
    def check(**more: str) -> subprocess.CompletedProcess:
        env = {"PATH": str(tmp_path), **more}
        command = [sys.executable, str(ROOT / "tools" / "javascript.py")]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    local, hosted = check(), check(GITHUB_ACTIONS="true")
    assert (local.returncode, hosted.returncode) == (0, 1)
    for done in (local, hosted):
        assert "JavaScript is not checked" in done.stdout
    assert local.stdout.count("\n") == 1
