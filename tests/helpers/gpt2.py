"""GPT-2s for tests: the embedded storybook, and small random ones saved as transformers does."""

from pathlib import Path

import torch
import transformers
from transformers import GPT2LMHeadModel

import decodelib as dl
from decodelib.models.gpt2.model import GPT2

STORYBOOK = Path(dl.__file__).parent / "models" / "storybook"
PROMPTS = [
    "Once upon a time there was a little girl",
    "The",
    "“Yes,” said the captain; “but we are not in Africa yet.”\n\nHe looked at the sea, which was",
    "It was the best of times",
]


def save_random_gpt2(folder: Path, seed: int = 0, **sizes: object) -> None:
    """Save a small random GPT-2 with storybook's tokenizer, as transformers would."""
    torch.manual_seed(seed)
    defaults = {"n_embd": 48, "n_layer": 3, "n_head": 4, "n_positions": 64, "vocab_size": 8192}
    config = transformers.GPT2Config(
        **(defaults | {"bos_token_id": 0, "eos_token_id": 0, "layer_norm_epsilon": 1e-3} | sizes)
    )
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        for parameter in model.parameters():  # so that biases and norms matter too
            parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes((STORYBOOK / "tokenizer.json").read_bytes())


def random_gpt2(folder: Path) -> GPT2:
    """A small random model in float64, where other orders of summing change only last digits."""
    save_random_gpt2(folder)
    return dl.load(folder, device="cpu", dtype="float64")
