"""Make the data of chapter 11 anew: `python -m tools.entropix_on_tasks [--model M]`.

A chat model answers word problems and questions with one right word, under several strategies, and
each answer is marked. Every strategy answers the same questions with the same seeds. Counted beside
the right answers: how often the model was evaluated. What is done is kept in a file under _build,
so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

import decodelib as dl
from decodelib.decoding.search import Strategy
from decodelib.models.base import LanguageModel

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "chapters" / "data" / "entropix_on_tasks.json"
KEEP = ROOT / "_build" / "entropix_on_tasks.jsonl"
SEED = 11
PER_KIND, MAX_NEW_TOKENS, ROWS = 100, 48, 36

NAMES = ("Ada", "Ben", "Cora", "Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "June")
THINGS = ("apples", "books", "coins", "shells", "stamps", "marbles", "pencils", "buttons")
ONE_STEP: tuple[tuple[str, Callable[[int, int], int]], ...] = (
    ("{n} has {a} {t} and buys {b} more. How many {t} does {n} have now?", lambda a, b: a + b),
    ("{n} has {a} {t} and gives away {b}. How many {t} are left?", lambda a, b: a - b),
    ("{n} has {b} bags with {a} {t} in each. How many {t} is that?", lambda a, b: a * b),
)
TWO_STEPS: tuple[tuple[str, Callable[[int, int, int], int]], ...] = (
    (
        "{n} has {a} {t}, buys {b} more and gives away {c}. How many {t} does {n} have now?",
        lambda a, b, c: a + b - c,
    ),
    (
        "{n} has {b} bags with {a} {t} in each and finds {c} more. How many {t} is that?",
        lambda a, b, c: a * b + c,
    ),
    (
        "{n} has {b} bags with {a} {t} in each and loses {c}. How many {t} are left?",
        lambda a, b, c: a * b - c,
    ),
)
ASK_NUMBER = " Give the answer as a number."

PAIRS = {
    "The opposite of {} is": """hot cold, big small, up down, day night, happy sad, fast slow,
        rich poor, full empty, old young, hard soft, light dark, early late, open closed""",
    "The capital of {} is": """France Paris, Italy Rome, Spain Madrid, Japan Tokyo, Egypt Cairo,
        Greece Athens, England London, Russia Moscow, China Beijing, Germany Berlin""",
    "A young {} is called a": """dog puppy, cat kitten, cow calf, sheep lamb, horse foal, bear cub,
        goat kid, duck duckling, hen chick, goose gosling""",
    "A {} is a kind of": """rose flower, sparrow bird, salmon fish, oak tree, hammer tool,
        violin instrument, carrot vegetable, ruby jewel, ant insect, chair furniture""",
}
"""Sentences to complete, each with pairs of what goes in and what comes next."""
ASK_WORD = "Complete the sentence with one of these words: {}.\n{} ..."
OPTIONS = 4


@dataclass(frozen=True)
class Item:
    """A question, what kind it is, its answer, and the words to choose from, if it names any."""

    kind: str
    question: str
    answer: str
    options: tuple[str, ...] = ()

    def is_right(self, text: str) -> bool:
        """Whether a text's last number, or the first of the options in it, is the answer."""
        if not self.options:
            numbers = re.findall(r"\d+(?:\.\d+)?", text.replace(",", ""))
            return bool(numbers) and float(numbers[-1]) == float(self.answer)
        words = re.findall(r"[a-z]+", text.lower())
        named = [word for word in words if word in {option.lower() for option in self.options}]
        return named[:1] == [self.answer.lower()]


def items(per_kind: int = PER_KIND) -> list[Item]:
    """Return the questions: as many of one step, of two steps, and all with words to choose from.

    The same ones every time.
    """
    rng = random.Random(SEED)
    made = [one_step(rng) for _ in range(per_kind)] + [two_steps(rng) for _ in range(per_kind)]
    return made + cloze(rng)


def one_step(rng: random.Random) -> Item:
    question, solve = rng.choice(ONE_STEP)
    a, b = rng.randint(6, 15), rng.randint(2, 5)
    text = question.format(n=rng.choice(NAMES), t=rng.choice(THINGS), a=a, b=b)
    return Item("one step", text + ASK_NUMBER, str(solve(a, b)))


def two_steps(rng: random.Random) -> Item:
    question, solve = rng.choice(TWO_STEPS)
    a, b, c = rng.randint(6, 12), rng.randint(2, 5), rng.randint(2, 5)
    text = question.format(n=rng.choice(NAMES), t=rng.choice(THINGS), a=a, b=b, c=c)
    return Item("two steps", text + ASK_NUMBER, str(solve(a, b, c)))


