"""EntropySampling reaches each of its quadrants, forks for real, and records what it decided."""

import math

import pytest

import decodelib as dl
from decodelib.distributions import entropy_and_varentropy

BIT = math.log(2)
WIDE = [f"w{i}" for i in range(64)]
# 6 bits with no spread; a spread of many bits around a low mean; both high; and nothing special.
ROWS = {
    "certain": {"w0": 1.0},
    "wide": dict.fromkeys(WIDE, 1.0),
    "forked": {"w0": 0.9, **dict.fromkeys(WIDE[1:], 0.1 / 63)},
    "lost": {"w0": 0.3, **{f"v{i}": 0.7 / 4000 for i in range(4000)}},
    "between": {"w0": 0.5, "w1": 0.5},
}


def table(row, **others):
    return dl.TableLM({"": row, **others})


def first_step(row, seed=0, **options):
    strategy = dl.EntropySampling(**options)
    return dl.generate(table(row), "", strategy, max_new_tokens=1, seed=seed, trace=True).steps[0]


@pytest.mark.parametrize("quadrant", ROWS)
def test_each_quadrant_is_reached_and_recorded(quadrant):
    step = first_step(ROWS[quadrant])
    strategy = dl.EntropySampling()
    assert strategy.quadrant(step.entropy, step.varentropy) == quadrant
    assert step.decision.startswith(f"{quadrant}:")
    actions = {
        "certain": "greedy", "wide": "sample, heat 1.3", "lost": "sample, heat 2",
        "between": "sample, heat 1", "forked": "kept branch",
    }  # fmt: skip
    assert actions[quadrant] in step.decision


def test_default_thresholds_are_those_of_entropix_in_nats():
    strategy = dl.EntropySampling()
    assert strategy.low_entropy == pytest.approx(0.1 * BIT)
    assert strategy.high_entropy == pytest.approx(5 * BIT)
    assert strategy.low_varentropy == pytest.approx(0.1 * BIT**2)
    assert strategy.high_varentropy == pytest.approx(5 * BIT**2)
    assert (strategy.temperature, strategy.top_k, strategy.top_p, strategy.min_p) == (
        0.666, 27, 0.90, 0.03,
    )  # fmt: skip


def test_the_borders_of_the_quadrants_are_where_the_table_says():
    s = dl.EntropySampling(
        low_entropy=1.0, high_entropy=2.0, low_varentropy=0.5, high_varentropy=3.0
    )
    for entropy, varentropy, quadrant in [
        (0.9, 0.4, "certain"), (1.0, 0.4, "between"), (0.9, 0.5, "between"),
        (2.1, 0.4, "wide"), (2.0, 0.4, "between"), (2.1, 0.5, "between"),
        (2.0, 3.1, "forked"), (0.1, 3.1, "forked"), (2.0, 3.0, "between"),
        (2.1, 3.1, "lost"), (2.1, 3.0, "between"), (1.5, 1.0, "between"),
    ]:  # fmt: skip
        assert s.quadrant(entropy, varentropy) == quadrant, (entropy, varentropy)


def test_certain_takes_the_most_probable_token_for_every_seed():
    row = {"a": 0.9999, "b": 0.0001}
    assert {first_step(row, seed, low_varentropy=0.1).token for seed in range(20)} == {" a"}


def test_heat_widens_what_may_be_drawn():
    row = dict.fromkeys(WIDE, 1.0) | {"w0": 1.05}
    cold = first_step(row, top_p=1.0, top_k=64, min_p=0.0, wide_heat=0.001)
    hot = first_step(row, top_p=1.0, top_k=64, min_p=0.0, wide_heat=1000.0)
    p_of = [{c.token: c.p_after for c in step.candidates}[" w0"] for step in (cold, hot)]
    assert p_of[0] > 0.99
    assert p_of[1] == pytest.approx(1 / 64, rel=0.01)


