"""On a GPU the loop asks for a number once a token: counted on a device that is pretended."""

from collections import Counter

import pytest
import torch

import decodelib as dl
from tests.helpers.pretend_device import DEVICE, DeviceLM, OnDevice, looks_during

PROMPTS = ["abcd", "efg"]
CHAINS = [
    (),
    (dl.TopP(0.9),),
    (dl.Temperature(0.7), dl.TopK(40), dl.TopP(0.95), dl.MinP(0.05)),
    (dl.Typical(0.9), dl.Epsilon(3e-4), dl.Eta(3e-4), dl.TopNSigma(1.0)),
    (dl.EntropyTemperature(), dl.DynamicTemperature(0.5, 1.5), dl.XTC(0.5, 0.1)),
    (dl.RepetitionPenalty(1.2), dl.PresencePenalty(0.5), dl.FrequencyPenalty(0.5)),
    (dl.NoRepeatNGram(2), dl.SuppressTokens([3]), dl.LogitBias({5: 1.0})),
    (dl.TopH(0.5), dl.PLess()),
]
STRATEGIES = [dl.Greedy(), *(dl.Sampling(*chain) for chain in CHAINS)]


class OnTheHost(DeviceLM):
    """The same model with its tensors where they really are."""

    def __init__(self) -> None:
        super().__init__()
        self.device = torch.device("cpu")

    def _rows(self, count):
        return self._row.repeat(count, 1)


def run(lm, strategy, **settings):
    return dl.generate_batch(lm, PROMPTS, strategy, max_new_tokens=8, **settings)


def looks_a_token(strategy, **settings) -> float:
    """Return how often a further token has the host look at the device, for the whole batch."""
    few, many = (
        looks_during(
            lambda n=n: dl.generate_batch(
                DeviceLM(), PROMPTS, strategy, max_new_tokens=n, **settings
            )
        )
        for n in (4, 8)
    )
    return sum((Counter(many) - Counter(few)).values()) / 4


def test_looks_are_counted() -> None:
    logits = DeviceLM()._rows(1)
    assert isinstance(logits, OnDevice)
    assert logits.device == DEVICE
    ways = {
        "item": lambda: logits[0, 0].item(),
        "tolist": lambda: (logits + 1).tolist(),
        "float": lambda: float(logits.sum()),
        "if": lambda: bool(logits.any()),
        "mask": lambda: logits[logits > 0],
        "nonzero": lambda: logits.nonzero(),
        "cpu": lambda: logits.cpu(),
        "to": lambda: logits.to("cpu"),
    }
    assert {name: len(looks_during(way)) for name, way in ways.items()} == dict.fromkeys(ways, 1)
    stays = [
        lambda: logits.double().softmax(-1),
        lambda: logits.to(DEVICE),
        lambda: torch.ones(2, device=DEVICE).sum(),
    ]
    assert [looks_during(way) for way in stays] == [[], [], []]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
@pytest.mark.parametrize("settings", [{}, {"min_new_tokens": 2}], ids=["", "may not end"])
def test_a_token_costs_one_look(strategy, settings) -> None:
    assert looks_a_token(strategy, **settings) == 1


NO_E = dl.Constraint.from_dfa(DeviceLM(), dl.DFA([{"e": None, "": 0}], accepting=[0]))


# What the text so far decides is worked out on the host, which asks for the text of each row; and a
# constraint is asked whether it has left anything.
@pytest.mark.parametrize(
    ("processor", "of_a_row"),
    [
        (dl.DRY(), 1),
        (dl.Mirostat(), 1),
        (dl.GreenListWatermark(), 1),
        (dl.GumbelWatermark(), 1),
        (dl.TournamentWatermark(), 1),
        (NO_E, 2),
    ],
    ids=repr,
)
def test_processors_that_follow_the_text_cost_more_looks_a_row(processor, of_a_row) -> None:
    assert looks_a_token(dl.Sampling(processor)) == 1 + of_a_row * len(PROMPTS)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_the_device_path_chooses_what_the_host_would(strategy) -> None:
    found = []
    looks_during(lambda: found.append(run(DeviceLM(), strategy)))
    expected = run(OnTheHost(), strategy)
    assert [g.token_ids for g in found[0]] == [g.token_ids for g in expected]
    for ours, theirs in zip(found[0], expected, strict=True):
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-6)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_logits_that_are_no_numbers_are_refused_there_too(strategy, bad) -> None:
    lm = DeviceLM()
    lm._row[3] = bad
    if bad == -torch.inf:
        lm._row[:] = bad
    with pytest.raises(ValueError, match=r"logits must be finite, .* got (NaN|\+inf|every token)"):
        looks_during(lambda: run(lm, strategy))


def test_a_text_that_can_only_end_is_refused_there_too() -> None:
    lm = DeviceLM()
    lm._row[:], lm._row[1] = -torch.inf, 0.0
    with pytest.raises(ValueError, match="min_new_tokens=8 cannot be had"):
        looks_during(lambda: run(lm, dl.Greedy(), min_new_tokens=8))
