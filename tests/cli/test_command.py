"""The command line gives what the library gives, streamed or as JSON, and ends as it should."""

import io
import json
import math
import re
import sys
from types import FunctionType, SimpleNamespace

import pytest

import decodelib as dl
from decodelib.cli import main
from decodelib.strategies.presets import PRESETS

PROMPT = "Once upon a time"
MODEL = ["--model", "storybook", "--device", "cpu", "--dtype", "float32", "--quiet"]
COMMAND = [sys.executable, "-m", "decodelib"]


@pytest.fixture(scope="module")
def lm() -> dl.LanguageModel:
    return dl.load("storybook", device="cpu", dtype="float32")


@pytest.mark.parametrize(
    ("knobs", "strategy"),
    [
        ([], dl.Sampling()),
        (
            ["--min-p", "0.02", "--top-p", "0.9", "--top-k", "40", "--temperature", "0.8"],
            dl.Sampling(dl.Temperature(0.8), dl.TopK(40), dl.TopP(0.9), dl.MinP(0.02)),
        ),
        (["--strategy", "greedy"], dl.Greedy()),
        (["--temperature", "0", "--top-p", "0.9"], dl.Greedy()),
        (["--strategy", "entropy", "--temperature", "0"], dl.Greedy()),
        (
            ["--temperature", "0", "--repetition-penalty", "1.5", "--top-p", "0.9"],
            dl.Sampling(dl.RepetitionPenalty(1.5), dl.TopK(1)),
        ),
        (
            ["--strategy", "greedy", "--dry", "2", "--dry-breaker", r"\n", "--dry-breaker", ","],
            lambda lm: dl.Sampling(
                dl.DRY.with_breakers(lm, ["\n", ","], multiplier=2.0), dl.TopK(1)
            ),
        ),
        (
            ["--strategy", "beam", "--no-repeat-ngram-size", "2", "--num-beams", "2"],
            dl.BeamSearch(2, processors=dl.NoRepeatNGram(2)),
        ),
        (
            ["--strategy", "entropy", "--top-k", "5", "--presence-penalty", "1"],
            dl.EntropySampling(top_k=5, processors=dl.PresencePenalty(1.0)),
        ),
        (["--strategy", "beam"], dl.BeamSearch()),
        (
            ["--strategy", "beam", "--num-beams", "3", "--length-penalty", "0.5"],
            dl.BeamSearch(num_beams=3, length_penalty=0.5),
        ),
        (["--strategy", "entropy"], dl.EntropySampling()),
        (
            ["--strategy", "entropy", "--top-k", "5", "--temperature", "1"],
            dl.EntropySampling(top_k=5, temperature=1.0),
        ),
        (
            ["--repetition-penalty", "1.2", "--dry", "0.5", "--typical-p", "0.9", "--eta", "1e-3"],
            dl.Sampling(dl.RepetitionPenalty(1.2), dl.DRY(0.5), dl.Typical(0.9), dl.Eta(1e-3)),
        ),
        (
            ["--dynamic-temperature", "0.5", "1.5", "--top-n-sigma", "1.5", "--epsilon", "1e-4"],
            dl.Sampling(dl.DynamicTemperature(0.5, 1.5), dl.TopNSigma(1.5), dl.Epsilon(1e-4)),
        ),
        (
            ["--entropy-temperature", "--xtc", "0.5", "0.1", "--mirostat", "3"],
            dl.Sampling(dl.EntropyTemperature(), dl.XTC(0.5, 0.1), dl.Mirostat(3.0)),
        ),
        (
            ["--strategy", "diverse-beam", "--num-beam-groups", "2", "--diversity-penalty", "0"],
            dl.DiverseBeamSearch(num_beam_groups=2, diversity_penalty=0.0),
        ),
        (["--strategy", "stochastic-beam", "--num-beams", "2"], dl.StochasticBeamSearch(2)),
        (
            ["--strategy", "contrastive-search", "--top-k", "3", "--penalty-alpha", "0.5"],
            dl.ContrastiveSearch(3, 0.5),
        ),
        (
            ["--strategy", "contrastive-decoding", "--amateur", "storybook", "--alpha", "0.2"],
            lambda lm: dl.ContrastiveDecoding(lm, 0.2),
        ),
        (
            ["--strategy", "prompt-lookup", "--max-matching-ngram-size", "1", "--temperature", "0"],
            dl.SpeculativeSampling(dl.PromptLookup(1), dl.TopK(1)),
        ),
        (
            ["--strategy", "beam", "--do-sample", "--num-beams", "2"],
            dl.BeamSearch(2, do_sample=True),
        ),
        (
            ["--strategy", "speculative", "--draft", "storybook", "--xtc", "0.5", "0.1"],
            lambda lm: dl.SpeculativeSampling(lm, dl.XTC(0.5, 0.1)),
        ),
        (
            ["--strategy", "power", "--power", "2", "--num-moves", "3", "--top-k", "40"],
            dl.PowerSampling(2.0, 3, processors=dl.TopK(40)),
        ),
        (
            ["--strategy", "arithmetic", "--num-return-sequences", "2", "--top-p", "0.9"],
            dl.ArithmeticSampling(dl.TopP(0.9), num_return_sequences=2),
        ),
        (
            ["--strategy", "best-of-n", "--num-return-sequences", "3", "--top-k", "40"],
            dl.BestOfN(dl.mean_logprob, dl.Sampling(dl.TopK(40), num_return_sequences=3)),
        ),
        (
            ["--strategy", "mbr", "--num-return-sequences", "3", "--temperature", "0.8"],
            dl.MinimumBayesRisk(
                candidates=dl.Sampling(dl.Temperature(0.8), num_return_sequences=3)
            ),
        ),
        (
            ["--strategy", "self-consistency", "--answer", "was|is", "--num-return-sequences", "3"],
            dl.SelfConsistency("was|is", dl.Sampling(num_return_sequences=3)),
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_knobs_decode_as_the_strategy_they_name(lm, knobs, strategy, capsys) -> None:
    assert main([PROMPT, *MODEL, *knobs, "--seed", "5", "--max-new-tokens", "20"]) == 0
    strategy = strategy(lm) if isinstance(strategy, FunctionType) else strategy
    expected = dl.generate(lm, PROMPT, strategy, seed=5, max_new_tokens=20).text
    assert capsys.readouterr().out == expected + "\n"


def test_text_ends_before_any_stop_string_and_not_before_min_new_tokens(lm, capsys) -> None:
    greedy = [PROMPT, *MODEL, "--strategy", "greedy"]
    whole = dl.generate(lm, PROMPT, dl.Greedy(), max_new_tokens=30).text
    words = whole.split()
    main([*greedy, "--max-new-tokens", "30", "--stop", "zebra", "--stop", words[4]])
    assert capsys.readouterr().out == whole[: whole.index(words[4])] + "\n"
    main([*greedy, "--max-new-tokens", "30", "--stop", words[4], "--include-stop"])
    assert capsys.readouterr().out == whole[: whole.index(words[4])] + words[4] + "\n"
    main([*greedy, "--max-new-tokens", "30", "--min-new-tokens", "30"])
    expected = dl.generate(lm, PROMPT, dl.Greedy(), max_new_tokens=30, min_new_tokens=30).text
    assert capsys.readouterr().out == expected + "\n"


@pytest.mark.parametrize("strategy", ["sampling", "beam"])
def test_json_holds_the_generation_and_its_full_trace(lm, strategy: str, capsys) -> None:
    settings = ["--strategy", strategy, "--seed", "3", "--max-new-tokens", "6", "--json"]
    assert main([PROMPT, *MODEL, *settings]) == 0
    record = json.loads(capsys.readouterr().out)
    chosen = {"sampling": dl.Sampling(), "beam": dl.BeamSearch()}[strategy]
    g = dl.generate(lm, PROMPT, chosen, seed=3, max_new_tokens=6, trace=True)
    assert (record["model"], record["device"], record["dtype"]) == ("storybook", "cpu", "float32")
    assert (record["strategy"], record["seed"]) == (repr(chosen), 3)
    assert (record["prompt"], record["text"]) == (PROMPT, g.text)
    assert (record["token_ids"], record["logprobs"]) == (g.token_ids, g.logprobs)
    assert (record["score"], record["finish_reason"]) == (g.score, g.finish_reason)
    assert len(record["steps"]) == len(g.steps) == 6
    for written, step in zip(record["steps"], g.steps, strict=True):
        assert (written["token_id"], written["entropy"]) == (step.token_id, step.entropy)
        assert written["candidates"] == [candidate._asdict() for candidate in step.candidates]


def test_a_prompt_is_read_from_stdin_without_its_last_newline(lm, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Two\nlines\n"))
    main([*MODEL, "--strategy", "greedy", "--max-new-tokens", "5"])
    expected = dl.generate(lm, "Two\nlines", dl.Greedy(), max_new_tokens=5).text
    assert capsys.readouterr().out == expected + "\n"


def test_a_terminal_that_cannot_show_a_character_does_not_end_the_text(monkeypatch) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    steps = [SimpleNamespace(text=" caf\u00e9"), SimpleNamespace(text=" noir")]
    monkeypatch.setattr("decodelib.cli.command.stream", lambda *args, **settings: iter(steps))
    assert main([PROMPT, *MODEL]) == 0
    assert terminal.buffer.getvalue() == b" caf? noir\n"


def run(capsys, *arguments: str) -> tuple[str, str]:
    assert main([PROMPT, "--model", "storybook", "--device", "cpu", *arguments]) == 0
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_without_a_seed_the_text_differs_each_time_and_its_seed_is_told(capsys) -> None:
    length = ["--max-new-tokens", "12"]
    (first, told), (second, _) = run(capsys, *length), run(capsys, *length)
    assert first != second
    seed = re.fullmatch(r"decodelib: drawing with --seed (\d+)\n", told)
    assert seed is not None
    assert run(capsys, *length, "--seed", seed[1]) == (first, "")


def test_a_strategy_that_draws_nothing_tells_no_seed(capsys) -> None:
    assert run(capsys, "--strategy", "greedy", "--max-new-tokens", "2")[1] == ""


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_its_strategy_and_its_knobs_may_be_changed(lm, name, capsys) -> None:
    settings = ["--max-new-tokens", "8", "--seed", "3", "--dtype", "float32"]
    out, _ = run(capsys, "--preset", name, *settings)
    expected = dl.generate(lm, PROMPT, dl.preset(name), seed=3, max_new_tokens=8).text
    assert out == expected + "\n"


def test_a_knob_given_beside_a_preset_takes_the_place_of_the_presets(lm, capsys) -> None:
    settings = ["--max-new-tokens", "8", "--seed", "3", "--dtype", "float32"]
    out, _ = run(capsys, "--preset", "chat", "--temperature", "1.5", *settings)
    strategy = dl.Sampling(dl.Temperature(1.5), dl.TopK(20), dl.TopP(0.8))
    expected = dl.generate(lm, PROMPT, strategy, seed=3, max_new_tokens=8).text
    assert out == expected + "\n"


def test_samples_come_from_one_seed_after_the_other(lm, capsys) -> None:
    settings = ["--max-new-tokens", "6", "--seed", "7", "--dtype", "float32"]
    out, _ = run(capsys, "--samples", "3", *settings)
    texts = [
        dl.generate(lm, PROMPT, dl.Sampling(), seed=seed, max_new_tokens=6).text
        for seed in (7, 8, 9)
    ]
    heads = [f"--- {n} of 3, seed {seed} ---\n" for n, seed in ((1, 7), (2, 8), (3, 9))]
    assert out == "".join(f"{head}{text}\n" for head, text in zip(heads, texts, strict=True))
    out, _ = run(capsys, "--samples", "3", "--json", *settings)
    records = [json.loads(line) for line in out.splitlines()]
    assert [(record["seed"], record["text"]) for record in records] == list(
        zip((7, 8, 9), texts, strict=True)
    )


def test_a_ranking_shows_every_text_drawn_with_its_score_best_first(lm, capsys) -> None:
    several = dl.Sampling(dl.TopK(40), num_return_sequences=4)
    drawn = dl.generate(lm, PROMPT, several, seed=3, max_new_tokens=6)
    texts = [drawn, *drawn.alternatives]
    means = {g.text: sum(g.logprobs) / len(g.logprobs) for g in texts}
    ranked = sorted(means, key=lambda text: -means[text])
    assert len(ranked) == 4
    asked = ["--strategy", "best-of-n", "--num-return-sequences", "4", "--top-k", "40"]
    settings = ["--max-new-tokens", "6", "--seed", "3", "--dtype", "float32"]
    out, _ = run(capsys, *asked, *settings, "--ranking")
    heads = [f"--- {place} of 4, score {means[text]:.4f} ---\n{text}\n"
             for place, text in enumerate(ranked, 1)]  # fmt: skip
    assert out == "".join(heads)
    assert run(capsys, *asked, *settings)[0] == ranked[0] + "\n"
    shown, _ = run(capsys, *asked, *settings, "--ranking", "--show")
    assert re.sub(r"\[\d\.\d\d\]", "", shown) == out


def test_a_stop_string_may_be_written_with_escapes(lm, capsys) -> None:
    prompt = "CHAPTER II\n\n"
    whole = dl.generate(lm, prompt, dl.Greedy(), max_new_tokens=60).text
    assert "\n" in whole
    greedy = [prompt, *MODEL, "--strategy", "greedy", "--max-new-tokens", "60"]
    main([*greedy, "--stop", r"\n"])
    assert capsys.readouterr().out == whole[: whole.index("\n")] + "\n"


def test_shown_tokens_carry_their_probabilities(lm, capsys) -> None:
    settings = ["--strategy", "greedy", "--max-new-tokens", "5", "--dtype", "float32"]
    out, _ = run(capsys, "--show", *settings)
    g = dl.generate(lm, PROMPT, dl.Greedy(), max_new_tokens=5, trace=True)
    pairs = [(step.text, math.exp(step.logprob)) for step in g.steps]
    assert out == "".join(f"{text}[{p:.2f}]" for text, p in pairs) + "\n"


def test_the_version_is_the_packages(capsys) -> None:
    with pytest.raises(SystemExit) as info:
        main(["--version"])
    assert info.value.code == 0
    assert capsys.readouterr().out == f"decodelib {dl.__version__}\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp932", "utf-8"])
def test_json_survives_any_code_page(encoding: str, monkeypatch) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    prompt = "café 日本 🦊 “"
    settings = ["--strategy", "greedy", "--max-new-tokens", "2", "--json"]
    assert main([prompt, *MODEL, *settings]) == 0
    terminal.flush()
    record = json.loads(terminal.buffer.getvalue().decode(encoding))
    assert record["prompt"] == prompt


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("stdin", "prompt must be given, because stdin is closed"), ("stdout", "stdout is closed")],
)
def test_closed_descriptors_end_in_a_sentence(name, sentence, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, name, None)
    with pytest.raises(SystemExit) as info:
        main([*MODEL, "--seed", "1"])
    assert info.value.code == 2
    assert capsys.readouterr().err.startswith(f"decodelib: {sentence}")
