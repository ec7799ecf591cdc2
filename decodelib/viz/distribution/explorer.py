"""The next-token distribution explorer: one distribution, its processors, every knob a slider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import traitlets as t
from torch import Tensor

from decodelib import Sampling
from decodelib.arguments import check_choice
from decodelib.models.base import LanguageModel
from decodelib.processors.base import Processor
from decodelib.viz.distribution.payload import pack, unpack
from decodelib.viz.distribution.steps import STEPS, Distribution, apply_steps, check_knob, processor
from decodelib.viz.shell.explorer import Explorer, build, question
from decodelib.viz.shell.limits import Limit, list_of, number, one_of
from decodelib.viz.shell.own import TITLE, Form
from decodelib.viz.shell.source import load_of

SHOWN = ("temperature", "top_k", "top_p", "min_p")
"""The knobs that are there from the start unless the author names others."""

ANSWERS = ("kept", "mass", "entropy", "varentropy", "top_probability")


class DistributionExplorer(Explorer):
    """Bars for the next-token distribution, before and after processors the reader sets.

    Make one with `explore_distribution` or `DistributionExplorer.from_logits`. The traits below can
    be read and set; in a kernel the sliders follow, and the other way round. The page computes with
    the same definitions as `distribution()`, in float64: kept sets equal, p within 1e-9.

    Traits:
        context: The label of the distribution shown.
        temperature: T in [0.01, 10]; 1 is off.
        top_n_sigma: n in [0, 100]; 0 is off.   top_k: k; 0 is off.
        top_p: p in [0.001, 1]; 1 is off.   min_p: m in [0, 1]; 0 is off.
        typical_p: tau in [0.001, 1]; 1 is off.   eta: epsilon in [0, 0.999]; 0 is off.
        order: The names of those in the order applied; those left out come last.
        seed, draws: How many tokens the reader has drawn, and from which seed. The page has its own
            random numbers, not those of `dl.Sampling`.
        prediction: As for every explorer; a number.
    """

    kind = t.Unicode("distribution").tag(sync=True)
    context = t.Unicode().tag(sync=True)
    temperature = t.Float(1.0).tag(sync=True)
    top_n_sigma = t.Float(0.0).tag(sync=True)
    top_k = t.Int(0).tag(sync=True)
    top_p = t.Float(1.0).tag(sync=True)
    min_p = t.Float(0.0).tag(sync=True)
    typical_p = t.Float(1.0).tag(sync=True)
    eta = t.Float(0.0).tag(sync=True)
    order = t.List(t.Unicode(), list(STEPS)).tag(sync=True)
    seed = t.Int(0, min=0, max=2**32 - 1).tag(sync=True)
    draws = t.Int(0, min=0, max=10_000).tag(sync=True)

    _logits: dict[str, Tensor]
    _token_ids: dict[str, Tensor]

    settings = ("context", *STEPS, "order", "seed", "draws")

    @classmethod
    def from_logits(
        cls,
        logits: Mapping[str, Sequence[float] | Tensor] | Sequence[float] | Tensor,
        tokens: Sequence[str],
        *,
        title: str = "Next-token distribution",
        prompts: Mapping[str, str] | str = "",
        predict: str | None = None,
        answer: str = "kept",
        bars: int = 16,
        knobs: Sequence[str] = SHOWN,
        **settings: Any,
    ) -> DistributionExplorer:
        """Return an explorer for logits and token texts alone, such as a toy vocabulary's.

        Args:
            logits: Shape [vocab], or a label for each of several such rows.
            tokens: The text of each id.
            prompts: The text that the distribution follows, or one for each label.
            title, predict, answer, bars, knobs, settings: As for `explore_distribution`.
        """
        rows = logits if isinstance(logits, Mapping) else {"": logits}
        if any(len(row) != len(tokens) for row in rows.values()):
            sizes = ", ".join(str(len(row)) for row in rows.values())
            raise ValueError(f"tokens must name every logit, got {len(tokens)} for {sizes} logits")
        texts = dict.fromkeys(rows, prompts) if isinstance(prompts, str) else dict(prompts)
        contexts = [(label, texts.get(label), row) for label, row in rows.items()]
        return cls._build(
            contexts,
            lambda i: tokens[i],
            {"model": None},
            title,
            predict,
            answer,
            bars,
            knobs,
            settings,
        )

    @classmethod
    def _build(
        cls,
        contexts: Sequence[tuple[str, str | None, Tensor | Sequence[float]]],
        token_text: Callable[[int], str],
        model: Mapping[str, str | None],
        title: str,
        predict: str | None,
        answer: str,
        bars: int,
        knobs: Sequence[str],
        settings: dict[str, Any],
    ) -> DistributionExplorer:
        if not contexts:
            raise ValueError("contexts must hold at least one prompt, got none")
        check_choice("answer", answer, ANSWERS)
        for knob in knobs:
            check_choice("knobs", knob, tuple(STEPS))
        records, token_ids = [], {}
        for label, prompt, logits in contexts:
            record, token_ids[label] = pack(logits, token_text)
            records.append({"label": label, "prompt": prompt, **record})
        explorer = build(cls)
        explorer.title = title
        explorer.data = {
            **model,
            "bars": bars,
            "knobs": list(knobs),
            "contexts": records,
        }
        explorer._token_ids = token_ids
        explorer._logits = {record["label"]: unpack(record) for record in records}
        explorer.context = contexts[0][0]
        explorer.start(settings, question(predict, answer))
        return explorer

    def limits(self) -> dict[str, Limit]:
        """Return what each setting may be."""
        labels = [record["label"] for record in self.data["contexts"]]
        knobs = {
            name: number(*knob.allowed, integer=name == "top_k") for name, knob in STEPS.items()
        }
        order = list_of(list(STEPS), each_once=True)
        return super().limits() | knobs | {"context": one_of(labels), "order": order}

    @t.validate("context")
    def _check_context(self, proposal: Any) -> str:
        labels = tuple(record["label"] for record in self.data.get("contexts", ()))
        check_choice("context", proposal["value"], labels)
        return str(proposal["value"])

    @t.validate(*STEPS)
    def _check_number(self, proposal: Any) -> Any:
        check_knob(proposal["trait"].name, proposal["value"])
        return proposal["value"]

    @t.validate("order")
    def _check_order(self, proposal: Any) -> list[str]:
        order = list(proposal["value"])
        if len(set(order)) < len(order) or not set(order) <= set(STEPS):
            raise ValueError(
                f"order must hold each of {', '.join(STEPS)} at most once, got {order}"
            )
        return order + [name for name in STEPS if name not in order]

    @property
    def processors(self) -> tuple[Processor, ...]:
        """The current settings as decodelib processors, in order, without those that are off."""
        steps = (processor(name, getattr(self, name)) for name in self.order)
        return tuple(step for step in steps if step is not None)

    @property
    def strategy(self) -> Sampling:
        """The current settings as a strategy for `dl.generate`."""
        from decodelib import Sampling

        return Sampling(*self.processors)

    def distribution(self) -> Distribution:
        """Return what the explorer shows, computed by decodelib's processors in float64."""
        settings = {name: getattr(self, name) for name in STEPS}
        return apply_steps(
            self._logits[self.context], self._token_ids[self.context], settings, self.order
        )

    def _record(self) -> dict[str, Any]:
        return next(r for r in self.data["contexts"] if r["label"] == self.context)

    def __repr__(self) -> str:
        chain = ", ".join(map(repr, self.processors))
        return f"DistributionExplorer({self.context or self.title!r}: Sampling({chain}))"

    def summary(self) -> str:
        """Return the current state in one line; the answer stays hidden until it is predicted."""
        if self.is_hidden:
            return f"{self!r}: {self.data['predict']['question']}"
        d = self.distribution()
        return (
            f"{self!r}: keeps {d.kept:,} of {len(d.before):,} tokens, mass {d.mass:.4f}, "
            f"entropy {d.entropy_before:.3f} before and {d.entropy:.3f} nats after"
        )

    def as_text(self) -> str:
        """Return the summary and a bar chart in plain text."""
        record, d = self._record(), self.distribution()
        after = d.before if self.is_hidden else d.after
        lines = [self.title, f"after: {record['prompt']!r}" if record["prompt"] else ""]
        lines += [self.summary(), "", f"{'token':<16} before   after"]
        for i, token in enumerate(record["tokens"][: min(self.data["bars"], 10)]):
            state = (
                "     ?"
                if self.is_hidden
                else "   cut"
                if d.removed_at[i] < len(self.order)
                else f"{after[i]:.4f}"
            )
            bar = "█" * round(float(24 * after[i] / after.max()))
            lines.append(f"{token!r:<16.16} {d.before[i]:.4f}  {state} {bar}".rstrip())
        lines += [
            "",
            "The sliders come alive on the book's website, and here when this cell is run.",
        ]
        return "\n".join(line for i, line in enumerate(lines) if line or i > 1)


