"""A green-list watermark under the reader's edits: z, token by token and edit by edit."""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import traitlets as t

from decodelib.arguments import check_integer
from decodelib.decoding.loop import generate
from decodelib.models.base import LanguageModel
from decodelib.processors.marking import binomial_tail
from decodelib.processors.watermarks import GreenListWatermark
from decodelib.strategies.sampling import Sampling
from decodelib.viz.shell.explorer import ALIVE, build, question
from decodelib.viz.shell.limits import Limit, list_of, number, one_of
from decodelib.viz.shell.own import TITLE, Field, Form
from decodelib.viz.shell.source import as_call, load_of
from decodelib.viz.shell.texts import TextsExplorer

THRESHOLD = 4.0
HOW = ("replaced", "struck out")


class Count(NamedTuple):
    """What the detector counts: scored tokens, green ones among them, z, and its p-value."""

    scored: int
    green: int
    z: float
    p_value: float


class WatermarkEditor(TextsExplorer):
    """Texts whose tokens can be replaced or struck out, and what a detector says of the rest.

    Make one with `explore_watermark`. The traits below can be read and set; in a kernel the page
    follows them, and the other way round.

    Traits:
        text: The label of the text shown.
        length: How many of its tokens the detector is given, from 2, before the edits.
        edits: The places that are edited, from 1, in rising order.
        how: What an edit does: "replaced" by another token, or "struck out".
        position: The place that the edit button acts on, from 1.
    """

    kind = t.Unicode("watermark").tag(sync=True)
    length = t.Int(2).tag(sync=True)
    edits = t.List(t.Int()).tag(sync=True)
    how = t.Enum(HOW, default_value=HOW[0]).tag(sync=True)

    settings = ("text", "length", "edits", "how", "position")

    def limits(self) -> dict[str, Limit]:
        """Return what each setting may be."""
        places = list(range(1, self._longest + 1))
        shared = super().limits()
        return {
            "text": shared["text"],
            "length": number(2, self._longest, integer=True),
            "edits": list_of(places),
            "how": one_of(list(HOW)),
            "position": shared["position"],
        }

    @property
    def _longest(self) -> int:
        return max(len(record["ids"]) for record in self.data["texts"])

    @t.validate("length")
    def _check_length(self, proposal: Any) -> int:
        check_integer("length", proposal["value"], 2, self._longest)
        return int(proposal["value"])

    @t.validate("edits")
    def _check_edits(self, proposal: Any) -> list[int]:
        for place in proposal["value"]:
            check_integer("edits", place, 1, self._longest)
        return sorted(set(proposal["value"]))

    @property
    def count(self) -> Count:
        """What the detector finds in the text as it is edited now."""
        return self._count(self.record, self.length, self.edits, self.how)

    def _count(self, record: dict[str, Any], length: int, edits: Sequence[int], how: str) -> Count:
        left = [
            record["swaps"][i] if i + 1 in edits else word
            for i, word in enumerate(record["ids"][:length])
            if how == HOW[0] or i + 1 not in edits
        ]
        pairs = set(itertools.pairwise(left))
        gamma, scored = self.data["gamma"], len(pairs)
        green = sum(_bit(record["green"][a], b) for a, b in pairs)
        if scored == 0:
            return Count(0, 0, 0.0, 1.0)
        z = (green - gamma * scored) / math.sqrt(scored * gamma * (1 - gamma))
        return Count(scored, green, z, binomial_tail(green, scored, gamma))

    def __repr__(self) -> str:
        return f"WatermarkEditor({self.text!r}: {self.length} tokens, {len(self.edits)} edits)"

    def summary(self) -> str:
        """Return the current state in one line; the answer stays hidden until it is predicted."""
        if self.is_hidden:
            return f"{self!r}: {self.data['predict']['question']}"
        scored, green, z, p_value = self.count
        return f"{self!r}: {green} of {scored} green, z = {z:.2f}, p = {p_value:.2g}"

    def as_text(self) -> str:
        """Return the summary and the text, green tokens in brackets."""
        record = self.record
        words, ids = record["words"], record["ids"]
        marks = [False, *(_bit(record["green"][a], b) for a, b in itertools.pairwise(ids))]
        shown = "".join(
            f"[{words[word]}]" if green and not self.is_hidden else words[word]
            for word, green in zip(ids, marks, strict=True)
        )
        return "\n".join([self.title, self.summary(), "", shown, "", ALIVE])


