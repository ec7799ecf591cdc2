"""tools/check.py, which `make check` is: the tests that it runs are those of what changed."""

import os
import subprocess
import sys

import pytest

from tools.check import ROOT, changed, chosen_tests


@pytest.mark.parametrize(
    ("paths", "tests"),
    [
        (["decodelib/strategies/beam.py"], ["tests/strategies"]),
        (["decodelib/models/gpt2/model.py", "decodelib/models/hf.py"], ["tests/models"]),
        (["decodelib/viz/race/scores.py"], ["tests/viz/race"]),
        (["decodelib/viz/__init__.py"], ["tests/viz"]),
        (["decodelib/distributions.py"], ["tests/processors", "tests/test_distributions.py"]),
        (["tests/decoding/test_loop.py"], ["tests/decoding/test_loop.py"]),
        (["tests/decoding/test_loop.py", "decodelib/decoding/loop.py"], ["tests/decoding"]),
        (["chapters/04_beam_search.ipynb", "tools/book.py"], ["tests/repository"]),
        (["tests/decoding/test_deleted.py", "README.md"], []),
    ],
)
def test_a_room_is_tested_when_it_changes(paths, tests):
    assert chosen_tests(paths) == tests


def test_what_changed_is_named_by_paths_that_git_knows():
    assert all("/" in path or "." in path or path in ("Makefile", "LICENSE") for path in changed())


@pytest.mark.parametrize(("seconds", "found"), [(0, "1 skipped"), (999, "1 passed")])
def test_no_test_is_begun_after_the_time_is_up(tmp_path, seconds, found):
    given = "from tests.conftest import pytest_addoption, pytest_runtest_setup"
    (tmp_path / "conftest.py").write_text(given)
    (tmp_path / "test_one.py").write_text("def test_one(): pass")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-p", "no:nbval", "test_one.py"]
    run = subprocess.run(
        [*command, f"--for-seconds={seconds}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert found in run.stdout, run.stdout + run.stderr
