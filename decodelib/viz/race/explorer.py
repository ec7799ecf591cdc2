"""The strategy race: one prompt, many strategies, their texts and their numbers side by side."""

from __future__ import annotations

import functools
import math
import textwrap
from collections.abc import Mapping
from typing import Any

import traitlets as t

from decodelib.arguments import check_choice, check_integer
from decodelib.decoding.generation import Generation
from decodelib.decoding.loop import generate_batch
from decodelib.decoding.search import Strategy
from decodelib.models.base import LanguageModel
from decodelib.models.toy import TableLM
from decodelib.viz.race.scores import METRICS, scores, winner
from decodelib.viz.shell.explorer import ALIVE, Explorer, build, question
from decodelib.viz.shell.limits import Limit, list_of, number, one_of
from decodelib.viz.shell.own import TITLE, Field, Form
from decodelib.viz.shell.source import as_call, as_source

MAX_SAMPLES = 50

AS_GIVEN = "as given"


class RaceExplorer(Explorer):
    """The texts of several strategies for one prompt, with numbers for quality and diversity.

    Make one with `explore_race`. The traits below can be read and set; in a kernel the page follows
    them, and the other way round.

    Traits:
        sort: "as given" or a name in METRICS, smallest first.
        sample: Which text of each strategy is shown, from 1.
        step: How many tokens of it are shown, at least 1; the most is max_new_tokens.
        shown: The names of the strategies shown; none of them stands for all.
        picked: The strategy whose tokens and code are shown.
    """

    kind = t.Unicode("race").tag(sync=True)
    sort = t.Unicode(AS_GIVEN).tag(sync=True)
    sample = t.Int(1).tag(sync=True)
    step = t.Int(1).tag(sync=True)
    shown = t.List(t.Unicode()).tag(sync=True)
    picked = t.Unicode().tag(sync=True)

    settings = ("sort", "sample", "step", "shown", "picked")

    generations: dict[str, list[Generation]]
    """The continuations of each strategy: one for a deterministic strategy, else `samples`."""

    strategies: dict[str, Strategy]

    def limits(self) -> dict[str, Limit]:
        """Return what each setting may be."""
        return {
            "sort": one_of([AS_GIVEN, *METRICS]),
            "sample": number(1, self.data["samples"], integer=True),
            "step": number(1, self.data["max_new_tokens"], integer=True),
            "shown": list_of(list(self._names)),
            "picked": one_of(list(self._names)),
        }

    @t.validate("sort", "picked")
    def _check_name(self, proposal: Any) -> str:
        allowed = (AS_GIVEN, *METRICS) if proposal["trait"].name == "sort" else self._names
        check_choice(proposal["trait"].name, proposal["value"], allowed)
        return str(proposal["value"])

    @t.validate("sample", "step")
    def _check_count(self, proposal: Any) -> int:
        name = proposal["trait"].name
        most = self.data["samples" if name == "sample" else "max_new_tokens"]
        check_integer(name, proposal["value"], 1, most)
        return int(proposal["value"])

    @t.validate("shown")
    def _check_shown(self, proposal: Any) -> list[str]:
        chosen = list(proposal["value"])
        if set(chosen) - set(self._names):
            raise ValueError(f"shown must be among {', '.join(self._names)}, got {chosen}")
        return [name for name in self._names if name in chosen]

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(record["name"] for record in self.data.get("strategies", ()))

    @property
    def numbers(self) -> dict[str, dict[str, float | None]]:
        """Each strategy's value of each metric, to six digits; None where it has no meaning."""
        return {
            record["name"]: {name: number["value"] for name, number in record["numbers"].items()}
            for record in self.data["strategies"]
        }

    @property
    def ranking(self) -> list[str]:
        """The names of the strategies shown, in the order of `sort`; what has no value comes last.

        Equals keep the order given.
        """
        shown = list(self.shown or self._names)
        if self.sort == AS_GIVEN:
            return shown
        values = {name: self.numbers[name][self.sort] for name in shown}
        return sorted(shown, key=lambda name: math.inf if (v := values[name]) is None else v)

    def __repr__(self) -> str:
        count = len(self.data["strategies"])
        return f"RaceExplorer({self.data['prompt']!r}: {count} strategies)"

    def summary(self) -> str:
        """Return the current state in one line; the answer stays hidden until it is predicted."""
        if self.is_hidden:
            return f"{self!r}: {self.data['predict']['question']}"
        surprisal = [(self.numbers[name]["surprisal"], name) for name in self._names]
        (low, first), (high, last) = min(surprisal), max(surprisal)
        return f"{self!r}: surprisal from {low:.2f} ({first}) to {high:.2f} nats ({last})"

    def as_text(self) -> str:
        """Return the summary, a table of the numbers, and the texts of the sample shown."""
        records = {record["name"]: record for record in self.data["strategies"]}
        width = max(map(len, records)) + 2
        heads = "".join(f"{metric.label:>12}" for metric in METRICS.values())
        lines = [self.title, f"after: {self.data['prompt']!r}", self.summary()]
        lines += [self.data["note"]] if self.data["note"] else []
        lines += ["", f"{'strategy':<{width}}{heads}"]
        for name in self.ranking:
            numbers = records[name]["numbers"].values()
            cells = ("?" if self.is_hidden else number["text"] for number in numbers)
            lines.append(f"{name:<{width}}" + "".join(f"{cell:>12}" for cell in cells))
        for name in self.ranking:
            texts = self.generations[name]
            text = texts[min(self.sample, len(texts)) - 1].text
            lines += ["", f"{name}: {records[name]['repr']}", *textwrap.wrap(repr(text), 96)]
        lines += ["", ALIVE]
        return "\n".join(lines)


