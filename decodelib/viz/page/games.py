"""What the games of the pages are played with: tokens to guess, texts to tell, texts to edit."""

from __future__ import annotations

import itertools
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import decodelib as dl
from decodelib.decoding.generation import Generation
from decodelib.decoding.loop import generate_batch
from decodelib.decoding.search import Strategy
from decodelib.experiments.metrics import distinct_n, ends_in_repetition
from decodelib.models.base import LanguageModel

Passages = Sequence[Mapping[str, Any]]
"""Each with "text", "title" and "author"."""

OPTIONS = 5
"""How many tokens a reader chooses from, the model's most probable ones, besides all the others."""

PLACES = (16, 30)
"""What is guessed: the first token at or after each of these that does not go on with a word."""

SHOWN_AFTER = 4
"""How many tokens of the passage are shown once the reader has guessed."""

STRATEGIES: dict[str, Strategy] = {
    "Greedy": dl.Greedy(),
    "Top-p 0.5": dl.Sampling(dl.TopP(0.5)),
    "Random sampling": dl.Sampling(),
    "Temperature 1.5": dl.Sampling(dl.Temperature(1.5)),
}
"""Which of them wrote a text is the other game's question."""

OPENING, LENGTH = 10, 40
"""How many tokens of a passage are continued, and by how many."""

TEXTS = 12
"""How many texts each strategy has written."""

MARK = dl.GreenListWatermark()
"""The watermark that the third game's texts carry."""

MARKED_LENGTH, MARKED_TEXTS, SEEDS = 50, 8, 4
"""How many tokens a marked text has, how many texts there are, and how many seeds are tried."""

LEAST_Z, THRESHOLD = 6.0, 4.0
"""A text has a z of at least the first, and is to be brought below the second."""

OTHERS = 5
"""How many tokens are offered for each of a marked text."""


def write_games(folder: Path, passages: Path) -> None:
    """Write `games.js` into a folder, beside the model's scripts.

    Args:
        passages: A JSON file; those that storybook was not trained on are used.
    """
    lm = dl.load("storybook", device="cpu", dtype="float64")
    every = json.loads(passages.read_text(encoding="utf-8"))
    unseen = [passage for passage in every if not passage["in_storybook"]]
    content = {
        "words": words_to_guess(lm, unseen),
        **texts_to_tell(lm, unseen),
        "marked": texts_to_edit(lm, unseen),
    }
    packed = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    script = f'DecodeLive.receive("games.js", {packed});\n'
    (folder / "games.js").write_text(script, encoding="utf-8")


def words_to_guess(lm: LanguageModel, passages: Passages) -> list[dict[str, Any]]:
    """Return places of passages: the text before, the options with the model's p, and what came.

    "answer" is the place of the passage's token among the options, or their number for any other
    token; the probabilities of the options and of all others add up to 1.
    """
    found = []
    for passage in passages:
        ids = lm.encode(passage["text"])[: PLACES[-1] + 30].tolist()
        probs = lm.logits(ids).softmax(-1)
        place = 0
        for least in PLACES:
            place = max(place + 1, least)
            while lm.decode([ids[place]])[:1].isalnum():
                place += 1
            p, options = probs[place - 1].topk(OPTIONS)
            known = options.tolist()
            chances = [*map(float, p), 1 - float(p.sum())]
            found.append(
                {
                    "before": lm.decode(ids[:place]),
                    "options": [lm.decode([i]) for i in known],
                    "p": [_rounded(chance) for chance in chances],
                    "answer": known.index(ids[place]) if ids[place] in known else OPTIONS,
                    "came": lm.decode(ids[place : place + SHOWN_AFTER]),
                    "source": f"{passage['author']}, {passage['title']}",
                }
            )
    return found


def texts_to_tell(lm: LanguageModel, passages: Passages) -> dict[str, Any]:
    """Return texts of each strategy with their measures, and what the measures are on average.

    The texts continue the openings of passages. The measures are three of chapter 14: surprisal
    (nats a token), distinct-2, and whether the text ends in a repetition.
    """
    openings = [lm.encode(passage["text"])[:OPENING].tolist() for passage in passages[:TEXTS]]
    asked = [(name, opening, seed) for name in STRATEGIES for seed, opening in enumerate(openings)]
    written = generate_batch(
        lm,
        [opening for _, opening, _ in asked],
        [STRATEGIES[name] for name, _, _ in asked],
        max_new_tokens=LENGTH,
        min_new_tokens=LENGTH // 2,
        seeds=[seed for _, _, seed in asked],
    )
    texts = [
        {"strategy": name, "before": lm.decode(opening), "text": g.text, **measures(g)}
        for (name, opening, _), g in zip(asked, written, strict=True)
    ]
    return {
        "texts": texts,
        "strategies": {
            name: _typical([text for text in texts if text["strategy"] == name])
            for name in STRATEGIES
        },
    }


