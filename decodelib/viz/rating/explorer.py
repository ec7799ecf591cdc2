"""The blind rating: pairs of texts to choose between before strategies and numbers are named."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import traitlets as t

from decodelib.arguments import check_integer
from decodelib.decoding.search import Strategy
from decodelib.experiments.intervals import Estimate, proportion
from decodelib.models.base import LanguageModel
from decodelib.models.toy import TableLM
from decodelib.viz.rating.pairs import (
    DISTINCT,
    LOOP,
    PERPLEXITY,
    Measure,
    Place,
    Record,
    checked_judges,
    fingerprint,
    order,
    pair_up,
    record_pairs,
)
from decodelib.viz.shell.explorer import ALIVE, Explorer, build
from decodelib.viz.shell.limits import Limit, number
from decodelib.viz.shell.source import as_call, as_source

MAX_STRATEGIES = 8
MAX_SEED = 2**20

FIRST, SECOND, TIE, UNRATED = "abt-"
"""Of a pair as recorded: its first text is better, its second, cannot tell, not rated."""


class Wins(NamedTuple):
    """How often a strategy's text was chosen, was not, and could not be told from the other."""

    won: int
    lost: int
    tied: int


class Agreement(NamedTuple):
    """With how many of the choices a measure agrees, of those where it has a preference too."""

    agreed: int
    of: int

    @property
    def share(self) -> Estimate | None:
        """The share with its Wilson score interval; None of no choices."""
        return proportion(self.agreed, self.of) if self.of else None


class RatingExplorer(Explorer):
    """Pairs of texts for a reader to choose between; the strategies are named when all are rated.

    Make one with `explore_rating`. The traits below can be read and set; in a kernel the page
    follows them, and the other way round.

    Traits:
        seed: What the order of the pairs and their sides are drawn from, in [0, 2^20]; at 0 a page
            draws a seed for its reader.
        choices: Empty, or the fingerprint of the texts, a dot, and a letter for each pair as
            recorded: "a" where its first text is better, "b" its second, "t" where the reader
            cannot tell, "-" where it is not rated.
        place: Which pair of the order is shown, from 1.
    """

    kind = t.Unicode("rating").tag(sync=True)
    seed = t.Int(0).tag(sync=True)
    choices = t.Unicode("").tag(sync=True)
    place = t.Int(1).tag(sync=True)

    settings = ("seed", "choices", "place")

    @property
    def _pairs(self) -> list[Record]:
        return list(self.data.get("pairs", ()))

    @property
    def _pattern(self) -> str:
        letters = f"[{FIRST}{SECOND}{TIE}{UNRATED}]"
        return rf"(?:{self.data['key']}\.{letters}{{{len(self._pairs)}}})?"

    def limits(self) -> dict[str, Limit]:
        """Return what each setting may be."""
        return {
            "seed": number(0, MAX_SEED, integer=True),
            "choices": {"type": "string", "pattern": self._pattern},
            "place": number(1, len(self._pairs), integer=True),
        }

    @t.validate("seed", "place")
    def _check_number(self, proposal: Any) -> int:
        name = proposal["trait"].name
        low, high = (0, MAX_SEED) if name == "seed" else (1, len(self._pairs))
        check_integer(name, proposal["value"], low, high)
        return int(proposal["value"])

    @t.validate("choices")
    def _check_choices(self, proposal: Any) -> str:
        value = str(proposal["value"])
        if not re.fullmatch(self._pattern, value):
            raise ValueError(
                f"choices must be '' or {self.data['key'] + '.'!r} and {len(self._pairs)} of the "
                f"letters a, b, t and -, got {value!r}"
            )
        return value

    @property
    def order(self) -> list[Place]:
        """Which pair comes at each place, and whether its second text is called A."""
        return order(self.seed, len(self._pairs))

    @property
    def letters(self) -> str:
        """The choices alone, a letter for each pair as recorded."""
        return self.choices.partition(".")[2] or UNRATED * len(self._pairs)

    @property
    def is_hidden(self) -> bool:
        """Whether names and numbers are held back: until all is rated, or they are asked for."""
        return UNRATED in self.letters and not self.revealed

    @property
    def wins(self) -> dict[str, Wins]:
        """How often the text of each strategy was chosen, was not, and could not be told."""
        counts = {strategy["name"]: [0, 0, 0] for strategy in self.data["strategies"]}
        names = list(counts)
        for pair, letter in zip(self._pairs, self.letters, strict=True):
            for text, own in zip(pair["texts"], (FIRST, SECOND), strict=True):
                if letter != UNRATED:
                    place = 2 if letter == TIE else int(letter != own)
                    counts[names[text["strategy"]]][place] += 1
        return {name: Wins(*count) for name, count in counts.items()}

    @property
    def agreement(self) -> dict[str, Agreement]:
        """With how many choices each measure agrees; it prefers neither of two equal numbers."""
        found = {}
        for place, measure in enumerate(self.data["measures"]):
            sign = 1 if measure["better"] == "high" else -1
            preferences = []
            for pair, letter in zip(self._pairs, self.letters, strict=True):
                a, b = (sign * text["numbers"][place] for text in pair["texts"])
                if a != b and letter in (FIRST, SECOND):
                    preferences.append(letter == (FIRST if a > b else SECOND))
            found[measure["name"]] = Agreement(sum(preferences), len(preferences))
        return found

    def __repr__(self) -> str:
        return (
            f"RatingExplorer({len(self._pairs)} pairs of {len(self.data['strategies'])} strategies)"
        )

    def summary(self) -> str:
        """Return the current state in one line; strategies and numbers only once all is rated."""
        rated = sum(letter != UNRATED for letter in self.letters)
        if self.is_hidden or not rated:
            return f"{self!r}: {rated} of {len(self._pairs)} pairs are rated"
        parts = [f"{name} {a.agreed} of {a.of}" for name, a in self.agreement.items()]
        return f"{self!r}: the choices agree with {', '.join(parts)}"

    def as_text(self) -> str:
        """Return the summary and the pairs in their order, named once all of them are rated."""
        lines = [self.title, self.summary()]
        for shown, (pair, is_swapped) in enumerate(self.order, 1):
            record = self._pairs[pair]
            lines += ["", f"{shown}. {record['opening']}"]
            texts = record["texts"][::-1] if is_swapped else record["texts"]
            for side, text in zip("AB", texts, strict=True):
                name = self.data["strategies"][text["strategy"]]["name"]
                head = f"{side}: " if self.is_hidden else f"{side}, {name}: "
                lines += textwrap.wrap(head + repr(text["text"]), 96)
        if self.is_hidden:
            lines += ["", "The strategies are named once all pairs are rated."]
        lines += ["", ALIVE]
        return "\n".join(lines)


