"""The three ways to run the decoding loop, and what they return."""

import math

import pytest
import torch

import decodelib as dl

TABLE = {"": {"a": 0.5, "b": 0.3, "<eos>": 0.2}, "a": {"b": 0.6, "a": 0.4}, "b a": {"<eos>": 1}}
STRATEGIES = [
    dl.Greedy(),
    dl.Sampling(),
    dl.Sampling(dl.Temperature(0.8), dl.TopK(40), dl.TopP(0.9), dl.MinP(0.02)),
    dl.Sampling(dl.EntropyTemperature()),
    dl.BeamSearch(3),
    dl.EntropySampling(),
]
each_strategy = pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)


@pytest.fixture(scope="module")
def lm():
    return dl.load("storybook", device="cpu", dtype="float32")


@pytest.mark.parametrize("greedy", [dl.Sampling(dl.TopK(1)), dl.Sampling(dl.Temperature(1e-6)),
    dl.Sampling(dl.MinP(1)), dl.Sampling(dl.TopP(1e-9)), dl.BeamSearch(1)], ids=repr)  # fmt: skip
def test_the_limits_of_every_strategy_are_greedy(lm, greedy):
    prompts = ["Once upon a time", "The sea", ""]
    wanted = dl.generate_batch(lm, prompts, dl.Greedy(), max_new_tokens=20)
    found = dl.generate_batch(lm, prompts, greedy, max_new_tokens=20, seeds=[5, 6, 7])
    assert [g.token_ids for g in found] == [g.token_ids for g in wanted]


def test_greedy_takes_the_argmax_of_a_full_forward_pass_at_every_step(lm):
    ids = lm.prompt_ids("The old house on the hill").tolist()
    for token in dl.generate(lm, ids, dl.Greedy(), max_new_tokens=25).token_ids:
        assert token == int(lm.logits(ids)[-1].argmax())
        ids.append(token)


@each_strategy
def test_logprobs_and_score_are_the_models_own(lm, strategy):
    g = dl.generate(lm, "A ship", strategy, max_new_tokens=12, seed=2)
    ids = [*lm.prompt_ids("A ship").tolist(), *g.token_ids]
    logp = lm.logits(ids[:-1]).double().log_softmax(-1)[-len(g.token_ids) :]
    wanted = logp.gather(1, torch.tensor(g.token_ids)[:, None])[:, 0].tolist()
    assert g.logprobs == pytest.approx(wanted, abs=1e-4)
    length = len(g.token_ids) if isinstance(strategy, dl.BeamSearch) else 1
    assert g.score == pytest.approx(sum(wanted) / length, abs=1e-3)


@each_strategy
def test_streamed_and_traced_and_plain_decoding_give_the_same(lm, strategy):
    settings = {"max_new_tokens": 14, "seed": 9, "stop": ["the"]}
    plain = dl.generate(lm, "He said", strategy, **settings)
    traced = dl.generate(lm, "He said", strategy, trace=True, **settings)
    steps = list(dl.stream(lm, "He said", strategy, **settings))
    assert plain.steps == []
    assert plain.token_ids == traced.token_ids == [step.token_id for step in steps]
    assert plain.text == traced.text == "".join(step.text for step in steps)
    assert traced.steps == steps


@each_strategy
def test_steps_say_what_the_full_forward_pass_says(lm, strategy):
    prompt = lm.prompt_ids("It was").tolist()
    g = dl.generate(lm, prompt, strategy, max_new_tokens=6, seed=1, trace=True)
    for place, step in enumerate(g.steps):
        logits = lm.logits([*prompt, *g.token_ids[:place]])[-1].double()
        logp = logits.log_softmax(-1)
        assert step.token_id == g.token_ids[place]
        assert step.token == lm.decode([step.token_id])
        assert step.logprob == pytest.approx(float(logp[step.token_id]), abs=1e-4)
        assert step.rank == 1 + int((logits > logits[step.token_id]).sum())
        assert step.entropy == pytest.approx(-float((logp.exp() * logp).sum()), abs=1e-4)
        ids = [c.id for c in step.candidates]
        assert ids[:10] == logits.argsort(descending=True)[:10].tolist()
        assert step.token_id in ids
        assert len(ids) == 10 + (step.rank > 10)
        for c in step.candidates:
            assert c.p_before == pytest.approx(float(logp[c.id].exp()), abs=1e-4)
            assert c.token == lm.decode([c.id])


