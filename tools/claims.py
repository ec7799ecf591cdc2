"""The claims ledger: what the chapters say is so, what they measure, and what they expect.

A chapter makes a claim by calling `claim`, from `checks.claims_on(lm)`; each call is listed with
its comparison, as it stands in the code. A Markdown cell may list claims that a test carries, in
its metadata under "claims", each as {"claim": ..., "test": "file::name"}.
`python -m tools.claims` writes them all to chapters/claims.md, and the page on other models.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myst_parser.mdit_to_docutils.base import default_slugify

from tools.book import ROOT, chapter_notebooks

LEDGER = ROOT / "chapters" / "claims.md"
CALL = "claim"
"""The name under which chapters call what `checks.claims_on` returns."""
QUIZ = "checks.quiz"

HEADER = """\
# Claims and their checks

A textbook about models is easily wrong about them: a sentence is copied, the model changes, and
nobody measures again. Here each sentence about what a method or a model does is tied to a check.
Most checks are calls of `claim` in the chapter, in the section that the last column links to. The
middle column is the call's comparison, as it stands there: what is measured, and what is expected
of it; after *where* stand the comparisons by which the cell counted or chose what is measured. On
storybook a claim that fails is an error, and fails the book's tests. On another model it is a note
on the page, and the chapter goes on. A few claims rest on tests of the library, named in their
place. The questions of a chapter's quiz stand last: their answers are computed, and an answer that
is none of the choices fails like any claim.

What a claim is about stands before its comparison, where it is not about every autoregressive
model: *trained models*, *base models* (trained on plain text, not tuned to answer), *small models*,
or *models of fiction*. Claims about *mathematics* depend on no model. What a chapter quotes from a
paper is cited there and is not in this list: it was published, and not measured here.

This page is generated from the notebooks by `make claims`.
"""


@dataclass(frozen=True)
class Claim:
    """One sentence, and what makes it safe to print."""

    sentence: str
    notebook: Path
    cell_id: str
    section: str
    check: str | None
    """The claim's comparison, or "file::name" of a test, or None if there is nothing to fail."""
    about: str = "every model"
    where: tuple[str, ...] = ()
    """The comparisons of the cell that decide what is measured, as code; see `conditions`."""


def claims_of(notebook: Path) -> Iterator[Claim]:
    """Yield a chapter's claims in reading order. Raises ValueError for a call that is no claim."""
    section = ""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            section = _last_heading(source) or section
        place = (notebook, cell["id"], section)
        for entry in cell["metadata"].get("claims", ()):
            yield Claim(
                entry["claim"], *place, entry["test"] if test_exists(entry["test"]) else None
            )
        if cell["cell_type"] == "code":
            for call in calls(source):
                about = _keyword(call, "about", Claim.about)
                where = conditions(call, source)
                yield Claim(_sentence(call), *place, comparison(call), about, where)


def quizzes_of(notebook: Path) -> Iterator[Claim]:
    """Yield the questions of a chapter's quiz: each claims that the answer computed is a choice."""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if "quiz" not in cell["metadata"].get("tags", ()):
            continue
        for call in calls("".join(cell["source"]), QUIZ):
            text, answers = call.args[1:]
            if not _is_text(text) or not isinstance(answers, ast.List):
                raise ValueError(f"a quiz must be written out, got {ast.unparse(call)[:60]}")
            blocks = ast.literal_eval(text).split("\n? ")[1:]
            questions = [" ".join(block.split("\n- ")[0].split()) for block in blocks]
            about = _keyword(call, "about", Claim.about)
            for question, answer in zip(questions, answers.elts, strict=True):
                check = _answer(answer)
                yield Claim(f"Quiz: {question}", notebook, cell["id"], "Quiz", check, about)


def _answer(answer: ast.expr) -> str:
    """Return how a quiz's answer is computed: {choice: whether it is right} as a condition."""
    if not isinstance(answer, ast.Dict):
        return f"{ast.unparse(answer)} is one of the choices"
    pairs = zip(filter(None, answer.keys), answer.values, strict=True)
    return ", ".join(f"{ast.unparse(choice)} if {ast.unparse(test)}" for choice, test in pairs)


def _last_heading(markdown: str) -> str | None:
    fenced, heading = False, None
    for line in markdown.splitlines():
        if line.startswith(("```", ":::")):
            fenced = not fenced
        elif line.startswith("#") and not fenced:
            heading = line.lstrip("#").strip()
    return heading


def calls(source: str, name: str = CALL) -> list[ast.Call]:
    """Return the calls of `claim`, or of what `name` says, in the order they are written in."""
    found = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name
    ]
    return sorted(found, key=lambda call: call.lineno)


def _sentence(call: ast.Call) -> str:
    if len(call.args) != 1 or not _is_text(call.args[0]):
        raise ValueError(f"a claim's sentence must be written out, got {ast.unparse(call)}")
    return ast.literal_eval(call.args[0])


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _keyword(call: ast.Call, name: str, default: str) -> str:
    values = [keyword.value for keyword in call.keywords if keyword.arg == name]
    return ast.literal_eval(values[0]) if values else default


