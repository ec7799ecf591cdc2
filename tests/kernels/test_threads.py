"""A small model computes in one thread unless told otherwise, and PyTorch's own number stays."""

from collections.abc import Iterator
from typing import ClassVar

import pytest
import torch

import decodelib as dl
from decodelib.kernels import threads


class Watched(dl.Temperature):
    """Notes how many threads the processors have."""

    seen: ClassVar[list[int]] = []

    def __call__(self, input_ids: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        self.seen.append(torch.get_num_threads())
        return super().__call__(input_ids, logits)


@pytest.fixture(autouse=True)
def pytorch_has_three(monkeypatch) -> Iterator[None]:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    Watched.seen.clear()
    yield
    assert torch.get_num_threads() == 3
    torch.set_num_threads(before)


def threads_of(lm: dl.LanguageModel, monkeypatch) -> set[int]:
    """Return the numbers of threads that the model's layers and a processor saw."""
    seen = set()
    unembed = type(lm)._unembed

    def watched(self, hidden):
        seen.add(torch.get_num_threads())
        return unembed(self, hidden)

    with monkeypatch.context() as patch:
        patch.setattr(type(lm), "_unembed", watched)
        lm.next_logits("A dog")
        dl.generate(lm, "A dog", dl.Sampling(Watched(0.5)), max_new_tokens=2)
        next(iter(dl.stream(lm, "A dog", dl.Sampling(Watched(0.5)), max_new_tokens=2)))
        assert torch.get_num_threads() == 3  # between the tokens of a stream, too
    return seen | set(Watched.seen)


def test_a_small_model_takes_one_thread(monkeypatch) -> None:
    lm = dl.load("storybook", device="cpu")
    assert (lm.num_threads, threads_of(lm, monkeypatch)) == (1, {1})


def test_a_large_model_takes_pytorchs_number(monkeypatch) -> None:
    monkeypatch.setattr(threads, "SMALL", 10)
    lm = dl.load("storybook", device="cpu")
    assert (lm.num_threads, threads_of(lm, monkeypatch)) == (None, {3})


@pytest.mark.parametrize(("count", "seen"), [(2, 2), (None, 3)])
def test_the_reader_says_how_many(count, seen, monkeypatch) -> None:
    lm = dl.load("storybook", device="cpu")
    lm.num_threads = count
    assert threads_of(lm, monkeypatch) == {seen}


def test_the_environment_says_how_many(monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads_of(dl.load("storybook", device="cpu"), monkeypatch) == {3}


@pytest.mark.parametrize("count", [0, -1])
def test_a_number_that_is_none_is_refused(count) -> None:
    lm = dl.TableLM({"": {"a": 1}})
    lm.num_threads = count
    with pytest.raises(ValueError, match="num_threads must be at least 1"):
        dl.generate(lm, "", dl.Greedy(), max_new_tokens=1)


def test_an_error_leaves_pytorchs_number(monkeypatch) -> None:
    lm = dl.load("storybook", device="cpu")
    with pytest.raises(ValueError, match="context"):
        dl.generate(lm, "A dog", dl.Greedy(), max_new_tokens=10**6)
    with pytest.raises(ValueError, match="token ids"):
        lm.logits([lm.vocab_size + 1])