def explore_rating(
    lm: LanguageModel,
    openings: Sequence[str],
    strategies: Mapping[str, Strategy],
    *,
    num_tokens: int = 60,
    judges: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    title: str = "Which of the two is better?",
    **settings: Any,
) -> RatingExplorer:
    """Return pairs of texts to rate blind: every two strategies once, each pair on its own opening.

    Five strategies make ten pairs. Both texts of pair k continue `openings[k]` with the seed k, and
    have `num_tokens` tokens. Once all pairs are rated the reader sees the strategies, and how often
    the choices agree with each measure: the lower perplexity under `lm`, the higher distinct-2, the
    text that does not end in a loop, and the number of each judge. Readers can exchange results as
    links, which the page of one of them pools.

    Args:
        lm: Any decodelib language model.
        openings: The beginnings, at least as many as there are pairs; more are not used.
        strategies: A name for each, from 2 to 8 of them.
        num_tokens: The length of each text, at least 2.
        judges: Numbers that other models gave the same texts, where low is good:
            `judges[label][strategy][k]` is that of the strategy's text for opening k.
        title: The heading.
        settings: Where the explorer starts: seed, choices, place.

    Raises:
        ValueError: For values out of range, and for judges without a number that is needed.
        TypeError: For an unknown setting.

    Chapter 14.
    """
    check_integer("num_tokens", num_tokens, 2)
    names = list(strategies)
    if not 2 <= len(names) <= MAX_STRATEGIES:
        raise ValueError(f"strategies must hold 2 to {MAX_STRATEGIES}, got {len(names)}")
    count = len(pair_up(len(names)))
    if len(openings) < count:
        raise ValueError(
            f"openings must hold at least {count} for {len(names)} strategies, got {len(openings)}"
        )
    judges = judges or {}
    numbers = checked_judges(judges, names, count)
    pairs = record_pairs(lm, openings, list(strategies.values()), num_tokens, numbers)
    measures = [PERPLEXITY, DISTINCT, LOOP, *(Measure(label, "low", 2) for label in judges)]
    explorer = build(RatingExplorer)
    explorer.title = title
    explorer.data = {
        "source": as_call(lm),
        "model": None if isinstance(lm, TableLM) else lm.name,
        "key": fingerprint(pairs, names),
        "num_tokens": num_tokens,
        "strategies": [
            {"name": name, "code": as_source(strategy)} for name, strategy in strategies.items()
        ],
        "measures": [measure._asdict() for measure in measures],
        "pairs": pairs,
    }
    explorer.start(settings)
    return explorer
