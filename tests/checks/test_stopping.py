"""The exercises of chapter 13: right answers pass, and each usual mistake gets its own hint."""

import re

from decodelib import checks
from decodelib.decoding.stopping import Stopping
from decodelib.models.toy import TableLM
from tests.helpers.exercise_laws import laws

# Solutions, each written differently from the checker's own.


def length_probs(ends):
    goes_on, result = 1.0, []
    for end in ends:
        result.append(goes_on * end)
        goes_on -= result[-1]
    return [*result, goes_on]


def cut_at_stop(text, stops):
    return re.split("|".join(map(re.escape, stops)), text)[0] if stops else text


def held_back(text, stops):
    lm = TableLM({"": {"a": 1}})
    return Stopping(lm, 1, 0, tuple(stops)).withheld(text)


SOLUTIONS = {
    checks.length_probs: length_probs,
    checks.cut_at_stop: cut_at_stop,
    checks.held_back: held_back,
}

# Mistakes, written as a student would, and a word that only the right hint has.


def without_the_rest(ends):
    return length_probs(ends)[:-1]


def hazards_as_given(ends):
    return [*ends, length_probs(ends)[-1]]


def own_step_counted_too(ends):
    goes_on, result = 1.0, []
    for end in ends:
        goes_on *= 1 - end
        result.append(goes_on * end)
    return [*result, goes_on]


def geometric(ends):
    return [end * (1 - end) ** t for t, end in enumerate(ends)] + [length_probs(ends)[-1]]


def first_of_the_list(text, stops):
    for stop in stops:
        if stop in text:
            return text[: text.find(stop)]
    return text


def stop_string_kept(text, stops):
    found = re.search("|".join(map(re.escape, stops)), text) if stops else None
    return text[: found.end()] if found else text


def last_place(text, stops):
    return text[: max(map(text.rfind, stops))] if any(stop in text for stop in stops) else text


def only_at_the_end(text, stops):
    for stop in stops:
        if text[-len(stop) :] == stop:
            return text[: -len(stop)]
    return text


def as_much_as_might_be(text, stops):
    return min(len(text), max([len(stop) - 1 for stop in stops], default=0))


def shortest_beginning(text, stops):
    for n in range(1, 1 + as_much_as_might_be(text, stops)):
        if any(stop.startswith(text[-n:]) for stop in stops):
            return n
    return 0


def last_character(text, stops):
    return 1 if text and text[-1] in {stop[0] for stop in stops} else 0


def first_stop_only(text, stops):
    return held_back(text, stops[:1])


MISTAKES = [
    (checks.length_probs, without_the_rest, "go on after the last step"),
    (checks.length_probs, hazards_as_given, "has not ended before"),
    (checks.length_probs, own_step_counted_too, "of the step itself"),
    (checks.length_probs, geometric, "Each step has its own"),
    (checks.cut_at_stop, first_of_the_list, "first stop string of the list"),
    (checks.cut_at_stop, stop_string_kept, "keep the stop string"),
    (checks.cut_at_stop, last_place, "last place"),
    (checks.cut_at_stop, only_at_the_end, "end of the text only"),
    (checks.held_back, as_much_as_might_be, "always hold back"),
    (checks.held_back, shortest_beginning, "shortest beginning"),
    (checks.held_back, last_character, "last character only"),
    (checks.held_back, first_stop_only, "first stop string only"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)
