"""The strip of feasible mass: how much of the model's probability a constraint leaves, by token."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import traitlets as t

from decodelib.decoding.detokenizer import token_texts
from decodelib.decoding.loop import generate
from decodelib.models.base import LanguageModel
from decodelib.models.toy import TableLM
from decodelib.processors.constraint import Constraint
from decodelib.strategies.sampling import Sampling
from decodelib.viz.shell.explorer import ALIVE, build, question
from decodelib.viz.shell.own import TITLE, Field, Form
from decodelib.viz.shell.source import as_call, load_of
from decodelib.viz.shell.texts import TextsExplorer

NUM_CANDIDATES = 5


class MassStrip(TextsExplorer):
    """The feasible mass at every token of some texts that satisfy a constraint.

    Make one with `explore_mass`. Its traits `text` and `position` can be read and set; in a kernel
    the page follows them, and the other way round.
    """

    kind = t.Unicode("mass").tag(sync=True)

    @property
    def products(self) -> dict[str, float]:
        """The product of the feasible masses of each text."""
        return {record["label"]: math.prod(record["mass"]) for record in self.data["texts"]}

    def __repr__(self) -> str:
        count = len(self.data["texts"])
        return f"MassStrip({self.data['prompt']!r}: {count} text{'s' if count > 1 else ''})"

    def summary(self) -> str:
        """Return the current state in one line; the answer stays hidden until it is predicted."""
        if self.is_hidden:
            return f"{self!r}: {self.data['predict']['question']}"
        parts = (f"{label!r} {product:.3g}" for label, product in self.products.items())
        return f"{self!r}: products of the feasible masses {', '.join(parts)}"

    def as_text(self) -> str:
        """Return the summary, and the feasible mass of every token of the text shown."""
        record = self.record
        lines = [self.title, f"after: {self.data['prompt']!r}", self.summary(), ""]
        for token, mass, allowed in zip(
            record["tokens"], record["mass"], record["allowed"], strict=True
        ):
            shown = "?" if self.is_hidden else f"{mass:.4f}"
            lines.append(f"{token!r:<16} Z = {shown:>7}   {allowed:,} tokens allowed")
        lines += ["", ALIVE]
        return "\n".join(lines)


def explore_mass(
    lm: LanguageModel,
    prompt: str,
    constraint: Constraint,
    texts: Mapping[str, Sequence[int]],
    *,
    source: str,
    title: str = "Feasible mass",
    predict: str | None = None,
    **settings: Any,
) -> MassStrip:
    """Return the feasible mass Z_t at every token of texts that satisfy a constraint.

    Z_t is the probability, under the model, of all tokens that the constraint allows at step t.
    Masking divides by it, so the product over a text says how much too often masking gives it.

    Args:
        lm: Any decodelib language model.
        prompt: The text that all of them continue.
        constraint: What the texts satisfy, at least as beginnings.
        texts: The token ids of each continuation, by label.
        source: Python that makes the constraint from `lm`, for readers to copy.
        title: The heading.
        predict: A question that the reader must answer before the masses are shown: with several
            texts, the label of the one with the smallest product; with one, the place of its
            smallest mass, from 1.
        settings: Where the explorer starts: text, position.

    Raises:
        ValueError: For no texts, an empty one, and one that does not satisfy the constraint.
        TypeError: For an unknown setting.

    Chapter 19.
    """
    if not texts or not all(len(ids) for ids in texts.values()):
        raise ValueError("texts must hold at least one text, and none without tokens")
    explorer = build(MassStrip)
    explorer.title = title
    start = lm.prompt_ids(prompt).tolist()
    bound = Constraint(constraint.automaton, skip=len(start))
    explorer.data = {
        "model": None if isinstance(lm, TableLM) else lm.name,
        **load_of(lm),
        "load": None if isinstance(lm, TableLM) else as_call(lm),
        "prompt": prompt,
        "constraint": repr(constraint),
        "source": source,
        "texts": [_record(lm, bound, start, label, list(ids)) for label, ids in texts.items()],
    }
    explorer.text = next(iter(texts))
    asked = None
    if predict is not None:
        products = explorer.products
        if len(products) > 1:
            asked = question(predict, min(products, key=products.__getitem__), list(products))
        else:
            [record] = explorer.data["texts"]
            asked = question(predict, 1 + record["mass"].index(min(record["mass"])))
    explorer.start(settings, asked)
    fields = {
        "max_new_tokens": Field("New tokens", min(max(map(len, texts.values())), 100), 1, 100),
        "seed": Field("Seed", 0, 0, 10**9),
    }
    again = functools.partial(_masked, lm, constraint, source)
    explorer.offer(lm, Form(again, prompt, fields))
    return explorer


def _masked(
    lm: LanguageModel,
    constraint: Constraint,
    source: str,
    prompt: str,
    max_new_tokens: int,
    seed: int,
) -> MassStrip:
    """Return the strip of a text that is drawn under the mask."""
    way = Sampling(constraint)
    g = generate(lm, prompt, way, max_new_tokens=max_new_tokens, seed=seed)
    return explore_mass(lm, prompt, constraint, {"masked": g.token_ids}, source=source, title=TITLE)


def _record(
    lm: LanguageModel, constraint: Constraint, start: list[int], label: str, ids: list[int]
) -> dict[str, Any]:
    probs = lm.logits([*start, *ids][:-1])[len(start) - 1 :].double().softmax(-1).cpu()
    record: dict[str, Any] = {"label": label, "ids": ids, "tokens": token_texts(lm, ids)}
    masses, own, counts, tops = [], [], [], []
    for place, token_id in enumerate(ids):
        allowed = constraint.allowed(torch.tensor([[*start, *ids[:place]]]))[0]
        if not allowed[token_id]:
            raise ValueError(f"texts must satisfy {constraint!r}, got {lm.decode(ids)!r}")
        p = torch.where(allowed, probs[place], 0)
        best = p.argsort(descending=True, stable=True)[: min(NUM_CANDIDATES, int(allowed.sum()))]
        masses.append(_rounded(p.sum()))
        own.append(_rounded(probs[place, token_id]))
        counts.append(int(allowed.sum()))
        tops.append([[lm.decode([i]), _rounded(p[i])] for i in best.tolist()])
    return record | {"mass": masses, "p": own, "allowed": counts, "top": tops}


def _rounded(value: Any) -> float:
    """To six significant digits: what is only displayed should not change with the machine."""
    return min(1.0, float(f"{float(value):.6g}"))
