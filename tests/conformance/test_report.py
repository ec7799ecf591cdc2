"""The report is complete: every row, every system, and a reason for each difference."""

import contextlib
import io
import runpy

import pytest

from .extremes import ROWS, SECTIONS
from .strategies import METHODS, verdict
from .systems import SYSTEMS


@pytest.fixture(scope="module")
def text():
    """What the module prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        runpy.run_module("tests.conformance", run_name="__main__")
    return printed.getvalue()


def test_every_row_has_its_own_part_with_every_system_that_offers_it(text):
    parts = text.split("\n### ")[1:]
    assert [part.splitlines()[0].lower() for part in parts] == [row.name.lower() for row in ROWS]
    for part, row in zip(parts, ROWS, strict=True):
        systems = [line.split(" | ")[0].removeprefix("| ") for line in part.splitlines()[6:]
                   if line.startswith("| ")]  # fmt: skip
        assert systems == [name for name, s in SYSTEMS.items() if s.offers(row.settings)]
        assert row.why in part


def test_every_difference_has_its_reason_and_nothing_is_unexplained(text):
    assert "not explained" not in text
    details = text[text.index("\n## ") :]
    for row in ROWS:
        for difference in row.differs.values():
            assert difference.luck or difference.why in details
    assert all(": " in line for line in details.splitlines() if "**differs**" in line)


def test_the_overview_has_a_verdict_for_every_pair(text):
    overview = text[text.index("| row |") : text.index("\n## ")].strip().splitlines()[2:]
    assert len(overview) == len(ROWS)
    for line in overview:
        name, *verdicts = line.strip("| ").split(" | ")
        assert name in {row.name for row in ROWS}
        assert len(verdicts) == len(SYSTEMS)
        assert set(verdicts) <= {"agrees", "**differs**", "–"}
        assert verdicts[0] in {"agrees", "**differs**"}  # decodelib offers everything
    titles = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert titles == ["Strategies", *SECTIONS]


def test_every_method_has_its_row_and_its_result(text):
    table = text[text.index("| method |") : text.index("\n### ")].splitlines()
    rows = [line.strip("| ").split(" | ") for line in table if line.startswith("| ")][1:]
    assert [row[0] for row in rows] == [method.name for method in METHODS]
    assert [row[-1] for row in rows] == [verdict(method) for method in METHODS]
