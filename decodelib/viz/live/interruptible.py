"""A model that can be interrupted between two forward passes, whatever strategy is using it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

from decodelib.models.base import Cache, LanguageModel


class Interruptible(LanguageModel[Any]):
    """A model that calls `before_pass` before each forward pass; what that raises ends decoding.

    Beam search and others decide late, so that a loop over their steps has nothing to break from
    until the end. Their forward passes come all along.

    Args:
        lm: The model that does the work.
        before_pass: Called with no argument.
        name: The model's name, if it is to have another.
    """

    def __init__(
        self, lm: LanguageModel[Any], before_pass: Callable[[], None], name: str | None = None
    ) -> None:
        self.lm, self.before_pass = lm, before_pass
        self.name, self.device, self.dtype = name or lm.name, lm.device, lm.dtype
        self.vocab_size, self.context_length = lm.vocab_size, lm.context_length
        self.eos_token_ids, self.bos_token_id = lm.eos_token_ids, lm.bos_token_id
        self.begins_with_bos, self.num_layers = lm.begins_with_bos, lm.num_layers
        self.num_parameters, self.num_bytes = lm.num_parameters, lm.num_bytes

    def encode(self, text: str) -> Int[Tensor, " seq"]:
        return self.lm.encode(text)

    def decode(self, ids: Sequence[int] | Int[Tensor, " seq"]) -> str:
        return self.lm.decode(ids)

    def _chat(self, messages: list[dict[str, str]], answer: bool) -> Int[Tensor, " seq"]:
        return self.lm._chat(messages, answer)

    def logits(self, ids: Sequence[int] | Int[Tensor, " seq"]) -> Float[Tensor, "seq vocab"]:
        self.before_pass()
        return self.lm.logits(ids)

    def prefill(
        self, prompts: Sequence[Int[Tensor, " _seq"]], capacity: int
    ) -> tuple[Float[Tensor, "rows vocab"], Cache]:
        self.before_pass()
        return self.lm.prefill(prompts, capacity)

    def step(self, next_ids: Int[Tensor, " rows"], cache: Cache) -> Float[Tensor, "rows vocab"]:
        self.before_pass()
        return self.lm.step(next_ids, cache)

    def extend(self, ids: Int[Tensor, "rows new"], cache: Cache) -> Float[Tensor, "rows new vocab"]:
        self.before_pass()
        return self.lm.extend(ids, cache)
