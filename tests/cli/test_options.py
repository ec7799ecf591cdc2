"""What the command line refuses, in one sentence each, and what its help says."""

import pytest

import decodelib as dl
from decodelib.cli import main
from decodelib.strategies.knobs import KNOBS, STRATEGIES

PROMPT = "Once upon a time"
MODEL = ["--model", "storybook", "--device", "cpu", "--dtype", "float32", "--quiet"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--top-p", "1.5"], "top_p must be in (0, 1], got 1.5"),
        (["--top-k", "0"], "top_k must be at least 1, got 0"),
        (["--temperature", "-1"], "temperature must be 0 (greedy) or more, got -1"),
        (["--temperature", "hot"], "argument --temperature: invalid float value: 'hot'"),
        (["--strategy", "greedy", "--top-p", "0.9"], "--top-p belongs to --strategy sampling or"),
        (["--num-beams", "3"], "--num-beams belongs to --strategy beam or"),
        (["--strategy", "best"], "argument --strategy: must be one of sampling, greedy, beam,"),
        (["--strategy", "beem"], "argument --strategy: must be one of sampling, greedy, beam,"),
        (["--preset", "poem"], "argument --preset: must be one of facts, code, attempts, chat,"),
        (["--preset", "code", "--strategy", "beam"], "--preset code names a strategy already, got"),
        (["--preset", "facts", "--top-k", "5"], "--top-k belongs to --strategy sampling or"),
        (["--dry-breaker", ","], "--dry-breaker needs --dry, whose matches it ends, got no --dry"),
        (["--dry", "1", "--dry-breaker", "zebra!?"], "breakers must each be part of a token's"),
        (["--strategy", "beam", "--mirostat", "3"], "--mirostat belongs to --strategy sampling or"),
        (["--ranking"], "--ranking belongs to --strategy best-of-n, mbr or self-consistency, got"),
        (["--best"], "unrecognized arguments: --best (did you mean --strategy best-of-n?)"),
        (["--samples", "0"], "samples must be at least 1, got 0"),
        (["--samples", "2", "--strategy", "greedy"], "--samples must be 1 for a strategy that"),
        (["--stop", r"a\q"], r"argument --stop: may hold \n, \t, \r, \\, \xHH, \uHHHH and"),
        (["--chat"], "storybook has no chat template, so it knows no conversations"),
        (["--temprature", "1"], "unrecognized arguments: --temprature 1 (did you mean --temp"),
        (["--seed", "-1"], "seed must be"),
        (["--max-new-tokens", "600"], "the prompt's 4 tokens plus max_new_tokens=600 make 604"),
        (["--stop", ""], "stop must hold non-empty strings"),
        (["--model", "gpt3"], "name must be one of 'auto', 'storybook'"),
        (["--device", "abacus"], "device must be 'auto'"),
        (["--dtype", "int4"], "dtype must be one of"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_is_one_sentence_on_stderr_and_status_2(arguments, sentence, capsys) -> None:
    with pytest.raises(SystemExit) as info:
        main([PROMPT, *MODEL, *arguments])
    captured = capsys.readouterr()
    assert info.value.code == 2
    assert captured.out == ""
    assert captured.err.startswith(f"decodelib: {sentence}")
    assert captured.err.count("\n") == 1


def test_help_explains_every_knob_and_says_their_true_defaults(capsys) -> None:
    with pytest.raises(SystemExit) as info:
        main(["--help"])
    assert info.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    knobs = [*KNOBS, "strategy", "max-new-tokens", "min-new-tokens", "stop", "seed", "samples"]
    output = ["model", "device", "dtype", "json", "show", "quiet", "chat", "include-stop"]
    for knob in [*knobs, *output, "preset", "version", "ranking"]:
        assert f" --{knob.replace('_', '-')} " in text
    for strategy in STRATEGIES:
        assert f"{strategy} " in text.replace("- ", "-")  # where a line was broken
    beams, diverse = dl.BeamSearch(), dl.DiverseBeamSearch()
    assert f"texts (default: {beams.num_beams}, in diverse-beam {diverse.num_beams})" in text
    assert f"longer ones (default: {beams.length_penalty:g})" in text
    assert f"tokens (default: {diverse.num_beam_groups})" in text
    assert f"took it (default: {diverse.diversity_penalty})" in text
    assert f"0 to 1 (default: {dl.ContrastiveSearch().penalty_alpha})" in text
