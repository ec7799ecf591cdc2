"""Random calls of the public API: `python -m tests.helpers.fuzz --calls 10000 --seed 0`.

Every call must end in a result or in a documented error, whose message is one line. Decoding must
end alike in whatever state PyTorch is, in several threads at once, and with pickled arguments; half
of the calls are made in such a way besides. Anything else stops the run with the call that did it.
"""

import argparse
import pickle
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial

import torch

import decodelib as dl
from decodelib import distributions
from decodelib.experiments import metrics
from tests.helpers.fuzz_arguments import INF, JUNK, MAKERS, NAN, STRATEGIES, TABLE
from tests.helpers.tokenizer_families import FAMILIES, Recital

PROMPTS = ["", "a", "a b", [0, 2], torch.tensor([2, 3]), "b a b a b a"]
BAD_PROMPTS = ["zzz", [99], [-1], [1.5], torch.ones(1, 2), None, 7, [[0]], ["a"], "a " * 40]


class Babbler(Recital):
    """A model with a tokenizer of some family, and logits that depend on the place alone."""

    def __init__(self, family: str) -> None:
        super().__init__(FAMILIES[family](), [2] * 12, eos=1)

    def _row(self, place: int) -> torch.Tensor:
        return babble(self.vocab_size, min(place, 20))


@cache
def babble(size: int, place: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(place)
    return 3 * torch.randn(size, generator=generator, dtype=torch.float64)


BABBLERS = {family: Babbler(family) for family in FAMILIES}
TEXTS = ["", "a", "hello the fox", [2], torch.tensor([3, 2]), "日本 🦊"]


def as_data(g: dl.Generation) -> tuple:
    return g.text, g.token_ids, g.logprobs, g.finish_reason, g.stop_reason


def traced(lm, prompt, strategy, **settings) -> tuple:
    g = dl.generate(lm, prompt, strategy, trace=True, **settings)
    assert "".join(step.text for step in g.steps) == g.text
    return as_data(g)


def batched(lm, prompts, strategies, **settings) -> list[tuple]:
    batch = dl.generate_batch(lm, prompts, strategies, **settings)
    assert len(batch) == len(prompts)
    return [as_data(g) for g in batch]


def streamed(lm, prompt, strategy, **settings) -> list[tuple]:
    steps = list(dl.stream(lm, prompt, strategy, **settings))
    assert 1 <= len(steps) <= settings["max_new_tokens"]
    return [(step.token_id, step.text) for step in steps]


class Refused(ValueError):
    """A documented error, equal to another that asks for the same, whatever it says it got."""

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Refused)
            and str(self).split(" got ")[0] == str(other).split(" got ")[0]
        )

    __hash__ = ValueError.__hash__


def outcome(call: Callable[[], object]) -> object:
    """Return what a call returned or, if it was refused, the error."""
    try:
        return call()
    except (ValueError, TypeError) as error:
        return Refused(str(error))


@contextmanager
def restored(change: Callable, value: object, before: object) -> Iterator[None]:
    """Change one of PyTorch's global settings for a while."""
    change(value)
    try:
        yield
    finally:
        change(before)


AMBIENT: dict[str, Callable] = {
    "autocast": partial(torch.autocast, "cpu", torch.bfloat16),
    "inference mode": torch.inference_mode,
    "gradients": torch.enable_grad,
    "another device": partial(torch.device, "meta"),
    "another type": lambda: restored(torch.set_default_dtype, torch.float64, torch.float32),
    "deterministic": lambda: restored(torch.use_deterministic_algorithms, True, False),
    "more threads": lambda: restored(torch.set_num_threads, 3, torch.get_num_threads()),
}


def ambient(name: str, call: Callable[[], object]) -> object:
    with AMBIENT[name]():
        return outcome(call)


def in_threads(call: Callable[[], object]) -> object:
    with ThreadPoolExecutor(3) as pool:
        first, *others = pool.map(outcome, [call] * 3)
    assert all(other == first for other in others)
    return first


def pickled(call: Callable[[], object]) -> object:
    try:
        copied = pickle.loads(pickle.dumps(call))
    except (TypeError, AttributeError, pickle.PicklingError):
        return outcome(call)  # junk that cannot be pickled
    return outcome(copied)


WAYS: dict[str, Callable] = {
    **{name: partial(ambient, name) for name in AMBIENT},
    "threads": in_threads,
    "pickled": pickled,
}


