"""Laws about the tests themselves: a module's tests are found by its name, and stand alone."""

import ast
from pathlib import Path

import pytest

from tools.mutants import MUTANTS

TESTS = Path(__file__).resolve().parents[1]
PACKAGE = TESTS.parent / "decodelib"
MODULES = sorted(TESTS.rglob("*.py"))
TESTED_IN = {
    "checks/exercises.py": "checks/test_hidden_probes.py",
    "checks/given.py": "checks/test_loop.py",
    "checks/progress.py": "checks/test_notebook.py",
    "checks/repetition.py": "checks/test_greedy.py",
    "cli/claims.py": "book/test_claims_on.py",
    "cli/grade.py": "grading/test_grade.py",
    "cli/options.py": "cli/test_command.py",
    "decoding/inputs.py": "decoding/test_loop.py",
    "decoding/generation.py": "decoding/test_loop.py",
    "decoding/processing.py": "strategies/test_processors_everywhere.py",
    "decoding/search.py": "strategies/test_every_strategy.py",
    "decoding/transcript.py": "decoding/test_stopping.py",
    "grading/frames.py": "grading/test_grade.py",
    "grading/guard.py": "grading/test_grade.py",
    "grading/report.py": "grading/test_grade.py",
    "grading/runner.py": "grading/test_grade.py",
    "grading/workers.py": "grading/test_grade.py",
    "models/base.py": "decoding/test_batching.py",
    "models/gpt2/attend.py": "models/gpt2/test_model.py",
    "models/gpt2/tokenizer.py": "models/test_tokenizer_files.py",
    "models/gpt2/weights.py": "models/gpt2/test_model.py",
    "models/hf_loading.py": "models/test_files.py",
    "kernels/seeds.py": "decoding/test_samplers.py",
    "processors/dry.py": "processors/test_penalties.py",
    "processors/generation_config.py": "strategies/test_generation_config.py",
    "processors/marking.py": "processors/test_watermarks.py",
    "processors/knobs.py": "strategies/test_generation_config.py",
    "starting.py": "cli/test_terminal.py",
    "strategies/knobs.py": "cli/test_command.py",
    "viz/beams/record.py": "viz/beams/test_explorer.py",
    "viz/distribution/payload.py": "viz/distribution/test_explorer.py",
    "viz/distribution/steps.py": "viz/distribution/test_explorer.py",
    "viz/rating/pairs.py": "viz/rating/test_explorer.py",
    "viz/rules/mass.py": "viz/rules/test_explorer.py",
    "viz/rules/watermark.py": "viz/rules/test_explorer.py",
    "viz/entropy/record.py": "viz/entropy/test_explorer.py",
    "viz/live/decoding.py": "viz/live/test_playground.py",
    "viz/live/dials.py": "viz/live/test_playground.py",
    "viz/live/interruptible.py": "viz/test_lab.py",
    "viz/page/pack.py": "viz/engine/test_strategies.py",
    "viz/player/record.py": "viz/player/test_explorer.py",
    "viz/race/scores.py": "viz/race/test_explorer.py",
    "viz/shell/explorer.py": "viz/test_every_explorer.py",
    "viz/shell/source.py": "viz/test_copied_code.py",
    "viz/shell/texts.py": "viz/rules/test_explorer.py",
}
"""Modules without a test module of their name: their tests are those of what they are a part of."""


def modules_named(module: Path) -> set[str]:
    """The dotted names in the import statements of a module, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_nothing_imports_a_test_module(module):
    """What tests share stands in tests/helpers/, where changing one test breaks no other."""
    parts = {name: name.split(".") for name in modules_named(module)}
    assert not [
        name
        for name, (first, *rest) in parts.items()
        if first == "tests" and any(part.startswith("test_") for part in rest)
    ]


def test_every_module_has_a_test_module_of_its_name_or_of_what_it_is_a_part_of():
    modules = {
        str(path.relative_to(PACKAGE)): path
        for path in PACKAGE.rglob("*.py")
        if not path.name.startswith("__")
    }
    own = {
        name for name in modules if (TESTS / Path(name).parent / f"test_{Path(name).name}").exists()
    }
    elsewhere = {name: TESTED_IN[name] for name in TESTED_IN if name in modules}
    assert set(modules) - own - set(elsewhere) == set()
    assert {test for test in elsewhere.values() if not (TESTS / test).exists()} == set()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_every_planted_mistake_can_be_planted_and_has_tests_to_catch_it(mutant):
    assert (PACKAGE / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1
    assert mutant.old != mutant.new
    for path, _, function in (test.partition("::") for test in mutant.tests.split()):
        assert f"def {function}" in (TESTS.parent / path).read_text(encoding="utf-8")
