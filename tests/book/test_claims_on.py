"""The tool that runs the chapters on other models: its random model, and what it reports."""

import json

import nbformat
import pytest

import decodelib as dl
from decodelib.models.loading import STORYBOOK
from tools.claims_on import as_text, failing, main, merged, run_chapter, run_chapters
from tools.random_model import GPT2_VOCAB, write_random_model

SETUP = """\
import decodelib as dl
from decodelib import checks
lm = dl.load("auto")
claim = checks.claims_on(lm)
"""
HOLDS = 'claim("So it is.", measured=lm.vocab_size, at_least=8192)'
FAILS = 'claim("So it is not.", measured=lm.vocab_size, below=5, about="small models")'
NOT_REACHED = 'nothing.here; claim("Nobody knows.", measured=lm.vocab_size, above=5)'


@pytest.fixture(scope="module")
def random_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("random")
    write_random_model(folder, width=8, layers=1)
    return folder


@pytest.fixture(scope="module")
def chapter(tmp_path_factory):
    path = tmp_path_factory.mktemp("chapters") / "01_test.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in (SETUP, HOLDS, FAILS, NOT_REACHED)]
    meant = nbformat.v4.new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[*cells, meant]), path)
    return path


@pytest.fixture(scope="module")
def run(chapter, random_model):
    return run_chapter(chapter, str(random_model))


def test_random_model_has_gpt2s_vocabulary_and_reads_text_as_storybook_does(random_model):
    lm, storybook = dl.load(random_model), dl.load("storybook")
    assert lm.vocab_size == GPT2_VOCAB
    assert lm.decode(range(GPT2_VOCAB - 3, GPT2_VOCAB)).count(" ") == 6, "each holds two words"
    text = "Once upon a time, in a naïve café"
    assert lm.encode(text).tolist() == storybook.encode(text).tolist()


def test_random_model_is_about_as_sure_as_a_trained_one(random_model):
    spread = dl.load(random_model).next_logits("Once upon a time").std()
    assert 1.5 < spread < 6


def test_every_claim_is_reported_in_the_order_of_the_chapter(run):
    held = {claim["sentence"]: claim["holds"] for claim in run["claims"]}
    assert held == {"So it is.": True, "So it is not.": False, "Nobody knows.": None}
    first, second, third = run["claims"]
    assert (first["measured"], first["expected"]) == ("50,257", "at least 8,192")
    assert (second["about"], third["measured"]) == ("small models", "")


def test_a_cell_that_raises_is_reported_and_the_chapter_goes_on(run):
    (raised,) = run["raised"]
    assert raised["error"].startswith("NameError"), "and not the one that is meant to raise"


def test_a_claim_that_fails_on_a_vouched_model_is_an_error(chapter):
    errors = [raised["error"] for raised in run_chapter(chapter, str(STORYBOOK.name))["raised"]]
    assert [error.split(":")[0] for error in errors] == ["AssertionError", "NameError"]


def test_a_report_says_what_holds_what_does_not_and_what_was_not_reached(run):
    report = {"model": "m", "dtype": "auto", "date": "2026-11-26", "versions": {"torch": "2"}}
    report["chapters"] = [run]
    text = as_text(report)
    assert "- holds: So it is. measured 50,257, expected at least 8,192" in text
    assert "- DOES NOT HOLD: So it is not. [small models] measured 50,257" in text
    assert "- NOT REACHED: Nobody knows." in text
    assert "1 of 3 claims hold; 1 cells raised" in text
    assert [claim["sentence"] for claim in failing(report, "small models")] == ["So it is not."]


def test_the_command_runs_a_chapter_and_writes_its_report(tmp_path, chapter, random_model, capfd):
    arguments = [str(random_model), "--chapters", str(chapter), "--json", str(tmp_path / "report")]
    assert main(arguments) == 1  # a cell raised
    report = json.loads((tmp_path / "report").read_text())
    assert (report["model"], len(report["chapters"])) == (random_model.name, 1)
    assert "1 of 3 claims hold; 1 cells raised" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("holds", "about", "raised", "strict", "status"),
    [
        (True, "every model", [], True, 0),
        (False, "every model", [], False, 0),
        (False, "every model", [], True, 1),
        (False, "mathematics", [], True, 1),
        (False, "small models", [], True, 0),
        (True, "every model", [{"cell": "a", "error": "NameError: b"}], False, 1),
    ],
)
def test_the_command_fails_for_what_must_not_happen(
    holds, about, raised, strict, status, run, chapter, monkeypatch
):
    claim = run["claims"][0] | {"holds": holds, "about": about}
    report = {"model": "m", "dtype": "auto", "date": "2026-11-26", "versions": {"torch": "2"}}
    report["chapters"] = [run | {"claims": [claim], "raised": raised}]
    monkeypatch.setattr("tools.claims_on.run_chapters", lambda *arguments: report)
    assert main(["m", "--chapters", str(chapter), *["--strict"] * strict]) == status


def test_the_chapters_before_an_interruption_are_kept(tmp_path, monkeypatch, run):
    class Pool:
        def __init__(self, max_workers): ...
        def __enter__(self):
            return self

        def __exit__(self, *error): ...
        def map(self, function, notebooks):
            yield run | {"chapter": "01_first"}
            raise KeyboardInterrupt

    monkeypatch.setattr("tools.claims_on.ProcessPoolExecutor", Pool)
    file = tmp_path / "report.json"
    with pytest.raises(KeyboardInterrupt):
        run_chapters(
            [tmp_path / "01_first.ipynb", tmp_path / "02_second.ipynb"], "m", "auto", 1, file
        )
    kept = json.loads(file.read_text())
    assert [chapter["chapter"] for chapter in kept["chapters"]] == ["01_first"]
    assert kept["dtype"] == run["dtype"]


def test_a_chapter_run_again_replaces_its_own_outcome_and_no_other():
    def report(model, **seconds):
        chapters = [{"chapter": name, "seconds": number} for name, number in seconds.items()]
        return {"model": model, "dtype": "auto", "chapters": chapters}

    both = merged(report("m", a=1, b=1), report("m", b=2))
    assert {run["chapter"]: run["seconds"] for run in both["chapters"]} == {"a": 1, "b": 2}
    other = report("other", b=2)
    assert merged(report("m", a=1), other) == other
