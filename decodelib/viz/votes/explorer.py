"""The vote explorer: many texts of one prompt as one tree with counts, and the votes they cast."""

from __future__ import annotations

import functools
import textwrap
from collections import Counter
from typing import Any, NamedTuple

import traitlets as t

from decodelib.arguments import check_choice, check_integer
from decodelib.decoding.generation import Generation
from decodelib.decoding.loop import generate
from decodelib.models.base import LanguageModel
from decodelib.models.toy import TableLM
from decodelib.strategies.choosing import SelfConsistency
from decodelib.strategies.sampling import Sampling
from decodelib.viz.shell.explorer import ALIVE, Explorer, build, question
from decodelib.viz.shell.limits import Limit, number, one_of
from decodelib.viz.shell.own import TITLE, Field, Form
from decodelib.viz.shell.source import as_call, as_source

MAX_TEXTS = 100

ALL = "all"


class Branch(NamedTuple):
    """A stretch of text that several texts share: its tokens, the texts in it, what comes after."""

    tokens: tuple[str, ...]
    texts: tuple[int, ...]
    branches: tuple[Branch, ...]


class VoteExplorer(Explorer):
    """The texts that one prompt gives, as one tree, and how often each answer is among them.

    Make one with `explore_votes`. The traits below can be read and set; in a kernel the page
    follows them, and the other way round.

    Traits:
        texts: How many of the texts are counted, from 1.
        picked: The answer whose texts are shown, or "all".
    """

    kind = t.Unicode("votes").tag(sync=True)
    texts = t.Int(1).tag(sync=True)
    picked = t.Unicode(ALL).tag(sync=True)

    settings = ("texts", "picked")

    generations: list[Generation]
    """All texts, in the order drawn."""

    strategy: SelfConsistency

    def limits(self) -> dict[str, Limit]:
        """Return what each setting may be."""
        return {
            "texts": number(1, len(self.data["texts"]), integer=True),
            "picked": one_of([ALL, *self._answers]),
        }

    @t.validate("texts")
    def _check_texts(self, proposal: Any) -> int:
        check_integer("texts", proposal["value"], 1, len(self.data.get("texts", [0])))
        return int(proposal["value"])

    @t.validate("picked")
    def _check_picked(self, proposal: Any) -> str:
        check_choice("picked", proposal["value"], (ALL, *self._answers))
        return str(proposal["value"])

    @property
    def _answers(self) -> tuple[str, ...]:
        found = (text["answer"] for text in self.data.get("texts", ()))
        return tuple(dict.fromkeys(answer for answer in found if answer is not None))

    @property
    def votes(self) -> list[tuple[str, int]]:
        """Each answer of the texts counted and its votes, most first, of equals the first given."""
        given = [text["answer"] for text in self.data["texts"][: self.texts]]
        return Counter(answer for answer in given if answer is not None).most_common()

    @property
    def tree(self) -> tuple[Branch, ...]:
        """The texts shown as a tree: branches by falling number of texts, of equals the first."""
        shown = [
            place
            for place, text in enumerate(self.data["texts"][: self.texts])
            if self.picked in (ALL, text["answer"])
        ]
        return self._branches(shown, 0)

    def _branches(self, texts: list[int], depth: int) -> tuple[Branch, ...]:
        groups: dict[str, list[int]] = {}
        for place in texts:
            tokens = self.data["texts"][place]["tokens"]
            if depth < len(tokens):
                groups.setdefault(tokens[depth], []).append(place)
        ranked = sorted(groups.values(), key=lambda group: -len(group))
        return tuple(self._branch(group, depth) for group in ranked)

    def _branch(self, texts: list[int], depth: int) -> Branch:
        """Return the branch that begins at `depth`, as far as all its texts go on alike."""
        written = [self.data["texts"][place]["tokens"] for place in texts]
        end = depth + 1
        while all(len(tokens) > end for tokens in written) and len({w[end] for w in written}) == 1:
            end += 1
        return Branch(tuple(written[0][depth:end]), tuple(texts), self._branches(texts, end))

    def __repr__(self) -> str:
        return f"VoteExplorer({self.data['prompt']!r}: {len(self.data['texts'])} texts)"

    def summary(self) -> str:
        """Return the votes in one line; they stay hidden until they are predicted."""
        if self.is_hidden:
            return f"{self!r}: {self.data['predict']['question']}"
        votes = ", ".join(f"{answer} {count}" for answer, count in self.votes) or "none"
        return f"{self!r}: votes of the first {self.texts}: {votes}"

    def as_text(self) -> str:
        """Return the summary and the texts as a tree, each with its answer."""
        lines = [self.title, f"after: {self.data['prompt']!r}"]
        lines += [*textwrap.wrap(self.summary(), 96), "", "texts  continuation"]
        if self.is_hidden:
            lines += ["", "The tree is shown once a prediction is made."]
        else:
            lines += self._written(self.tree, 0)
        lines += ["", ALIVE]
        return "\n".join(lines)

    def _written(self, branches: tuple[Branch, ...], depth: int) -> list[str]:
        lines = []
        for branch in branches:
            text = "".join(branch.tokens)
            answers = [self.data["texts"][place]["answer"] for place in branch.texts]
            says = f"  [{answers[0] or 'no answer'}]" if not branch.branches else ""
            lines.append(f"{len(branch.texts):>5}  {'  ' * depth}{text!r}{says}")
            lines += self._written(branch.branches, depth + 1)
        return lines