def explore_distribution(
    lm: LanguageModel,
    contexts: str | Mapping[str, str] | Sequence[str],
    *,
    title: str = "Next-token distribution",
    predict: str | None = None,
    answer: str = "kept",
    bars: int = 16,
    knobs: Sequence[str] = SHOWN,
    **settings: Any,
) -> DistributionExplorer:
    """Return sliders over the model's real next-token distribution after one or several contexts.

    Args:
        lm: Any decodelib language model.
        contexts: A prompt, several, or a label for each: `{"flat": "The", "peaked": "New York"}`.
        title: The heading.
        predict: A question that the reader must answer with a number before the explorer shows
            anything after the steps: "How many tokens does top-p 0.9 keep here?".
        answer: What that number is at the settings given: "kept", "mass", "entropy", "varentropy"
            or "top_probability".
        bars: How many tokens have bars; at most 300.
        knobs: The processors whose sliders are there from the start; the reader can add the others.
        settings: Where the sliders start: temperature, top_n_sigma, top_k, top_p, min_p, typical_p,
            eta, order, seed, draws, and context (a label). "Reset" comes back here.

    Raises:
        ValueError: For settings out of range or NaN logits.  TypeError: For an unknown setting.

    Chapter 1 introduces the explorer; chapters 6 to 10 and 12 each move one of its knobs.
    """
    if isinstance(contexts, str):
        prompts = {"": contexts}
    elif isinstance(contexts, Mapping):
        prompts = dict(contexts)
    else:
        prompts = {prompt: prompt for prompt in contexts}
    rows = [(label, prompt, lm.next_logits(prompt)) for label, prompt in prompts.items()]
    model = {"model": lm.name, **load_of(lm)}
    explorer = DistributionExplorer._build(
        rows, lambda i: lm.decode([i]), model, title, predict, answer, bars, knobs, settings
    )

    def again(own: str) -> DistributionExplorer:
        now = {name: getattr(explorer, name) for name in (*STEPS, "order", "seed", "draws")}
        return explore_distribution(lm, own, title=TITLE, bars=bars, knobs=knobs, **now)

    explorer.offer(lm, Form(again, prompts.get(explorer.context, "")))
    return explorer
