"""Many texts, one answer: a strategy draws several texts, and one of them is chosen.

Best-of-n chooses by a reward, minimum Bayes risk by likeness to the others, self-consistency by the
votes of their answers.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor

from decodelib.decoding.generation import Generation, Step
from decodelib.decoding.search import Move, Search, Strategy
from decodelib.decoding.transcript import Transcript
from decodelib.models.base import LanguageModel
from decodelib.strategies.sampling import Sampling

Reward: TypeAlias = Callable[[Generation], float]
Utility: TypeAlias = Callable[[Generation, Generation], float]
Answer: TypeAlias = Callable[[Generation], Hashable]

_SIXTEEN = Sampling(num_return_sequences=16)


def word_overlap(hypothesis: Generation, reference: Generation) -> float:
    """Return the F1 score of the words that two texts share, counted as often as both have them.

    From 0, no word in common, to 1, the same words in any order; two texts without words are alike.
    The order of words counts for nothing.

    >>> lm = dl.TableLM({"": {"a": 1}, "a": {"b": 1}, "b": {"<eos>": 1}})
    >>> long, short = (dl.generate(lm, "", dl.Greedy(), max_new_tokens=n) for n in (2, 1))
    >>> round(word_overlap(short, long), 3)
    0.667
    """
    ours, theirs = Counter(hypothesis.text.split()), Counter(reference.text.split())
    total = ours.total() + theirs.total()
    return 2 * (ours & theirs).total() / total if total else 1.0


def mean_logprob(text: Generation) -> float:
    """Return the mean ln p of a text's tokens under the model: a reward that asks for likely texts.

    In nats a token, so that a long text is not worse for its length alone. A text without tokens
    has 0; nothing raises.

    >>> lm = dl.TableLM({"": {"a": 0.5, "b": 0.5}})
    >>> round(dl.mean_logprob(dl.generate(lm, "a", dl.Sampling(), max_new_tokens=3)), 3)
    -0.693
    """
    return math.fsum(text.logprobs) / max(1, len(text.logprobs))


class Choosing(ABC):
    """What the strategies that choose among several texts share.

    `candidates` is the strategy that makes them: one whose Generation has `alternatives`.
    """

    candidates: Strategy

    @abstractmethod
    def scores(self, texts: Sequence[Generation]) -> list[float]:
        """Return a score for each of a prompt's texts; the highest is chosen, of equals the first.

        Raises ValueError where a function of the reader's returns no number.
        """

    @property
    def is_deterministic(self) -> bool:
        """Whether a prompt has one continuation, whatever the seed."""
        return self.candidates.is_deterministic

    def start(
        self, lm: LanguageModel, transcripts: list[Transcript], seeds: Sequence[int]
    ) -> list[Choice]:
        return [Choice(inner, self) for inner in self.candidates.start(lm, transcripts, seeds)]

    def ranked(self, texts: Sequence[Generation]) -> Generation:
        """Return the chosen text, with the others as its alternatives, best first."""
        pairs = zip(texts, self.scores(texts), strict=True)
        best, *others = sorted(
            (replace(text, score=score, alternatives=[]) for text, score in pairs),
            key=lambda text: -text.score,
        )
        return replace(best, alternatives=others)

    def _check(self) -> None:
        if isinstance(self.candidates, type) or not hasattr(self.candidates, "start"):
            raise TypeError(
                "candidates must be a strategy such as Sampling(num_return_sequences=16), got "
                f"{self.candidates!r}"
            )

    def __repr__(self) -> str:
        parts = []
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            shown = getattr(value, "__name__", repr(value))  # a function's repr is an address
            if field.default is MISSING:
                parts.append(shown)
            elif value != field.default:
                parts.append(f"{field.name}={shown}")
        return f"{type(self).__name__}({', '.join(parts)})"


@dataclass(frozen=True, repr=False)
class BestOfN(Choosing):
    """Draw n texts and keep the one with the highest reward.

    The more texts, the higher the reward and the further from the model: the distribution of the
    text that is kept has a KL divergence from the model's of at most ln n - (n - 1) / n nats, if
    all are drawn independently. Of equal rewards the first drawn is kept.

    `Generation.score` is the reward; `alternatives` are the other texts, best first.

    Args:
        reward: A function of a Generation, such as `lambda g: -g.text.count("e")`.
        candidates: The strategy that makes the texts; n is how many it returns.

    Raises:
        TypeError: For a reward that is no function, and candidates that are no strategy.
        ValueError: While decoding, for a reward that is no number.

    Source: Stiennon et al. 2020, arXiv 2009.01325; the bound, Beirami et al. 2024, arXiv
    2401.01879. Chapter 18.

    >>> lm = dl.TableLM({"": {"a": 0.6, "b": 0.4}})
    >>> strategy = dl.BestOfN(lambda g: g.text.count("b"), dl.Sampling(num_return_sequences=8))
    >>> dl.generate(lm, "a", strategy, max_new_tokens=3).text
    ' b b b'
    """

    reward: Reward
    candidates: Strategy = _SIXTEEN

    def __post_init__(self) -> None:
        _check_function("reward", self.reward, "of a Generation")
        self._check()

    def scores(self, texts: Sequence[Generation]) -> list[float]:
        return [_number("reward", self.reward(text), text) for text in texts]


@dataclass(frozen=True, repr=False)
class MinimumBayesRisk(Choosing):
    """Draw n texts and keep the one that is most like the others.

    The score of a text is its mean utility against all others: an estimate, from the model's own
    draws, of its expected utility where the model is right about what might have been said. No
    reward is needed, and a text that is probable but unlike all others is not chosen. Costs
    n (n - 1) calls of the utility.

    `Generation.score` is the mean utility, 0 for a single text; `alternatives` are the other texts,
    best first.

    Args:
        utility: A function of two Generations, the text that is judged and one of the others. The
            default is `word_overlap`, the F1 score of their words, which needs no other model.
        candidates: The strategy that makes the texts.

    Raises:
        TypeError: For a utility that is no function, and candidates that are no strategy.
        ValueError: While decoding, for a utility that is no number.

    Source: Kumar and Byrne 2004; Eikema and Aziz 2020, arXiv 2005.10283. Chapter 18.

    >>> lm = dl.TableLM({"": {"a": 0.6, "b": 0.4}})
    >>> g = dl.generate(lm, "a", dl.MinimumBayesRisk(), max_new_tokens=3)
    >>> g.text, round(g.score, 3)
    (' a b a', 0.8)
    """

    utility: Utility = word_overlap
    candidates: Strategy = _SIXTEEN

    def __post_init__(self) -> None:
        _check_function("utility", self.utility, "of two Generations")
        self._check()

    def scores(self, texts: Sequence[Generation]) -> list[float]:
        return [
            math.fsum(
                _number("utility", self.utility(text, other), text)
                for place, other in enumerate(texts)
                if place != own
            )
            / max(1, len(texts) - 1)
            for own, text in enumerate(texts)
        ]


@dataclass(frozen=True, repr=False)
class SelfConsistency(Choosing):
    """Draw n texts, read an answer out of each, and keep the answer that most of them give.

    The texts vote, whatever their probabilities: which answer is right is a question about all
    texts that lead to it, not about the most probable one. A text without an answer (None) votes
    for nothing. Of equally many votes the answer that came first wins.

    The Generation is the first text drawn with that answer; `score` is the share of all texts that
    give a text's answer, 0 without one; `alternatives` are the others, by falling share.

    Args:
        answer: A function from a Generation to its answer, anything hashable, or None; or a
            regular expression, whose last match in the text is the answer (its first group, if it
            has one).
        candidates: The strategy that makes the texts.

    Raises:
        TypeError: For an answer that is neither, and candidates that are no strategy.
        ValueError: For a regular expression that is none.

    Source: Wang et al. 2022, arXiv 2203.11171. Chapter 18.

    >>> lm = dl.TableLM(
    ...     {"": {"so": 0.6, "thus": 0.4}, "so": {"1": 0.5, "2": 0.5}, "thus": {"2": 1}}
    ... )
    >>> g = dl.generate(lm, "so", dl.SelfConsistency("[0-9]"), max_new_tokens=2)
    >>> g.text, g.score
    (' 2 thus', 0.5625)
    """

    answer: Answer | str
    candidates: Strategy = _SIXTEEN

    def __post_init__(self) -> None:
        if isinstance(self.answer, str):
            try:
                re.compile(self.answer)
            except re.error as error:
                raise ValueError(
                    f"answer must be a regular expression, got {self.answer!r}: {error}"
                ) from error
        else:
            _check_function("answer", self.answer, "of a Generation, or a regular expression")
        self._check()

    def answers(self, texts: Sequence[Generation]) -> list[Hashable]:
        """Return the answer of each text, None for a text without one."""
        if not isinstance(self.answer, str):
            return [self.answer(text) for text in texts]
        found = [list(re.finditer(self.answer, text.text))[-1:] for text in texts]
        return [last[0][1 if last[0].re.groups else 0] if last else None for last in found]

    def scores(self, texts: Sequence[Generation]) -> list[float]:
        answers = self.answers(texts)
        votes = Counter(answer for answer in answers if answer is not None)
        return [votes[answer] / len(texts) for answer in answers]


class Choice(Search):
    """The search that makes the texts, and the choice among them when it is over."""

    def __init__(self, inner: Search, strategy: Choosing) -> None:
        self.inner, self.strategy, self.runs_itself = inner, strategy, inner.runs_itself
        # Copies, since a text of `inner` may end long before the choice is made.
        self.transcripts = [transcript.fork() for transcript in inner.transcripts]

    def advance(self, logits: Float[Tensor, "rows vocab"]) -> Move:
        return self.inner.advance(logits)

    @property
    def is_over(self) -> bool:
        return self.inner.is_over

    def take_steps(self) -> list[Step]:
        return self.results()[0].steps if self.is_over else []

    def interrupt(self) -> None:
        self.inner.interrupt()

    def results(self) -> list[Generation]:
        return [self.strategy.ranked([g, *g.alternatives]) for g in self.inner.results()]


def _check_function(name: str, value: object, what: str) -> None:
    if not callable(value) or isinstance(value, type):
        raise TypeError(f"{name} must be a function {what}, got {value!r}")


def _number(name: str, value: float, text: Generation) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number):
        raise ValueError(f"{name} must return a number, got {value!r} for the text {text.text!r}")
    return number
