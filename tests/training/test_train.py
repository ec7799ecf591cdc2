"""Training: the recipe, the loss it reaches, what it saves, and how it goes on."""

import csv
import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

STORYBOOK = Path(__file__).parents[2] / "decodelib" / "models" / "storybook"
STEPS = 200
EVERY = {"log_every": 1, "evaluate_every": 50, "checkpoint_every": 80}


@pytest.fixture(scope="module")
def run(
    scripts: SimpleNamespace, data: Path, tiny: object, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a whole run by the tiny recipe."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    steps = scripts.train.train(tiny, data, folder, device="cpu", **EVERY)
    assert steps == STEPS
    return folder


def read_log(run: Path) -> list[dict[str, str]]:
    """The rows of a run's loss.csv."""
    with (run / "loss.csv").open() as file:
        return list(csv.DictReader(file))


def stop_after(steps: int) -> Callable[[], bool]:
    """A `should_stop` that is true when it is asked for the `steps`-th time."""
    answers = iter([False] * (steps - 1) + [True])
    return lambda: next(answers)


def test_learning_rates_warm_up_stay_and_fall(scripts: SimpleNamespace) -> None:
    factors = [scripts.recipe.learning_rate_factor(step, 4800) for step in range(4800)]
    assert factors[0] == 0.01
    assert factors[:100] == sorted(factors[:100])
    assert set(factors[99:1920]) == {1.0}
    assert factors[3360] == pytest.approx(0.5)
    assert factors[1920:] == sorted(factors[1920:], reverse=True)
    assert factors[-1] == 0.02


def test_an_epoch_takes_each_row_at_most_once_and_the_seed_fixes_the_order(
    scripts: SimpleNamespace, tiny: object
) -> None:
    batches = scripts.recipe.batch_starts(10_000, tiny)
    epoch = np.concatenate([next(batches) for _ in range((10_000 - 64) // 64 // 8)])
    offset = epoch.min() % 64
    assert len(set(epoch)) == len(epoch)
    assert set(epoch % 64) == {offset}
    assert epoch.max() + 64 < 10_000
    again = scripts.recipe.batch_starts(10_000, tiny)
    other = scripts.recipe.batch_starts(10_000, replace(tiny, seed=1))
    assert np.array_equal(next(again), epoch[:8])
    assert not np.array_equal(next(other), epoch[:8])


def test_the_targets_are_the_tokens_that_follow(scripts: SimpleNamespace) -> None:
    tokens = np.arange(100, dtype=np.uint16)
    inputs, targets = scripts.recipe.take_rows(tokens, [0, 60], 4, torch.device("cpu"))
    assert inputs.tolist() == [[0, 1, 2, 3], [60, 61, 62, 63]]
    assert targets.tolist() == [[1, 2, 3, 4], [61, 62, 63, 64]]
    assert targets.dtype == torch.int64


def test_muon_takes_the_blocks_matrices_and_adamw_all_else(
    scripts: SimpleNamespace, tiny: object, vocab_size: int
) -> None:
    model = scripts.recipe.build_model(tiny, vocab_size, end_of_text=0)
    muon, adamw = scripts.recipe.build_optimizers(model, tiny)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    taken = [{names[id(p)] for p in o.param_groups[0]["params"]} for o in (muon, adamw)]
    matrices = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    assert taken[0] == {f"transformer.h.{i}.{m}.weight" for i in range(2) for m in matrices}
    assert taken[0] | taken[1] == set(names.values())
    assert not taken[0] & taken[1]


def test_training_lowers_the_held_out_loss_below_what_frequencies_give(
    data: Path, run: Path, vocab_size: int
) -> None:
    rows = read_log(run)
    held_out = [float(row["held_out_loss"]) for row in rows if row["held_out_loss"]]
    _, counts = np.unique(np.load(data / "train.npy"), return_counts=True)
    shares = counts / counts.sum()
    entropy_of_frequencies = -(shares * np.log(shares)).sum()

    assert [int(row["step"]) for row in rows] == list(range(STEPS))
    assert len(held_out) == 4
    assert held_out == sorted(held_out, reverse=True)
    assert float(rows[0]["training_loss"]) == pytest.approx(np.log(vocab_size), abs=0.1)
    # Only a model that has learnt to read what stands before a token can do better than this.
    assert held_out[-1] < 0.75 * entropy_of_frequencies


def test_the_saved_model_is_the_trained_one_in_float16(
    scripts: SimpleNamespace, tiny: object, run: Path, vocab_size: int
) -> None:
    from transformers import GPT2LMHeadModel

    trained = scripts.recipe.build_model(tiny, vocab_size, end_of_text=0).eval()
    checkpoint = torch.load(run / "checkpoint.pt", weights_only=True)
    trained.load_state_dict(checkpoint["states"][0])
    saved = GPT2LMHeadModel.from_pretrained(run / "model", dtype=torch.float32).eval()
    ids = torch.randint(vocab_size, (2, 64), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        unrounded = trained(ids).logits
        rounded = trained.half().float()(ids).logits
        found = saved(ids).logits
    assert torch.equal(found, rounded)
    assert not torch.equal(found, unrounded)
    torch.testing.assert_close(found, unrounded, rtol=0, atol=2e-2)


def test_the_saved_folder_is_laid_out_as_storybook(run: Path) -> None:
    saved = run / "model"
    names = {path.name for path in STORYBOOK.iterdir()} - {"MODEL_CARD.md"}
    assert {path.name for path in saved.iterdir()} == names
    changed = {"n_embd", "n_head", "n_layer", "n_positions", "vocab_size", "transformers_version"}
    for name, differing in (
        ("config.json", changed),
        ("tokenizer_config.json", {"model_max_length"}),
    ):
        ours, theirs = (json.loads((f / name).read_text()) for f in (saved, STORYBOOK))
        assert {k: v for k, v in ours.items() if k not in differing} == {
            k: v for k, v in theirs.items() if k not in differing
        }
    text = "The fox saw the old boat."
    tokenizer = Tokenizer.from_file(str(saved / "tokenizer.json"))
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_a_run_that_was_stopped_ends_with_the_same_weights(
    scripts: SimpleNamespace, data: Path, tiny: object, run: Path, tmp_path: Path
) -> None:
    stopped = scripts.train.train(
        tiny, data, tmp_path, should_stop=stop_after(117), device="cpu", **EVERY
    )
    assert stopped == 117
    assert not (tmp_path / "model").exists()

    assert scripts.train.train(tiny, data, tmp_path, device="cpu", **EVERY) == STEPS

    ours, whole = (
        torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (tmp_path, run)
    )
    for mine, other in zip(ours["states"], whole["states"], strict=True):
        torch.testing.assert_close(
            mine.get("state", mine), other.get("state", other), rtol=0, atol=0
        )
    weights = "model/model.safetensors"
    assert (tmp_path / weights).read_bytes() == (run / weights).read_bytes()
    losses = [
        [(row["step"], row["training_loss"], row["held_out_loss"]) for row in read_log(folder)]
        for folder in (tmp_path, run)
    ]
    assert losses[0] == losses[1]


def test_the_first_interrupt_is_noted_and_the_second_acts_as_usual(
    scripts: SimpleNamespace,
) -> None:
    usual = signal.getsignal(signal.SIGINT)
    with scripts.train.interruption() as interrupted:
        assert not interrupted.is_set()
        signal.raise_signal(signal.SIGINT)
        assert interrupted.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is usual


def test_steps_after_the_last_checkpoint_are_logged_once(
    scripts: SimpleNamespace, tmp_path: Path
) -> None:
    log = scripts.run_files.LossLog(tmp_path / "loss.csv")
    log.start(0)
    for step in range(5):
        log.add(step, 2.0, None, 100)
    log.start(3)
    log.add(3, 1.0, 1.5, 100)
    rows = [(row["step"], row["training_loss"], row["held_out_loss"]) for row in read_log(tmp_path)]
    assert rows == [(str(step), "2.0000", "") for step in range(3)] + [("3", "1.0000", "1.5000")]


def test_a_checkpoint_serves_only_its_own_run(
    scripts: SimpleNamespace, data: Path, tiny: object, run: Path, tmp_path: Path
) -> None:
    log = (run / "loss.csv").read_bytes()
    with pytest.raises(ValueError, match=r"steps must be 200 to go on from .*, got 300; give"):
        scripts.train.train(replace(tiny, steps=300), data, run, device="cpu")
    other = tmp_path / "data"
    other.mkdir()
    for path in data.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    np.save(other / "train.npy", np.load(data / "train.npy")[::-1])
    with pytest.raises(ValueError, match=r"data_checksum must be \d+ to go on from"):
        scripts.train.train(tiny, other, run, device="cpu")
    assert (run / "loss.csv").read_bytes() == log

    (tmp_path / "checkpoint.pt").write_bytes((run / "checkpoint.pt").read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"checkpoint\.pt must be a checkpoint that train\.py"):
        scripts.train.train(tiny, data, tmp_path, device="cpu")


def test_training_stops_before_a_step_with_a_loss_that_is_not_finite(
    scripts: SimpleNamespace, tiny: object, vocab_size: int
) -> None:
    model = scripts.recipe.build_model(tiny, vocab_size, end_of_text=0)
    optimizers = scripts.recipe.build_optimizers(model, tiny)
    before = [parameter.clone() for parameter in model.parameters()]
    with pytest.raises(FloatingPointError, match="the training loss must be finite, got nan"):
        scripts.recipe.training_step(
            lambda *_: model.transformer.wte.weight.sum() * torch.nan, (None, None), optimizers, 1.0
        )
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--width", "30", "--heads", "4"], "width must be a multiple of heads (4), got 30"),
        (["--steps", "0"], "steps must be positive, got 0"),
        (["--muon-lr", "-1"], "muon_lr must be positive, got -1.0"),
        (["--seed", "-1"], "seed must be at least 0, got -1"),
        (["--device", "tpu"], "device must be auto"),
        (["--log-every", "0"], "must be a whole number above 0, got 0"),
        (["--context", "100000"], "train.npy must have more than 1700000 tokens for context"),
    ],
)
def test_train_refuses_settings_in_one_sentence(
    scripts: SimpleNamespace,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    with pytest.raises(SystemExit) as stopped:
        scripts.train.main([str(data), str(tmp_path / "run"), *arguments])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_train_refuses_a_folder_without_data(
    scripts: SimpleNamespace, tiny: object, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"the data folder must hold tokenizer\.json .*, got "):
        scripts.train.train(tiny, tmp_path, tmp_path / "run", device="cpu")
