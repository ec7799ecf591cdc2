"""A constraint allows what can still become a text of the form, ends included, and nothing else."""

import importlib.util
import re

import pytest
import torch

import decodelib as dl
from decodelib.processors.automata import OTHER
from tests.helpers.exact import TREE, continuations

INF = torch.inf
# Tokens that overlap: "ab" can be spelled in two ways, and "abc" in four.
LM = dl.TableLM({"": {"a": 1, "b": 2, "<eos>": 3}})
EVEN = dl.DFA([{"a": 1, OTHER: 0}, {"a": 0, OTHER: 1}], accepting=[0])
needs_outlines = pytest.mark.skipif(
    importlib.util.find_spec("outlines_core") is None, reason="outlines-core is not installed"
)


class Letters:
    """A vocabulary whose tokens are not whole words."""

    texts = ("<s>", "</s>", "a", "b", "c", "ab", "bc", "abc", "abd", "", "\ufffd")
    eos_token_ids, bos_token_id, vocab_size = (1,), 0, 11

    def decode(self, ids):
        return "".join(self.texts[i] for i in ids)


def spelled(constraint, longest=4):
    """Return the texts that the constraint lets end, by trying all that it allows."""
    found, states = set(), [()]
    while states:
        ids = states.pop()
        mask = constraint.allowed(torch.tensor([ids], dtype=torch.long))[0]
        assert mask.any(), ids
        for token_id in mask.nonzero()[:, 0].tolist():
            if token_id == 1:
                found.add(Letters().decode(ids))
            elif len(ids) < longest:
                states.append((*ids, token_id))
    return found


def test_all_spellings_of_the_choices_can_be_had_and_nothing_else():
    constraint = dl.Constraint.from_choices(Letters(), ["abc", "ab", "cc"])
    assert spelled(constraint) == {"abc", "ab", "cc"}
    first = constraint.allowed(torch.empty(1, 0, dtype=torch.long))[0]
    assert first.nonzero()[:, 0].tolist() == [2, 4, 5, 7]  # a, c, ab, abc: not abd


def test_an_end_comes_only_where_the_text_is_complete():
    constraint = dl.Constraint.from_choices(Letters(), ["ab", "abc"])
    ends = [constraint.allowed(torch.tensor([ids]))[0, 1].item() for ids in ([2], [5], [5, 4])]
    assert ends == [False, True, True]
    after = constraint.allowed(torch.tensor([[5, 1, 9]]))  # what pads a row that has ended
    assert after.all()


def test_the_text_begins_after_what_is_skipped():
    constraint = dl.Constraint.from_choices(LM, [" b a"])
    logits = LM.next_logits("a")[None]
    ids = LM.encode("a a b")[None]
    with pytest.raises(ValueError, match=r"the text must be ' b a', got token 2 at place 0"):
        constraint(ids, logits)
    skipping = dl.Constraint(constraint.automaton, skip=2)
    assert skipping(ids, logits).isfinite().nonzero()[:, 1].tolist() == LM.encode("a").tolist()
    bound = constraint.for_sequence(0)
    assert bound(ids[:, :2], logits).isfinite().nonzero()[:, 1].tolist() == LM.encode("b").tolist()
    assert torch.equal(bound(ids, logits), skipping(ids, logits))


def test_input_is_unchanged_survivors_untouched_and_any_batch_shape_allowed():
    constraint = dl.Constraint.from_dfa(LM, EVEN)
    ids = torch.stack([LM.encode("a b"), LM.encode("a a")])
    logits = torch.randn(2, LM.vocab_size, dtype=torch.float32)
    before = logits.clone()
    result = constraint(ids, logits)
    assert torch.equal(logits, before)
    assert result.dtype == torch.float32
    keep = result > -INF
    assert torch.equal(result[keep], logits[keep])
    assert torch.equal(constraint(ids[0], logits[0]), result[0])
    assert torch.equal(constraint(ids[None], logits[None])[0], result)
    assert keep[:, 1].tolist() == [False, True]  # an odd number of a may not end
    assert constraint(ids[:0], logits[:0]).shape == (0, LM.vocab_size)


def test_every_text_of_every_seed_is_of_the_form():
    sampling = dl.Sampling(dl.Constraint.from_dfa(TREE, EVEN))
    prompts, seeds = ["", "a", "b a"] * 20, range(60)
    for g in dl.generate_batch(TREE, prompts, sampling, max_new_tokens=6, seeds=seeds):
        assert g.finish_reason == "length" or EVEN.accepts(g.text)


