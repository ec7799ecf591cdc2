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
        "assigned by mask": lambda: logits.clone().__setitem__(logits > 9, 0.0),
        "place": lambda: logits[0, logits[0].argmax()],
        "nonzero": lambda: logits.nonzero(),
        "cpu": lambda: logits.cpu(),
        "to": lambda: logits.to("cpu"),
        "list": lambda: logits[[0]],
        "sent": lambda: torch.ones(2).to(DEVICE),
        "made of numbers": lambda: torch.tensor([1, 2], device=DEVICE),
    }
    assert {name: len(looks_during(way)) for name, way in ways.items()} == dict.fromkeys(ways, 1)
    stays = [
        lambda: logits.double().softmax(-1),
        lambda: logits.to(DEVICE),
        lambda: torch.ones(2, device=DEVICE).sum(),
        lambda: torch.ones(2).pin_memory().to(DEVICE, non_blocking=True),
        lambda: logits[:, logits[0].topk(3).indices],
    ]
    assert [looks_during(way) for way in stays] == [[]] * 5


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
@pytest.mark.parametrize("settings", [{}, {"min_new_tokens": 2}], ids=["", "may not end"])
def test_a_token_costs_one_look(strategy, settings) -> None:
    assert looks_a_token(strategy, **settings) == 1


NO_E = dl.Constraint.from_dfa(DeviceLM(), dl.DFA([{"e": None, "": 0}], accepting=[0]))
ON_THE_HOST = [
    dl.DRY(),
    dl.Mirostat(),
    dl.GreenListWatermark(),
    dl.GumbelWatermark(),
    dl.TournamentWatermark(),
    NO_E,
]


@pytest.mark.parametrize("processor", ON_THE_HOST, ids=repr)
def test_processors_that_follow_the_text_find_it_on_the_host(processor) -> None:
    assert looks_a_token(dl.Sampling(processor)) == 1


BOTH = dl.Temperature(0.8) | dl.RepetitionPenalty(1.2)
SEARCHES = [
    (dl.BeamSearch(3), 1),
    (dl.BeamSearch(3, processors=BOTH), 1),
    (dl.BeamSearch(3, do_sample=True), 1),
    (dl.DiverseBeamSearch(4, 2), 2),  # one for each group, which must know what others chose
    (dl.StochasticBeamSearch(3, BOTH), 1),
    (dl.ContrastiveSearch(processors=BOTH), 1),
    (dl.ContrastiveDecoding(DeviceLM()), 1 / 2),  # the rows of both prompts at once
    (dl.Guidance(1.0, BOTH), 1 / 2),
    (dl.ArithmeticSampling(BOTH, num_return_sequences=3), 1 / 2),
    (dl.ConditionedSampling(NO_E, num_particles=3), 2),  # who is alive, and what those draw
    (dl.ConditionedSampling(NO_E, BOTH, method="rejection", num_particles=3), 1),
    (dl.EntropySampling(low_entropy=9, high_entropy=9, low_varentropy=99, high_varentropy=99), 2),
    (dl.EntropySampling(low_varentropy=0, processors=BOTH), 2),  # where it is, and the token
]


@pytest.mark.parametrize(("strategy", "looks"), SEARCHES, ids=repr)
@pytest.mark.parametrize("settings", [{}, {"min_new_tokens": 2}], ids=["", "may not end"])
def test_a_step_of_a_search_costs_one_look_for_all_its_rows(strategy, looks, settings) -> None:
    assert looks_a_token(strategy, **settings) == looks * len(PROMPTS)


def test_a_fork_is_followed_with_one_look_for_all_branches() -> None:
    forks = dl.EntropySampling(low_varentropy=0, high_varentropy=0.001, high_entropy=50)
    # Three where it forks (where it is, how many tokens are left, which are drawn), then three
    # times one look for a token of every branch.
    assert looks_a_token(forks) == (3 + 3) / 4 * len(PROMPTS)


def test_a_token_that_a_draft_proposes_costs_a_look_and_its_check_another() -> None:
    speculative = dl.SpeculativeSampling(DeviceLM(), BOTH, num_draft_tokens=1)
    # Both models say the same: every proposal is accepted, and a bonus token drawn.
    assert looks_a_token(speculative) == 3 / 2 * len(PROMPTS)


def test_a_token_that_is_drawn_for_power_sampling_costs_one_look() -> None:
    found: list[dl.Generation] = []
    power = dl.PowerSampling(num_moves=2, processors=BOTH)
    looks = looks_during(lambda: found.extend(run(DeviceLM(), power)))
    drawn = sum(len(move.token_ids) - (move.place or 0) for g in found for move in g.moves)
    assert looks.count("sent") == len(PROMPTS)
    assert len(looks) == drawn + 2 * len(PROMPTS)  # the prompts' own are sent, and asked for
    assert drawn > 8 * len(PROMPTS)


def test_the_record_of_a_token_costs_two_looks() -> None:
    # A mask, for the mass of what is kept, and all else at once.
    assert looks_a_token(dl.Sampling(BOTH), trace=True) == 1 + 2 * len(PROMPTS)


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