def texts_to_edit(lm: LanguageModel, passages: Passages) -> dict[str, Any]:
    """Return texts with a watermark, and for each of their tokens others that the model proposes.

    Each text continues the opening of a passage, from the first seed with which its z reaches
    LEAST_Z. The others are the most probable tokens at that place of the unedited text that are
    whole characters, the end of the text left out; "names" has what each token is as text.
    """
    openings = [lm.encode(one["text"])[:OPENING].tolist() for one in passages[:MARKED_TEXTS]]
    texts = []
    for opening, g in zip(openings, _marked(lm, openings), strict=True):
        logits = lm.logits([*opening, *g.token_ids][:-1])[len(opening) - 1 :]
        others = [
            [i for i in ranked if i != own and _can_be_offered(lm, i)][:OTHERS]
            for own, ranked in zip(
                g.token_ids, logits.topk(2 * OTHERS).indices.tolist(), strict=True
            )
        ]
        used = sorted({*g.token_ids, *itertools.chain.from_iterable(others)})
        texts.append(
            {
                "before": lm.decode(opening),
                "before_ids": opening,
                "ids": g.token_ids,
                "others": others,
                "names": {i: lm.decode([i]) for i in used},
                "surprisal": _rounded(-statistics.fmean(g.logprobs)),
            }
        )
    return {
        "mark": {"key": MARK.key, "gamma": MARK.gamma, "delta": MARK.delta},
        "vocab": lm.vocab_size,
        "threshold": THRESHOLD,
        "texts": texts,
    }


def _marked(lm: LanguageModel, openings: Sequence[list[int]]) -> list[Generation]:
    """Return for each opening the first of its marked texts that is found well enough."""
    found: dict[int, Generation] = {}
    for start in itertools.count(0, SEEDS):
        open_places = [place for place in range(len(openings)) if place not in found]
        if not open_places:
            return [found[place] for place in range(len(openings))]
        asked = [(place, seed) for place in open_places for seed in range(start, start + SEEDS)]
        written = generate_batch(
            lm,
            [openings[place] for place, _ in asked],
            dl.Sampling(MARK),
            max_new_tokens=MARKED_LENGTH,
            min_new_tokens=MARKED_LENGTH,
            seeds=[seed for _, seed in asked],
        )
        for (place, _), g in zip(asked, written, strict=True):
            is_whole = all(_can_be_offered(lm, token_id) for token_id in g.token_ids)
            if is_whole and MARK.detect(lm, g.token_ids).z >= LEAST_Z:
                found.setdefault(place, g)
    raise AssertionError("unreachable: seeds have no end")


def _can_be_offered(lm: LanguageModel, token_id: int) -> bool:
    return token_id not in lm.eos_token_ids and "\ufffd" not in lm.decode([token_id])


def measures(generation: Generation) -> dict[str, float]:
    """Return the three measures of a text; "repetition" is 1 or 0."""
    ids = generation.token_ids
    return {
        "surprisal": _rounded(-statistics.fmean(generation.logprobs)),
        "distinct_2": _rounded(distinct_n([ids], 2)),
        "repetition": int(ends_in_repetition(ids)),
    }


def _typical(texts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the mean and the standard deviation of each measure; of repetition a share.

    The share is (loops + 1) / (texts + 2), so that what was never seen is not impossible.
    """

    def spread(name: str) -> list[float]:
        values = [text[name] for text in texts]
        return [_rounded(statistics.fmean(values)), _rounded(max(statistics.stdev(values), 0.02))]

    loops = sum(text["repetition"] for text in texts)
    return {
        "surprisal": spread("surprisal"),
        "distinct_2": spread("distinct_2"),
        "repetition": _rounded((loops + 1) / (len(texts) + 2)),
    }


def _rounded(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"measures must be finite, got {value}")
    return float(f"{value:.6g}")
