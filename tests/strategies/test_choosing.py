"""Best-of-n, minimum Bayes risk and self-consistency: whom they choose, exactly."""

import itertools
import math
from collections import Counter, defaultdict

import pytest

import decodelib as dl
from decodelib.strategies.choosing import word_overlap
from tests.helpers.exact import MAX_NEW, TREE, continuations
from tests.helpers.plain_library import plain_library


def all_texts():
    """Return every continuation of the table as a Generation, with its probability."""
    wide = dl.StochasticBeamSearch(100)
    g = dl.generate(TREE, "", wide, max_new_tokens=MAX_NEW)
    exact = continuations()
    return [(text, exact[tuple(text.token_ids)]) for text in (g, *g.alternatives)]


def chosen(strategy, n):
    """Return the exact distribution of the text chosen among n independent draws."""
    found = defaultdict(float)
    for draws in itertools.product(all_texts(), repeat=n):
        best = strategy.ranked([text for text, _ in draws])
        found[tuple(best.token_ids)] += math.prod(p for _, p in draws)
    return found


def words_b(g):
    return g.text.count("b")


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("reward", [words_b, lambda g: g.score], ids=["ties", "no ties"])
def test_best_of_n_has_its_exact_distribution_within_its_bound(reward, n):
    texts = all_texts()
    found = chosen(dl.BestOfN(reward), n)
    for text, p in texts:
        level = sum(q for other, q in texts if reward(other) == reward(text))
        below = sum(q for other, q in texts if reward(other) < reward(text))
        # The best reward is this text's, and of those that have it, this text came first.
        wanted = p / level * ((below + level) ** n - below**n)
        assert found[tuple(text.token_ids)] == pytest.approx(wanted, abs=1e-12)
    exact = continuations()
    divergence = sum(p * math.log(p / exact[ids]) for ids, p in found.items() if p > 0)
    assert divergence <= math.log(n) - (n - 1) / n + 1e-12


def test_the_texts_are_those_that_sampling_draws():
    sampling = dl.Sampling(dl.TopP(0.95), num_return_sequences=5)
    for seed in range(5):
        g = dl.generate(TREE, "", sampling, max_new_tokens=MAX_NEW, seed=seed)
        drawn = [g, *g.alternatives]
        best = dl.generate(
            TREE, "", dl.BestOfN(words_b, sampling), max_new_tokens=MAX_NEW, seed=seed, trace=True
        )
        ranked = [best, *best.alternatives]
        assert Counter(x.text for x in ranked) == Counter(x.text for x in drawn)
        assert [x.score for x in ranked] == sorted(map(words_b, drawn), reverse=True)
        first = next(x for x in drawn if words_b(x) == best.score)
        assert (best.token_ids, best.logprobs) == (first.token_ids, first.logprobs)
        assert len(best.steps) == len(best.token_ids)


def test_minimum_bayes_risk_takes_the_argmax_of_the_mean_utility_to_the_others():
    def utility(hypothesis, reference):  # not symmetric
        ours, theirs = hypothesis.text.split(), reference.text.split()
        return len(set(ours) & set(theirs)) - 0.1 * len(ours)

    texts = [text for text, _ in all_texts()]
    for draws in itertools.product(texts[:5], repeat=3):
        best = dl.MinimumBayesRisk(utility).ranked(draws)
        means = [
            (utility(x, draws[(i + 1) % 3]) + utility(x, draws[(i + 2) % 3])) / 2
            for i, x in enumerate(draws)
        ]
        assert best.score == pytest.approx(max(means))
        assert best.text == draws[means.index(best.score)].text


def test_minimum_bayes_risk_tends_to_the_text_of_highest_expected_utility():
    texts = all_texts()
    expected = {x.text: sum(p * word_overlap(x, other) for other, p in texts) for x, _ in texts}
    g = dl.generate(
        TREE,
        "",
        dl.MinimumBayesRisk(candidates=dl.ArithmeticSampling(num_return_sequences=60)),
        max_new_tokens=MAX_NEW,
    )
    best = max(expected.values())
    assert expected[g.text] == pytest.approx(best)
    assert g.score == pytest.approx(best, abs=0.05)
    likely = max(texts, key=lambda pair: pair[1])[0]
    assert expected[likely.text] < best - 0.1  # the most probable text is not it


def test_word_overlap_is_the_f1_of_the_words():
    by_text = {text.text: text for text, _ in all_texts()}
    for (ours, theirs), wanted in {
        (" a b", " a b"): 1.0,
        (" a b", " b a"): 1.0,
        (" a b a", " a a b"): 1.0,
        (" a b a", " b"): 2 * 1 / 4,
        (" a b a", " a a"): 2 * 2 / 5,
        (" a", " b"): 0.0,
        ("", " b"): 0.0,
        ("", ""): 1.0,
    }.items():
        assert word_overlap(by_text[ours], by_text[theirs]) == pytest.approx(wanted)


def last_word(g):
    return g.text.split()[-1] if g.text else None


