"""The chain explorer: the proposals of power sampling, one by one, and what became of each."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import traitlets as t

from decodelib.arguments import check_choice, check_integer
from decodelib.decoding.detokenizer import token_texts
from decodelib.decoding.generation import Generation
from decodelib.decoding.loop import generate_batch
from decodelib.models.base import LanguageModel
from decodelib.models.toy import TableLM
from decodelib.strategies.power import PowerSampling
from decodelib.viz.shell.explorer import ALIVE, Explorer, build, question
from decodelib.viz.shell.limits import Limit, number, one_of
from decodelib.viz.shell.source import as_call


class ChainExplorer(Explorer):
    """The moves of power sampling: each proposal beside the text it may replace, and its fate.

    Make one with `explore_chain`. The traits below can be read and set; in a kernel the page
    follows them, and the other way round.

    Traits:
        alpha: The exponent of the chain shown, one of those recorded.
        move: The move looked at, from 1.
    """

    kind = t.Unicode("chain").tag(sync=True)
    alpha = t.Float(4.0).tag(sync=True)
    move = t.Int(1).tag(sync=True)

    settings = ("alpha", "move")

    generations: dict[float, Generation]
    """What power sampling returned, by alpha."""

    def limits(self) -> dict[str, Limit]:
        """Return what each setting may be."""
        return {"alpha": one_of(list(self._alphas)), "move": number(1, self._last, integer=True)}

    @t.validate("alpha")
    def _check_alpha(self, proposal: Any) -> float:
        check_choice("alpha", proposal["value"], self._alphas)
        return float(proposal["value"])

    @t.validate("move")
    def _check_move(self, proposal: Any) -> int:
        check_integer("move", proposal["value"], 1, self._last)
        return int(proposal["value"])

    @property
    def _alphas(self) -> tuple[float, ...]:
        return tuple(chain["alpha"] for chain in self.data.get("chains", ()))

    @property
    def _last(self) -> int:
        return len(self.proposals) - 1

    @property
    def proposals(self) -> list[dict[str, Any]]:
        """The record of each proposal at this alpha; the first is the text the chain begins with.

        `before` is the place in this list of the text that the proposal may replace.
        """
        chains = self.data["chains"]
        return next(c["moves"] for c in chains if c["alpha"] == self.alpha)

    @property
    def accepted(self) -> int:
        """How many moves are accepted at this alpha."""
        return sum(move["accepted"] for move in self.proposals[1:])

    def __repr__(self) -> str:
        return f"ChainExplorer({self.data['prompt']!r}: {self._last} moves)"

    def summary(self) -> str:
        """Return the current state in one line; the answer stays hidden until it is predicted."""
        if self.is_hidden:
            return f"{self!r}: {self.data['predict']['question']}"
        return f"{self!r}: at alpha = {self.alpha:g}, {self.accepted} are accepted"

    def as_text(self) -> str:
        """Return the summary, and every proposal at this alpha."""
        lines = [self.title, f"after: {self.data['prompt']!r}"]
        lines += [*textwrap.wrap(self.summary(), 96), ""]
        lines.append(" move   kept     ln p  acceptance   drawn           proposal")
        for place, move in enumerate(self.proposals[:1] if self.is_hidden else self.proposals):
            chance = f"{move['acceptance']:>10.4f} {move['drawn']:>7.4f}" if place else " " * 18
            kept = str(move["place"]) if place else "start"
            fate = "accepted" if move["accepted"] else "rejected"
            text = "".join(move["tokens"])
            lines.append(f"{place:>5}  {kept:>5} {move['logprob']:>8.2f} {chance}  {fate} {text!r}")
        lines += ["", ALIVE]
        return "\n".join(lines)


def explore_chain(
    lm: LanguageModel,
    prompt: str,
    *,
    alphas: Sequence[float] = (1, 2, 4, 8),
    num_moves: int = 16,
    max_new_tokens: int = 12,
    temperature: float | None = None,
    seed: int = 0,
    title: str = "A chain of texts",
    predict: str | None = None,
    **settings: Any,
) -> ChainExplorer:
    """Return the moves of power sampling, one by one, at several alphas.

    Args:
        lm: Any decodelib language model.
        prompt: The text that every proposal continues.
        alphas: The exponents, each with a chain of its own, from the smallest to the largest.
        num_moves, temperature: As for `PowerSampling`.
        max_new_tokens, seed: As for `generate`.
        title: The heading.
        predict: A question that the reader must answer before the moves are shown: how many of
            them are accepted at the alpha that the explorer starts with.
        settings: Where the explorer starts: `alpha` (4 if recorded, else the first) and `move`.

    Raises:
        ValueError, TypeError: For no alphas or a repeated one, values out of range, or an unknown
            setting.

    Chapter 6.
    """
    if not alphas or list(alphas) != sorted(set(alphas)):
        raise ValueError(f"alphas must be rising numbers, at least one, got {alphas!r}")
    ways = [PowerSampling(alpha, num_moves, temperature=temperature) for alpha in alphas]
    texts = generate_batch(
        lm, [prompt] * len(ways), ways, max_new_tokens=max_new_tokens, seeds=[seed] * len(ways)
    )
    explorer = build(ChainExplorer)
    explorer.title = title
    explorer.generations = dict(zip(map(float, alphas), texts, strict=True))
    explorer.data = {
        "source": as_call(lm),
        "model": None if isinstance(lm, TableLM) else lm.name,
        "prompt": prompt,
        "num_moves": num_moves,
        "max_new_tokens": max_new_tokens,
        "temperature": temperature,
        "seed": seed,
        "chains": [
            {"alpha": alpha, "moves": _records(lm, alpha, g)}
            for alpha, g in explorer.generations.items()
        ],
    }
    first = 4.0 if 4.0 in explorer.generations else float(alphas[0])
    start: dict[str, Any] = {"alpha": first} | settings
    explorer.start(start)
    if predict is not None:
        explorer.start(start, question(predict, explorer.accepted))
    return explorer


def _records(lm: LanguageModel, alpha: float, g: Generation) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    before = 0
    for place, move in enumerate(g.moves):
        power = alpha * (move.logprob - g.moves[before].logprob)
        records.append(
            {
                "before": before,
                "place": move.place or 0,
                "tokens": token_texts(lm, list(move.token_ids)),
                "logprob": _rounded(move.logprob),
                "power": _rounded(power),
                "proposals": _rounded(move.log_ratio - power),
                "ratio": _rounded(move.log_ratio),
                "acceptance": _rounded(move.acceptance),
                "drawn": _rounded(move.drawn or 0.0),
                "accepted": move.accepted,
            }
        )
        before = place if move.accepted else before
    return records


def _rounded(value: float) -> float:
    """To six decimals: what is only displayed should not change with the machine."""
    return round(value, 6) + 0.0
