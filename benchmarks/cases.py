"""What is timed: one strategy each, for ours and theirs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from transformers import (
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

import decodelib as dl
from benchmarks.pairs import Pair
from decodelib.decoding.samplers import sample
from decodelib.distributions import with_late_checks

GREEDY = {"do_sample": False}
TOP_P = {"do_sample": True, "top_k": 0, "top_p": 0.9}
CHAIN = {"do_sample": True, "temperature": 0.8, "top_k": 50, "top_p": 0.95, "min_p": 0.05}


def chain() -> dl.Chain:
    """Return the processors of `CHAIN`."""
    return dl.Temperature(0.8) | dl.TopK(50) | dl.TopP(0.95) | dl.MinP(0.05)


def beams(count: int) -> dict[str, Any]:
    return {"do_sample": False, "num_beams": count}


@dataclass(frozen=True)
class Case:
    """A generation to time: the settings of both, and the ratio that is wanted."""

    name: str
    strategy: dl.Greedy | dl.Sampling | dl.BeamSearch
    settings: dict[str, Any]
    batch: int = 1
    prompt: int = 16
    new_tokens: int = 32
    target: float | None = None

    @property
    def rows(self) -> int:
        return self.batch * int(self.settings.get("num_beams", 1))

    def run_ours(self, pair: Pair) -> list[list[int]]:
        return pair.generate_ours(self.strategy, self.prompts(pair), self.new_tokens)

    def run_theirs(self, pair: Pair) -> list[list[int]]:
        return pair.generate_theirs(self.settings, self.prompts(pair), self.new_tokens)

    def prompts(self, pair: Pair) -> list[torch.Tensor]:
        return [pair.prompt(self.prompt, row) for row in range(self.batch)]

    def agreement(self, pair: Pair) -> str:
        """Return in words how far both give the same tokens; sampling draws by other numbers."""
        if self.settings["do_sample"]:
            return agreement_of_distributions(pair, self)
        ours, theirs = self.run_ours(pair), self.run_theirs(pair)
        if ours == theirs:
            return "same tokens"
        same = [
            next((i for i, (a, b) in enumerate(zip(x, y, strict=True)) if a != b), len(x))
            for x, y in zip(ours, theirs, strict=True)
        ]
        return f"same tokens up to number {min(same)} of {self.new_tokens}"


def cases(model: str, dtype: torch.dtype, device: torch.device) -> list[Case]:
    """Return what is timed for a model; the ratios that are wanted are a processor's."""
    on_cpu = cpu_cases(model, dtype)
    return on_cpu if device.type == "cpu" else [replace(case, target=None) for case in on_cpu]


def cpu_cases(model: str, dtype: torch.dtype) -> list[Case]:
    """Return what is timed on a CPU, with the ratios it is to reach there."""
    top_p, full = dl.Sampling(dl.TopP(0.9)), dl.Sampling(*chain().processors)
    if model == "storybook":
        return [
            Case("greedy", dl.Greedy(), GREEDY, new_tokens=64, target=2.5),
            Case("top-p", top_p, TOP_P, new_tokens=64),
            Case("top-p", top_p, TOP_P, batch=16, new_tokens=64),
            Case("beam 5", dl.BeamSearch(5), beams(5), new_tokens=64),
        ]
    wanted = dtype == torch.float32
    many = 2.0 if wanted else 2.5
    return [
        Case("greedy", dl.Greedy(), GREEDY, target=1.3 if wanted else None),
        Case("top-p", top_p, TOP_P, new_tokens=16),
        Case("top-p", top_p, TOP_P, batch=16, new_tokens=16, target=many),
        Case("top-p", top_p, TOP_P, batch=64, new_tokens=6),
        Case("T + top-k + top-p + min-p", full, CHAIN, batch=16, new_tokens=16),
        Case("beam 5", dl.BeamSearch(5), beams(5), target=1.8 if wanted else None),
        Case("prompt of 512", dl.Greedy(), GREEDY, prompt=512, new_tokens=64),
    ]


def mixed(pair: Pair, new_tokens: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return four strategies in one batch of ours, and one after the other in theirs."""
    kinds: Sequence[tuple[Any, dict[str, Any]]] = [
        (dl.Greedy(), GREEDY),
        (dl.Sampling(dl.TopP(0.9)), TOP_P),
        (dl.Sampling(*chain().processors), CHAIN),
        (dl.BeamSearch(3), beams(3)),
    ]
    prompts = [pair.prompt(16, row) for row in range(len(kinds))]

    def theirs() -> None:
        for prompt, (_, settings) in zip(prompts, kinds, strict=True):
            pair.generate_theirs(settings, [prompt], new_tokens)

    return lambda: pair.generate_ours([s for s, _ in kinds], prompts, new_tokens), theirs


def their_warpers(settings: dict[str, Any]) -> list[Any]:
    makers = {
        "temperature": TemperatureLogitsWarper,
        "top_k": TopKLogitsWarper,
        "top_p": TopPLogitsWarper,
        "min_p": MinPLogitsWarper,
    }
    return [make(settings[name]) for name, make in makers.items() if settings.get(name)]


def agreement_of_distributions(pair: Pair, case: Case) -> str:
    """Compare the distributions that both draw the first token from."""
    ids = torch.stack(case.prompts(pair)).to(pair.ours.device)
    with torch.inference_mode():
        logits = pair.theirs(ids).logits[:, -1].float()
        own, _ = pair.ours.prefill(list(ids), ids.shape[1])
        if pair.dtype != torch.float32:
            own = logits  # the same numbers into both, since these differ by rounding
        for warper in their_warpers(case.settings):
            logits = warper(ids, logits)
        assert isinstance(case.strategy, dl.Sampling)
        own = dl.Chain(*case.strategy.processors)(ids, own)
        distance = float((own.softmax(-1) - logits.softmax(-1)).abs().sum(-1).max() / 2)
    if distance < 1e-3:
        return "same distribution"
    return f"distributions differ by {distance:.1g}"


def sampler_calls(
    settings: dict[str, Any], processors: dl.Chain, logits: torch.Tensor
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return the step from logits to next ids alone, ours and theirs."""
    ids = torch.zeros(len(logits), 1, dtype=torch.long, device=logits.device)
    uniforms = torch.rand(len(logits), dtype=torch.float64)
    warpers = their_warpers(settings)

    def theirs() -> torch.Tensor:
        scores = logits
        for warper in warpers:
            scores = warper(ids, scores)
        return torch.multinomial(scores.softmax(-1), 1)

    # As the loop does it, which checks a GPU's numbers when it fetches them.
    def ours() -> torch.Tensor:
        return with_late_checks(logits.device, lambda: sample(processors(ids, logits), uniforms))

    return ours, theirs
