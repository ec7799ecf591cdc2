"""The generation player: a text token by token, what else could have come, and where it led."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Sequence
from typing import Any

import traitlets as t

from decodelib.arguments import check_choice, check_integer
from decodelib.decoding.generation import NUM_CANDIDATES, Generation
from decodelib.decoding.search import Strategy
from decodelib.models.base import LanguageModel
from decodelib.models.toy import TableLM
from decodelib.strategies.sampling import Sampling
from decodelib.viz.player.record import (
    Record,
    Recorder,
    alternatives,
    find_branch,
    most_uncertain,
    path_of,
)
from decodelib.viz.shell.explorer import ALIVE, Explorer, build, question
from decodelib.viz.shell.limits import Limit, number
from decodelib.viz.shell.own import TITLE, Field, Form
from decodelib.viz.shell.source import as_call, as_source

ANSWERS = ("least_probable", "most_uncertain", "unlikely", "p", "rank", "entropy", "kept")

ALTERNATIVES = 2
"""How many branches are recorded at each of the places chosen for it."""


class GenerationPlayer(Explorer):
    """A recorded generation to step through, with the candidates of every token and their branches.

    Make one with `explore_generation`. The traits below can be read and set; in a kernel the page
    follows them, and the other way round.

    Traits:
        branch: Which text is shown: 0 for the strategy's own, then the branches as recorded.
        position: Which of its tokens is looked at, from 1; beyond the end it is the last.
        request: [branch, position, token id] while the page waits for a new branch, else empty.
        message: Why the last request was not fulfilled, in one sentence; else empty.
        prediction: As for every explorer; a number.
    """

    kind = t.Unicode("player").tag(sync=True)
    branch = t.Int(0).tag(sync=True)
    position = t.Int(1).tag(sync=True)
    request = t.List(t.Int()).tag(sync=True)
    message = t.Unicode("").tag(sync=True)

    settings = ("branch", "position")

    generation: Generation
    """The strategy's own continuation, with its trace."""

    _recorder: Recorder

    def limits(self) -> dict[str, Limit]:
        """Return what each setting may be."""
        return {
            "branch": number(0, len(self.data["branches"]) - 1, integer=True),
            "position": number(1, self.data["max_new_tokens"], integer=True),
        }

    @t.validate("branch", "position")
    def _check_place(self, proposal: Any) -> int:
        name = proposal["trait"].name
        limit = self.limits()[name]
        check_integer(name, proposal["value"], limit["min"], limit["max"])
        return int(proposal["value"])

    @property
    def steps(self) -> list[Record]:
        """The steps of the text shown, from its first token on."""
        return path_of(self.data["branches"], self.branch)

    @property
    def step(self) -> Record:
        """The step looked at."""
        return self.steps[min(self.position, len(self.steps)) - 1]

    @property
    def text(self) -> str:
        """The continuation shown, without the token that ends it."""
        steps = self.steps[:-1] if self._ends_with_eos else self.steps
        return "".join(step["text"] for step in steps)

    @property
    def _ends_with_eos(self) -> bool:
        return bool(self.data["branches"][self.branch]["end"] == "eos")

    def regenerate(self, branch: int, position: int, token_id: int) -> int:
        """Take another candidate at a token of a branch, let the strategy go on, and show that.

        Returns the index of the branch; one that is recorded already is not generated again.

        Raises:
            ValueError: For what is no branch, no token of it, or none of that token's candidates.
        """
        branches = self.data["branches"]
        check_integer("branch", branch, 0, len(branches) - 1)
        steps = path_of(branches, branch)
        check_integer("position", position, 1, len(steps))
        path = steps[:position]
        check_choice("token_id", token_id, tuple(c[0] for c in path[-1]["candidates"]))
        found = find_branch(branches, [step["id"] for step in path[:-1]] + [token_id])
        if found is None:
            found = len(branches)
            new = self._recorder.branch(branch, path, token_id)
            self.data = {**self.data, "branches": [*branches, new]}
            self.data = {**self.data, "limits": self.limits()}
        self.branch, self.position = found, position
        return found

    @t.observe("request")
    def _fulfil(self, change: Any) -> None:
        if not change["new"]:
            return
        try:
            branch, position, token_id = change["new"]
            self.regenerate(branch, position, token_id)
            self.message = ""
        except Exception as error:  # a page has no console: say there what went wrong
            self.message = f"No new branch: {error}"
        finally:
            self.request = []

    def __repr__(self) -> str:
        return f"GenerationPlayer({self.data['prompt']!r}: {self.data['strategy']})"

    def summary(self) -> str:
        """Return the current state in one line; the answer stays hidden until it is predicted."""
        if self.is_hidden:
            return f"{self!r}: {self.data['predict']['question']}"
        steps, step = self.steps, self.step
        place = min(self.position, len(steps))
        return (
            f"{self!r}: token {place} of {len(steps)}, {step['text']!r}, has p {step['p']:.4g}, "
            f"rank {step['rank']}; entropy {step['entropy']:.3f} nats, {step['kept']:,} tokens kept"
        )

    def as_text(self) -> str:
        """Return the summary, the text, and a table of its tokens."""
        data = self.data
        lines = [self.title, f"after: {data['prompt']!r}", self.summary(), ""]
        lines += textwrap.wrap(repr(self.text), 96)
        lines += ["", f"{'token':<20}{'p':>10}{'rank':>7}{'entropy':>9}{'kept':>8}"]
        for place, step in enumerate(self.steps, 1):
            shown = repr(step["text"])
            if self.is_hidden:
                lines.append(f"{place:>3} {shown:<16.16}{'?':>10}{'?':>7}{'?':>9}{'?':>8}")
                continue
            lines.append(
                f"{place:>3} {shown:<16.16}{step['p']:>10.4g}{step['rank']:>7}"
                f"{step['entropy']:>9.3f}{step['kept']:>8}  {step['decision']}".rstrip()
            )
        count = len(data["branches"]) - 1
        lines += ["", f"{count} branches are recorded."] if count else []
        lines += ["", ALIVE]
        return "\n".join(lines)