def test_the_pause_token_is_emitted_where_it_is_wide_and_never_twice_in_a_row():
    lm = table(ROWS["wide"])
    pause = int(lm.encode("w7")[0])
    strategy = dl.EntropySampling(pause_token_id=pause)
    paused = 0
    for seed in range(12):
        g = dl.generate(lm, "", strategy, max_new_tokens=20, seed=seed, trace=True)
        for place, step in enumerate(g.steps):
            paused += step.decision == "wide: pause"
            assert step.decision in ("wide: pause", "wide: sample, heat 1.3")
            if place and g.steps[place - 1].token_id == pause:
                assert step.decision != "wide: pause"
            if step.decision == "wide: pause":
                assert step.token_id == pause
        assert g.steps[0].decision == "wide: pause"
    assert paused >= 12 * 8


# The most probable start, b, leads nowhere in particular; the rarer starts a and c are sure roads.
ROADS = {
    "": {"a": 0.02, "b": 0.9, "c": 0.08, **dict.fromkeys([f"t{i}" for i in range(6)], 1e-9)},
    "a": {"a1": 1.0}, "a1": {"a2": 1.0}, "a2": {"a2": 1.0},
    "b": {"b1": 0.01, "b2": 0.01, "b3": 0.01, **dict.fromkeys([f"y{i}" for i in range(97)], 0.01)},
    **{f"b{i}": dict.fromkeys([f"y{i}" for i in range(97)], 0.01) for i in (1, 2, 3)},
    **{f"y{i}": dict.fromkeys([f"y{i}" for i in range(97)], 0.01) for i in range(97)},
    "c": {"c1": 0.5, "c2": 0.5}, "c1": {"c2": 1.0}, "c2": {"c2": 1.0},
}  # fmt: skip


def forking(**changes):
    lm = dl.TableLM(ROADS)
    options = {"high_varentropy": 0.01, "temperature": 1.0, "top_p": 1.0, "min_p": 0.0, "top_k": 3}
    strategy = dl.EntropySampling(low_varentropy=0.0, **{**options, **changes})
    return lm, strategy


def test_a_fork_follows_several_branches_and_keeps_the_best_by_mean_logprob():
    # All three first tokens are followed, so the answer does not depend on the seed: a, though
    # its first token is the least probable, has mean ln(.02)/3 = -1.30; c (ln .08 + ln .5)/3 =
    # -1.07; b (ln .9 + 2 ln .01)/3 = -3.11.
    lm, strategy = forking(num_branches=3, branch_length=3)
    for seed in range(10):
        g = dl.generate(lm, "", strategy, max_new_tokens=3, seed=seed, trace=True)
        assert g.tokens[0] == " c"
        decision = g.steps[0].decision
        assert decision.startswith("forked: kept branch ")
        kept = int(decision.split("branch ")[1].split()[0]) - 1
        means = [float(m) for m in decision.split("log-probabilities ")[1].split(", ")]
        wanted = [math.log(0.02) / 3, (math.log(0.9) + 2 * math.log(0.01)) / 3]
        wanted.append((math.log(0.08) + math.log(0.5)) / 3)
        assert sorted(means) == pytest.approx(sorted(wanted), abs=6e-3)
        assert means[kept] == max(means)
        assert [step.decision for step in g.steps[1:]] == ["branch", "branch"]
        assert sum(g.logprobs) / 3 == pytest.approx(max(wanted))


def test_longer_branches_see_further():
    # With one token to judge by, the most probable start wins; with five, the surest road.
    lm, short = forking(num_branches=3, branch_length=1)
    _, long = forking(num_branches=3, branch_length=5)
    for seed in range(5):
        assert dl.generate(lm, "", short, max_new_tokens=5, seed=seed).tokens[0] == " b"
        assert dl.generate(lm, "", long, max_new_tokens=5, seed=seed).tokens[0] in (" c", " a")


