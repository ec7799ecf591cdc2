"""tools/suite.py, which `make test` is: both halves run, and the end says what was found."""

import pytest

from tools.suite import run, tell

TESTS = """
import pytest

def test_passes(): pass
@pytest.mark.skip(reason="needs a GPU")
def test_needs(): pass
def test_fails(): assert 1 > 2
@pytest.mark.long
def test_takes_long(): pass
calls = []
@pytest.mark.flaky(reruns=1)
def test_is_late():
    calls.append(1)
    assert len(calls) == 2
"""


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite")
    (folder / "test_some.py").write_text(TESTS)
    options = ["-n0", "-p", "no:cacheprovider", "-p", "no:nbval", "-m", "not long"]
    return run("tests", [*options, str(folder)], folder)


def test_what_passed_failed_and_was_skipped_is_counted_with_reasons(half):
    assert (half.status, half.passed) == (1, 2)
    assert [name.rsplit("::")[-1] for name in half.failed] == ["test_fails"]
    assert [name.rsplit("::")[-1] for name in half.again] == ["test_is_late"]
    assert dict(half.skipped) == {"needs a GPU": 1}


def test_the_end_names_failures_and_says_why_tests_were_skipped(half, capsys):
    assert tell([half], everything=False) == 1
    failure, again, line, left = capsys.readouterr().out.strip().splitlines()
    assert failure.startswith("FAILED ")
    assert failure.endswith("::test_fails")
    assert again.startswith("PASSED ONLY WHEN RUN AGAIN ")
    assert again.endswith("::test_is_late")
    assert line.startswith("tests: 2 passed, 1 failed, 1 skipped: 1 (needs a GPU)")
    assert "test-all" in left


def test_a_run_that_died_before_it_could_report_fails(tmp_path, capsys):
    half = run("tests", ["-n0", "-p", "no:nbval", "--no-such-option"], tmp_path)
    assert half.passed == 0
    assert tell([half], everything=True) == 1
    assert "pytest ended with" in capsys.readouterr().out
