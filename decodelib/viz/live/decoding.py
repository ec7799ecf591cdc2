"""One continuation decoded in a thread of its own, which reports as it goes and can be stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from decodelib.decoding.generation import Generation, Step
from decodelib.decoding.loop import stream
from decodelib.decoding.search import Strategy
from decodelib.models.base import LanguageModel
from decodelib.viz.live.interruptible import Interruptible
from decodelib.viz.shell.own import sentence

REPORT_S = 0.08
"""Seconds between two reports: faster ones would queue up in a browser."""


class Report(NamedTuple):
    """How far a decoding is: the text so far, the share that is done, and what there is to say."""

    text: Generation
    share: float
    message: str
    is_over: bool


class _Stopped(Exception):
    """Somebody called `stop`."""


class Decoding(threading.Thread):
    """`stream` in a thread; `start` begins it and `stop` ends it before the next forward pass.

    Args:
        lm, prompt, max_new_tokens, seed: As for `generate`.
        make: Returns the strategy; it may take its time, as one that loads a model does.
        report: Called with a `Report` in this thread, and a last time when all is over. Errors end
            the decoding too, and are its message.
    """

    def __init__(
        self,
        lm: LanguageModel,
        prompt: str,
        make: Callable[[], Strategy],
        report: Callable[[Report], None],
        max_new_tokens: int,
        seed: int,
    ) -> None:
        super().__init__(daemon=True)
        self.lm, self.prompt, self.make, self.report = lm, prompt, make, report
        self.max_new_tokens, self.seed = max_new_tokens, seed
        self.steps: list[Step] = []
        self._passes = 0
        self._asked_to_stop = threading.Event()

    def stop(self) -> None:
        """Ask for the end; the text so far stays."""
        self._asked_to_stop.set()

    def run(self) -> None:
        share = 1.0
        try:
            message = self._decode()
        except _Stopped:
            share = self._share()
            late = "" if self.steps else " This strategy had not decided on a first token yet."
            message = f"Stopped after {_count(len(self.steps))}.{late}"
        except (ValueError, TypeError, OSError, ImportError) as error:
            message, share = sentence(error), 0.0
        except Exception as error:  # a traceback in this thread would reach nobody
            message, share = f"{type(error).__name__}: {sentence(error)}", 0.0
        self.report(Report(self._so_far(), share, message, True))

    def _decode(self) -> str:
        lm = Interruptible(self.lm, self._before_pass)
        strategy = self.make()
        steps = stream(
            lm, self.prompt, strategy, max_new_tokens=self.max_new_tokens, seed=self.seed
        )
        began = reported = time.monotonic()
        for step in steps:
            self.steps.append(step)
            if time.monotonic() - reported > REPORT_S:
                reported = time.monotonic()
                self._report_progress()
        rate = len(self.steps) / max(time.monotonic() - began, 1e-9)
        ended = self.steps[-1].token_id in self.lm.eos_token_ids
        why = "The text ended by itself" if ended else "All the tokens asked for"
        return f"{why}: {_count(len(self.steps))}, {rate:.0f} tokens per second."

    def _before_pass(self) -> None:
        if self._asked_to_stop.is_set():
            raise _Stopped
        self._passes += 1
        if not self.steps and self._passes > 1:
            self._report_progress()  # a strategy that decides late

    def _report_progress(self) -> None:
        searching = f"Searching: the model has been asked {self._passes} times."
        message = f"Decoding: {_count(len(self.steps))}." if self.steps else searching
        self.report(Report(self._so_far(), self._share(), message, False))

    def _share(self) -> float:
        return min(1.0, (len(self.steps) or self._passes) / self.max_new_tokens)

    def _so_far(self) -> Generation:
        logprobs = [step.logprob for step in self.steps]
        ended = bool(self.steps) and self.steps[-1].token_id in self.lm.eos_token_ids
        return Generation(
            prompt=self.prompt,
            text="".join(step.text for step in self.steps),
            token_ids=[step.token_id for step in self.steps],
            tokens=[step.text for step in self.steps],
            logprobs=logprobs,
            score=sum(logprobs),
            finish_reason="eos" if ended else "length",
        )


def _count(tokens: int) -> str:
    return f"{tokens} token{'' if tokens == 1 else 's'}"