def test_branches_begin_with_different_tokens_and_one_branch_is_sampling():
    lm, one = forking(num_branches=1, branch_length=1)
    firsts = [dl.generate(lm, "", one, max_new_tokens=1, seed=s).tokens[0] for s in range(200)]
    assert 150 < firsts.count(" b") < 197
    _, many = forking(num_branches=50, branch_length=1)
    step = dl.generate(lm, "", many, max_new_tokens=1, trace=True).steps[0]
    assert len(step.decision.split("log-probabilities ")[1].split(", ")) == 3  # top_k leaves three


def test_branches_end_with_eos_and_with_the_length():
    rows = {"": {"a": 0.9, "b": 0.1}, "a": {"<eos>": 1}, "b": {"b": 1}}
    strategy = dl.EntropySampling(
        low_varentropy=0, high_varentropy=0.01, num_branches=2, branch_length=4, min_p=0, top_p=1.0
    )
    g = dl.generate(dl.TableLM(rows), "", strategy, max_new_tokens=9)
    assert (g.text, g.finish_reason) == (" a", "eos")
    g = dl.generate(dl.TableLM(rows), "", strategy, max_new_tokens=2, min_new_tokens=0)
    assert len(g.token_ids) == 2


def test_streaming_waits_for_a_fork_and_then_shows_what_was_kept():
    lm, strategy = forking(num_branches=3, branch_length=3)
    steps = list(dl.stream(lm, "", strategy, max_new_tokens=7, seed=3))
    g = dl.generate(lm, "", strategy, max_new_tokens=7, seed=3, trace=True)
    assert steps == g.steps
    assert all(step.decision for step in steps)
    assert not any(step.decision == "forked" for step in steps)


def test_the_same_seed_gives_the_same_walk_alone_and_in_a_batch():
    lm, strategy = forking(num_branches=3, branch_length=2)
    count = 12
    batch = dl.generate_batch(
        lm, ["", "b", "c"] * 4, strategy, max_new_tokens=8, seeds=range(count)
    )
    for seed, g in enumerate(batch):
        again = dl.generate(lm, ["", "b", "c"][seed % 3], strategy, max_new_tokens=8, seed=seed)
        assert g == again
    assert len({tuple(g.token_ids) for g in batch}) > 3


def test_the_rows_of_this_file_are_in_the_quadrants_they_stand_for():
    for quadrant, row in ROWS.items():
        logits = table(row).next_logits("")
        assert (
            dl.EntropySampling().quadrant(*map(float, entropy_and_varentropy(logits))) == quadrant
        )


def test_min_new_tokens_holds_against_a_pause_that_would_end_the_text():
    lm = table(ROWS["wide"] | {"<eos>": 1.0})
    strategy = dl.EntropySampling(pause_token_id=lm.eos_token_id)
    g = dl.generate(lm, "", strategy, max_new_tokens=8, min_new_tokens=5)
    assert lm.eos_token_id not in g.token_ids[:5]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"low_entropy": 4.0}, r"low_entropy must be in \[0, 3\.46.*\], got 4\.0"),
        ({"high_varentropy": -1}, "high_varentropy must be a finite number of at least 0, got -1"),
        ({"temperature": 0}, r"temperature must be greater than 0.*Greedy\(\)"),
        ({"top_k": 0}, "top_k must be at least 1, got 0"),
        ({"num_branches": 0}, "num_branches must be at least 1, got 0"),
        ({"branch_length": 0}, "branch_length must be at least 1, got 0"),
        ({"wide_heat": 0}, "wide_heat must be a finite number greater than 0, got 0"),
        ({"temperature": 1e200, "lost_heat": 1e200}, "temperature must be a finite number"),
        ({"pause_token_id": -1}, "pause_token_id must be at least 0, got -1"),
    ],
)
def test_options_out_of_range_raise_at_construction(options, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        dl.EntropySampling(**options)


def test_a_pause_token_outside_the_vocabulary_raises():
    with pytest.raises(ValueError, match=r"^pause_token_id must be in \[0, 2\], got 99$"):
        dl.generate(table({"a": 1}), "", dl.EntropySampling(pause_token_id=99))
