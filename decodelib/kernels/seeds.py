"""From a seed of 63 bits to a generator of random numbers."""

from __future__ import annotations

import numpy as np
import torch

WORD = 2**32

_STATE_AT = 24
"""Where the 624 words begin in the state of PyTorch's CPU generator, in bytes; eight bytes each."""


def seeded(seed: int) -> torch.Generator:
    """Return a generator for one sequence's draws, on the CPU so that all devices draw alike.

    The generator is MT19937 (Matsumoto and Nishimura 1998), and PyTorch fills it from the lower 32
    bits of a seed alone, by the reference code's `init_genrand`. A seed from 2^32 on fills it by
    the same code's `init_by_array`, from two words: the lower 32 bits, and the rest.
    """
    high, low = divmod(seed, WORD)
    generator = torch.Generator("cpu").manual_seed(low)
    if high:
        words = np.random.RandomState([low, high]).get_state(legacy=False)["state"]["key"]
        state = generator.get_state()
        state[_STATE_AT : _STATE_AT + 8 * len(words)].view(torch.int64).copy_(
            torch.from_numpy(words.astype(np.int64))
        )
        generator.set_state(state)
    return generator
