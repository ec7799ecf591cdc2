"""Make the second judge's data of chapter 14 anew: `python -m tools.second_judge [--judge M]`.

Texts of some settings of the sweep, one for each opening, and what people wrote, are read by two
models: the one that wrote the texts, and another. The two have different tokens, so a text's
surprisal is given for each of its characters.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path

from tqdm.auto import tqdm

import decodelib as dl
from decodelib.distributions import surprisal
from decodelib.experiments.sweeps import Setting, sweep
from decodelib.models.base import LanguageModel
from tools.sweep import DATA, NUM_TOKENS, SETTINGS

OUTPUT = DATA / "second_judge.json"
NUM_PROMPT_TOKENS = 12
NUM_OPENINGS = 30
JUDGED = """greedy, beam 10, sampling, temperature 0.5, temperature 0.7, temperature 0.9,
    temperature 1.1, top-k 40, top-p 0.5, top-p 0.9, top-p 0.95, min-p 0.1, typical 0.2"""


def settings() -> list[Setting]:
    """Return the settings of the sweep that are judged, in the order of JUDGED."""
    by_name = {str(setting): setting for setting in SETTINGS}
    return [by_name[" ".join(name.split())] for name in JUDGED.split(",")]


def nats_per_character(lm: LanguageModel, start: str, text: str) -> float:
    """Return the surprisal of `text` after `start` under a model, divided by its characters.

    Where the last token of `start` becomes another one before `text`, that one is counted too.
    """
    whole, given = lm.encode(start + text), lm.encode(start)
    pairs = zip(whole.tolist(), given.tolist(), strict=False)
    known = max(1, sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)))
    rows = lm.logits(whole)[known - 1 : -1]
    nats = surprisal(rows, whole[known:].to(rows.device)).double().sum()
    return float(nats) / len(lm.decode(whole[known:]))


def people(lm: LanguageModel, passages: Sequence[str]) -> list[tuple[str, str]]:
    """Return the beginning of each passage and as much of the rest as is generated elsewhere."""
    cut = [lm.encode(passage)[: NUM_PROMPT_TOKENS + NUM_TOKENS] for passage in passages]
    return [(lm.decode(ids[:NUM_PROMPT_TOKENS]), lm.decode(ids[NUM_PROMPT_TOKENS:])) for ids in cut]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--writer", default="storybook", help="who writes (default: storybook)")
    parser.add_argument("--judge", default="smollm2", help="who judges beside it")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    given = parser.parse_args()
    openings = (DATA / "openings.txt").read_text(encoding="utf-8").splitlines()[:NUM_OPENINGS]
    passages = json.loads((DATA / "passages.json").read_text(encoding="utf-8"))
    with ThreadPoolExecutor(1) as pool:
        outcomes = sweep(
            settings(),
            openings,
            pool,
            model=dl.resolve(given.writer),
            device="cpu",
            dtype="float64",
            repeats=1,
            num_tokens=NUM_TOKENS,
        )
    judges = {
        "writer": dl.load(given.writer, "cpu", "float64"),
        "judge": dl.load(given.judge, "cpu", "float32"),
    }
    unseen = [p["text"] for p in passages if not p["in_storybook"]]
    texts = {"people": people(judges["writer"], unseen)}
    for setting, by_opening in outcomes:
        pairs = zip(openings, by_opening, strict=True)
        texts[str(setting)] = [(opening, own[0].text) for opening, own in pairs]
    rows = {
        name: {
            who: [round(nats_per_character(lm, start, text), 4) for start, text in pairs]
            for who, lm in judges.items()
        }
        for name, pairs in tqdm(texts.items(), unit="setting")
    }
    content = {
        "writer": judges["writer"].name,
        "judge": judges["judge"].name,
        "tokens": NUM_TOKENS,
        "rows": rows,
    }
    given.output.write_text(json.dumps(content, ensure_ascii=False, indent=0) + "\n", "utf-8")
    print(f"{given.output}: {len(rows)} rows")


if __name__ == "__main__":
    main()
