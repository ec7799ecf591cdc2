"""Finite automata over characters, and what they say about the tokens of a vocabulary."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool
from torch import Tensor

OTHER = ""
"""In a state's moves: every character that has no entry of its own."""

UNFINISHED = "\ufffd"
"""What decoders put for bytes that are no whole character."""

Moves = list[dict[int, int]]
"""For every state, from the tokens that may come next to the states that they lead to."""


@dataclass(frozen=True)
class DFA:
    """A deterministic finite automaton: which strings of characters belong to a set.

    The automaton begins in state 0 and reads one character after the other. A string belongs to the
    set if the automaton can read all of it and is then in an accepting state.

    Args:
        moves: For each state, from a character to the state that it leads to. The key `OTHER`, the
            empty string, stands for all characters without an entry; a character that leads to
            None, or has no entry, cannot be read.
        accepting: The states in which a string may end; at least one.

    Raises:
        ValueError: For states that do not exist, keys of several characters, and no states.

    Example:
        >>> no_e = DFA([{"e": None, OTHER: 0}], accepting=[0])  # all strings without an e
        >>> no_e.accepts("a void"), no_e.accepts("a novel")
        (True, False)
    """

    moves: Sequence[Mapping[str, int | None]]
    accepting: Iterable[int]

    def __post_init__(self) -> None:
        moves = tuple(dict(row) for row in self.moves)
        accepting = frozenset(self.accepting)
        if not moves or not accepting:
            raise ValueError("DFA must have at least one state and one accepting state")
        for state in (*accepting, *(end for row in moves for end in row.values())):
            if state is not None and state not in range(len(moves)):
                raise ValueError(f"states must be in [0, {len(moves) - 1}], got {state!r}")
        for character in (key for row in moves for key in row):
            if not isinstance(character, str) or len(character) > 1:
                raise ValueError(f"moves must be by single characters or OTHER, got {character!r}")
        object.__setattr__(self, "moves", moves)
        object.__setattr__(self, "accepting", accepting)

    @classmethod
    def of_choices(cls, choices: Sequence[str], open_end: bool = False) -> DFA:
        """Return the automaton of a list of strings: a tree in which they share their beginnings.

        Args:
            choices: At least one string; none of them empty.
            open_end: Whether any text may follow a choice.
        """
        if isinstance(choices, str) or not isinstance(choices, Sequence):
            raise TypeError(f"choices must be a list of strings, got {choices!r}")
        if not choices or not all(isinstance(text, str) and text for text in choices):
            raise ValueError(f"choices must hold non-empty strings, got {list(choices)!r}")
        moves: list[dict[str, int | None]] = [{}]
        ends = set()
        for text in choices:
            state = 0
            for character in text:
                if character not in moves[state]:
                    moves[state][character] = len(moves)
                    moves.append({})
                state = moves[state][character] or 0
            ends.add(state)
        if open_end:
            for state in ends:
                moves[state] = {OTHER: state}
        return cls(moves, ends)

    def read(self, text: str, state: int | None = 0) -> int | None:
        """Return the state after reading `text` from `state`; None if it cannot be read."""
        for character in text:
            if state is None:
                break
            row = self.moves[state]
            state = row[character] if character in row else row.get(OTHER)
        return state

    def accepts(self, text: str) -> bool:
        """Return whether `text` belongs to the set."""
        return self.read(text) in frozenset(self.accepting)


def token_moves(dfa: DFA, texts: Sequence[str]) -> Moves:
    """Return, for each state, which tokens the automaton can read from there, and where they lead.

    Args:
        texts: The text of each token; an empty one is never read.
    """
    starts: dict[str, list[int]] = {}
    for token_id, text in enumerate(texts):
        if text:
            starts.setdefault(text[0], []).append(token_id)
    moves: Moves = []
    for state, row in enumerate(dfa.moves):
        first = starts if OTHER in row else [key for key in row if key in starts]
        reads = ((i, dfa.read(texts[i], state)) for key in first for i in starts[key])
        moves.append({i: end for i, end in reads if end is not None})
    return moves


def without_dead_ends(moves: Moves, accepting: Iterable[int]) -> Moves:
    """Return the moves that lead to states from which tokens can reach an accepting state."""
    alive, grown = set(accepting), True
    while grown:
        reach = {s for s, row in enumerate(moves) if s not in alive and alive & set(row.values())}
        alive, grown = alive | reach, bool(reach)
    return [{i: end for i, end in row.items() if end in alive} for row in moves]


