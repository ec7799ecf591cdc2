"""The state of PyTorch that a caller may have set, kept out of decoding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from decodelib.kernels.threads import limited_to
from decodelib.models.base import LanguageModel


@contextmanager
def undisturbed(lm: LanguageModel[Any]) -> Iterator[None]:
    """Run in inference mode and the model's threads, without autocast and default device.

    Autocast would change what a model computes, and a default device where tensors are made.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        stack.enter_context(limited_to(lm.num_threads))
        for kind in {"cpu", lm.device.type}:
            if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        try:
            default = torch.get_default_device().type
        except AttributeError:  # torch 2.8 and 2.9, once a default device has been taken back
            default = "cpu"
        if default != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield
