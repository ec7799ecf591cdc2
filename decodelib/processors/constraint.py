"""Constraints: texts of a given form, and no others."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from decodelib.arguments import check_integer
from decodelib.distributions import check_logits
from decodelib.kernels.gpu import sent
from decodelib.processors.automata import DFA, EndedVocabulary, TokenAutomaton, outlines_core
from decodelib.processors.base import LogitsProcessor, Processor, remove
from decodelib.processors.penalties import AfterPrompt


@dataclass(frozen=True, repr=False)
class Constraint(Processor):
    """Remove every token with which the text could no longer be of a given form.

    An automaton follows the text's characters, whatever tokens spell them. A token stays if the
    automaton can read it and can still reach an end from there, and a token that ends the text
    stays where the text is complete; so there is no dead end. A text that `max_new_tokens` cuts off
    is the beginning of one of the form.

    Each step is renormalised over what is left of it, which is *not* the model's distribution
    given the form: `ConditionedSampling` draws from that. Place it before processors that truncate,
    which could remove all that it allows.

    Make one for a model by `from_choices`, `from_dfa`, `from_regex` or `from_json_schema`. Two that
    are made apart are unequal.

    Args:
        automaton: Which tokens may follow which.
        skip: The number of tokens at the beginning that are not part of the text; "prompt" for
            those of the prompt, which a strategy knows. Called by itself, a constraint cannot tell
            a prompt from the text, and "prompt" skips nothing.

    Raises:
        ValueError: When called: for tokens so far that are not of the form, logits of another
            vocabulary, and rows in which no allowed token has a probability.
        ValueError, TypeError: For a `skip` that is neither.

    Source: Willard and Louf 2023, arXiv 2307.09702, for masks from an automaton; Park et al. 2024,
    arXiv 2405.21047, for what they do to the distribution. Chapter 19.

    Example:
        >>> lm = dl.TableLM({"": {"yes": 0.1, "no": 0.2, "maybe": 0.7}})
        >>> constraint = dl.Constraint.from_choices(lm, [" yes", " no"])
        >>> constraint(torch.empty(1, 0).long(), lm.next_logits("maybe")[None]).softmax(-1)
        tensor([[0.0000, 0.0000, 0.3333, 0.6667, 0.0000]], dtype=torch.float64)
    """

    automaton: TokenAutomaton
    skip: int | str = "prompt"
    reads_input_ids: ClassVar[bool] = True
    reads_ids_on_host: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.automaton, TokenAutomaton):
            raise TypeError(
                "automaton must be one over tokens, such as Constraint.from_choices(lm, [...]) "
                f"makes, got {self.automaton!r}"
            )
        if isinstance(self.skip, str) and self.skip != "prompt":
            raise ValueError(f"skip must be a number of tokens or 'prompt', got {self.skip!r}")
        if not isinstance(self.skip, str):
            check_integer("skip", self.skip, 0)

    def __repr__(self) -> str:
        skip = "" if self.skip == "prompt" else f", skip={self.skip}"
        return f"Constraint({self.automaton.description}{skip})"

    @classmethod
    def from_dfa(cls, lm: EndedVocabulary, dfa: DFA) -> Constraint:
        """Return the constraint to the texts that an automaton over characters accepts.

        A token that is not made of whole characters never occurs in them.
        """
        if not isinstance(dfa, DFA):
            raise TypeError(f"dfa must be a DFA, got {dfa!r}")
        size = f"{len(dfa.moves)} state{'s' if len(dfa.moves) > 1 else ''}"
        return cls(TokenAutomaton.of(lm, dfa, f"a text of a DFA with {size}"))

    @classmethod
    def from_choices(
        cls, lm: EndedVocabulary, choices: Sequence[str], open_end: bool = False
    ) -> Constraint:
        """Return the constraint to one of several strings.

        Args:
            lm: The model whose tokens are to spell them.
            choices: At least one, none empty; with the space that they begin with, if they do.
            open_end: Whether any text may follow, so that the choice is only how it begins.
        """
        dfa = DFA.of_choices(choices, open_end)
        listed = " | ".join(map(repr, choices)) + ("..." if open_end else "")
        return cls(TokenAutomaton.of(lm, dfa, listed))

    @classmethod
    def from_regex(cls, lm: EndedVocabulary, pattern: str) -> Constraint:
        r"""Return the constraint to the texts that a regular expression matches as a whole.

        outlines-core compiles it, in the syntax of Rust's `regex` without anchors and looking
        around: `" [A-Z][a-z]+"`. Of two alternatives of which one begins the other, the longer has
        to stand first, or it never comes. Raises ImportError if the package is not installed.
        """
        if not isinstance(pattern, str) or not pattern:
            raise ValueError(f"pattern must be a non-empty string, got {pattern!r}")
        return cls(TokenAutomaton.of_regex(lm, pattern, repr(pattern)))

    @classmethod
    def from_json_schema(cls, lm: EndedVocabulary, schema: str | Mapping[str, Any]) -> Constraint:
        """Return the constraint to JSON of a schema, given as a mapping or as its text.

        Raises ImportError if outlines-core is not installed.
        """
        outlines_core()
        compiler = importlib.import_module("outlines_core.json_schema")
        text = schema if isinstance(schema, str) else json.dumps(schema)
        try:
            pattern = compiler.build_regex_from_schema(text)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"schema must be a JSON schema that outlines-core knows, got {text}: {error}"
            ) from error
        return cls(TokenAutomaton.of_regex(lm, pattern, f"JSON of {text}"))

    is_stateful: ClassVar[bool] = False  # but for where the prompt ends, which stays

    @property
    def is_sequence_bound(self) -> bool:
        """Whether where the text begins depends on the sequence, by the length of its prompt."""
        return self.skip == "prompt"

    def for_sequence(self, seed: int) -> LogitsProcessor:
        """Return the processor of one sequence; no chance is involved."""
        return AfterPrompt(self) if self.is_sequence_bound else self

    def allowed(self, input_ids: Int[Tensor, "*batch seq"]) -> Bool[Tensor, "*batch vocab"]:
        """Return which tokens may come next in each row, on the CPU."""
        start = self.skip if isinstance(self.skip, int) else 0
        rows = input_ids.flatten(0, -2) if input_ids.ndim > 1 else input_ids[None]
        states = [self.automaton.follow(row[start:]) for row in rows.tolist()]
        result = torch.empty(len(rows), self.automaton.vocab_size, dtype=torch.bool)
        for row, state in zip(result, states, strict=True):
            row.copy_(self.automaton.allowed(state))
        return result.view(*input_ids.shape[:-1], self.automaton.vocab_size)

    def __call__(
        self, input_ids: Int[Tensor, "*batch seq"], logits: Float[Tensor, "*batch vocab"]
    ) -> Float[Tensor, "*batch vocab"]:
        check_logits(logits)
        if logits.shape[-1] != self.automaton.vocab_size:
            raise ValueError(
                f"logits must be of the constraint's vocabulary of {self.automaton.vocab_size} "
                f"tokens, got {logits.shape[-1]}"
            )
        result = remove(logits, sent(self.allowed(input_ids), logits.device))
        try:
            check_logits(result)
        except ValueError:
            raise ValueError(
                f"{self!r} leaves no token: all that it allows have probability 0, by the model "
                "or by a processor that stands before it"
            ) from None
        return result