def explore_race(
    lm: LanguageModel,
    prompt: str,
    strategies: Mapping[str, Strategy],
    *,
    samples: int = 8,
    max_new_tokens: int = 40,
    seed: int = 0,
    title: str = "One prompt, many strategies",
    note: str = "",
    predict: str | None = None,
    answer: str = "highest self_bleu",
    **settings: Any,
) -> RaceExplorer:
    """Return the texts of several strategies for one prompt, side by side with their numbers.

    Everything is decoded in one batch. A deterministic strategy is asked once, as it would give
    the same text again.

    Args:
        lm: Any decodelib language model.
        prompt: The text that all of them continue.
        strategies: A name for each: `{"Greedy": dl.Greedy(), "Top-p": dl.Sampling(dl.TopP(0.9))}`.
        samples: How many texts of each, in [1, 50]; their seeds are `seed`, `seed` + 1, ...
        max_new_tokens, seed: As for `generate`.
        title, note: The heading, and a sentence below it.
        predict: A question that the reader must answer with the name of a strategy before the
            explorer shows its numbers: "Whose texts are most alike?".
        answer: Which one that is: "highest" or "lowest" and a name in METRICS.
        settings: Where the explorer starts: sort, sample, step, shown, picked. "Reset" comes back
            here.

    Raises:
        ValueError: For no strategies, values out of range, or an answer that several strategies
            share.  TypeError: For an unknown setting.  ImportError: Without sacrebleu.

    Chapter 14 explains the numbers; chapter 15 races all main strategies.
    """
    check_integer("samples", samples, 1, MAX_SAMPLES)
    if not strategies:
        raise ValueError("strategies must hold at least one strategy, got none")
    counts = {
        name: 1 if strategy.is_deterministic else samples for name, strategy in strategies.items()
    }
    order = [(name, i) for name, count in counts.items() for i in range(count)]
    texts = generate_batch(
        lm,
        [prompt] * len(order),
        [strategies[name] for name, _ in order],
        max_new_tokens=max_new_tokens,
        seeds=[seed + i for _, i in order],
    )
    generations: dict[str, list[Generation]] = {name: [] for name in counts}
    for (name, _), generation in zip(order, texts, strict=True):
        generations[name].append(generation)
    numbers = {name: scores(lm, prompt, own, samples) for name, own in generations.items()}
    explorer = build(RaceExplorer)
    explorer.title = title
    explorer.generations, explorer.strategies = generations, dict(strategies)
    explorer.data = {
        "load": None if isinstance(lm, TableLM) else as_call(lm),
        "model": None if isinstance(lm, TableLM) else lm.name,
        "prompt": prompt,
        "note": note,
        "samples": samples,
        "max_new_tokens": max_new_tokens,
        "seed": seed,
        "metrics": [{"name": name} | metric._asdict() for name, metric in METRICS.items()],
        "strategies": [
            {
                "name": name,
                "repr": repr(strategy),
                "code": as_source(strategy),
                "chance": not strategy.is_deterministic,
                "texts": [_text(generation) for generation in generations[name]],
                "numbers": numbers[name],
            }
            for name, strategy in strategies.items()
        ],
    }
    start = {"step": max_new_tokens, "picked": next(iter(counts))}
    asked = question(predict, winner(answer, explorer.numbers) if predict else None, list(counts))
    explorer.start(start | settings, asked)
    fields = {
        "samples": Field("Texts of each", min(samples, 3), 1, 8),
        "max_new_tokens": Field("New tokens", min(max_new_tokens, 30), 1, 100),
        "seed": Field("First seed", seed, 0, 10**9),
    }
    again = functools.partial(explore_race, lm, strategies=strategies, title=TITLE)
    explorer.offer(lm, Form(again, prompt, fields))
    return explorer


def _text(generation: Generation) -> dict[str, Any]:
    return {
        "tokens": generation.tokens,
        "surprisal": [round(-logprob, 3) + 0.0 for logprob in generation.logprobs],
        "end": generation.finish_reason,
    }
