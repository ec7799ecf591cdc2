"""A model that has learned nothing: random weights behind GPT-2's vocabulary size."""

from __future__ import annotations

import json
from itertools import islice, product
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from decodelib.models.gpt2.weights import GPT2Config, tensor_shapes
from decodelib.models.loading import STORYBOOK

GPT2_VOCAB = 50_257
LOGIT_SPREAD = 3.0
"""The standard deviation of a random model's logits: about that of GPT-2's."""


def write_random_model(folder: Path, width: int = 64, layers: int = 2, seed: int = 0) -> None:
    """Write a checkpoint with GPT-2's vocabulary size and context, and with random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {"vocab_size": GPT2_VOCAB, "n_positions": 1024, "n_embd": width, "n_layer": layers}
    config = {"model_type": "gpt2", **sizes, "n_head": 4, "bos_token_id": 0, "eos_token_id": 0}
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in tensor_shapes(GPT2Config.from_dict(config)).items():
        random = torch.randn(shape, generator=generator)
        weights[name] = random / width**0.5
        if name.endswith("bias"):
            weights[name] = torch.zeros(shape)
        elif ".ln_" in name or name.startswith("ln_f"):
            weights[name] = torch.ones(shape)
        elif name == "wte.weight":  # the last layer norm returns vectors of length sqrt(width)
            weights[name] = random * LOGIT_SPREAD / width**0.5
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, folder / "model.safetensors")
    grown_tokenizer().save(str(folder / "tokenizer.json"))


def grown_tokenizer() -> Tokenizer:
    """Return storybook's tokenizer with pairs of words as further tokens, up to GPT-2's size.

    Words are split before merges apply, so texts are encoded as before; a model that knows nothing
    gives the new tokens their share of the probability all the same.
    """
    tokenizer = json.loads((STORYBOOK / "tokenizer.json").read_text(encoding="utf-8"))
    vocab, merges = tokenizer["model"]["vocab"], tokenizer["model"]["merges"]
    words = [token for token in vocab if token.startswith("Ġ") and len(token) > 2]
    pairs = ((a, b) for a, b in product(words, repeat=2) if a + b not in vocab)
    for first, second in islice(pairs, GPT2_VOCAB - len(vocab)):
        vocab[first + second] = len(vocab)
        merges.append([first, second])
    return Tokenizer.from_str(json.dumps(tokenizer))
