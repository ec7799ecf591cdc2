"""The probes that marks are given on: every seed agrees with the solutions, and tells mistakes."""

import nbformat
import pytest

from decodelib import checks
from decodelib.checks.exercises import tasks
from decodelib.checks.verdict import exercise_of
from tools.book import ROOT
from tools.exercises import LIST, listed

each_task = pytest.mark.parametrize("task", tasks(), ids=lambda task: task.checker)


def exercise(task):
    return exercise_of(getattr(checks, task.checker))


def solution(task):
    """The chapter's own solution, which is not the checker's."""
    nb = nbformat.read(ROOT / "chapters" / f"{task.chapter}.ipynb", as_version=4)
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    solutions = [cell for cell in code if "solution" in cell.metadata.get("tags", ())]
    space = {}
    imports = "\n".join(
        line for line in code[0].source.splitlines() if line.startswith(("import", "from"))
    )
    exec(imports, space)
    for cell in solutions:  # one may call another
        exec(cell.source.rpartition("checks.")[0], space)
    return space[task.function]


@each_task
def test_a_solution_passes_on_hidden_probes(task):
    for seed in (1, 2):
        verdict = exercise(task).check(solution(task), seed)
        assert verdict.passed, verdict.message


@pytest.mark.long
@each_task
def test_a_solution_passes_on_the_hidden_probes_of_many_seeds(task):
    for seed in range(100, 200):
        verdict = exercise(task).check(solution(task), seed)
        assert verdict.passed, (seed, verdict.message)


@each_task
def test_hidden_probes_are_others_for_another_seed(task):
    found = exercise(task)
    assert found.hidden is not None
    assert repr(found.hidden_probes(1)) == repr(found.hidden_probes(1))
    assert (
        len({repr(found.hidden_probes(1)), repr(found.hidden_probes(2)), repr(found.probes)}) == 3
    )


@each_task
def test_answers_to_the_probes_that_everybody_sees_earn_nothing(task):
    found = exercise(task)
    known = {repr(probe): found.solution(*probe) for probe in found.probes}
    verdict = found.check(lambda *probe: known[repr(probe)], 1)
    assert not verdict.passed


@each_task
def test_hints_are_found_on_hidden_probes_too(task):
    found = exercise(task)
    hints = {misconception.hint for misconception in found.misconceptions}
    for misconception in found.misconceptions:
        wrong = misconception.wrong
        on_known = found._judge(wrong, found.probes).message
        assert found._judge(wrong, found.hidden_probes(3)).message == on_known in hints


def test_the_list_of_exercises_is_that_of_the_chapters():
    assert LIST.read_text(encoding="utf-8") == listed(), "run `python -m tools.exercises`"