def explore_votes(
    lm: LanguageModel,
    prompt: str,
    answer: str,
    *,
    texts: int = 32,
    max_new_tokens: int = 12,
    seed: int = 0,
    title: str = "Many texts, one answer",
    predict: str | None = None,
    **settings: Any,
) -> VoteExplorer:
    """Return many texts of one prompt as one tree with counts, and the votes of their answers.

    Args:
        lm: Any decodelib language model.
        prompt: The text that all continue.
        answer: A regular expression that reads the answer out of a text, as for `SelfConsistency`.
        texts: How many are drawn from the model, in [2, 100].
        max_new_tokens, seed: As for `generate`.
        title: The heading.
        predict: A question that the reader must answer with one of the answers before the explorer
            shows them: "Which answer will most texts give?". Not asked if no text has one.
        settings: Where the explorer starts: how many texts are counted (`counted`; all if not
            given) and `picked`.

    Raises:
        ValueError, TypeError: For values out of range, or an unknown setting.

    Chapter 18.
    """
    check_integer("texts", texts, 2, MAX_TEXTS)
    strategy = SelfConsistency(answer, Sampling(num_return_sequences=texts))
    drawn = generate(lm, prompt, strategy.candidates, max_new_tokens=max_new_tokens, seed=seed)
    explorer = build(VoteExplorer)
    explorer.title, explorer.strategy = title, strategy
    explorer.generations = [drawn, *drawn.alternatives]
    answers = strategy.answers(explorer.generations)
    explorer.data = {
        "source": as_call(lm),
        "model": None if isinstance(lm, TableLM) else lm.name,
        "prompt": prompt,
        "answer": answer,
        "strategy": as_source(strategy),
        "max_new_tokens": max_new_tokens,
        "seed": seed,
        "texts": [
            {"tokens": g.tokens, "answer": said}
            for g, said in zip(explorer.generations, answers, strict=True)
        ],
    }
    start: dict[str, Any] = {"texts": settings.pop("counted", texts)} | settings
    explorer.start(start)
    if predict is not None and explorer.votes:
        choices = sorted(explorer._answers)
        explorer.start(start, question(predict, explorer.votes[0][0], choices))
    fields = {
        "texts": Field("Texts", min(texts, 16), 2, MAX_TEXTS),
        "max_new_tokens": Field("New tokens", max_new_tokens, 1, 60),
        "seed": Field("Seed", seed, 0, 10**9),
    }
    again = functools.partial(explore_votes, lm, answer=answer, title=TITLE)
    explorer.offer(lm, Form(again, prompt, fields))
    return explorer
