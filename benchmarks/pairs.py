"""The same model twice: decodelib's and transformers', on the same weights."""

from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

import decodelib as dl
from decodelib.kernels.linear import HalfLinear
from decodelib.models.gpt2.model import GPT2
from decodelib.models.gpt2.weights import GPT2Config as Sizes
from decodelib.models.loading import STORYBOOK

# Logits with this factor are about as peaked as a trained model's: 3 to 4 nats of entropy.
SHARPNESS = 7.0


@dataclass
class Pair:
    """A model of ours and theirs; neither has an EOS token, so that all runs are equally long."""

    name: str
    dtype: torch.dtype  # of ours
    ours: GPT2
    theirs: GPT2LMHeadModel

    @property
    def weight_bytes(self) -> int:
        """What a step must read at least: every matrix once, and of the embeddings almost none."""
        half = isinstance(self.ours._unembedding, HalfLinear)
        itemsize = 2 if half else self.dtype.itemsize
        tensors = {name: t for name, t in self.theirs.named_parameters() if ".wpe." not in name}
        return itemsize * sum(t.numel() for t in tensors.values())

    @property
    def cache_bytes(self) -> int:
        """What it must read more for each token of a row's past."""
        config = self.theirs.config
        return 2 * config.n_layer * config.n_embd * self.ours._embedding.itemsize

    def prompt(self, length: int, row: int = 0) -> torch.Tensor:
        generator = torch.Generator().manual_seed(row)
        return torch.randint(1, self.ours.vocab_size, (length,), generator=generator)

    def generate_ours(
        self, strategies: Any, prompts: list[torch.Tensor], new_tokens: int
    ) -> list[list[int]]:
        found = dl.generate_batch(self.ours, prompts, strategies, max_new_tokens=new_tokens)
        return [g.token_ids for g in found]

    def generate_theirs(
        self, settings: dict[str, Any], prompts: list[torch.Tensor], new_tokens: int
    ) -> list[list[int]]:
        ids = torch.stack(prompts).to(self.ours.device)
        self.theirs.generation_config = GenerationConfig(
            max_new_tokens=new_tokens, pad_token_id=0, **settings
        )
        with torch.inference_mode():
            output = self.theirs.generate(ids, attention_mask=torch.ones_like(ids))
        return output[:, ids.shape[1] :].tolist()


def load_pair(name: str, dtype: torch.dtype, device: torch.device) -> Pair:
    """Return "storybook", or "gpt2": its 124M shape with random weights.

    On the CPU transformers computes in float32 whatever ours does: there it is fastest in that.
    """
    theirs = _storybook() if name == "storybook" else _random_gpt2()
    theirs = theirs.to(device, torch.float32 if device.type == "cpu" else dtype).eval()
    theirs.config.eos_token_id = None
    sizes = Sizes.from_dict(theirs.config.to_dict())
    tokenizer = Tokenizer.from_file(str(STORYBOOK / "tokenizer.json"))
    ours = GPT2(sizes, theirs.state_dict(), tokenizer, name, device, dtype)
    return Pair(name, dtype, ours, theirs)


def _storybook() -> GPT2LMHeadModel:
    return GPT2LMHeadModel.from_pretrained(STORYBOOK, dtype=torch.float32)


def _random_gpt2() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(bos_token_id=None, eos_token_id=None))
    model.transformer.ln_f.weight.data *= SHARPNESS
    return model