def test_masking_step_by_step_divides_every_text_by_its_feasible_masses():
    constraint = dl.Constraint(dl.Constraint.from_dfa(TREE, EVEN).automaton, skip=1)
    own, masked = continuations(), continuations(chain=dl.Chain(constraint))
    assert sum(masked.values()) == pytest.approx(1)
    for ids, probability in masked.items():
        product, so_far = 1.0, [0]
        for token_id in ids:
            p = TREE.next_logits(so_far).softmax(-1)
            product *= float(p[constraint.allowed(torch.tensor([so_far]))[0]].sum())
            so_far.append(token_id)
        assert probability == pytest.approx(own[ids] / product)
    feasible = [ids for ids in own if ids[-1] != 1 or EVEN.accepts(TREE.decode(ids[:-1]))]
    assert set(masked) == set(feasible)


def test_a_step_records_the_feasible_mass():
    constraint = dl.Constraint.from_choices(TREE, [" a b", " b a"], open_end=True)
    g = dl.generate(TREE, "", dl.Sampling(constraint), max_new_tokens=3, seed=1, trace=True)
    assert [step.kept_mass for step in g.steps] == pytest.approx([0.8, 0.6, 1.0])
    free = dl.generate(TREE, "", dl.Sampling(dl.TopK(2)), max_new_tokens=1, trace=True)
    assert free.steps[0].kept_mass == pytest.approx(0.8)


def test_where_nothing_is_left_an_error_says_so():
    constraint = dl.Constraint.from_choices(TREE, [" a"])
    logits = torch.tensor([[-INF, 0.0, -INF, 0.0]])
    with pytest.raises(ValueError, match="leaves no token: all that it allows have probability 0"):
        constraint(torch.empty(1, 0, dtype=torch.long), logits)
    with pytest.raises(ValueError, match="vocabulary of 4 tokens, got 3"):
        constraint(torch.empty(1, 0, dtype=torch.long), logits[:, :3])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: dl.Constraint.from_choices(LM, " a"), "choices must be a list of strings"),
        (lambda: dl.Constraint.from_choices(LM, []), "choices must hold non-empty strings, got []"),
        (lambda: dl.Constraint.from_choices(LM, ["a"]), "no text of the model's tokens is 'a'"),
        (lambda: dl.Constraint(EVEN_HERE.automaton, -1), "skip must be at least 0, got -1"),
        (lambda: dl.Constraint(EVEN_HERE.automaton, "text"), "skip must be a number of tokens"),
        (lambda: dl.Constraint.from_regex(LM, ""), "pattern must be a non-empty string, got ''"),
    ],
)
def test_bad_arguments_are_refused_in_a_sentence(make, said):
    with pytest.raises((ValueError, TypeError), match=re.escape(said)):
        make()


EVEN_HERE = dl.Constraint.from_dfa(LM, EVEN)


def test_a_model_without_ends_may_have_only_texts_that_go_on():
    class Endless(Letters):
        eos_token_ids = ()

    with pytest.raises(ValueError, match="must have a token that ends a text"):
        dl.Constraint.from_choices(Endless(), ["ab"])
    going = dl.Constraint.from_choices(Endless(), ["ab"], open_end=True)
    assert going.allowed(torch.tensor([[5, 2, 2]]))[0, 2]


@needs_outlines
@pytest.mark.parametrize(
    ("pattern", "choices"),
    [
        ("a(bc|b)?", ["a", "ab", "abc"]),
        ("[ab]{2}c?", ["aa", "ab", "ba", "bb", "aac", "abc", "bac", "bbc"]),
    ],
)
def test_a_regular_expression_is_the_automaton_of_the_texts_it_matches(pattern, choices):
    regex = dl.Constraint.from_regex(Letters(), pattern)
    assert spelled(regex) == set(choices) == spelled(dl.Constraint.from_choices(Letters(), choices))


@needs_outlines
def test_json_is_json_of_its_schema_and_other_things_are_refused():
    lm = dl.load("storybook", device="cpu")
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    constraint = dl.Constraint.from_json_schema(lm, schema)
    for text, state in (('{"age": 31}', True), ('{"age": 3', False)):
        ids = lm.encode(text)[None]
        assert bool(constraint.allowed(ids)[0, lm.eos_token_id]) == state
    with pytest.raises(ValueError, match="the text must be JSON"):
        constraint.allowed(lm.encode('{"age": x')[None])
    with pytest.raises(ValueError, match="must be a regular expression that outlines-core can"):
        dl.Constraint.from_regex(lm, "(")
    with pytest.raises(ValueError, match="schema must be a JSON schema that outlines-core knows"):
        dl.Constraint.from_json_schema(lm, "{")


def test_without_outlines_core_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for make in (dl.Constraint.from_regex, dl.Constraint.from_json_schema):
        with pytest.raises(ImportError, match=r"pip install 'decodelib\[constraint\]'"):
            make(LM, "a")


def test_transformers_can_use_a_constraint():
    constraint = dl.Constraint.from_choices(TREE, [" a b", " b"])
    processors = pytest.importorskip("transformers").LogitsProcessorList([constraint])
    scores = torch.zeros(1, TREE.vocab_size)
    result = processors(TREE.encode("a")[None], scores)
    assert result.isfinite().nonzero()[:, 1].tolist() == TREE.encode("b").tolist()