@runtime_checkable
class EndedVocabulary(Protocol):
    """What is asked of a model here: the text of each token, and which tokens end a text."""

    eos_token_ids: tuple[int, ...]
    bos_token_id: int | None

    @property
    def vocab_size(self) -> int: ...

    def decode(self, ids: Sequence[int]) -> str: ...


def texts_of(lm: EndedVocabulary) -> list[str]:
    """Return the text of each token; "" for ends, BOS, and bytes that are no whole character."""
    silent = {*lm.eos_token_ids, lm.bos_token_id}
    texts = ["" if i in silent else lm.decode([i]) for i in range(lm.vocab_size)]
    return ["" if UNFINISHED in text else text for text in texts]


@dataclass(frozen=True, eq=False)
class TokenAutomaton:
    """An automaton that reads the tokens of one model; each has its own identity.

    Args:
        moves: For each state, from the tokens that can be read to the state that they lead to.
        accepting: The states in which a text may end.
        ends: The tokens that end a text.
        vocab_size: Of the model.
        description: What the texts must be, for `repr`.

    Raises:
        ValueError: If the tokens spell no text of the set, and if a text would have to end and no
            token ends it.
    """

    moves: Moves
    accepting: frozenset[int]
    ends: tuple[int, ...]
    vocab_size: int
    description: str
    _masks: dict[int, Tensor] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        moves = without_dead_ends(self.moves, self.accepting)
        object.__setattr__(self, "moves", moves)
        if not moves[0] and 0 not in self.accepting:
            raise ValueError(f"no text of the model's tokens is {self.description}")
        if not self.ends and any(not moves[state] for state in self.accepting):
            raise ValueError(
                f"the model must have a token that ends a text, since {self.description} can end "
                "in no other way"
            )

    @classmethod
    def of(cls, lm: EndedVocabulary, dfa: DFA, description: str) -> TokenAutomaton:
        """Return the automaton over a model's tokens of one over characters."""
        moves = token_moves(dfa, texts_of(lm))
        return cls(moves, frozenset(dfa.accepting), lm.eos_token_ids, lm.vocab_size, description)

    @classmethod
    def of_regex(cls, lm: EndedVocabulary, pattern: str, description: str) -> TokenAutomaton:
        """Return the automaton that outlines-core compiles from a regular expression."""
        core = outlines_core()
        ids: dict[str, list[int]] = {}
        for token_id, text in enumerate(texts_of(lm)):
            if text:
                ids.setdefault(text, []).append(token_id)
        # An end that is no token, where the model has none: it is taken out again below.
        end = next(iter(lm.eos_token_ids), lm.vocab_size)
        try:
            index = core.Index(pattern, core.Vocabulary(end, ids))
        except ValueError as error:
            raise ValueError(
                f"{description} must be a regular expression that outlines-core can read and the "
                f"model's tokens can spell, got: {error}"
            ) from error
        found = index.get_transitions()
        first = index.get_initial_state()
        states = [first, *sorted({*found, *index.get_final_states()} - {first})]
        place = {state: i for i, state in enumerate(states)}
        moves = [
            {i: place[to] for i, to in found.get(state, {}).items() if i != end} for state in states
        ]
        accepting = frozenset(place[state] for state in index.get_final_states())
        return cls(moves, accepting, lm.eos_token_ids, lm.vocab_size, description)

    def follow(self, token_ids: Sequence[int]) -> int | None:
        """Return the state after these tokens; None once one of them has ended the text.

        Raises ValueError for tokens that cannot be read.
        """
        state = 0
        for place, token_id in enumerate(token_ids):
            if token_id in self.ends and state in self.accepting:
                return None
            if token_id not in self.moves[state]:
                raise ValueError(
                    f"the text must be {self.description}, got token {token_id} at place {place}: "
                    "give the tokens before the text to `skip`"
                )
            state = self.moves[state][token_id]
        return state

    def allowed(self, state: int | None) -> Bool[Tensor, " vocab"]:
        """Return which tokens may come in a state; all of them once the text has ended."""
        if state is None:
            return torch.ones(self.vocab_size, dtype=torch.bool)
        if state not in self._masks:
            mask = torch.zeros(self.vocab_size, dtype=torch.bool)
            mask[list(self.moves[state])] = True
            mask[list(self.ends)] = state in self.accepting
            self._masks[state] = mask
        return self._masks[state]


def outlines_core() -> Any:
    """Return the package that compiles regular expressions; raise ImportError without it."""
    if importlib.util.find_spec("outlines_core") is None:
        raise ImportError(
            "regular expressions and JSON schemas need the package outlines-core: "
            "pip install 'decodelib[constraint]'"
        )
    return importlib.import_module("outlines_core")
