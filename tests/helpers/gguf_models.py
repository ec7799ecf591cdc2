"""Small GGUF files, written as llama.cpp writes them."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

WIDTH, HEADS, KEY_HEADS, LAYERS, INNER = 64, 4, 2, 2, 96
LETTERS = [chr(c) for c in range(33, 127)]
TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *LETTERS, "Ġ", "Ċ", "Ġa", "th", "Ġth"]
MERGES = ["Ġ a", "t h", "Ġ th"]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_gguf(
    path: Path, kind: gguf.GGMLQuantizationType = gguf.GGMLQuantizationType.Q4_1, **settings: object
) -> dict[str, np.ndarray]:
    """Write a random Llama, and return its tensors by their names in the file, unpacked.

    Args:
        kind: How the matrices are quantized.
        settings: `architecture`, in place of "llama".
    """
    architecture = str(settings.get("architecture", "llama"))
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_name("small")
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, 3, 3] + [1] * (len(TOKENS) - 3))
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_eot_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    tensors = {}
    for name, shape in _shapes().items():
        random = np.random.default_rng(len(tensors)).normal(0, 0.2, shape).astype(np.float32)
        tensors[name] = random + 1 if "norm" in name else random
        if "norm" in name:
            writer.add_tensor(name, tensors[name])
        else:
            packed = gguf.quants.quantize(tensors[name], kind)
            tensors[name] = gguf.quants.dequantize(packed, kind)
            writer.add_tensor(name, packed, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


def _shapes() -> dict[str, tuple[int, ...]]:
    key_width = WIDTH // HEADS * KEY_HEADS
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (len(TOKENS), WIDTH)}
    for layer in range(LAYERS):
        block = {
            "attn_norm": (WIDTH,),
            "attn_q": (WIDTH, WIDTH),
            "attn_k": (key_width, WIDTH),
            "attn_v": (key_width, WIDTH),
            "attn_output": (WIDTH, WIDTH),
            "ffn_norm": (WIDTH,),
            "ffn_gate": (INNER, WIDTH),
            "ffn_up": (INNER, WIDTH),
            "ffn_down": (WIDTH, INNER),
        }
        shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in block.items()}
    return shapes | {"output_norm.weight": (WIDTH,)}
