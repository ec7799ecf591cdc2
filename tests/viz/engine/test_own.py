"""What the page computes for a reader's own prompt is what Python records for an explorer."""

from __future__ import annotations

import pytest

import decodelib as dl
from decodelib.viz.beams.explorer import explore_beams
from decodelib.viz.entropy.record import record_steps
from decodelib.viz.race.scores import scores
from decodelib.viz.rules.mass import explore_mass
from decodelib.viz.shell.source import as_source
from tests.helpers.engine import storybook

PROMPT = "The old lighthouse keeper"


@pytest.mark.parametrize(("prompt", "width", "steps"), [(PROMPT, 3, 6), ("It was a cold", 2, 7)])
def test_a_beam_tree_is_the_one_that_python_records(ask, prompt, width, steps):
    got = ask(tree={"prompt": prompt, "width": width, "steps": steps, "pruned": 3})
    want = explore_beams(storybook(), prompt, num_beams=width, max_new_tokens=steps).data
    assert got["greedy"]["text"] == want["greedy"]["text"]
    assert got["greedy"]["total"] == pytest.approx(want["greedy"]["total"], abs=1e-8)
    (tree,) = want["trees"]
    assert got["tree"]["greedy"] == tree["greedy"]
    for node, (*place, logprob, total, fate) in zip(
        got["tree"]["nodes"], tree["nodes"], strict=True
    ):
        assert node[:3] == place
        assert node[3:5] == pytest.approx([logprob, total], abs=1e-8)
        assert node[5] == fate


def test_an_entropy_map_is_the_one_that_python_records(ask):
    text = "Once upon a time there was a café, and nobody knew why 🐈 sat in it."
    got, want = ask(map=text), record_steps(storybook(), "", text)
    assert got["tokens"] == want["tokens"]
    for name in ("surprisal", "entropy", "varentropy"):
        assert got[name] == pytest.approx(want[name], rel=1e-5, abs=1e-8)
    for mine, recorded in zip(got["top"], want["top"], strict=True):
        assert [token for token, _ in mine] == [token for token, _ in recorded]
        assert [p for _, p in mine] == pytest.approx([p for _, p in recorded], rel=1e-5)


def test_a_text_of_one_token_has_no_map(ask):
    with pytest.raises(AssertionError, match="a text of at least two tokens: write one more word"):
        ask(map="The")


@pytest.mark.parametrize("strategy", [dl.Sampling(), dl.Greedy(), dl.Sampling(dl.TopK(2))])
def test_the_numbers_of_a_race_are_pythons(ask, strategy):
    lm, samples = storybook(), 3
    count = 1 if strategy.is_deterministic else samples
    texts = [
        dl.generate(lm, PROMPT, strategy, max_new_tokens=12, seed=seed, trace=True)
        for seed in range(count)
    ]
    asked = [
        {
            "text": g.text,
            "tokenIds": g.token_ids,
            "surprisal": [-logprob for logprob in g.logprobs],
            "entropy": [step.entropy for step in g.steps],
        }
        for g in texts
    ]
    got, want = ask(race=[asked, samples]), scores(lm, PROMPT, texts, samples)
    assert list(got) == list(want)
    for name, score in want.items():
        assert got[name]["note"] == score["note"]
        assert float(got[name]["text"]) == pytest.approx(float(score["text"]), abs=0.0101)  # ties
        for key in ("value", "low", "high"):
            assert (got[name][key] is None) == (score[key] is None), name
            if score[key] is not None:
                assert got[name][key] == pytest.approx(score[key], rel=2e-5), name


def test_self_bleu_is_sacrebleus(ask):
    from decodelib.experiments.metrics import self_bleu

    texts = [
        'He said, "No!" and left for 3.5 days -- or 10-12?',
        "He said no and left for 3.5 days, or 10-12 &amp; more.",
        "The cat sat\non the mat: the mat was flat.",
        "",
        "word",
    ]
    for chosen in (texts, texts[:2], texts[2:], [texts[0], texts[0]], ["a b", "c d"]):
        assert ask(selfBleu=chosen) == pytest.approx(self_bleu(chosen), abs=1e-12)


