"""A default device of PyTorch, for a block."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def default_device(name: str | None) -> Iterator[None]:
    """Set the default device, or take it back with None, and leave PyTorch as if it never was.

    PyTorch 2.8 and 2.9 cannot say the default device once one has been taken back, and transformers
    asks for it wherever it makes a model: so there, what PyTorch remembers is taken away too.
    """
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)
        try:
            torch.get_default_device()
        except AttributeError:
            del torch._GLOBAL_DEVICE_CONTEXT.device_context
