"""decodelib.static_step: what a CUDA graph records, and how; the GPU itself is stood in for."""

import contextlib
from typing import ClassVar, get_args

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from decodelib.graphs.step import WARM_UPS, Picking, StaticStep, captured
from tests.helpers.gpt2 import random_gpt2


@pytest.mark.parametrize("picking", get_args(Picking))
def test_a_step_needs_no_value_on_the_host(tmp_path, picking: str) -> None:
    lm = random_gpt2(tmp_path)
    # Tensors without contents: to read one, or to take a shape from it, is an error.
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True):
        StaticStep(lm, 3, 20).run(2, picking)


class Recording(contextlib.nullcontext):
    """Stands in for whatever torch.cuda has, and notes what happens to graphs."""

    log: ClassVar[list[str]] = []

    def wait_stream(self, stream) -> None:
        self.log.append("wait")

    def replay(self) -> None:
        self.log.append("replay")


@contextlib.contextmanager
def recording(graph, stream):
    Recording.log.append("begin")
    yield
    Recording.log.append("end")


def test_a_step_is_captured_after_warming_up_on_a_stream_of_its_own(monkeypatch) -> None:
    for name in ["device", "Stream", "stream", "current_stream", "CUDAGraph"]:
        monkeypatch.setattr(torch.cuda, name, Recording)
    monkeypatch.setattr(torch.cuda, "graph", recording)
    log, modes = Recording.log, set()

    def step() -> None:
        log.append("step")
        modes.add((torch.is_inference_mode_enabled(), torch.is_grad_enabled()))

    with torch.inference_mode():
        captured(step, lambda: log.append("restore"), torch.device("cuda")).replay()
    assert log == [
        "wait",
        *["step", "restore"] * WARM_UPS,
        "wait",
        "begin",
        "step",
        "end",
        "replay",
    ]
    assert modes == {(False, False)}
