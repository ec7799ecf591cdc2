"""Every system does on every row what the table says; what is right follows from exact sums."""

from fractions import Fraction

import pytest

from .extremes import ROWS
from .systems import SYSTEMS, outcome

CELLS = [
    pytest.param(row, name, id=f"{row.name}-{name}")
    for row in ROWS
    for name, system in SYSTEMS.items()
    if system.offers(row.settings)
]


def expected_to_fail(cell):
    row, name = cell.values
    if name not in row.differs:
        return cell
    mark = pytest.mark.xfail(strict=True, reason=f"{name}: {row.differs[name].why}")
    return pytest.param(row, name, id=cell.id, marks=mark)


def by_luck(cell):
    row, name = cell.values
    return name in row.differs and row.differs[name].luck


@pytest.mark.parametrize(("row", "name"), [expected_to_fail(c) for c in CELLS if not by_luck(c)])
def test_what_is_right_is_what_a_system_does(row, name):
    assert outcome(SYSTEMS[name], row.tensor(), row.settings) == row.right


@pytest.mark.parametrize(("row", "name"), [c for c in CELLS if c.values[1] in c.values[0].differs])
def test_who_differs_does_so_as_stated(row, name):
    difference = row.differs[name]
    assert difference.outcome != row.right
    allowed = {difference.outcome, row.right} if difference.luck else {difference.outcome}
    assert outcome(SYSTEMS[name], row.tensor(), row.settings) in allowed


def test_decodelib_differs_only_within_its_documented_rounding():
    exceptions = [row.name for row in ROWS if "decodelib" in row.differs]
    assert exceptions == ["probabilities of 1e-8, top-p in float32"]


def definition(row):
    """Return the ids that the definitions keep, in exact arithmetic; None if that takes logs."""
    if not row.probs or not set(row.settings) <= {"top_k", "top_p", "min_p", "epsilon", "xtc"}:
        return None
    probs = dict(enumerate(map(Fraction, row.probs.split())))
    assert sum(probs.values()) == 1
    for name, value in row.settings.items():
        bound, best = Fraction(str(value)), max(probs.values())
        ranked = sorted(probs, key=lambda i: (-probs[i], i))
        if name == "top_k":
            kept = ranked[:value]
        elif name == "top_p":
            kept = [i for n, i in enumerate(ranked) if sum(probs[j] for j in ranked[:n]) < bound]
        elif name == "xtc":
            top = [i for i in ranked if probs[i] >= bound]
            least = min(top, key=lambda i: (probs[i], i))
            kept = [i for i in ranked if i not in top or i == least]
        else:
            kept = [i for i in ranked if probs[i] >= bound * (best if name == "min_p" else 1)]
        total = sum(probs[i] for i in kept)
        probs = {i: probs[i] / total for i in kept}
    return tuple(sorted(probs))


@pytest.mark.parametrize("row", [r for r in ROWS if definition(r)], ids=lambda row: row.name)
def test_what_is_right_follows_from_the_definition_in_exact_arithmetic(row):
    assert row.right == definition(row)


def test_the_table_covers_what_breaks_samplers():
    names = " ".join(row.name for row in ROWS)
    for kind in (
        "ties", "exact hit", "all but one", "all at -inf", "NaN", "+inf", "vocabulary of one",
        "float16", "bfloat16", "times 100", "1e-8",
    ):  # fmt: skip
        assert kind in names
    assert len({row.name for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert set(row.differs) <= {n for n, s in SYSTEMS.items() if s.offers(row.settings)}
    settings = {name for row in ROWS for name in row.settings}
    assert settings == {"greedy", "past", *SYSTEMS["decodelib"].order}
    assert sum(definition(row) is not None for row in ROWS) > 15
