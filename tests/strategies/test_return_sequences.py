"""Several samples of one prompt: each as its own seed gives it, from a prompt read once."""

import pytest

import decodelib as dl

SEED, COPIES = 5, 4
CHAINS = {
    "ancestral": (),
    "truncated": (dl.Temperature(0.9), dl.TopP(0.95)),
    "bound to its sequence": (dl.RepetitionPenalty(1.2), dl.XTC(0.5, 0.05), dl.Mirostat(4.0)),
}


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu", dtype="float32")


def several(chain, copies=COPIES):
    return dl.Sampling(*chain, num_return_sequences=copies)


def tokens(g):
    return [g.token_ids, *(other.token_ids for other in g.alternatives)]


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_each_sequence_is_the_one_of_its_own_seed(lm, chain) -> None:
    settings = {"max_new_tokens": 8, "stop": ["the"]}
    g = dl.generate(lm, "Once upon", several(chain), seed=SEED, trace=True, **settings)
    alone = [
        dl.generate(
            lm, "Once upon", dl.Sampling(*chain), seed=SEED + copy * 2**32, trace=True, **settings
        )
        for copy in range(COPIES)
    ]
    assert tokens(g) == [one.token_ids for one in alone]
    assert [other.text for other in (g, *g.alternatives)] == [one.text for one in alone]
    assert [other.steps for other in (g, *g.alternatives)] == [one.steps for one in alone]
    assert len({tuple(ids) for ids in tokens(g)}) == COPIES


def test_in_a_batch_each_prompt_has_its_own(lm) -> None:
    prompts = ["Once", "The sea was", "Once"]
    strategies = [several(()), several(()), dl.Sampling()]
    together = dl.generate_batch(lm, prompts, strategies, seeds=[1, 2, 3], max_new_tokens=6)
    for prompt, strategy, seed, g in zip(prompts, strategies, [1, 2, 3], together, strict=True):
        alone = dl.generate(lm, prompt, strategy, seed=seed, max_new_tokens=6)
        assert tokens(g) == tokens(alone)
    assert [len(g.alternatives) for g in together] == [3, 3, 0]


def test_the_prompt_is_read_once(lm, monkeypatch) -> None:
    read = []
    original = type(lm).prefill

    def prefill(self, prompts, capacity):
        read.append(len(prompts))
        return original(self, prompts, capacity)

    monkeypatch.setattr(type(lm), "prefill", prefill)
    g = dl.generate(lm, "A long prompt, read by the model once", several(()), max_new_tokens=3)
    assert read == [1]
    assert len(g.alternatives) == COPIES - 1


def test_a_stream_is_of_the_first_sequence() -> None:
    lm = dl.TableLM({"": {"a": 0.5, "b": 0.3, "<eos>": 0.2}})
    for seed in range(10):
        wanted = dl.generate(lm, "a", dl.Sampling(), seed=seed, max_new_tokens=9).token_ids
        steps = dl.stream(lm, "a", several(()), seed=seed, max_new_tokens=9)
        assert [step.token_id for step in steps] == wanted


def test_the_last_seed_has_others_too() -> None:
    lm = dl.TableLM({"": {"a": 0.5, "b": 0.5}})
    g = dl.generate(lm, "a", several(()), seed=2**63 - 1, max_new_tokens=40)
    assert len({tuple(ids) for ids in tokens(g)}) == COPIES


def test_how_many_is_part_of_what_a_strategy_is() -> None:
    assert dl.Sampling(num_return_sequences=1) == dl.Sampling()
    assert several((dl.TopP(0.9),)) != dl.Sampling(dl.TopP(0.9))
    shown = "Sampling(TopP(0.9), num_return_sequences=4)"
    assert repr(several((dl.TopP(0.9),))) == shown
    assert repr(dl.Sampling(dl.TopP(0.9))) == "Sampling(TopP(0.9))"
    settings = dl.to_generation_config(several((dl.TopP(0.9),)))
    assert settings["num_return_sequences"] == COPIES


@pytest.mark.parametrize(("count", "error"), [(0, ValueError), (1.5, TypeError), (True, TypeError)])
def test_fewer_than_one_are_refused(count, error) -> None:
    with pytest.raises(error):
        dl.Sampling(num_return_sequences=count)
