"""The beam explorer: the tree of a beam search, step by step, pruned branches still visible."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Sequence
from typing import Any, Literal

import traitlets as t

from decodelib.arguments import check_choice, check_integer, check_number
from decodelib.decoding.beam_tree import BeamTree
from decodelib.decoding.generation import Generation
from decodelib.decoding.loop import generate
from decodelib.models.base import LanguageModel
from decodelib.models.toy import TableLM
from decodelib.strategies.beam import BeamSearch
from decodelib.strategies.sampling import Greedy
from decodelib.viz.beams.record import DIGITS, Outcome, grow, on_path, replay
from decodelib.viz.shell.explorer import ALIVE, Explorer, build, question
from decodelib.viz.shell.limits import Limit, number, one_of
from decodelib.viz.shell.own import TITLE, Field, Form
from decodelib.viz.shell.source import as_call

EARLY_STOPPING = (False, True, "never")

ANSWERS = ("returned", "greedy_leaves", "stop", "length")


class BeamExplorer(Explorer):
    """The tree of a beam search, one step after the other, with the candidates it pruned.

    Make one with `explore_beams`. The traits below can be read and set; in a kernel the page
    follows them, and the other way round.

    Traits:
        num_beams: One of the widths that were recorded.
        step: How many steps are shown, from 0.
        length_penalty: The exponent of the score, in [-10, 10].
        early_stopping: False, True or "never".
        prediction: As for every explorer.
    """

    kind = t.Unicode("beams").tag(sync=True)
    num_beams = t.Int(1).tag(sync=True)
    step = t.Int(0).tag(sync=True)
    length_penalty = t.Float(1.0).tag(sync=True)
    early_stopping = t.Any(False).tag(sync=True)

    settings = ("num_beams", "step", "length_penalty", "early_stopping")

    trees: dict[int, BeamTree]
    """The tree of each width, grown to the last step, with the pruned candidates that are shown."""

    greedy: Generation

    def limits(self) -> dict[str, Limit]:
        """Return what each setting may be."""
        return {
            "num_beams": one_of(list(self.trees)),
            "step": number(0, self.data["max_new_tokens"], integer=True),
            "length_penalty": number(-10, 10, integer=False),
            "early_stopping": one_of(list(EARLY_STOPPING)),
        }

    @t.validate("num_beams")
    def _check_width(self, proposal: Any) -> int:
        if self.data:
            check_choice("num_beams", proposal["value"], tuple(self.trees))
        return int(proposal["value"])

    @t.validate("step")
    def _check_step(self, proposal: Any) -> int:
        check_integer("step", proposal["value"], 0, self.data.get("max_new_tokens", 0))
        return int(proposal["value"])

    @t.validate("length_penalty", "early_stopping")
    def _check_rule(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "length_penalty":
            check_number(name, value, -10, 10)
        else:
            check_choice(name, value, EARLY_STOPPING)
        return value

    @property
    def tree(self) -> BeamTree:
        """The tree of the width shown."""
        return self.trees[self.num_beams]

    @property
    def strategy(self) -> BeamSearch:
        """The current settings as a strategy for `dl.generate`."""
        return BeamSearch(self.num_beams, self.length_penalty, self.early_stopping)

    def outcome(self, until: int | None = None) -> Outcome:
        """Return what the search holds after `until` steps, or what it returns in the end."""
        return replay(self.tree, self.strategy, self.data["max_new_tokens"], until)

    def text_of(self, index: int) -> str:
        """Return the continuation that leads to a node of `tree`."""
        return "".join(self.tree.nodes[i].token for i in self.tree.path(index))

    @property
    def greedy_leaves(self) -> int | None:
        """The step that prunes greedy's path, or None if it lasts to its end."""
        last = self._greedy_nodes()[-1]
        node = self.tree.nodes[last]
        return node.length if node.fate == "pruned" else None

    def _greedy_nodes(self) -> list[int]:
        return [i for i in on_path(self.tree, self.greedy.token_ids) if i is not None]

    def __repr__(self) -> str:
        widths = " or ".join(map(str, self.trees))
        return f"BeamExplorer({self.data['prompt']!r}: {widths} beams)"

    def summary(self) -> str:
        """Return the outcome in one line; the answer stays hidden until it is predicted."""
        if self.is_hidden:
            return f"{self!r}: {self.data['predict']['question']}"
        outcome = self.outcome()
        score, best = outcome.finished[0]
        return (
            f"{self!r}: {self.strategy!r} stops after step {outcome.stop} and returns "
            f"{self.text_of(best)!r}, score {score:.4f}"
        )

    def as_text(self) -> str:
        """Return the summary, the tree step by step, and the finished hypotheses."""
        shown = min(1, self.step) if self.is_hidden else self.step
        greedy = set(self._greedy_nodes())
        lines = [self.title, f"after: {self.data['prompt']!r}", *textwrap.wrap(self.summary(), 96)]
        for length in range(1, shown + 1):
            lines += ["", f"step {length}:  sum of ln p"]
            for index in self.tree.step(length):
                node = self.tree.nodes[index]
                mark = "  (greedy's path)" if index in greedy else ""
                lines.append(f"  {node.fate:<9}{node.total:>9.4f}  {self.text_of(index)!r}{mark}")
        if not self.is_hidden:
            lines += ["", "finished:  score, length"]
            for score, index in self.outcome(self.step).finished:
                length = self.tree.nodes[index].length
                lines.append(f"  {score:>9.4f} {length:>3}  {self.text_of(index)!r}")
        lines += ["", ALIVE]
        return "\n".join(lines)