def cloze(rng: random.Random) -> list[Item]:
    made = []
    for sentence, listed in PAIRS.items():
        pairs = [pair.split() for pair in listed.split(",")]
        answers = [answer for _, answer in pairs]
        for subject, answer in pairs:
            wrong = [other for other in answers if other != answer]
            options = [answer, *rng.sample(wrong, OPTIONS - 1)]
            rng.shuffle(options)
            question = ASK_WORD.format(", ".join(options), sentence.format(subject))
            made.append(Item("choice", question, answer, tuple(options)))
    return made


@dataclass(frozen=True)
class Setting:
    """A strategy, and how many texts it writes, of which the one most probable a token is kept."""

    strategy: Strategy
    texts: int = 1


ENTROPIX = dl.EntropySampling()
SETTINGS = {
    "greedy": Setting(dl.Greedy()),
    "temperature 0.7": Setting(dl.Sampling(dl.Temperature(0.7))),
    "top-p 0.9": Setting(dl.Sampling(dl.TopP(0.9))),
    "min-p 0.1": Setting(dl.Sampling(dl.MinP(0.1))),
    "entropix's sampler alone": Setting(dl.Sampling(ENTROPIX.sampler())),
    "entropix": Setting(ENTROPIX),
    "its sampler, best of 2": Setting(dl.Sampling(ENTROPIX.sampler()), texts=2),
}
"""The last one spends more evaluations of the model, as entropix does where it branches."""


def as_chat(lm: Any, question: str) -> str:
    """Return the prompt that puts a question to a chat model, by the model's own template."""
    turn = [{"role": "user", "content": question}]
    return lm.tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)


class Counted:
    """Counts the rows for which a model is asked, one for each token of each text, while it is on.

    Prompts are not counted: every strategy reads them once.
    """

    def __init__(self, lm: LanguageModel) -> None:
        self.lm, self.rows = lm, 0

    def __enter__(self) -> Counted:
        plain_step = self.lm.step

        def step(next_ids: Any, cache: Any) -> Any:
            self.rows += len(next_ids)
            return plain_step(next_ids, cache)

        self.lm.step = step  # type: ignore[method-assign]
        return self

    def __exit__(self, *error: object) -> None:
        del self.lm.step


def answers(
    lm: LanguageModel, setting: Setting, prompts: Sequence[str], seeds: Sequence[int]
) -> list[str]:
    """Return one text for each prompt: the most probable a token of those that were written."""
    rounds = [
        dl.generate_batch(
            lm,
            prompts,
            setting.strategy,
            max_new_tokens=MAX_NEW_TOKENS,
            seeds=[seed + 1_000_000 * number for seed in seeds],
        )
        for number in range(setting.texts)
    ]
    texts = zip(*rounds, strict=True)
    return [max(written, key=mean_logprob).text for written in texts]


def mean_logprob(g: dl.Generation) -> float:
    return math.fsum(g.logprobs) / len(g.logprobs)


def run(lm: Any, name: str, asked: Sequence[Item], kept: dict[str, Any]) -> Any:
    """Return what a setting's answers are worth, one entry for each item."""
    right, written, rows = [], [], 0
    for start in tqdm(range(0, len(asked), ROWS), desc=name):
        key, batch = f"{name} {start}", asked[start : start + ROWS]
        if key not in kept:
            prompts = [as_chat(lm, item.question) for item in batch]
            with Counted(lm) as counted:
                texts = answers(lm, SETTINGS[name], prompts, range(start, start + len(batch)))
            kept[key] = {"texts": texts, "rows": counted.rows}
            with KEEP.open("a", encoding="utf-8") as file:
                file.write(json.dumps({key: kept[key]}, ensure_ascii=False) + "\n")
        right += [int(i.is_right(t)) for i, t in zip(batch, kept[key]["texts"], strict=True)]
        written += kept[key]["texts"]
        rows += kept[key]["rows"]
    setting = SETTINGS[name]
    return {
        "strategy": repr(setting.strategy),
        "texts": setting.texts,
        "rows_per_item": round(rows / len(asked), 1),
        "right": right,
        "example": written[len(asked) // 2],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2", help="a chat model (default: smollm2)")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    given = parser.parse_args()
    lm, asked = dl.load(given.model, "cpu", "float32"), items()
    KEEP.parent.mkdir(parents=True, exist_ok=True)
    lines = KEEP.read_text(encoding="utf-8").splitlines() if KEEP.exists() else []
    kept = {key: value for line in lines for key, value in json.loads(line).items()}
    content = {
        "model": lm.name,
        "tokens": MAX_NEW_TOKENS,
        "kinds": [item.kind for item in asked],
        "question": asked[len(asked) // 2].question,
        "settings": {name: run(lm, name, asked, kept) for name in SETTINGS},
    }
    given.output.write_text(json.dumps(content, ensure_ascii=False, indent=0) + "\n", "utf-8")
    KEEP.unlink()
    print(f"{given.output}: {len(SETTINGS)} settings, {len(asked)} questions each")


if __name__ == "__main__":
    main()
