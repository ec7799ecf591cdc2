"""Train a small GPT-2 with Muon and AdamW on the data that prepare.py made.

    python training/train.py DATA_FOLDER RUN_FOLDER

Out, in RUN_FOLDER: model/ (float16 weights, config and tokenizer, laid out as decodelib/storybook,
for `decodelib.load`), loss.csv and checkpoint.pt. A run that was stopped goes on from its
checkpoint when the same command is given again, and ends with the weights it would have had.
"""

import argparse
import itertools
import signal
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from types import FrameType

import torch
from recipe import (
    Recipe,
    batch_starts,
    build_model,
    build_optimizers,
    held_out_loss,
    learning_rate_factor,
    make_loss,
    take_rows,
    training_step,
)
from run_files import Checkpoint, LossLog, load_data, save_model

RECIPE_HELP = {
    "width": "width of the model (n_embd)",
    "layers": "number of blocks",
    "heads": "attention heads per block; they divide the width",
    "context": "tokens per row, and the most that the model can read",
    "batch_size": "rows per step",
    "steps": "steps of the whole run, which the learning rate's shape follows",
    "muon_lr": "learning rate of the blocks' matrices",
    "adamw_lr": "learning rate of all other parameters",
    "seed": "seed of the first weights and of the order of the data",
}


def resolve_device(name: str) -> torch.device:
    """Return the device that "auto", "cpu" or "cuda" means here; ValueError if it is not there."""
    available = torch.cuda.is_available()
    if name not in ("auto", "cpu", "cuda") or (name == "cuda" and not available):
        allowed = "auto, cpu or cuda" if available else "auto or cpu on this machine"
        raise ValueError(f"device must be {allowed}, got {name}")
    return torch.device("cuda" if available and name == "auto" else name.replace("auto", "cpu"))


def bfloat16_pays(device: torch.device) -> bool:
    """Return whether `device` multiplies bfloat16 matrices in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    features = torch.cpu.get_capabilities()
    return bool(features.get("avx512_bf16") or features.get("amx_bf16"))


def train(
    recipe: Recipe,
    data_folder: Path,
    run_folder: Path,
    *,
    device: str = "auto",
    compiled: bool = False,
    log_every: int = 50,
    evaluate_every: int = 500,
    checkpoint_every: int = 100,
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Train by `recipe`, from the checkpoint in `run_folder` if there is one; return steps done.

    When `should_stop()` is true after a step, the run writes a checkpoint and returns early.
    Raises ValueError for data, a device or a checkpoint that do not suit, and FloatingPointError
    when the loss is no longer finite.
    """
    place = resolve_device(device)
    data = load_data(data_folder, recipe)
    model = build_model(recipe, len(data.tokenizer), data.tokenizer.eos_token_id)
    model.to(place)  # type: ignore[arg-type]  # transformers' decorator hides the real signature
    optimizers = build_optimizers(model, recipe)
    loss = make_loss(model, place, bfloat16_pays(place))
    compiled_loss = torch.compile(loss) if compiled else loss

    run_folder.mkdir(parents=True, exist_ok=True)
    identity = asdict(recipe) | {"data_checksum": zlib.crc32(data.train.tobytes())}
    checkpoint = Checkpoint(run_folder / "checkpoint.pt", identity)
    first = checkpoint.restore([model, *optimizers])
    log = LossLog(run_folder / "loss.csv")
    log.start(first)

    batches = itertools.islice(batch_starts(len(data.train), recipe), first, recipe.steps)
    timed_from, since = first, time.perf_counter()
    for step, starts in enumerate(batches, first):
        batch = take_rows(data.train, starts, recipe.context, place)
        factor = learning_rate_factor(step, recipe.steps)
        value = training_step(compiled_loss, batch, optimizers, factor)

        done = step + 1
        stopping, finished = should_stop(), done == recipe.steps
        if finished or step % log_every == 0 or done % evaluate_every == 0:
            speed = (done - timed_from) * batch[0].numel() / (time.perf_counter() - since)
            held_out = None
            if finished or done % evaluate_every == 0:
                held_out = held_out_loss(model, loss, data.held_out, recipe.context)
            log.add(step, value, held_out, speed)
            timed_from, since = done, time.perf_counter()
        if finished or stopping or done % checkpoint_every == 0:
            checkpoint.save(done, [model, *optimizers])
        if stopping and not finished:
            return done
    save_model(model, data.tokenizer, run_folder / "model")
    return recipe.steps


def positive(text: str) -> int:
    """Return the whole number above 0 that `text` holds, or raise argparse's error."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text}")
    return int(text)


@contextmanager
def interruption() -> Iterator[threading.Event]:
    """Give an event that the first Ctrl+C (SIGINT) or SIGTERM sets; a second acts as usual."""
    interrupted = threading.Event()
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        signal.signal(number, usual[signal.Signals(number)])

    for number in usual:
        signal.signal(number, note)
    try:
        yield interrupted
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def parse(arguments: Sequence[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """Return the parser of the command line and what it read."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("data", type=Path, help="folder that prepare.py wrote")
    parser.add_argument("run", type=Path, help="folder for the results; made if missing")
    for field in fields(Recipe):
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(field.default),
            default=field.default,
            help=RECIPE_HELP[field.name],
        )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument(
        "--compile", action="store_true", help="compile the loss: slow to start, then faster"
    )
    for name, default, what in (
        ("log", 50, "lines of loss.csv"),
        ("evaluate", 500, "measurements of the held-out loss"),
        ("checkpoint", 100, "checkpoints"),
    ):
        parser.add_argument(
            f"--{name}-every", type=positive, default=default, help=f"steps between {what}"
        )
    return parser, parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; at an interrupt, stop after the step with a checkpoint."""
    parser, options = parse(arguments)
    try:
        recipe = Recipe(**{field.name: getattr(options, field.name) for field in fields(Recipe)})
        with interruption() as interrupted:
            steps = train(
                recipe,
                options.data,
                options.run,
                device=options.device,
                compiled=options.compile,
                log_every=options.log_every,
                evaluate_every=options.evaluate_every,
                checkpoint_every=options.checkpoint_every,
                should_stop=interrupted.is_set,
            )
    except (ValueError, FloatingPointError) as error:
        parser.error(str(error))
    if steps < recipe.steps:
        print(f"stopped with {steps} of {recipe.steps} steps done; the same command goes on")
        return 1
    print(f"the model is in {options.run / 'model'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