def explore_generation(
    lm: LanguageModel,
    prompt: str,
    strategy: Strategy,
    *,
    max_new_tokens: int = 30,
    seed: int = 0,
    candidates: int = 8,
    branches: int | Sequence[int] = 0,
    title: str = "A text, token by token",
    predict: str | None = None,
    answer: str = "least_probable",
    **settings: Any,
) -> GenerationPlayer:
    """Return a generation to play: each token with its candidates, and branches to others of them.

    A branch takes another candidate at one token; then the same strategy goes on from there, from
    the same seed, as if all before had been the prompt. Some are recorded here, for pages without a
    kernel; in a kernel the reader can ask for any.

    Args:
        lm: Any decodelib language model.
        prompt, strategy, max_new_tokens, seed: As for `generate`.
        candidates: How many candidates of each token are recorded, in [2, 10].
        branches: At how many tokens two branches each are recorded, those of highest entropy; or
            the positions of these tokens, from 1.
        title: The heading.
        predict: A question that the reader must answer with a number before the player shows any.
        answer: What that number is. Of the strategy's own text: the place of its "least_probable"
            token or of the "most_uncertain" (highest entropy), or how many are "unlikely"
            (p < 0.5). Of the token at `position`: "p", "rank", "entropy" or "kept".
        settings: Where the player starts: branch, position.

    Raises:
        ValueError: For values out of range.  TypeError: For an unknown setting.

    Chapter 12 follows a chain of processors with it, chapter 13 the end of a text.
    """
    check_integer("candidates", candidates, 2, NUM_CANDIDATES)
    if not isinstance(branches, Sequence):
        check_integer("branches", branches, 0)
    check_choice("answer", answer, ANSWERS)
    recorder = Recorder(lm, prompt, strategy, max_new_tokens, seed, candidates)
    generation, original = recorder.original()
    player = build(GenerationPlayer)
    player.title, player.generation, player._recorder = title, generation, recorder
    processors = strategy.processors if isinstance(strategy, Sampling) else ()
    player.data = {
        "load": None if isinstance(lm, TableLM) else as_call(lm),
        "model": None if isinstance(lm, TableLM) else lm.name,
        "prompt": prompt,
        "strategy": repr(strategy),
        "code": as_source(strategy),
        "processors": [repr(processor) for processor in processors],
        "seed": seed,
        "max_new_tokens": max_new_tokens,
        "vocab": lm.vocab_size,
        "branches": [original],
    }
    steps = original["steps"]
    if not isinstance(branches, Sequence):
        branches = [place + 1 for place in most_uncertain(steps, branches)]
    for position in branches:
        check_integer("branches", position, 1, len(steps))
        for token_id in alternatives(steps[position - 1], ALTERNATIVES):
            player.regenerate(0, position, token_id)
    player.branch, player.position = 0, 1
    player.start(settings, None)
    asked = {"name": answer, "value": _answer(player, answer)}
    player.start(settings, question(predict, asked))
    fields = {
        "max_new_tokens": Field("New tokens", min(max_new_tokens, 60), 1, 60),
        "seed": Field("Seed", seed, 0, 10**9),
    }
    again = functools.partial(explore_generation, lm, strategy=strategy, branches=2, title=TITLE)
    player.offer(lm, Form(again, prompt, fields))
    return player


def _answer(player: GenerationPlayer, name: str) -> float:
    steps = player.data["branches"][0]["steps"]
    if name == "least_probable":
        return int(min(range(len(steps)), key=lambda place: steps[place]["p"])) + 1
    if name == "most_uncertain":
        return most_uncertain(steps, 1)[0] + 1
    if name == "unlikely":
        return sum(step["p"] < 0.5 for step in steps)
    return float(player.step[name]) if name in ("p", "entropy") else int(player.step[name])