def explore_watermark(
    lm: LanguageModel,
    prompt: str,
    texts: Mapping[str, Sequence[int]],
    watermark: GreenListWatermark,
    *,
    title: str = "A watermark under edits",
    predict: str | None = None,
    **settings: Any,
) -> WatermarkEditor:
    """Return texts to edit, with the z-score that the watermark's detector gives what is left.

    The page holds which token would be green after which, for all tokens of the text and one
    replacement for each: the model's most probable other token there.

    Args:
        lm: Any decodelib language model.
        prompt: What all of them continue.
        texts: The token ids of each, by label; at least two tokens.
        watermark: Whose green lists are recorded.
        title: The heading.
        predict: A question that the reader must answer before anything is shown: how many tokens of
            the first text, in the order of the random edits, have to be edited before z is below 4.
        settings: Where the explorer starts: text, length, edits, how, position.

    Raises:
        ValueError: For no texts, a text of fewer than two tokens, and a question without an answer.
        TypeError: For an unknown setting.

    Chapter 19.
    """
    if not texts or min(map(len, texts.values())) < 2:
        raise ValueError("texts must hold at least one text, each of two tokens or more")
    explorer = build(WatermarkEditor)
    explorer.title = title
    records = [_record(lm, prompt, watermark, label, list(ids)) for label, ids in texts.items()]
    explorer.data = {
        "model": lm.name,
        **load_of(lm),
        "load": as_call(lm),
        "gamma": watermark.gamma,
        "key": watermark.key,
        "threshold": THRESHOLD,
        "texts": records,
    }
    explorer.text = records[0]["label"]
    longest = max(len(record["ids"]) for record in records)
    start = {"length": longest} | settings
    asked = question(predict, _edits_needed(explorer, start)) if predict is not None else None
    explorer.start(start, asked)
    fields = {
        "max_new_tokens": Field("New tokens", min(longest, 200), 2, 200),
        "seed": Field("Seed", 1, 0, 10**9),
    }
    explorer.offer(lm, Form(functools.partial(_marked, lm, watermark), prompt, fields))
    return explorer


def _marked(
    lm: LanguageModel, watermark: GreenListWatermark, prompt: str, max_new_tokens: int, seed: int
) -> WatermarkEditor:
    """Return the editor of a text with the mark and of one without, of one seed."""
    texts = {
        name: generate(
            lm,
            prompt,
            way,
            max_new_tokens=max_new_tokens,
            min_new_tokens=max_new_tokens,
            seed=seed,
        ).token_ids
        for name, way in {"marked": Sampling(watermark), "unmarked": Sampling()}.items()
    }
    return explore_watermark(lm, prompt, texts, watermark, title=TITLE)


def _edits_needed(explorer: WatermarkEditor, settings: Mapping[str, Any]) -> int:
    record, how = explorer.data["texts"][0], settings.get("how", HOW[0])
    for count in range(len(record["order"]) + 1):
        edits = record["order"][:count]
        if explorer._count(record, settings["length"], edits, how).z < THRESHOLD:
            return count
    raise ValueError("predict must have an answer, and z stays above the threshold")


def _record(
    lm: LanguageModel, prompt: str, watermark: GreenListWatermark, label: str, ids: list[int]
) -> dict[str, Any]:
    start = lm.prompt_ids(prompt).tolist()
    logits = lm.logits([*start, *ids][:-1])[len(start) - 1 :]
    own = torch.tensor(ids, device=logits.device)[:, None]
    swaps = logits.scatter(-1, own, -torch.inf).argmax(-1).tolist()
    vocabulary = list(dict.fromkeys([*ids, *swaps]))
    index = {token_id: i for i, token_id in enumerate(vocabulary)}
    greens = [set(watermark.green(token_id, lm.vocab_size).tolist()) for token_id in vocabulary]
    places = list(range(1, len(ids) + 1))
    random.Random(19).shuffle(places)
    return {
        "label": label,
        "vocabulary": vocabulary,
        "words": [lm.decode([token_id]) for token_id in vocabulary],
        "ids": [index[token_id] for token_id in ids],
        "swaps": [index[token_id] for token_id in swaps],
        "order": places,
        "green": [_bits(token_id in green for token_id in vocabulary) for green in greens],
    }


def _bits(bits: Any) -> str:
    """Return bits as hexadecimal digits, four in each, the first bit first."""
    text = "".join("01"[bit] for bit in bits)
    padded = text + "0" * (-len(text) % 4)
    return "".join(f"{int(padded[i : i + 4], 2):x}" for i in range(0, len(padded), 4))


def _bit(digits: str, place: int) -> bool:
    return bool(int(digits[place // 4], 16) >> (3 - place % 4) & 1)