def test_steps_record_what_the_strategy_left():
    lm = dl.TableLM({"": {"a": 0.5, "b": 0.3, "c": 0.2}})
    step = dl.generate(lm, "", dl.Sampling(dl.TopK(2)), max_new_tokens=1, trace=True).steps[0]
    after = {c.token: c.p_after for c in step.candidates}
    assert step.kept == 2
    assert after[" a"] == pytest.approx(5 / 8)
    assert after[" b"] == pytest.approx(3 / 8)
    assert after[" c"] == after[" <eos>"] == 0
    bit = math.log(2)
    flat = dl.TableLM({"": {"a": 0.5, "b": 0.25, "c": 0.25}})
    step = dl.generate(flat, "", dl.Greedy(), max_new_tokens=1, trace=True).steps[0]
    assert (step.entropy, step.varentropy) == pytest.approx((1.5 * bit, 0.25 * bit**2))


def test_finish_reasons_and_their_tokens():
    lm = dl.TableLM({"": {"a": 1}, "a": {"b": 1}, "b": {"<eos>": 1}})
    ended = dl.generate(lm, "", dl.Greedy(), max_new_tokens=9)
    assert (ended.finish_reason, ended.text, ended.tokens) == (
        "eos",
        " a b",
        [" a", " b", " <eos>"],
    )
    cut = dl.generate(lm, "", dl.Greedy(), max_new_tokens=2)
    assert (cut.finish_reason, cut.text) == ("length", " a b")
    stopped = dl.generate(lm, "", dl.Greedy(), max_new_tokens=9, stop="b")
    assert (stopped.finish_reason, stopped.text, stopped.token_ids) == ("stop", " a ", [2, 3])
    exact = dl.generate(lm, "", dl.Greedy(), max_new_tokens=3)
    assert (exact.finish_reason, len(exact.token_ids)) == ("eos", 3)


@each_strategy
def test_min_new_tokens_puts_off_eos(strategy):
    lm = dl.TableLM({"": {"a": 0.3, "b": 0.1, "<eos>": 0.6}})
    for minimum in (0, 1, 3, 5):
        g = dl.generate(lm, "", strategy, max_new_tokens=5, min_new_tokens=minimum, seed=4)
        assert lm.eos_token_id not in g.token_ids[:minimum]
        assert len(g.token_ids) >= minimum
    assert dl.generate(lm, "", dl.Greedy(), max_new_tokens=5, min_new_tokens=3).token_ids == [
        2, 2, 2, 1,
    ]  # fmt: skip


def test_an_empty_prompt_starts_from_bos(lm):
    wanted = dl.generate(lm, [lm.bos_token_id], dl.Greedy(), max_new_tokens=8)
    for empty in ("", [], torch.tensor([], dtype=torch.long), torch.tensor([])):
        g = dl.generate(lm, empty, dl.Greedy(), max_new_tokens=8)
        assert (g.token_ids, g.prompt, g.full_text) == (wanted.token_ids, "", g.text)


def test_a_prompt_may_be_text_or_ids_of_any_kind(lm):
    text = "She looked out"
    ids = lm.encode(text)
    forms = [text, ids, ids.tolist(), tuple(ids.tolist()), ids.int()]
    results = {repr(dl.generate(lm, form, dl.Greedy(), max_new_tokens=5)) for form in forms}
    assert len(results) == 1


