"""The recipe of storybook: model, optimizers, learning rates, order of the data, and loss.

train.py runs it. Nothing here reads or writes a file.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt16
from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer
from transformers import GPT2Config, GPT2LMHeadModel

Tokens = UInt16[np.ndarray, " tokens"]
Rows = Int64[Tensor, "rows context"]
LossFunction = Callable[[Rows, Rows], Tensor]

WARM_UP_STEPS = 100
CONSTANT_UNTIL = 0.4
FINAL_FACTOR = 0.02
MAX_HELD_OUT_ROWS = 160
HELD_OUT_BATCH = 4


@dataclass(frozen=True)
class Recipe:
    """All that fixes what a run learns from its data; the defaults are storybook's."""

    width: int = 256
    layers: int = 6
    heads: int = 4
    context: int = 512
    batch_size: int = 16
    steps: int = 4800
    muon_lr: float = 0.02
    adamw_lr: float = 0.003
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for a setting that no run can have."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "seed" and not 0 < value < math.inf:
                raise ValueError(f"{field.name} must be positive, got {value}")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, got {self.seed}")
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads ({self.heads}), got {self.width}")


def build_model(recipe: Recipe, vocab_size: int, end_of_text: int) -> GPT2LMHeadModel:
    """Return an untrained model in float32 on the CPU; its weights depend on the seed alone.

    `end_of_text` is the id that begins and ends a text.
    """
    config = GPT2Config(
        vocab_size=vocab_size,
        n_positions=recipe.context,
        n_embd=recipe.width,
        n_layer=recipe.layers,
        n_head=recipe.heads,
        resid_pdrop=0.0,
        embd_pdrop=0,
        attn_pdrop=0,
        bos_token_id=end_of_text,
        eos_token_id=end_of_text,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return GPT2LMHeadModel(config)


def build_optimizers(model: GPT2LMHeadModel, recipe: Recipe) -> tuple[Optimizer, Optimizer]:
    """Return Muon for the blocks' matrices and AdamW for embeddings, biases and norms.

    Muon: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/.
    """
    blocks = list(model.transformer.h.parameters())
    matrices = [parameter for parameter in blocks if parameter.ndim == 2]
    chosen = {id(parameter) for parameter in matrices}
    others = [parameter for parameter in model.parameters() if id(parameter) not in chosen]
    muon = torch.optim.Muon(
        matrices, lr=recipe.muon_lr, momentum=0.95, weight_decay=0.01, adjust_lr_fn="original"
    )
    adamw = torch.optim.AdamW(others, lr=recipe.adamw_lr, betas=(0.9, 0.95), weight_decay=0.0)
    for group in muon.param_groups + adamw.param_groups:
        group["initial_lr"] = group["lr"]
    return muon, adamw


def learning_rate_factor(step: int, steps: int) -> float:
    """Return what both learning rates are multiplied by at `step`, counted from 0.

    Linear up to 1 over 100 steps; 1 until 40% of the steps; then linear down to 0.02.
    """
    warm_up = min(1.0, (step + 1) / WARM_UP_STEPS)
    progress = step / steps
    if progress < CONSTANT_UNTIL:
        return warm_up
    return warm_up * max(FINAL_FACTOR, (1 - progress) / (1 - CONSTANT_UNTIL))


def batch_starts(num_tokens: int, recipe: Recipe) -> Iterator[Int64[np.ndarray, " rows"]]:
    """Yield, without end, where the rows of each batch start in the training tokens.

    An epoch cuts the tokens into rows from a random offset and takes them in random order; rows
    that do not fill a last batch are left out. The order depends on the seed alone, so a run that
    goes on from step n skips n batches.
    """
    rng = np.random.default_rng(recipe.seed)
    while True:
        offset = int(rng.integers(0, recipe.context))
        rows = (num_tokens - offset - 1) // recipe.context
        order = offset + recipe.context * rng.permutation(rows)
        for first in range(0, rows - recipe.batch_size + 1, recipe.batch_size):
            yield order[first : first + recipe.batch_size]


def take_rows(
    tokens: Tokens, starts: Sequence[int] | np.ndarray, context: int, device: torch.device
) -> tuple[Rows, Rows]:
    """Return the `context` tokens from each start, and the tokens that follow each of them."""
    rows = np.stack([tokens[start : start + context + 1] for start in starts]).astype(np.int64)
    batch = torch.from_numpy(rows).to(device)
    return batch[:, :-1], batch[:, 1:]


def make_loss(model: GPT2LMHeadModel, device: torch.device, bfloat16: bool) -> LossFunction:
    """Return the function from (inputs, targets) to the mean negative log-likelihood, in nats."""

    def loss(inputs: Tensor, targets: Tensor) -> Float[Tensor, ""]:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
            hidden = model.transformer(input_ids=inputs, use_cache=False).last_hidden_state
            logits = functional.linear(hidden, model.transformer.wte.weight)
        return functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())

    return loss


def training_step(
    loss: LossFunction,
    batch: tuple[Rows, Rows],
    optimizers: tuple[Optimizer, Optimizer],
    factor: float,
) -> float:
    """Take one step of Muon and AdamW at `factor` times their learning rates; return the loss.

    The gradient of AdamW's parameters is clipped to norm 1; Muon makes its updates orthogonal, so
    the size of their gradient does not matter. Raises FloatingPointError for a loss that is not
    finite, before the weights change.
    """
    value = loss(*batch)
    if not math.isfinite(value.item()):
        raise FloatingPointError(
            f"the training loss must be finite, got {value.item()}: lower the learning rates"
        )
    value.backward()
    _, adamw = optimizers
    torch.nn.utils.clip_grad_norm_(adamw.param_groups[0]["params"], 1.0)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return value.item()


@torch.no_grad()
def held_out_loss(
    model: GPT2LMHeadModel, loss: LossFunction, tokens: Tokens, context: int
) -> float:
    """Return the mean loss, in nats per token, of the first 160 rows of the held-out tokens."""
    rows = min(MAX_HELD_OUT_ROWS, (len(tokens) - 1) // context)
    model.eval()
    total = 0.0
    for first in range(0, rows, HELD_OUT_BATCH):
        starts = [row * context for row in range(first, min(first + HELD_OUT_BATCH, rows))]
        total += len(starts) * loss(*take_rows(tokens, starts, context, model.device)).item()
    model.train()
    return total / rows
