"""A chapter's quiz: questions in words, choices with what each is told, and answers computed.

checks.quiz(
    claim,
    '''
? Top-p with p = 0.6 on the eight words. How many does it keep?
- 1 :: The first word alone has 0.4, which is not enough.
- 2 :: 0.4 and 0.2 reach 0.6, and the set ends there.
''',
    [nucleus_size(toy, 0.6)],
)
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from decodelib.checks.claims import Claims

_CHOICE = " :: "


@dataclass(frozen=True)
class Question:
    """A question, its choices, and what a reader who takes a choice is told.

    Attributes:
        text: The question; `code` stands in backquotes and *emphasis* in asterisks.
        choices: The choices, each with its reply.
        answer: Which of the choices was computed to be right, counted from 0; None if none was.
    """

    text: str
    choices: tuple[tuple[str, str], ...]
    answer: int | None


@dataclass(frozen=True)
class Quiz:
    """Questions whose answers a cell has computed. Made by `quiz`.

    As HTML a choice is a disclosure that opens on its reply, so a quiz works where no script runs.
    """

    questions: tuple[Question, ...]

    @property
    def key(self) -> str:
        """Eight digits that change with any word of the quiz: what a page remembers scores by."""
        return hashlib.sha256(repr(self.questions).encode()).hexdigest()[:8]

    def __repr__(self) -> str:
        lines = []
        for number, question in enumerate(self.questions, start=1):
            lines.append(f"{number}. {question.text}")
            lines += [f"   - {choice}" for choice, _ in question.choices]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{_question_html(question)}</li>" for question in self.questions)
        return f'<div class="quiz" data-quiz="{self.key}"><ol>{items}</ol></div>'


def quiz(claim: Claims, text: str, answers: Sequence[Any], *, about: str = "every model") -> Quiz:
    """Return the quiz that `text` writes out, with its answers as the chapter computed them.

    A quiz is a claim: that each computed answer is one of the choices. Where it fails, what
    `Claims.__call__` says happens.

    Args:
        claim: What `claims_on` returned.
        text: For each question a line that begins with "? ", and below it the choices, each a line
            "- choice :: reply". Further lines continue the one above them.
        answers: One for each question: the choice that is right, as text or as what str() makes of
            it; or {choice: whether it was found to be right}.
        about: The models that the answers hold for, as in `Claims.__call__`.

    Raises:
        ValueError: For text of another form, for choices that repeat, and for another number of
            answers than questions.
    """
    asked = [_parse(block) for block in re.split(r"^\? ", text, flags=re.MULTILINE)[1:]]
    if len(asked) != len(answers) or not asked:
        raise ValueError(
            f"answers must be one for each of {len(asked)} questions, got {len(answers)}"
        )
    questions = []
    for (question, choices), answer in zip(asked, answers, strict=True):
        said = _said(answer)
        names = [choice for choice, _ in choices]
        claim(f"Quiz: {question}", measured=said, holds=said in names, about=about)
        right = names.index(said) if said in names else None
        questions.append(Question(question, choices, right))
    return Quiz(tuple(questions))


def _said(answer: Any) -> str:
    """Return the choice that a computed answer names."""
    if isinstance(answer, Mapping):
        right = [choice for choice, is_right in answer.items() if is_right]
        return right[0] if len(right) == 1 else f"{len(right)} of {', '.join(answer)}"
    return str(answer.item() if hasattr(answer, "item") else answer)


def _parse(block: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    question, *lines = (
        " ".join(part.split()) for part in re.split(r"^- ", block, flags=re.MULTILINE)
    )
    for line in lines:
        if line.count(_CHOICE) != 1:
            raise ValueError(f"a choice must be '- choice :: reply', got {line!r}")
    choices = tuple((line.split(_CHOICE)[0], line.split(_CHOICE)[1]) for line in lines)
    if len({choice for choice, _ in choices}) < max(2, len(choices)):
        raise ValueError(f"choices must be two or more that differ, got those of {question!r}")
    return question, choices


def _question_html(question: Question) -> str:
    choices = []
    for index, (choice, reply) in enumerate(question.choices):
        is_right = index == question.answer
        choices.append(
            f'<details class="quiz-{"right" if is_right else "wrong"}">'
            f"<summary>{_inline(choice)}</summary>"
            f"<p><strong>{'Right.' if is_right else 'No.'}</strong> {_inline(reply)}</p></details>"
        )
    return f"<p>{_inline(question.text)}</p>{''.join(choices)}"


def _inline(text: str) -> str:
    """Return text as HTML, with `code` and *emphasis*."""
    written = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
    return re.sub(r"\*([^*\s][^*]*)\*", r"<em>\1</em>", written)
