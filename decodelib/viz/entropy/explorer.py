"""The entropy map: every step of a text by entropy and varentropy, between movable thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, get_args

import torch
import traitlets as t

from decodelib.arguments import check_choice, check_number
from decodelib.models.base import LanguageModel
from decodelib.models.toy import TableLM
from decodelib.processors.temperatures import EntropyTemperature
from decodelib.strategies.entropix import EntropySampling, Quadrant
from decodelib.viz.entropy.record import adaptive_band, axis_end, record_steps
from decodelib.viz.shell.explorer import ALIVE, build, question
from decodelib.viz.shell.limits import Limit, number
from decodelib.viz.shell.own import TITLE, Form
from decodelib.viz.shell.source import load_of
from decodelib.viz.shell.texts import TextsExplorer

QUADRANTS: tuple[Quadrant, ...] = get_args(Quadrant)
KINDS = ("entropy", "varentropy")
THRESHOLDS = ("low_entropy", "high_entropy", "low_varentropy", "high_varentropy")
LARGEST = "largest"


class Place(NamedTuple):
    """One step of a text: what came, what was expected, and what the thresholds call it.

    Attributes:
        token: The token's text.  context: The text before it.
        surprisal, entropy: In nats.  varentropy: In square nats.
        quadrant: What `EntropySampling.quadrant` says.
        temperature: Of `EntropyTemperature` there, 1 where it does nothing.
        candidates: The most probable tokens, each with its probability.
    """

    token: str
    context: str
    surprisal: float
    entropy: float
    varentropy: float
    quadrant: str
    temperature: float
    candidates: list[tuple[str, float]]


class EntropyMap(TextsExplorer):
    """The steps of a text as points, entropy against varentropy, between movable thresholds.

    Make one with `explore_entropy`. The traits below can be read and set; in a kernel the page
    follows them, and the other way round. A threshold pushed past its partner takes it along.

    Traits:
        text: The label of the text shown.
        position: Which of its tokens is selected; 0 is the first, which nothing comes before, so
            from 1. Past the end of a text it is that text's last.
        low_entropy, high_entropy: In nats, low <= high.
        low_varentropy, high_varentropy: In square nats, low <= high.
        prediction: As for every explorer; a number, or the name of a quadrant.
    """

    kind = t.Unicode("entropy").tag(sync=True)
    low_entropy = t.Float(EntropySampling.low_entropy).tag(sync=True)
    high_entropy = t.Float(EntropySampling.high_entropy).tag(sync=True)
    low_varentropy = t.Float(EntropySampling.low_varentropy).tag(sync=True)
    high_varentropy = t.Float(EntropySampling.high_varentropy).tag(sync=True)

    settings = ("text", "position", *THRESHOLDS)

    def limits(self) -> dict[str, Limit]:
        """Return what each setting may be."""
        axes = self.data["axes"]
        thresholds = {f"{end}_{kind}": axes[kind] for kind in KINDS for end in ("low", "high")}
        return super().limits() | {
            name: number(0, most, integer=False) for name, most in thresholds.items()
        }

    @property
    def _longest(self) -> int:
        return super()._longest - 1

    @t.validate(*THRESHOLDS)
    def _check_threshold(self, proposal: Any) -> float:
        name = proposal["trait"].name
        check_number(name, proposal["value"], 0, self.data["axes"][name.partition("_")[2]])
        return float(proposal["value"])

    @t.observe(*THRESHOLDS)
    def _take_the_partner_along(self, change: Any) -> None:
        end, _, kind = change["name"].partition("_")
        low, high = getattr(self, f"low_{kind}"), getattr(self, f"high_{kind}")
        if low > high:
            setattr(self, f"{'high' if end == 'low' else 'low'}_{kind}", change["new"])

    @property
    def strategy(self) -> EntropySampling:
        """The thresholds as a strategy for `dl.generate`, all else at its defaults."""
        return EntropySampling(**{name: getattr(self, name) for name in THRESHOLDS})

    @property
    def counts(self) -> dict[str, int]:
        """How many steps of the text are in each quadrant."""
        return _counts(self.record, self.strategy)

    @property
    def selected(self) -> Place:
        """The step at `position`."""
        record = self.record
        tokens = record["tokens"]
        at = min(self.position, len(tokens) - 1)
        step = {name: record[name][at - 1] for name in ("surprisal", *KINDS, "top")}
        beta = EntropyTemperature().beta(torch.tensor(step["entropy"], dtype=torch.float64))
        return Place(
            token=tokens[at],
            context="".join(tokens[:at]),
            surprisal=step["surprisal"],
            entropy=step["entropy"],
            varentropy=step["varentropy"],
            quadrant=self.strategy.quadrant(step["entropy"], step["varentropy"]),
            temperature=1 / float(beta),
            candidates=[(token, p) for token, p in step["top"]],
        )

    def __repr__(self) -> str:
        return f"EntropyMap({self.text or self.title!r}: {len(self.record['entropy'])} steps)"

    def summary(self) -> str:
        """Return the current state in one line; the answer stays hidden until it is predicted."""
        if self.is_hidden:
            return f"{self!r}: {self.data['predict']['question']}"
        return f"{self!r}: " + ", ".join(f"{count} {name}" for name, count in self.counts.items())

    def as_text(self) -> str:
        """Return the summary, the thresholds and the selected step."""
        lines = [self.title, self.summary(), "", "thresholds:"]
        lines += [
            f"  {kind:<11}{getattr(self, f'low_{kind}'):.4g} and "
            f"{getattr(self, f'high_{kind}'):.4g} {unit}"
            for kind, unit in zip(KINDS, ("nats", "square nats"), strict=True)
        ]
        if not self.is_hidden:
            place = self.selected
            lines += [
                "",
                f"after {place.context[-60:]!r} came {place.token!r} ({place.quadrant}):",
                f"  surprisal {place.surprisal:.3f} nats, entropy {place.entropy:.3f} nats, "
                f"varentropy {place.varentropy:.3f} square nats",
                f"  adaptive temperature {place.temperature:.3f}",
                "  most probable: " + ", ".join(f"{a!r} {p:.4f}" for a, p in place.candidates),
            ]
        lines += ["", ALIVE]
        return "\n".join(lines)


def explore_entropy(
    lm: LanguageModel,
    texts: str | Mapping[str, str] | Sequence[str],
    *,
    title: str = "Entropy map",
    predict: str | None = None,
    answer: str = LARGEST,
    **settings: Any,
) -> EntropyMap:
    """Return a map of the model's entropy and varentropy at every step of one or several texts.

    A step is a token with something before it, and its point is that of the distribution it was
    expected from. Values are rounded to nine decimals. The quadrants are those of
    `dl.EntropySampling`; the band is where `dl.EntropyTemperature` sharpens.

    Args:
        lm: Any decodelib language model.
        texts: A text of at least two tokens, several, or a label for each.
        title: The heading.
        predict: A question that the reader must answer before the points are shown.
        answer: What that is at the settings given: "certain", "wide", "forked", "lost" or
            "between" for the number of steps there, or "largest" for the quadrant with the most.
        settings: Where the explorer starts: text (a label), position, low_entropy, high_entropy,
            low_varentropy, high_varentropy. "Reset" comes back here.

    Raises:
        ValueError: For settings out of range, a text that is too short, too long or impossible for
            the model, or "largest" where quadrants share the lead.  TypeError: Unknown setting.

    Chapter 10 introduces the map; chapter 11 moves its thresholds.
    """
    check_choice("answer", answer, (*QUADRANTS, LARGEST))
    labelled = (
        {"": texts} if isinstance(texts, str) else
        dict(texts) if isinstance(texts, Mapping) else {text: text for text in texts}
    )  # fmt: skip
    if not labelled:
        raise ValueError("texts must hold at least one text, got none")
    records = [record_steps(lm, label, text) for label, text in labelled.items()]
    explorer = build(EntropyMap)
    explorer.title = title
    explorer.data = {
        "model": None if isinstance(lm, TableLM) else lm.name,
        **load_of(lm),
        "texts": records,
        "axes": {
            "entropy": axis_end(records, "entropy", 7),
            "varentropy": axis_end(records, "varentropy", 4),
        },
        "temperature": adaptive_band(EntropyTemperature()),
    }
    # Thresholds are set one by one, each taking the other along: a wrong pair must not get there.
    EntropySampling(**{name: settings[name] for name in THRESHOLDS if name in settings})
    explorer.text = records[0]["label"]
    guess = {name: settings.pop(name) for name in ("prediction",) if name in settings}
    explorer.start(settings)
    if predict is not None:
        right = _answer(explorer.counts, answer)
        choices = QUADRANTS if answer == LARGEST else None
        explorer.start(guess, question(predict, right, choices))

    def again(own: str) -> EntropyMap:
        thresholds = {name: getattr(explorer, name) for name in THRESHOLDS}
        return explore_entropy(lm, own, title=TITLE, **thresholds)

    explorer.offer(lm, Form(again, next(iter(labelled.values())), label="Your own text"))
    return explorer


def _counts(record: dict[str, Any], strategy: EntropySampling) -> dict[str, int]:
    points = zip(record["entropy"], record["varentropy"], strict=True)
    tally = Counter(strategy.quadrant(h, w) for h, w in points)
    return {name: tally[name] for name in QUADRANTS}


def _answer(counts: Mapping[str, int], answer: str) -> int | str:
    if answer != LARGEST:
        return counts[answer]
    leaders = [name for name, count in counts.items() if count == max(counts.values())]
    if len(leaders) > 1:
        raise ValueError(f"answer must be one quadrant's, got 'largest' of {', '.join(leaders)}")
    return leaders[0]
