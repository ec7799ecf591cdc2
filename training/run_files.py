"""What a training run reads and writes: data, model folder, checkpoint, and log of the loss."""

import copy
import csv
import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from recipe import Recipe, Tokens
from torch.optim import Optimizer
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

END_OF_TEXT = "<|endoftext|>"
LOG_COLUMNS = ("step", "training_loss", "held_out_loss", "tokens_per_second")
Stateful = GPT2LMHeadModel | Optimizer


@dataclass(frozen=True)
class Data:
    """A data folder: its two token arrays, mapped from disk, and its tokenizer."""

    train: Tokens
    held_out: Tokens
    tokenizer: PreTrainedTokenizerFast


def load_data(folder: Path, recipe: Recipe) -> Data:
    """Open what prepare.py wrote to `folder`.

    Raises ValueError when a file is missing or an array is too short for the recipe: training
    needs batch_size + 1 rows of `context` tokens, holding out needs one.
    """
    for name in ("tokenizer.json", "train.npy", "held_out.npy"):
        if not (folder / name).is_file():
            raise ValueError(f"the data folder must hold {name} (see prepare.py), got {folder}")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        unk_token=END_OF_TEXT,
        model_max_length=recipe.context,
    )
    train, held_out = (
        np.load(folder / name, mmap_mode="r") for name in ("train.npy", "held_out.npy")
    )
    for name, tokens, rows in (("train", train, recipe.batch_size + 1), ("held_out", held_out, 1)):
        if len(tokens) <= rows * recipe.context:
            raise ValueError(
                f"{name}.npy must have more than {rows * recipe.context} tokens for context "
                f"{recipe.context} and batch_size {recipe.batch_size}, got {len(tokens)}"
            )
    return Data(train, held_out, tokenizer)


def save_model(model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the weights in float16, the configuration and the tokenizer to `folder`."""
    copy.deepcopy(model).cpu().half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@dataclass(frozen=True)
class Checkpoint:
    """The file from which a run goes on, and what tells that run from any other."""

    path: Path
    identity: dict[str, int | float]
    """The recipe's settings and a checksum of the training tokens."""

    def save(self, steps_done: int, modules: Sequence[Stateful]) -> None:
        """Write the state of the model and optimizers so that no moment leaves half a file."""
        states = [module.state_dict() for module in modules]
        unfinished = self.path.with_suffix(".unfinished")
        torch.save(
            {"identity": self.identity, "steps_done": steps_done, "states": states}, unfinished
        )
        os.replace(unfinished, self.path)

    def restore(self, modules: Sequence[Stateful]) -> int:
        """Load the state of the model and optimizers, if there is one; return the steps done.

        Raises ValueError when the file is not a checkpoint or is another run's.
        """
        if not self.path.exists():
            return 0
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            found, steps_done, states = (saved[k] for k in ("identity", "steps_done", "states"))
        except (RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
            raise ValueError(f"{self.path} must be a checkpoint that train.py wrote") from error
        for name, value in self.identity.items():
            if found.get(name) != value:
                raise ValueError(
                    f"{name} must be {found.get(name)} to go on from {self.path}, got {value}; "
                    f"give another run folder to start anew"
                )
        for module, state in zip(modules, states, strict=True):
            module.load_state_dict(state)
        return int(steps_done)


@dataclass(frozen=True)
class LossLog:
    """The run's loss.csv: step (from 0), training and held-out loss in nats, tokens per second."""

    path: Path

    def start(self, step: int) -> None:
        """Keep the rows before `step` and drop the rest: those steps are about to be repeated."""
        rows = list(csv.reader(self.path.open())) if self.path.exists() else []
        kept = [row for row in rows[1:] if int(row[0]) < step]
        with self.path.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([LOG_COLUMNS, *kept])

    def add(self, step: int, training: float, held_out: float | None, speed: float) -> None:
        """Append a row, and print it."""
        losses = [f"{training:.4f}", "" if held_out is None else f"{held_out:.4f}"]
        with self.path.open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow([step, *losses, f"{speed:.0f}"])
        end = f", held-out {losses[1]}" if losses[1] else ""
        print(f"step {step}: loss {losses[0]}{end}, {speed:,.0f} tokens/s", flush=True)
