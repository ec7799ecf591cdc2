"""The decoding loop as an exercise: a right one passes, each usual mistake gets its own hint."""

import pytest

from decodelib import checks

# The solution, written differently from the checker's own.


def decode(next_token, prompt, n, eos):
    if n == 0:
        return []
    new = next_token(prompt)
    return [new] if new == eos else [new, *decode(next_token, [*prompt, new], n - 1, eos)]


def test_the_solution_passes():
    verdict = checks.decode(decode)
    assert verdict.passed, verdict.message


def test_a_tuple_of_ids_is_as_good_as_a_list():
    assert checks.decode(lambda *given: tuple(decode(*given))).passed


# Mistakes, written as a student would, and a word that only the right hint has.


def runs_past_eos(next_token, prompt, n, eos):
    ids = prompt[:]
    for _ in range(n):
        ids += [next_token(ids)]
    return ids[len(prompt) :]


def drops_eos(next_token, prompt, n, eos):
    new = []
    while len(new) < n:
        token = next_token(prompt + new)
        if token == eos:
            break
        new.append(token)
    return new


def returns_the_prompt_too(next_token, prompt, n, eos):
    return prompt + decode(next_token, prompt, n, eos)


def never_appends(next_token, prompt, n, eos):
    new = []
    for _ in range(n):
        new.append(next_token(prompt))
        if new[-1] == eos:
            break
    return new


def gives_only_the_last_id(next_token, prompt, n, eos):
    last, new = prompt[-1], []
    while len(new) < n and last != eos:
        last = next_token([last])
        new.append(last)
    return new


def one_too_many(next_token, prompt, n, eos):
    new = []
    while len(new) <= n:
        new.append(next_token(prompt + new))
        if new[-1] == eos:
            break
    return new


def one_too_few(next_token, prompt, n, eos):
    new = []
    for _ in range(1, n):
        new.append(next_token(prompt + new))
        if new[-1] == eos:
            break
    return new


def counts_the_prompt(next_token, prompt, n, eos):
    ids = list(prompt)
    while len(ids) < n:
        ids.append(next_token(ids))
        if ids[-1] == eos:
            break
    return ids[len(prompt) :]


MISTAKES = [
    (runs_past_eos, "go on after eos"),
    (drops_eos, "eos itself is missing"),
    (returns_the_prompt_too, "return the prompt too"),
    (never_appends, "same ids every time"),
    (gives_only_the_last_id, "only the last id"),
    (one_too_many, "one token too many"),
    (one_too_few, "one token too few"),
    (counts_the_prompt, "count the prompt's ids"),
]


@pytest.mark.parametrize(
    ("mistake", "said"), MISTAKES, ids=[mistake.__name__ for mistake, _ in MISTAKES]
)
def test_each_mistake_gets_the_hint_about_it(mistake, said):
    verdict = checks.decode(mistake)
    assert not verdict.passed
    assert said in verdict.message


def test_hints_tell_mistakes_apart():
    assert len({checks.decode(mistake).message for mistake, _ in MISTAKES}) == len(MISTAKES)


def test_a_loop_without_an_end_is_stopped_and_told_so():
    def endless(next_token, prompt, n, eos):
        ids = list(prompt)
        while True:
            ids.append(next_token(ids))

    verdict = checks.decode(endless)
    assert not verdict.passed
    assert "stop after n" in verdict.message


def test_growing_the_readers_own_prompt_is_noticed():
    def in_place(next_token, prompt, n, eos):
        start = len(prompt)
        for _ in range(n):
            prompt.append(next_token(prompt))
            if prompt[-1] == eos:
                break
        return prompt[start:]

    verdict = checks.decode(in_place)
    assert not verdict.passed
    assert "work on a copy" in verdict.message
