"""Beam searches recorded to the last step, and replayed with any penalty and stopping rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from decodelib.decoding.beam_tree import BeamNode, BeamTree
from decodelib.decoding.generation import Generation
from decodelib.decoding.loop import generate
from decodelib.models.base import LanguageModel
from decodelib.strategies.beam import BeamSearch

DIGITS = 9
"""Of every sum that is kept: enough for p to be exact within 1e-9."""


@dataclass(frozen=True, repr=False)
class _EveryStep(BeamSearch):
    """Beam search that goes on to the last step, so that every stopping rule can be replayed."""

    def is_decided(
        self, finished: Sequence[float], logprob: float, length: int, max_new_tokens: int
    ) -> bool:
        return False


class Outcome(NamedTuple):
    """A beam search replayed from its tree.

    Attributes:
        stop: The step after which the search stopped; None while it is still running.
        finished: (score, node) of the finished hypotheses it holds, best first.
    """

    stop: int | None
    finished: list[tuple[float, int]]


def replay(
    tree: BeamTree, strategy: BeamSearch, max_new_tokens: int, until: int | None = None
) -> Outcome:
    """Return what a search with this tree would hold after `until` steps, or at its end.

    Neither the length penalty nor the stopping rule has a say in which hypotheses are kept, so one
    tree that was grown to the last step serves them all.
    """
    finished: list[tuple[float, int]] = []
    last = tree.num_steps if until is None else until
    for length in range(1, last + 1):
        kept = []
        for index in tree.step(length):
            node = tree.nodes[index]
            if node.fate == "kept":
                kept.append(node)
            elif node.fate == "finished":
                finished.append((strategy.normalized(node.total, length), index))
        finished = sorted(finished, key=lambda pair: -pair[0])[: strategy.num_beams]
        scores = [score for score, _ in finished]
        if not kept or strategy.is_decided(scores, kept[0].total, length, max_new_tokens):
            return Outcome(length, finished)
    return Outcome(None, finished)


def grow(
    lm: LanguageModel, prompt: str, width: int, steps: int, pruned: int, greedy: Generation
) -> BeamTree:
    """Return the tree with the best `pruned` candidates of each step, and greedy's path marked."""
    found = generate(lm, prompt, _EveryStep(width), max_new_tokens=steps, trace=True).tree
    assert found is not None
    tree = _with_greedy(lm, found, greedy)
    marked = set(on_path(tree, greedy.token_ids))
    shown = []
    for length in range(1, tree.num_steps + 1):
        step = tree.step(length)
        best = [i for i in step if tree.nodes[i].fate == "pruned"][:pruned]
        shown += [i for i in step if tree.nodes[i].fate != "pruned" or i in best or i in marked]
    place: dict[int | None, int | None] = {None: None} | {old: new for new, old in enumerate(shown)}
    return BeamTree(tuple(_renumbered(tree.nodes[i], place) for i in shown))


def _renumbered(node: BeamNode, place: dict[int | None, int | None]) -> BeamNode:
    # Rounded here, so that the page and Python compare the same numbers.
    return node._replace(
        parent=place[node.parent],
        logprob=round(node.logprob, DIGITS),
        total=round(node.total, DIGITS),
    )


def _with_greedy(lm: LanguageModel, tree: BeamTree, greedy: Generation) -> BeamTree:
    """Return the tree with the node where greedy's path leaves the beam, however low it ranked."""
    path = on_path(tree, greedy.token_ids)
    if path[-1] is not None:
        return tree
    path.pop()
    length = len(path) + 1
    token_id = greedy.token_ids[length - 1]
    node = BeamNode(
        parent=path[-1] if path else None,
        length=length,
        token_id=token_id,
        token=lm.decode([token_id]),
        logprob=greedy.logprobs[length - 1],
        total=sum(greedy.logprobs[:length]),
        fate="pruned",
    )
    return BeamTree((*tree.nodes, node))


def on_path(tree: BeamTree, token_ids: Sequence[int]) -> list[int | None]:
    """Return the nodes of a path while it is kept; None, last of all, where it is not recorded."""
    nodes: list[int | None] = []
    for end in range(1, len(token_ids) + 1):
        index = tree.find(token_ids[:end])
        nodes.append(index)
        if index is None or tree.nodes[index].fate != "kept":
            break
    return nodes
