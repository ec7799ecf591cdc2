"""The explorers' JavaScript has the library's own table of knobs."""

from decodelib.processors.knobs import PROCESSOR_KNOBS
from decodelib.viz.distribution.table import SCRIPT, as_script


def test_the_script_is_the_table_as_it_is_now() -> None:
    wanted = as_script()
    assert SCRIPT.read_text(encoding="utf-8") == wanted, (
        "run python -m decodelib.viz.distribution.table"
    )


def test_the_script_says_what_the_table_says() -> None:
    line = next(line for line in as_script().splitlines() if line.startswith("    top_n_sigma"))
    knob = PROCESSOR_KNOBS["top_n_sigma"]
    assert line == (
        f'    top_n_sigma: {{ label: "{knob.label}", processor: "TopNSigma", '
        f"off: {knob.neutral:g}, usual: {knob.usual:g} }},"
    )
