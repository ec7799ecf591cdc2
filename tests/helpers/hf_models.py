"""Small random models of families that transformers has, and a tokenizer for their vocabulary."""

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from decodelib.models.hf import HFModel

VOCAB = 61
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": VOCAB}
SMALL |= {"max_position_embeddings": 64, "intermediate_size": 48, "pad_token_id": None}
SMALL |= {"bos_token_id": 1, "eos_token_id": 2}
WINDOW = 5
GEMMA_LAYERS = ["sliding_attention", "full_attention"]
CONFIGS = {
    "gpt2: learned positions": transformers.GPT2Config(
        n_embd=32, n_layer=2, n_head=4, vocab_size=VOCAB, n_positions=64
    ),
    "llama: rotary positions, grouped queries": transformers.LlamaConfig(
        **SMALL, num_key_value_heads=2
    ),
    "mistral: a sliding window shorter than the text": transformers.MistralConfig(
        **SMALL, num_key_value_heads=2, sliding_window=WINDOW
    ),
    "gemma3: sliding and full layers in turn": transformers.Gemma3TextConfig(
        **SMALL, num_key_value_heads=2, sliding_window=WINDOW, head_dim=8, layer_types=GEMMA_LAYERS
    ),
    "qwen2: biases": transformers.Qwen2Config(**SMALL, num_key_value_heads=2),
    "bloom: ALiBi, which takes no position ids": transformers.BloomConfig(
        hidden_size=32, n_layer=2, n_head=4, vocab_size=VOCAB
    ),
}
PROMPTS = [[7], list(range(3, 20)), [5, 4, 3, 2, 1, 9, 8], [11, 12, 13]]


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level, one token a character of a small alphabet, as GPT-2's is built."""
    letters = "abcdefghijklmnopqrstuvwxyzĠ.,ABCDEFGHIJKLMNOPQRSTUVWXYZ!?0123"
    vocab = {letter: i for i, letter in enumerate(letters[: VOCAB - 1])}
    vocab["<|end|>"] = VOCAB - 1
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>")


def random_model(config: transformers.PretrainedConfig, seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # the usual initialisation makes attention nearly flat
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def plain(lm: HFModel, ids: list[int]) -> torch.Tensor:
    """The last logits of a forward pass without cache, batch or padding, by transformers alone."""
    with torch.no_grad():
        return lm.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