def test_the_whole_context_can_be_used_and_not_one_token_more(lm):
    ids = lm.encode("word " * 600)[: lm.context_length - 3]
    assert len(dl.generate(lm, ids, dl.Greedy(), max_new_tokens=3).token_ids) <= 3
    with pytest.raises(
        ValueError, match="509 tokens plus max_new_tokens=4 make 513, more than the"
    ):
        dl.generate(lm, ids, dl.Greedy(), max_new_tokens=4)


def test_streaming_is_lazy_and_raises_for_bad_arguments_at_once():
    lm = dl.TableLM({"": {"a": 1}}, context_length=1_000_001)
    steps = dl.stream(lm, "", dl.Greedy(), max_new_tokens=1_000_000)
    assert [next(steps).token for _ in range(3)] == [" a"] * 3
    with pytest.raises(ValueError, match="max_new_tokens must be at least 1, got 0"):
        dl.stream(lm, "", dl.Greedy(), max_new_tokens=0)


def test_inference_mode_does_not_leak_between_streamed_steps():
    lm = dl.TableLM({"": {"a": 1}})
    for _ in dl.stream(lm, "", dl.Greedy(), max_new_tokens=3):
        assert not torch.is_inference_mode_enabled()
        assert torch.zeros(1, requires_grad=True).requires_grad


def test_progress_is_shown_only_when_asked_for(capfd):
    lm = dl.TableLM({"": {"a": 1}})
    dl.generate(lm, "", dl.Greedy(), max_new_tokens=3)
    assert capfd.readouterr() == ("", "")
    dl.generate(lm, "", dl.Greedy(), max_new_tokens=3, progress=True)
    assert "3/3" in capfd.readouterr().err


def test_a_generation_shows_itself_as_escaped_text():
    lm = dl.TableLM({"": {"<b>&": 1}})
    g = dl.generate(lm, "", dl.Greedy(), max_new_tokens=2)
    assert "&lt;b&gt;&amp;" in g._repr_html_()
    assert "<b>" not in g._repr_html_()
    assert "<b>& <b>&" in repr(g)


def test_alternatives_and_tokens_add_up(lm):
    g = dl.generate(lm, "So", dl.BeamSearch(3, num_return_sequences=3), max_new_tokens=6)
    assert len(g.alternatives) == 2
    for each in (g, *g.alternatives):
        assert "".join(each.tokens) == lm.decode(each.token_ids)
        assert each.full_text == "So" + each.text


class Interrupted(dl.TableLM):
    """A model whose third step is interrupted, as Ctrl-C would."""

    def step(self, next_ids, cache):
        self.steps = getattr(self, "steps", 0) + 1
        if self.steps == 3:
            raise KeyboardInterrupt
        return super().step(next_ids, cache)


def test_an_interrupt_leaves_what_was_generated():
    table = {"": {"a": 0.6, "b": 0.4}}
    whole = dl.generate_batch(dl.TableLM(table), ["", ""], dl.Sampling(), max_new_tokens=9)
    cut = dl.generate_batch(
        Interrupted(table), ["", ""], dl.Sampling(), max_new_tokens=9, progress=True, trace=True
    )
    assert [g.token_ids for g in cut] == [g.token_ids[:3] for g in whole]
    assert [g.finish_reason for g in cut] == ["interrupted"] * 2
    assert all("".join(step.text for step in g.steps) == g.text for g in cut)


def test_an_interrupt_is_raised_if_nobody_watches_or_nothing_is_decided():
    table = {"": {"a": 0.9, "b": 0.1}}
    with pytest.raises(KeyboardInterrupt):
        dl.generate(Interrupted(table), "", dl.Greedy(), max_new_tokens=9)
    with pytest.raises(KeyboardInterrupt):
        dl.generate(Interrupted(table), "", dl.BeamSearch(2), max_new_tokens=9, progress=True)
