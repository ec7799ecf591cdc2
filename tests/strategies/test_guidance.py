"""Guidance goes from q through p and beyond, by one formula; other methods are its cases."""

import re
from types import SimpleNamespace

import pytest
import torch

import decodelib as dl
from tests.helpers.exact import DRAFT, MAX_NEW, TREE, chi_square_p, drawn


def guided(p, q, gamma):
    p, q = p.softmax(-1), q.softmax(-1)
    weights = torch.where(p > 0, p ** (1 + gamma) / q.clamp(min=1e-300) ** gamma, 0)
    return weights / weights.sum()


def texts(gamma, against, start=""):
    """Return every continuation's probability under the formula, worked out from the tables."""
    found = {}
    model = against if isinstance(against, dl.LanguageModel) else TREE
    head = [0] if isinstance(against, dl.LanguageModel) else TREE.prompt_ids(against).tolist()

    def grow(new, probability):
        if new and (new[-1] == TREE.eos_token_id or len(new) == MAX_NEW):
            found[new] = probability
            return
        p, q = TREE.next_logits([0, *new]), model.next_logits([*head, *new])
        for token_id, share in enumerate(guided(p, q, gamma).tolist()):
            if share > 0:
                grow((*new, token_id), probability * share)

    grow((), 1.0)
    return found


@pytest.mark.parametrize("against", ["b a", DRAFT])
@pytest.mark.parametrize("gamma", [1.5, -0.5])
def test_texts_come_as_often_as_the_formula_says(gamma, against):
    truth = texts(gamma, against)
    assert sum(truth.values()) == pytest.approx(1)
    assert chi_square_p(drawn(dl.Guidance(gamma, against=against), 600), truth) > 1e-3
    assert chi_square_p(drawn(dl.Sampling(), 600), truth) < 1e-3  # so this could have failed


def test_gamma_zero_is_sampling_and_minus_one_is_the_other_model():
    assert drawn(dl.Guidance(0.0), 60) == drawn(dl.Sampling(), 60)
    others = drawn(dl.Sampling(), 60, DRAFT)
    assert drawn(dl.Guidance(-1.0, against=DRAFT), 60) == others


def test_large_gamma_with_alpha_is_contrastive_decoding():
    for prompt in ("", "b", "a b", "b a"):  # after "a", two ratios are equal
        far = dl.Guidance(1e6, dl.TopK(1), against=DRAFT, alpha=0.1)
        contrastive = dl.ContrastiveDecoding(DRAFT, alpha=0.1)
        found = [
            dl.generate(TREE, prompt, strategy, max_new_tokens=1).token_ids
            for strategy in (far, contrastive)
        ]
        assert found[0] == found[1], prompt


def test_alpha_removes_what_the_model_itself_finds_implausible():
    # After "b", p is .7 .05 .25 for a, b, end: only b is below .3 * .7.
    g = dl.generate(TREE, "b", dl.Guidance(1.0, alpha=0.3), max_new_tokens=1, trace=True)
    after = {c.token: c.p_after for c in g.steps[0].candidates}
    assert after[" b"] == 0
    assert after[" a"] > 0
    assert after[" <eos>"] > 0


def test_a_token_that_q_rules_out_comes_first_and_one_that_p_rules_out_never():
    p = dl.TableLM({"": {"a": 0.5, "b": 0.5, "c": 0}})
    q = dl.TableLM({"": {"a": 1, "b": 0, "c": 1}})
    g = dl.generate(p, "c", dl.Guidance(1.0, against=q), max_new_tokens=6)
    assert g.text == " b b b b b b"
    g = dl.generate(p, "c", dl.Guidance(-1.0, against=q), max_new_tokens=6)
    assert g.text == " a a a a a a"


def test_processors_act_on_the_guided_distribution_and_logprobs_are_the_models():
    g = dl.generate(
        TREE, "a", dl.Guidance(2.0, dl.TopK(1), against="b"), max_new_tokens=1, trace=True
    )
    p, q = TREE.next_logits("a"), TREE.next_logits("b")
    assert g.token_ids == [int(guided(p, q, 2.0).argmax())]
    assert g.logprobs[0] == pytest.approx(float(p.log_softmax(-1)[g.token_ids[0]]))


def test_parity_with_transformers_classifier_free_guidance():
    transformers = pytest.importorskip("transformers")
    lm = dl.load("storybook", device="cpu", dtype="float64")
    prompt, negative = "The sea was calm and the", "The forest was dark and the"

    def model(input_ids, attention_mask, use_cache, past_key_values):
        seen = input_ids if past_key_values is None else torch.cat([past_key_values, input_ids], 1)
        rows = torch.stack([lm.logits(row) for row in seen])
        return _Output(logits=rows, past_key_values=seen)

    theirs = transformers.UnbatchedClassifierFreeGuidanceLogitsProcessor(
        2.5, model, lm.encode(negative)[None]
    )
    strategy = dl.Guidance(1.5, dl.TopK(1), against=negative)
    g = dl.generate(lm, prompt, strategy, max_new_tokens=6)
    ids = lm.encode(prompt).tolist()
    for place, token_id in enumerate(g.token_ids):
        logits = lm.next_logits(ids)[None]
        expected = theirs(torch.tensor([ids]), logits.clone())
        q = lm.next_logits([*lm.encode(negative).tolist(), *g.token_ids[:place]])[None]
        assert torch.allclose(
            strategy.guided(logits, q).log_softmax(-1), expected.log_softmax(-1), atol=1e-8
        )
        assert int(expected.argmax()) == token_id
        ids.append(token_id)


class _Output(SimpleNamespace):
    def get(self, name, default=None):
        return getattr(self, name, default)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: dl.Guidance(float("inf")), "gamma must be a finite number, got inf"),
        (lambda: dl.Guidance(1.0, alpha=2), "alpha must be in [0, 1], got 2"),
        (lambda: dl.generate(TREE, "", dl.Guidance(1.0, against="a " * 64), max_new_tokens=2),
         "against must have room in table's context of 64"),
        (lambda: dl.generate(TREE, "", dl.Guidance(1.0, against=dl.TableLM({"": {"a": 1}}))),
         "against must have table's vocabulary of 4 tokens, got 3"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_in_a_sentence(make, said):
    with pytest.raises((ValueError, TypeError), match=re.escape(said)):
        make()
