"""Measure a trained model on held-out tokens: the numbers of its model card.

    python training/measure.py MODEL_FOLDER DATA_FOLDER

In: a model folder (decodelib/storybook, or RUN_FOLDER/model of train.py) and a folder that
prepare.py wrote. Out, on the screen: held-out loss over all whole rows of `context` tokens, and the
next-token distributions and attention over the first 160 of them, computed in float32.
"""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from recipe import Recipe
from run_files import load_data
from torch import Tensor
from torch.nn import functional
from transformers import GPT2LMHeadModel

BATCH = 4
DISTRIBUTION_ROWS = 160
RANK = 100
QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)


@dataclass(frozen=True)
class Distributions:
    """What a model predicts at each of many positions."""

    entropy: Float[Tensor, " positions"]
    """Nats."""
    varentropy: Float[Tensor, " positions"]
    """Variance of the surprisal, in nats squared."""
    mass_beyond_rank: Float[Tensor, " positions"]
    """Probability of all tokens but the 100 likeliest."""
    first_attention: Float[Tensor, " layers"]
    """Mean attention of later positions to position 0, over heads and positions."""


def batches(
    tokens: Int64[Tensor, " tokens"], context: int, rows: int
) -> Iterator[tuple[Int64[Tensor, "rows context"], Int64[Tensor, "rows context"]]]:
    """Yield the first `rows` whole rows of tokens, four at a time, with the tokens that follow."""
    inputs = tokens[: rows * context].view(rows, context)
    targets = tokens[1 : rows * context + 1].view(rows, context)
    yield from zip(inputs.split(BATCH), targets.split(BATCH), strict=True)


@torch.no_grad()
def mean_loss(model: GPT2LMHeadModel, tokens: Int64[Tensor, " tokens"], context: int) -> float:
    """Return the mean negative log-likelihood, in nats per token, of all whole rows."""
    rows = (len(tokens) - 1) // context
    total = sum(
        functional.cross_entropy(
            model(inputs).logits.flatten(0, 1), targets.flatten(), reduction="sum"
        ).item()
        for inputs, targets in batches(tokens, context, rows)
    )
    return total / (rows * context)


@torch.no_grad()
def distributions(
    model: GPT2LMHeadModel, tokens: Int64[Tensor, " tokens"], context: int
) -> Distributions:
    """Return the next-token distributions' shapes at every position of the first 160 rows."""
    rows = min(DISTRIBUTION_ROWS, (len(tokens) - 1) // context)
    entropies, varentropies, masses, attentions = [], [], [], []
    for inputs, _ in batches(tokens, context, rows):
        output = model(inputs, output_attentions=True)
        logprobs = output.logits.log_softmax(-1)
        probs = logprobs.exp()
        entropy = -(probs * logprobs).sum(-1, keepdim=True)
        entropies.append(entropy.flatten())
        varentropies.append((probs * (logprobs + entropy) ** 2).sum(-1).flatten())
        kept = probs.topk(min(RANK, probs.shape[-1])).values.sum(-1)
        masses.append((1 - kept).clamp(min=0).flatten())
        # Position 0 can attend to nothing but itself, so it is left out.
        attentions.append(
            torch.stack([layer[:, :, 1:, 0].mean((1, 2)) for layer in output.attentions], dim=1)
        )
    return Distributions(
        entropy=torch.cat(entropies),
        varentropy=torch.cat(varentropies),
        mass_beyond_rank=torch.cat(masses),
        first_attention=torch.cat(attentions).mean(0),
    )


def measure(model_folder: Path, data_folder: Path) -> str:
    """Return the measurements as lines of text.

    Raises ValueError when a folder does not hold what it should, or the model's vocabulary is not
    the data's.
    """
    if not (model_folder / "model.safetensors").is_file():
        raise ValueError(f"the model folder must hold model.safetensors, got {model_folder}")
    model = GPT2LMHeadModel.from_pretrained(
        model_folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    context = model.config.n_positions
    data = load_data(data_folder, Recipe(context=context, batch_size=1))
    if len(data.tokenizer) != model.config.vocab_size:
        raise ValueError(
            f"the data's tokenizer must have the model's {model.config.vocab_size} tokens, "
            f"got {len(data.tokenizer)}"
        )
    tokens = torch.from_numpy(data.held_out.astype(np.int64))
    loss = mean_loss(model, tokens, context)
    size = len(data.tokenizer.backend_tokenizer.decode(tokens.tolist()).encode())
    found = distributions(model, tokens, context)
    quantiles = torch.quantile(found.entropy, torch.tensor(QUANTILES)).tolist()
    lines = {
        "held-out loss": f"{loss:.3f} nats per token, perplexity {math.exp(loss):.1f}",
        "bits per byte": f"{loss / math.log(2) * len(tokens) / size:.2f}",
        "bytes per token": f"{size / len(tokens):.2f}",
        "mean entropy": f"{found.entropy.mean():.2f} nats",
        "entropy quantiles": ", ".join(
            f"{share:.0%} {value:.2f}" for share, value in zip(QUANTILES, quantiles, strict=True)
        ),
        "median varentropy": f"{found.varentropy.median():.2f}",
        f"mass beyond rank {RANK}": f"{found.mass_beyond_rank.mean():.1%}",
        "attention to position 0": ", ".join(f"{x:.3f}" for x in found.first_attention.tolist()),
    }
    return "\n".join(f"{name}: {value}" for name, value in lines.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path, help="folder of a trained model")
    parser.add_argument("data", type=Path, help="folder that prepare.py wrote")
    options = parser.parse_args(arguments)
    try:
        print(measure(options.model, options.data))
    except ValueError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
