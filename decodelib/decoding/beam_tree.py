"""The tree that a beam search grows: every candidate it weighed, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from decodelib.models.base import LanguageModel

Fate = Literal["kept", "finished", "pruned"]

NUM_PRUNED = 10
"""How many pruned candidates a step records beyond those the search itself looks at."""


class BeamNode(NamedTuple):
    """One candidate: a hypothesis of the step before and one more token.

    Attributes:
        parent: The hypothesis it extends, as an index into the tree's nodes; None for the prompt.
        length: How many new tokens it has.
        token_id, token: The last of them and its own text.
        logprob: ln p of that token under the model's own distribution, in nats.
        total: What candidates are ranked by: the sum of the logprobs along its path, in nats, as
            the search's processors leave them. Diverse beam search has taken its penalties off.
        fate: "kept" to be expanded, "finished" (it may be returned) or "pruned".
    """

    parent: int | None
    length: int
    token_id: int
    token: str
    logprob: float
    total: float
    fate: Fate


@dataclass(frozen=True, repr=False)
class BeamTree:
    """The candidates of a whole beam search, by step and best first within a step.

    The best pruned ones of each step are among them, ten at least if there were as many. Chapter 4.
    """

    nodes: tuple[BeamNode, ...]

    def __repr__(self) -> str:
        counts = (f"{self.count(fate)} {fate}" for fate in ("kept", "finished", "pruned"))
        return f"BeamTree({self.num_steps} steps: {', '.join(counts)})"

    def count(self, fate: Fate) -> int:
        """Return how many candidates had this fate."""
        return sum(node.fate == fate for node in self.nodes)

    @property
    def num_steps(self) -> int:
        """How many times the search expanded its hypotheses."""
        return max((node.length for node in self.nodes), default=0)

    def step(self, length: int) -> list[int]:
        """Return the nodes with `length` new tokens, as indices, best first."""
        return [i for i, node in enumerate(self.nodes) if node.length == length]

    def path(self, index: int) -> list[int]:
        """Return the nodes from the first new token to the given node, as indices."""
        place: int | None = index
        backwards = []
        while place is not None:
            backwards.append(place)
            place = self.nodes[place].parent
        return backwards[::-1]

    def token_ids(self, index: int) -> list[int]:
        """Return the new tokens that lead to the given node."""
        return [self.nodes[i].token_id for i in self.path(index)]

    def find(self, token_ids: Sequence[int]) -> int | None:
        """Return the node that these new tokens lead to, or None if it was not recorded."""
        place: int | None = None
        children = {(node.parent, node.token_id): i for i, node in enumerate(self.nodes)}
        for token_id in token_ids:
            place = children.get((place, token_id))
            if place is None:
                return None
        return place


class Growth(NamedTuple):
    """A `BeamNode` without its token's text, which is only looked up if the tree is asked for."""

    parent: int | None
    length: int
    token_id: int
    logprob: float
    total: float
    fate: Fate


class TreeRecorder:
    """Collects the candidates of one beam search while it runs."""

    def __init__(self) -> None:
        self._grown: list[Growth] = []

    def add(self, growth: Growth) -> int:
        """Record a candidate and return its index."""
        self._grown.append(growth)
        return len(self._grown) - 1

    def tree(self, lm: LanguageModel) -> BeamTree:
        """Return what has been recorded so far."""
        return BeamTree(
            tuple(
                BeamNode(
                    grown.parent,
                    grown.length,
                    grown.token_id,
                    lm.decode([grown.token_id]),
                    *grown[3:],
                )
                for grown in self._grown
            )
        )
