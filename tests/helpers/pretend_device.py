"""A device that is pretended: tensors that say "cuda", live on the CPU, and count what is read.

A GPU runs ahead of the host until the host asks for a number. Each such question is a wait, and the
loop may afford one a token. Here every tensor made on the device, or from one that was, notes when
the host looks at its numbers, and so does one that is sent in a way that waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

import decodelib as dl

DEVICE = torch.device("cuda", 0)
# What must know the numbers, or how many there will be.
LOOKS = {"tolist", "item", "numpy", "cpu", "nonzero", "unique", "masked_select", "argwhere",
         "__bool__", "__int__", "__float__", "__index__", "__contains__"}  # fmt: skip


class OnDevice(Tensor):
    """A tensor that pretends to be on a GPU."""

    looks: list[str] = []  # noqa: RUF012 (one list for all)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if func == Tensor.device.__get__:  # type: ignore[attr-defined]
            return DEVICE
        by_index = name in ("__getitem__", "__setitem__")
        by_mask = by_index and _is_asked_for(args[1])
        by_list = by_index and _has_list(args[1])  # which is sent first
        to_host = name == "to" and any(_is(value, "cpu") for value in [*args[1:], *kwargs.values()])
        if name in LOOKS or by_mask or by_list or to_host:
            cls.looks.append("mask" if by_mask else "list" if by_list else name)
        if name == "to":
            args = tuple("cpu" if isinstance(a, torch.device) else a for a in args)
            kwargs |= {"device": "cpu"} if "device" in kwargs else {}
        if kwargs.get("device") == DEVICE:
            kwargs = kwargs | {"device": "cpu"}
        result = super().__torch_function__(func, types, args, kwargs)
        if name in ("cpu", "numpy") or to_host:
            return result.as_subclass(Tensor) if isinstance(result, Tensor) else result
        return result


class Factories(TorchFunctionMode):
    """Makes and moves tensors to the pretended device."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is Tensor.pin_memory:
            return args[0]  # there is no such memory without a GPU
        wanted = [*args[1:], *kwargs.values()]
        if not any(isinstance(value, torch.device) and value == DEVICE for value in wanted):
            return func(*args, **kwargs)
        from_host = func is torch.tensor or (
            func is Tensor.to and not isinstance(args[0], OnDevice) and args[0].numel()
        )
        if from_host and not kwargs.get("non_blocking"):
            OnDevice.looks.append("sent")
        args = tuple("cpu" if isinstance(a, torch.device) else a for a in args)
        kwargs = {k: "cpu" if isinstance(v, torch.device) else v for k, v in kwargs.items()}
        with torch._C.DisableTorchFunctionSubclass():
            result = func(*args, **kwargs)
        return result.as_subclass(OnDevice) if isinstance(result, Tensor) else result


def _is(value: object, kind: str) -> bool:
    return value == kind or (isinstance(value, torch.device) and value.type == kind)


def _is_asked_for(index: object) -> bool:
    """Return whether the host must know an index: a mask's number of rows, or a single place."""
    tensors = [part for part in (index if isinstance(index, tuple) else (index,)) if _on(part)]
    return any(part.dtype == torch.bool or part.ndim == 0 for part in tensors)


def _has_list(index: object) -> bool:
    return any(isinstance(part, list) for part in (index if isinstance(index, tuple) else (index,)))


def _on(part: object) -> TypeGuard[OnDevice]:
    return isinstance(part, OnDevice)


class NoCache:
    """The cache of a model that remembers nothing; its hidden states are some numbers."""

    def __init__(self, rows: int, new: int) -> None:
        self.rows, self.new = rows, new

    @property
    def hidden(self) -> Tensor:
        generator = torch.Generator().manual_seed(self.rows)
        return torch.randn(self.rows, self.new, 8, generator=generator).as_subclass(OnDevice)

    def select(self, rows: Tensor) -> NoCache:
        rows.tolist()  # as most caches do, which had better find them on the host
        return NoCache(len(rows), self.new)

    def rewind(self, count: int) -> None: ...


class DeviceLM(dl.LanguageModel):
    """A model on the pretended device, whose logits are the same after whatever text."""

    def __init__(self, vocab_size: int = 600) -> None:
        self.name, self.device, self.dtype = "pretended", DEVICE, torch.float32
        self.vocab_size, self.context_length = vocab_size, 512
        self.bos_token_id, self.eos_token_ids = 0, (1,)
        generator = torch.Generator().manual_seed(0)
        self._row = 3 * torch.randn(vocab_size, generator=generator)

    def encode(self, text: str) -> Tensor:
        ids = [ord(letter) % self.vocab_size for letter in text]
        return torch.tensor(ids, dtype=torch.long)

    def decode(self, ids: Any) -> str:
        return "".join(chr(97 + int(i) % 26) for i in ids)

    def logits(self, ids: Any) -> Tensor:
        return self._rows(len(ids))

    def prefill(self, prompts: Any, capacity: int) -> tuple[Tensor, NoCache]:
        return self._rows(len(prompts)), NoCache(len(prompts), max(map(len, prompts)))

    def step(self, next_ids: Tensor, cache: NoCache) -> Tensor:
        cache.new = 1
        return self._rows(next_ids.shape[0])

    def extend(self, ids: Tensor, cache: NoCache) -> Tensor:
        return self._rows(ids.numel()).view(*ids.shape, -1)

    def _rows(self, count: int) -> Tensor:
        return self._row.repeat(count, 1).as_subclass(OnDevice)


def looks_during(run: Callable[[], object]) -> list[str]:
    """Return the names of what looked at numbers on the device while `run` ran."""
    OnDevice.looks.clear()
    with Factories():
        run()
    return list(OnDevice.looks)
