"""The contracts the package is written against: shapes, model, processor, search, strategy.

Shape names, used in every signature: `batch` or `rows` (sequences decoded side by side), `seq`
(positions), `vocab` (token ids). Probabilities are natural: logarithms are base e and entropies
are in nats, unless a name says bits.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.arguments import check_text
from decodelib.kernels.gpu import without_cudnn_attention
from decodelib.kernels.threads import limited_to

Method = TypeVar("Method", bound=Callable[..., Any])


def unaffected(method: Method) -> Method:
    """Let a model's method compute in its own threads, without gradients or autocast.

    On a GPU it does without cuDNN's attention, too: see `without_cudnn_attention`.
    Whatever the caller has set is as it was afterwards.
    """

    @functools.wraps(method)
    def run(self: LanguageModel[Any], *args: Any, **kwargs: Any) -> Any:
        kind = self.device.type
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            stack.enter_context(limited_to(self.num_threads))
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
            if kind == "cuda":
                stack.enter_context(without_cudnn_attention())
            return method(self, *args, **kwargs)

    return cast(Method, run)


Prompt: TypeAlias = str | Sequence[int] | Tensor
"""Text, or token ids as any sequence of integers or an integer tensor of shape [seq]."""


CacheT = TypeVar("CacheT", bound="Cache")


@runtime_checkable
class Cache(Protocol):
    """What a model remembers of the rows it is decoding, so that a step costs one token.

    `hidden` holds the final hidden states of the positions read last, shape [rows, new, width],
    with padding where prompts differ in length; None if the model has none.
    """

    @property
    def hidden(self) -> Tensor | None: ...

    def select(self: CacheT, rows: Int[Tensor, " rows"]) -> CacheT:
        """Return a cache whose row i continues row `rows[i]` of this one.

        One operation reorders, repeats (forks) and drops rows. This cache must not be used again.
        """
        ...

    def rewind(self, count: int) -> None:
        """Forget the last `count` tokens of every row, in place."""
        ...


class LanguageModel(ABC, Generic[CacheT]):
    """An autoregressive model: token ids in, logits for the next token out.

    Attributes:
        name: What the model is called in outputs and messages.
        device, dtype: Where and in what precision it computes.
        vocab_size: Number of token ids, V. Ids are 0 to V-1.
        context_length: The most positions a sequence may have, prompt included.
        eos_token_ids: The ids that end a text, any one of them; () for a model without ends.
        eos_token_id: The first of `eos_token_ids`, or None. Assigning to it replaces them all.
        bos_token_id: The id that begins a text, or None.
        begins_with_bos: Whether a prompt given as text gets BOS in front, as the tokenizer's own
            template says. One that begins with BOS already gets no second.
        num_layers: Transformer blocks, one above the other; 0 for a model without any.
        num_parameters: Weights, those that two layers share counted once; 0 for a table.
        num_bytes: What the weights take as they are stored, which is what a step of one token reads
            of them.
        num_threads: How many threads it and its samplers take on the CPU; None for as many as
            PyTorch is set to. It may be assigned to. A small model has 1 from the beginning, unless
            the environment has OMP_NUM_THREADS. Tokens do not depend on it.
        folder: The folder or file that `load` was given, as it was given; None for a model with a
            name that loads it.
    """

    name: str
    device: torch.device
    dtype: torch.dtype
    vocab_size: int
    context_length: int
    eos_token_ids: tuple[int, ...] = ()
    bos_token_id: int | None
    begins_with_bos: bool = False
    num_layers: int = 0
    num_parameters: int = 0
    num_bytes: int = 0
    folder: str | None = None
    num_threads: int | None = None

    @property
    def eos_token_id(self) -> int | None:
        """The first of the ids that end a text, or None."""
        return next(iter(self.eos_token_ids), None)

    @eos_token_id.setter
    def eos_token_id(self, token_id: int | None) -> None:
        self.eos_token_ids = () if token_id is None else (token_id,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @abstractmethod
    def encode(self, text: str) -> Int[Tensor, " seq"]:
        """Return the token ids of `text`, on the CPU, with nothing added before or after."""

    @abstractmethod
    def decode(self, ids: Sequence[int] | Int[Tensor, " seq"]) -> str:
        """Return the text of `ids`, end-of-text and other special tokens included."""

    @abstractmethod
    def logits(self, ids: Sequence[int] | Int[Tensor, " seq"]) -> Float[Tensor, "seq vocab"]:
        """Return the logits after every position of one sequence, by a plain full forward pass."""

    @abstractmethod
    def prefill(
        self, prompts: Sequence[Int[Tensor, " _seq"]], capacity: int
    ) -> tuple[Float[Tensor, "rows vocab"], CacheT]:
        """Read the prompts, one row each, of any lengths.

        Returns the logits that follow each prompt's last token, and a cache with room for
        `capacity` positions a row, the prompt's own included.
        """

    @abstractmethod
    def step(self, next_ids: Int[Tensor, " rows"], cache: CacheT) -> Float[Tensor, "rows vocab"]:
        """Append one token to every row of `cache`, in place, and return the logits that follow."""

    def extend(
        self, ids: Int[Tensor, "rows new"], cache: CacheT
    ) -> Float[Tensor, "rows new vocab"]:
        """Append several tokens to every row, in place, and return the logits after each."""
        return torch.stack([self.step(column, cache) for column in ids.T], dim=1)

    def next_logits(self, prompt: Prompt) -> Float[Tensor, " vocab"]:
        """Return the logits of the token after `prompt`; float32, or float64 if the model is.

        An empty prompt starts from BOS. Raises ValueError for ids outside the vocabulary and for
        prompts longer than the context.
        """
        ids = self.prompt_ids(prompt)
        return self.prefill([ids], len(ids))[0][0]

    def prompt_ids(self, prompt: Prompt) -> Int[Tensor, " seq"]:
        """Return a prompt as checked ids on the model's device; BOS stands for an empty one.

        A text gets BOS in front where `begins_with_bos` says so; ids are taken as they are.
        """
        ids = self._read(prompt) if isinstance(prompt, str) else _as_ids(prompt)
        if len(ids) == 0:
            if self.bos_token_id is None:
                raise ValueError(
                    f"prompt is empty and {self.name} has no BOS token: give some text"
                )
            ids = torch.tensor([self.bos_token_id], device="cpu")
        if len(ids) > self.context_length:
            raise ValueError(
                f"prompt has {len(ids)} tokens, more than the {self.context_length} of "
                f"{self.name}'s context: shorten it"
            )
        if ids.min() < 0 or ids.max() >= self.vocab_size:
            bad = ids[(ids < 0) | (ids >= self.vocab_size)][0]
            raise ValueError(f"token ids must be in [0, {self.vocab_size - 1}], got {int(bad)}")
        return ids.to(self.device)

    def chat(
        self,
        messages: str | Sequence[Mapping[str, str]],
        add_generation_prompt: bool = True,
    ) -> Int[Tensor, " seq"]:
        """Return the prompt that a conversation is to a chat model, as token ids on the CPU.

        The model's own template writes it: the roles, the special tokens around each message, and
        BOS where the template has one. `generate` takes the ids as they are.

        Args:
            messages: Such as `[{"role": "user", "content": "Name a fruit."}]`, oldest first; roles
                are usually "system", "user" and "assistant". A string is one message of the user.
            add_generation_prompt: Whether the beginning of the answer follows, so that the model
                writes the answer next.

        Raises:
            ValueError: If the model has no chat template, and for messages that do not fit it.
            TypeError: For what is no message.
        """
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        for message in messages:
            parts = message.values() if isinstance(message, Mapping) else ()
            if not (parts and {"role", "content"} <= message.keys() and _are_texts(parts)):
                raise TypeError(
                    "messages must be texts by 'role' and 'content', such as "
                    f"{{'role': 'user', 'content': 'Hello'}}, got {message!r}"
                )
            check_text("messages", message["content"])
        if not messages:
            raise ValueError("messages must hold at least one message, got none")
        return self._chat([dict(message) for message in messages], add_generation_prompt)

    def _chat(self, messages: list[dict[str, str]], answer: bool) -> Int[Tensor, " seq"]:
        raise ValueError(
            f"{self.name} has no chat template, so it knows no conversations: give it text to "
            "continue, or load a chat model such as 'smollm2'"
        )

    def _read(self, prompt: str) -> Int[Tensor, " seq"]:
        check_text("prompt", prompt)
        ids = self.encode(prompt)
        if self.begins_with_bos and self.bos_token_id not in ids[:1].tolist():
            ids = F.pad(ids, (1, 0), value=self.bos_token_id)
        return ids


def _are_texts(parts: Iterable[object]) -> bool:
    return all(isinstance(part, str) for part in parts)


def ids_in(value: object, vocab_size: int) -> tuple[int, ...]:
    """Return the token ids that a configuration gives, alone or in a list, each of them once.

    Ids outside [0, vocab_size) are left out: configurations of small models may still have those of
    the large model they imitate.
    """
    listed = value if isinstance(value, list | tuple) else [value]
    integers = [i for i in listed if isinstance(i, int) and not isinstance(i, bool)]
    return tuple(dict.fromkeys(i for i in integers if 0 <= i < vocab_size))


def _as_ids(ids: Sequence[int] | Tensor) -> Int[Tensor, " seq"]:
    try:
        tensor = ids if isinstance(ids, Tensor) else torch.tensor(ids, device="cpu")
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"prompt must be text or a sequence of token ids, got {type(ids).__name__}"
        ) from error
    if tensor.ndim != 1:
        raise ValueError(f"prompt ids must have one dimension, got shape {tuple(tensor.shape)}")
    inexact = tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool
    if len(tensor) and inexact:
        raise TypeError(f"prompt ids must be integers, got {tensor.dtype}")
    return tensor.long()
