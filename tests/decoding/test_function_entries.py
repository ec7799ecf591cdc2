"""How many functions a reader who steps through a short call has to enter."""

import sys
from pathlib import Path
from types import CodeType

import decodelib as dl

PACKAGE = str(Path(dl.__file__).parent)


def entered(lm, prompt):
    """Return the functions of decodelib that a greedy call for two tokens enters.

    Each function counts once, however often it is called. Comprehensions and generator expressions
    are left out, since some versions of Python make functions of them and others do not.
    """
    functions: set[CodeType] = set()

    def note(frame, event, argument):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE) and code.co_name[0] != "<":
            functions.add(code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        dl.generate(lm, prompt, dl.Greedy(), max_new_tokens=2)
    finally:
        sys.setprofile(before)
    return functions


def test_two_greedy_tokens_of_a_table_enter_at_most_45_functions() -> None:
    lm = dl.TableLM({"": {"a": 0.6, "b": 0.4}})
    assert 20 < len(entered(lm, "a")) <= 45


def test_two_greedy_tokens_of_a_gpt_2_enter_at_most_60_functions() -> None:
    lm = dl.load("storybook", device="cpu", dtype="float32")
    assert 20 < len(entered(lm, "Once")) <= 60