def comparison(call: ast.Call) -> str | None:
    """Return what a claim measures and expects, as code; None if nothing could make it fail.

    What can fail depends on something the cell computed, and is compared with something else.
    """
    given = {word.arg: word.value for word in call.keywords if word.arg != "about"}
    expected = [name for name in given if name not in (None, "measured", "tolerance")]
    if len(expected) != 1:
        return None
    name = expected[0]
    subject = given[name] if name == "holds" else given.get("measured")
    if subject is None or not any(isinstance(node, ast.Name) for node in ast.walk(subject)):
        return None
    if name == "holds":
        return ast.unparse(subject)
    if ast.dump(subject) == ast.dump(given[name]):
        return None
    parts = [ast.unparse(subject), name.replace("_", " "), ast.unparse(given[name])]
    if "tolerance" in given:
        parts += ["to within", ast.unparse(given["tolerance"])]
    return " ".join(parts)


def conditions(call: ast.Call, source: str) -> tuple[str, ...]:
    """Return the comparisons in a cell, outside the call, that decide what a claim measures.

    `similar = (p > q / 2).sum()` decides `claim(..., measured=similar, above=10)`, and so does what
    `p` and `q` are assigned in the cell. Comparisons within functions are left out: a function is
    an algorithm of the chapter, and no margin of the claim.
    """
    made = _assigned(ast.parse(source))
    waiting, seen, found = _names(call), set[str](), dict[str, None]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for expression in made.get(name, ()):
            waiting |= _names(expression)
            compared = [node for node in ast.walk(expression) if isinstance(node, ast.Compare)]
            found |= dict.fromkeys(map(ast.unparse, compared))
    return tuple(sorted(found))


def _assigned(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """Return what each name of a cell is made from: values, loops' iterables, and `if` tests."""
    made: dict[str, list[ast.expr]] = {}

    def visit(node: ast.AST, tests: list[ast.expr]) -> None:
        targets: list[ast.expr] = []
        value = getattr(node, "value", None)
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            return
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.For):
            targets, value = [node.target], node.iter
        elif isinstance(node, ast.Expr) and isinstance(value, ast.Call):  # rows.append(...)
            targets = [value.func] if isinstance(value.func, ast.Attribute) else []
        for name in set().union(*map(_names, targets)):
            made.setdefault(name, []).extend([value, *tests] if value else tests)
        if isinstance(node, ast.If):
            tests = [*tests, node.test]
        for child in ast.iter_child_nodes(node):
            visit(child, tests)

    visit(tree, [])
    return made


def _names(node: ast.AST) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def assertions(source: str) -> str | None:
    """Return the assert statements of a cell that depend on what it computed."""
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    depending = [node for node in found if any(isinstance(n, ast.Name) for n in ast.walk(node))]
    return "; ".join(ast.unparse(node.test) for node in depending) or None


def test_exists(name: str) -> bool:
    """Whether "tests/file.py::test_name" names a test function."""
    file, _, function = name.partition("::")
    path = ROOT / file
    if not path.is_file():
        return False
    tree: Any = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in tree.body)


def ledger(notebooks: Sequence[Path]) -> str:
    """Return the page that lists every claim of `notebooks`."""
    parts = [HEADER]
    for notebook in notebooks:
        rows = [_row(claim) for claim in (*claims_of(notebook), *quizzes_of(notebook))]
        if rows:
            title = f"## Chapter {int(notebook.stem[:2])}: {_title(notebook)}"
            head = ["| claim | compared | checked in |", "|---|---|---|"]
            parts.append("\n".join([title, "", *head, *rows, ""]))
    return "\n".join(parts)


def _row(claim: Claim) -> str:
    section = f"[{claim.section}]({claim.notebook.name}#{default_slugify(claim.section)})"
    check = _code(str(claim.check))
    if claim.check and "::" in claim.check and claim.check.startswith("tests/"):
        return f"| {claim.sentence} | by a test | {check} |"
    scope = "" if claim.about == Claim.about else f"*{claim.about}*: "
    where = ", ".join(_code(condition) for condition in claim.where)
    return f"| {claim.sentence} | {scope}{check}{where and ' where ' + where} | {section} |"


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _title(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "".join(cells[0]["source"]).splitlines()[0].lstrip("# ")


def main() -> None:
    from tools import (
        claims_elsewhere,
        exercises,
        start_page,
    )  # the first reads the claims by this module

    text = ledger(chapter_notebooks())
    LEDGER.write_text(text, encoding="utf-8")
    print(f"{text.count(chr(10) + '| ') - text.count('| claim |')} claims in {LEDGER.name}")
    claims_elsewhere.main()
    exercises.main()
    start_page.main()


if __name__ == "__main__":
    main()