OFFERED = [
    dl.Greedy(),
    dl.BeamSearch(),
    dl.BeamSearch(num_beams=3, early_stopping="never"),
    dl.Sampling(),
    dl.Sampling(dl.Temperature(0.7), dl.TopK(20), dl.TopP(0.8)),
    dl.Sampling(dl.Mirostat(tau=3.0)),
    dl.EntropySampling(low_entropy=3.57, high_entropy=4.64),
    dl.BeamSearch(num_beams=3, processors=[dl.RepetitionPenalty(1.3)]),
]
RECORDED_ONLY = [
    dl.ContrastiveSearch(top_k=4, penalty_alpha=0.6),
    dl.DiverseBeamSearch(),
    dl.StochasticBeamSearch(),
    dl.Sampling(dl.TopP(0.9), dl.Temperature(0.7)),  # another order than the page's
]


@pytest.mark.parametrize("strategy", OFFERED, ids=repr)
def test_a_strategy_is_read_from_its_source_and_writes_the_same_text(ask, strategy):
    (read,) = ask(strategies=[as_source(strategy)])
    rules = {"max_new_tokens": 12, "min_new_tokens": 0, "stop": [], "seed": "3"}
    (got,) = ask(generate=[{"prompt": PROMPT, **read, **rules}])
    want = dl.generate(storybook(), PROMPT, strategy, max_new_tokens=12, seed=3)
    assert got["tokenIds"] == want.token_ids


def test_what_the_engine_lacks_is_recognised(ask):
    assert ask(strategies=list(map(as_source, RECORDED_ONLY))) == [None] * len(RECORDED_ONLY)


CONSTRAINTS = {
    'dl.Constraint.from_dfa(lm, dl.DFA([{"e": None, "E": None, "": 0}], [0]))': 12,
    'dl.Constraint.from_choices(lm, [" sea", " there was", " the"], open_end=True)': 6,
    'dl.Constraint.from_choices(lm, [" a boat", " a bottle", " an oar"])': 12,
    'dl.Constraint.from_dfa(lm, dl.DFA([{" ": 1}, {" ": None, "": 2}, {"": 2, " ": 1}], [2]))': 9,
}


@pytest.mark.parametrize("source", CONSTRAINTS)
def test_the_masses_along_a_masked_text_are_pythons(ask, source):
    lm = storybook()
    constraint = eval(source, {"dl": dl, "lm": lm})
    (dfa,) = ask(constraints=[source])
    length = CONSTRAINTS[source]
    g = dl.generate(lm, PROMPT, dl.Sampling(constraint), max_new_tokens=length, seed=5)
    got = ask(masses={"prompt": PROMPT, "dfa": dfa, "length": length, "seed": "5", "top": 5})
    explorer = explore_mass(lm, PROMPT, constraint, {"masked": g.token_ids}, source=source)
    [want] = explorer.data["texts"]
    assert got["ids"] == want["ids"]
    assert got["tokens"] == want["tokens"]
    assert got["allowed"] == want["allowed"]
    for name in ("mass", "p"):
        assert got[name] == pytest.approx(want[name], rel=1e-5)
    for mine, recorded in zip(got["top"], want["top"], strict=True):
        assert [token for token, _ in mine] == [token for token, _ in recorded]
        assert [p for _, p in mine] == pytest.approx([p for _, p in recorded], rel=1e-5)


def test_a_constraint_that_python_compiles_is_not_offered(ask):
    regex = 'dl.Constraint.from_regex(lm, " [a-z]+")'
    assert ask(constraints=[regex, "begins", "dl.Constraint.from_choices(lm, WORDS)"]) == [None] * 3