class Fuzzer:
    """A source of random calls; `odd` is how often an argument is junk."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.odd = 0.0

    def some(self, good: list, bad: list | None = None):
        pool = (bad or JUNK) if self.rng.random() < self.odd else good
        return self.rng.choice(pool)

    def make(self, maker: Callable, arguments: list[list]):
        count = self.rng.randint(0, len(arguments)) if len(arguments) > 1 else len(arguments)
        return maker(*(self.some(good) for good in arguments[:count]))

    def processor(self):
        return self.make(*MAKERS[self.rng.choice(list(MAKERS))])

    def strategy(self):
        if self.rng.random() < 0.4:
            return dl.Sampling(*(self.processor() for _ in range(self.rng.randint(0, 3))))
        return self.make(*STRATEGIES[self.rng.choice(list(STRATEGIES))])

    def logits(self) -> torch.Tensor:
        values = [0.0, 1.0, -1.0, 5.0, 1e4, -1e4, 3e38, 1e-40, -INF]
        shape = self.rng.randint(0, 3), self.rng.randint(0, 6)
        row = [self.some(values, [NAN, INF]) for _ in range(shape[0] * shape[1])]
        dtype = self.rng.choice([torch.float64, torch.float32, torch.float16, torch.bfloat16])
        return torch.tensor(row, dtype=dtype).reshape(shape)

    def call_processor(self):
        logits = self.logits()
        ids = torch.randint(0, max(1, logits.shape[1]), (len(logits), self.rng.randint(0, 4)))
        result = self.processor()(ids, logits)
        assert result.shape == logits.shape
        assert (result > -INF).any(-1).all()
        assert not result.isnan().any()

    def call_generate(self):
        settings = {
            "max_new_tokens": self.some([1, 2, 5]),
            "min_new_tokens": self.some([0, 0, 1]),
            "stop": self.some([(), "b", ["a b", " <"]]),
        }
        lm = self.rng.choice([TABLE, TABLE, *BABBLERS.values()])
        prompts = PROMPTS if lm is TABLE else TEXTS
        prompt, strategy = self.some(prompts, BAD_PROMPTS), self.strategy()
        how = self.rng.randrange(3)
        if how == 0:
            settings["seed"] = self.some([0, 7, 2**62])
            call = partial(traced, lm, prompt, strategy, **settings)
        elif how == 1:
            prompts = self.some([[prompt], [prompt, "a"]])
            count = len(prompts) if isinstance(prompts, list) else 1
            chosen = self.some([strategy, [strategy] * count])
            call = partial(batched, lm, prompts, chosen, **settings)
        else:
            call = partial(streamed, lm, prompt, strategy, **settings)
        expected = outcome(call)
        if self.rng.random() < 0.5:
            way = self.rng.choice(list(WAYS))
            found = WAYS[way](call)
            assert found == expected, f"{way}: {found}, plainly {expected}"
        if isinstance(expected, Exception):
            raise expected

    def call_function(self):
        function, arguments = self.rng.choice(
            [
                (distributions.entropy, [[self.logits()]]),
                (distributions.varentropy, [[self.logits()]]),
                (distributions.log_probs, [[self.logits()]]),
                (distributions.nucleus_size, [[self.logits()], [0.5, 1]]),
                (distributions.perplexity, [[[-1.0], [-0.5, -2.0], [], [1.0]]]),
                (metrics.ends_in_repetition, [["abab", "ababab", [], [1, 2]], [1, 2], [2, 3]]),
                (metrics.distinct_n, [[["ab", "ba"], [], ["a"]], [1, 2]]),
                (metrics.repetition, [[["ab"], [], ["ababab"]]]),
                (metrics.zipf_exponent, [[["aab"], [], ["a"]]]),
                (lambda text: metrics.model_perplexity(TABLE, text), [["a b", "a", "b a b a b a"]]),
                (lambda text: metrics.entropy_profile(TABLE, text), [PROMPTS]),
                (TABLE.next_logits, [PROMPTS]),
                (TABLE.prompt_ids, [PROMPTS]),
                (dl.TableLM, [[{"": {"a": 1}}, {}, {"a": {}}, {"": {"a": -1}}], [4, 64]]),
                (lambda name: dl.load(name), [["storybok", "no/such model", "/nowhere"]]),
            ]
        )
        # Tensors and texts are varied above; junk is for the arguments that the API checks.
        checked = arguments if function in (TABLE.next_logits, TABLE.prompt_ids) else arguments[1:]
        fixed = arguments[: len(arguments) - len(checked)]
        function(*(self.rng.choice(good) for good in fixed), *(self.some(good) for good in checked))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    fuzzer, outcomes = Fuzzer(options.seed), Counter()
    for number in range(options.calls):
        fuzzer.odd = fuzzer.rng.choice([0.0, 0.0, 0.2])
        kind = fuzzer.rng.choices(["processor", "generate", "function"], [6, 2, 2])[0]
        try:
            getattr(fuzzer, f"call_{kind}")()
            outcomes[kind, "result"] += 1
        except (ValueError, TypeError) as error:
            if not str(error) or "\n" in str(error):
                raise AssertionError(
                    f"call {number} did not answer in one line: {error}"
                ) from error
            outcomes[kind, "error"] += 1
        except Exception as error:
            raise AssertionError(f"call {number} ({kind}) raised {type(error).__name__}") from error
    for (kind, outcome), count in sorted(outcomes.items()):
        print(f"{kind} {outcome} {count}")
    if min(outcomes.values()) < options.calls / 200 or len(outcomes) < 6:
        sys.exit("some kind of outcome is too rare to say anything")


if __name__ == "__main__":
    main()
