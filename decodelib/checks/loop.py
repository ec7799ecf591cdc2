"""The decoding loop as an exercise, in chapter 1."""

from __future__ import annotations

import random
from collections.abc import Sequence

from decodelib.checks.given import NextToken
from decodelib.checks.verdict import Attempt, Exercise, Misconception, Verdict


def decode(attempt: Attempt) -> Verdict:
    """Check `decode(next_token, prompt, n, eos)`: the new ids, at most n, ended by eos."""
    return _DECODE.check(attempt)


def _loop(
    next_token: Attempt,
    prompt: Sequence[int],
    n: int,
    eos: int | None,
    grows: bool = True,
    memory: int = 0,
) -> list[int]:
    """Return the new ids; with `grows` off or a `memory` in ids, as a misconception would."""
    ids = list(prompt)
    new_ids: list[int] = []
    while len(new_ids) < n:
        new_ids.append(next_token(ids[-memory:]))
        if grows:
            ids.append(new_ids[-1])
        if new_ids[-1] == eos:
            break
    return new_ids


def _loops(seed: int = 1) -> list[tuple[NextToken, list[int], int, int]]:
    rng = random.Random(seed)
    probes: list[tuple[NextToken, list[int], int, int]] = []
    while len(probes) < 40:
        size, n = rng.randint(4, 12), rng.randint(1, 12)
        prompt = [rng.randrange(1, size) for _ in range(rng.randint(1, 4))]
        probes.append((NextToken(size), prompt, n, 0))
    return probes


def _without_eos(next_token: Attempt, prompt: Sequence[int], n: int, eos: int | None) -> list[int]:
    return [token for token in _loop(next_token, prompt, n, eos) if token != eos]


_DECODE = Exercise(
    solution=_loop,
    probes=_loops(),
    hidden=_loops,
    misconceptions=[
        Misconception(
            lambda next_token, prompt, n, eos: _loop(next_token, prompt, n, None),
            "you go on after eos. When the new id is eos the text is finished; leave the loop.",
        ),
        Misconception(
            _without_eos,
            "the text ends at the right place, but eos itself is missing. It is the last new id.",
        ),
        Misconception(
            lambda next_token, prompt, n, eos: [*prompt, *_loop(next_token, prompt, n, eos)],
            "you return the prompt too. Return only the new ids.",
        ),
        Misconception(
            lambda next_token, prompt, n, eos: _loop(next_token, prompt, n, eos, grows=False),
            "next_token gets the same ids every time. Append each new id before you ask for the "
            "next one.",
        ),
        Misconception(
            lambda next_token, prompt, n, eos: _loop(next_token, prompt, n, eos, memory=1),
            "next_token gets only the last id. Give it all ids so far, the prompt included.",
        ),
        Misconception(
            lambda next_token, prompt, n, eos: _loop(next_token, prompt, n + 1, eos),
            "one token too many: there may be at most n new ids.",
        ),
        Misconception(
            lambda next_token, prompt, n, eos: _loop(next_token, prompt, n - 1, eos),
            "one token too few: without eos there are n new ids.",
        ),
        Misconception(
            lambda next_token, prompt, n, eos: _loop(next_token, prompt, n - len(prompt), eos),
            "you count the prompt's ids among the n. Only new ids count.",
        ),
    ],
    praise="Ask, append, and stop at eos or after n.",
)