def explore_beams(
    lm: LanguageModel,
    prompt: str,
    *,
    num_beams: int | Sequence[int] = 3,
    max_new_tokens: int = 8,
    length_penalty: float = 1.0,
    early_stopping: bool | Literal["never"] = False,
    pruned: int = 3,
    title: str = "Beam search, step by step",
    predict: str | None = None,
    answer: str = "returned",
    **settings: Any,
) -> BeamExplorer:
    """Return the tree of a beam search, to be walked through step by step.

    The search is run to `max_new_tokens` whatever has finished, so that the length penalty and the
    stopping rule can be changed afterwards: they decide when a search stops and which of its
    finished hypotheses it returns, but not which ones are kept on the way.

    Args:
        lm: Any decodelib language model; a `TableLM` will do.
        prompt: The text to continue.
        num_beams: One width, or several to switch between; the first is shown.
        max_new_tokens: How many steps, at least 1.
        length_penalty, early_stopping: As for `BeamSearch`; where the explorer starts.
        pruned: How many pruned candidates are shown at each step, in [0, 10]: the best ones.
        title: The heading.
        predict: A question that the reader must answer before the explorer shows what happens after
            the first step: "Which text does it return?".
        answer: What answers it: "returned" (one of the finished texts), or the number
            "greedy_leaves" (the step that prunes greedy's path, 0 if none does), "stop" (the step
            after which the search stops) or "length" (how many tokens it returns).
        settings: Where else the explorer starts: step; all steps if not given.

    Raises:
        ValueError, TypeError: For values out of range, or an unknown setting.

    Chapter 4.
    """
    widths = [num_beams] if isinstance(num_beams, int) else list(num_beams)
    if not widths or len(set(widths)) < len(widths):
        raise ValueError(f"num_beams must be one width or several different ones, got {widths}")
    check_integer("pruned", pruned, 0, 10)
    check_choice("answer", answer, ANSWERS)
    greedy = generate(lm, prompt, Greedy(), max_new_tokens=max_new_tokens)
    explorer = build(BeamExplorer)
    explorer.title, explorer.greedy = title, greedy
    explorer.trees = {
        width: grow(lm, prompt, width, max_new_tokens, pruned, greedy) for width in widths
    }
    explorer.data = {
        "model": None if isinstance(lm, TableLM) else lm.name,
        "source": as_call(lm),
        "prompt": prompt,
        "max_new_tokens": max_new_tokens,
        "greedy": {"text": greedy.text, "total": round(greedy.score, DIGITS)},
        "trees": [_packed(width, tree, greedy) for width, tree in explorer.trees.items()],
    }
    start: dict[str, Any] = {"num_beams": widths[0], "step": max_new_tokens}
    start |= {"length_penalty": length_penalty, "early_stopping": early_stopping}
    explorer.start(start | settings)
    if predict is not None:
        explorer.start(start | settings, _question(explorer, predict, answer))
    fields = {
        "num_beams": Field("Beams", min(widths[0], 6), 1, 6),
        "max_new_tokens": Field("Steps", min(max_new_tokens, 12), 1, 12),
    }
    explorer.offer(lm, Form(functools.partial(explore_beams, lm, title=TITLE), prompt, fields))
    return explorer


def _packed(width: int, tree: BeamTree, greedy: Generation) -> dict[str, Any]:
    return {
        "num_beams": width,
        "greedy": on_path(tree, greedy.token_ids),
        "nodes": [[n.parent, n.length, n.token, n.logprob, n.total, n.fate] for n in tree.nodes],
    }


def _question(explorer: BeamExplorer, predict: str, answer: str) -> dict[str, Any] | None:
    outcome = explorer.outcome()
    best = outcome.finished[0][1]
    if answer == "returned":
        texts = [explorer.text_of(i) for _, i in outcome.finished]
        return question(predict, explorer.text_of(best), sorted(set(texts)))
    values = {
        "greedy_leaves": explorer.greedy_leaves or 0,
        "stop": outcome.stop,
        "length": explorer.tree.nodes[best].length,
    }
    return question(predict, values[answer])
