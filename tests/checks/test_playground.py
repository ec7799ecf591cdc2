"""The exercises of chapter 15: right answers pass, and each usual mistake gets its own hint."""

import math

import numpy as np

import decodelib as dl
from decodelib import checks
from tests.helpers.exercise_laws import laws

# Solutions, each written differently from the checker's own.


def at_least_once(p, q, attempts):
    p, q = np.array(p), np.array(q)
    return float(p.sum() - p @ (1 - q) ** attempts)


def pass_at(tried, right, attempts):
    wrong = tried - right
    return 1 - math.prod((wrong - i) / (tried - i) for i in range(attempts))


def from_settings(temperature, top_k, top_p, min_p):
    settings = [
        (dl.Temperature, temperature, 1),
        (dl.TopK, top_k, 0),
        (dl.TopP, top_p, 1),
        (dl.MinP, min_p, 0),
    ]
    if not temperature:
        return dl.Greedy()
    return dl.Sampling(*(make(value) for make, value, off in settings if value != off))


SOLUTIONS = {
    checks.at_least_once: at_least_once,
    checks.pass_at: pass_at,
    checks.from_settings: from_settings,
}

# Mistakes, written as a student would, and a word that only the right hint has.


def another_word_each_time(p, q, attempts):
    miss = 1 - float(np.dot(p, q))
    return 1 - miss**attempts


def right_every_time(p, q, attempts):
    return float(np.dot(p, np.array(q) ** attempts))


def hits_on_average(p, q, attempts):
    return attempts * float(np.dot(p, q))


def one_attempt(p, q, attempts):
    return float(np.dot(p, q))


def with_replacement(tried, right, attempts):
    return 1 - ((tried - right) / tried) ** attempts


def one_of_them(tried, right, attempts):
    return right / tried


def added_up(tried, right, attempts):
    return min(attempts * right / tried, 1)


def all_of_them(tried, right, attempts):
    return math.prod((right - i) / (tried - i) for i in range(attempts)) if right >= attempts else 0


def temperature_last(temperature, top_k, top_p, min_p):
    if temperature == 0:
        return dl.Greedy()
    chain = from_settings(1, top_k, top_p, min_p).processors
    return (
        dl.Sampling(*chain, dl.Temperature(temperature))
        if temperature != 1
        else dl.Sampling(*chain)
    )


def top_1_for_greedy(temperature, top_k, top_p, min_p):
    greedy = dl.Sampling(dl.TopK(1))
    return greedy if temperature == 0 else from_settings(temperature, top_k, top_p, min_p)


def with_what_is_off(temperature, top_k, top_p, min_p):
    if temperature == 0:
        return dl.Greedy()
    steps = [dl.Temperature(temperature)]
    if top_k:
        steps.append(dl.TopK(top_k))
    return dl.Sampling(*steps, dl.TopP(top_p), dl.MinP(min_p))


def zero_as_off(temperature, top_k, top_p, min_p):
    return from_settings(temperature if temperature > 0 else 1, top_k, top_p, min_p)


MISTAKES = [
    (checks.at_least_once, another_word_each_time, "anew for every attempt"),
    (checks.at_least_once, right_every_time, "all attempts are right"),
    (checks.at_least_once, hits_on_average, "on average"),
    (checks.at_least_once, one_attempt, "single attempt"),
    (checks.pass_at, with_replacement, "with replacement"),
    (checks.pass_at, one_of_them, "one attempt's chance"),
    (checks.pass_at, added_up, "do not add up"),
    (checks.pass_at, all_of_them, "all picked answers"),
    (checks.from_settings, temperature_last, "after the truncations"),
    (checks.from_settings, top_1_for_greedy, "hides what is meant"),
    (checks.from_settings, with_what_is_off, "left out"),
    (checks.from_settings, zero_as_off, "is not off"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)


def test_a_temperature_of_0_that_reaches_the_processor_is_shown_its_error():
    verdict = checks.from_settings(lambda t, k, p, m: dl.Sampling(dl.Temperature(t)))
    assert not verdict.passed
    assert "Greedy()" in verdict.message