def test_self_consistency_takes_the_answer_with_the_most_votes():
    texts = [text for text, _ in all_texts()]
    strategy = dl.SelfConsistency(last_word)
    for draws in itertools.product(texts[:6], repeat=3):
        votes = Counter(answer for answer in map(last_word, draws) if answer)
        best = strategy.ranked(draws)
        if not votes:
            assert (best.score, best.text) == (0.0, draws[0].text)
            continue
        winner, count = votes.most_common(1)[0]  # of equals the one that came first
        assert last_word(best) == winner
        assert best.score == pytest.approx(count / 3)
        assert best.token_ids == next(x for x in draws if last_word(x) == winner).token_ids
        assert [x.score for x in best.alternatives] == sorted(
            (x.score for x in best.alternatives), reverse=True
        )


def test_many_texts_vote_as_the_model_would():
    share = defaultdict(float)
    for text, p in all_texts():
        share[last_word(text)] += p
    del share[None]
    strategy = dl.SelfConsistency(last_word, dl.ArithmeticSampling(num_return_sequences=200))
    g = dl.generate(TREE, "", strategy, max_new_tokens=MAX_NEW)
    assert last_word(g) == max(share, key=share.get)
    assert g.score == pytest.approx(max(share.values()), abs=0.02)


@pytest.mark.parametrize(
    ("pattern", "wanted"), [("[ab]", ["a", None, "b"]), ("(a|b) [ab]", ["b", None, "a"])]
)
def test_a_regular_expression_reads_the_answer(pattern, wanted):
    by_text = {text.text: text for text, _ in all_texts()}
    texts = [by_text[" b a"], by_text[""], by_text[" a b"]]
    assert dl.SelfConsistency(pattern).answers(texts) == wanted


def test_a_single_text_is_chosen_whatever_the_strategy():
    for strategy in (
        dl.BestOfN(words_b, dl.Greedy()),
        dl.MinimumBayesRisk(candidates=dl.Greedy()),
        dl.SelfConsistency("a", dl.Greedy()),
    ):
        assert strategy.is_deterministic
        g = dl.generate(TREE, "", strategy, max_new_tokens=MAX_NEW)
        assert g.text == dl.generate(TREE, "", dl.Greedy(), max_new_tokens=MAX_NEW).text


def test_a_stream_waits_until_all_texts_have_ended():
    strategy = dl.BestOfN(words_b, dl.Sampling(num_return_sequences=4))
    for seed in range(10):
        g = dl.generate(TREE, "", strategy, max_new_tokens=6, seed=seed)
        steps = list(dl.stream(TREE, "", strategy, max_new_tokens=6, seed=seed))
        assert [step.token_id for step in steps] == g.token_ids


def test_an_interrupt_chooses_among_what_there_is(monkeypatch):
    from decodelib.strategies.sampling import TokenSearch

    own, calls = TokenSearch.advance, []

    def advance(self, logits):
        calls.append(len(logits))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return own(self, logits)

    monkeypatch.setattr(TokenSearch, "advance", advance)
    lm = dl.TableLM({"": {"a": 0.5, "b": 0.5}})
    strategy = dl.BestOfN(words_b, dl.Sampling(num_return_sequences=4))
    g = dl.generate(lm, "a", strategy, max_new_tokens=6, progress=True)
    assert (g.finish_reason, len(g.token_ids)) == ("interrupted", 2)
    assert g.score == max(words_b(x) for x in (g, *g.alternatives))


def test_what_is_wrong_is_said_in_a_sentence():
    lib = plain_library()
    with pytest.raises(TypeError, match="reward must be a function of a Generation, got 3"):
        lib.BestOfN(3)
    with pytest.raises(TypeError, match="utility must be a function of two Generations"):
        lib.MinimumBayesRisk("words")
    with pytest.raises(TypeError, match="answer must be a function of a Generation, or a regular"):
        lib.SelfConsistency(3)
    with pytest.raises(ValueError, match=r"answer must be a regular expression, got '\('"):
        lib.SelfConsistency("(")
    for make in (lambda c: lib.BestOfN(len, c), lambda c: lib.MinimumBayesRisk(candidates=c)):
        for bad in (4, lib.Sampling, None):
            with pytest.raises(TypeError, match="candidates must be a strategy such as Sampling"):
                make(bad)
    for bad in (math.nan, "many", None):
        strategy = lib.BestOfN(lambda g, bad=bad: bad)
        with pytest.raises(ValueError, match=f"reward must return a number, got {bad!r} for the"):
            lib.generate(lib.TableLM({"": {"a": 1}}), "", strategy, max_new_tokens=2)


def test_a_strategy_reads_as_the_call_that_makes_it():
    assert repr(dl.MinimumBayesRisk()) == "MinimumBayesRisk()"
    shown = "BestOfN(words_b, candidates=ArithmeticSampling(num_return_sequences=4))"
    assert repr(dl.BestOfN(words_b, dl.ArithmeticSampling(num_return_sequences=4))) == shown
    assert repr(dl.SelfConsistency("[0-9]+")) == "SelfConsistency('[0-9]+')"
    assert dl.BestOfN(words_b) == dl.BestOfN(words_b) != dl.BestOfN(len)
