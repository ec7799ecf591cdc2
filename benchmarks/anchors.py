"""Two others beside which to stand: transformers compiled, and llama.cpp on the same weights.

One row, greedy, and with llama.cpp a chain of samplers too. transformers with a static cache is
compiled by PyTorch, for which a C++ compiler must be there; on a GPU it replays a CUDA graph. On a
CPU llama.cpp is tried if llama-cpp-python is installed: `pip install llama-cpp-python`, which
builds it. Each is checked to give decodelib's tokens, or, where it draws, tokens that decodelib's
chain leaves.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import GenerationConfig
from transformers.generation.configuration_utils import CompileConfig

import decodelib as dl
from benchmarks.cases import CHAIN, chain
from benchmarks.pairs import Pair
from benchmarks.timing import compare, seconds

PROMPT, NEW_TOKENS = 16, 32
CONTEXT = 64


def beside(pair: Pair, repeats: int) -> list[dict[str, Any]]:
    """Time one greedy row of decodelib beside each of the others that can be had here."""
    prompt = pair.prompt(PROMPT)
    rows = []
    for name, run in _others(pair, prompt).items():
        strategy = dl.Sampling(*chain().processors) if name.endswith("chain") else dl.Greedy()
        first = seconds(run, pair.ours.device)
        same = agreement(pair, prompt, run(), strategy)
        ours = partial(pair.generate_ours, strategy, [prompt], NEW_TOKENS)
        times = compare(ours, run, NEW_TOKENS, repeats, pair.ours.device)
        row = {"other": name, "first_s": first, "same_tokens": same}
        rows.append(row | {key: times[key] for key in ("ours_ms", "theirs_ms", "ratio")})
    return rows


def agreement(
    pair: Pair, prompt: torch.Tensor, token_ids: list[int], strategy: dl.Greedy | dl.Sampling
) -> int:
    """Return how many of another's tokens come before the first that the strategy does not allow.

    Greedy decoding allows one token after a text, sampling those that its processors leave.
    """
    text = torch.cat([prompt, torch.tensor(token_ids)])
    logits = pair.ours.logits(text[:-1])[len(prompt) - 1 :]
    processors = getattr(strategy, "processors", (dl.TopK(1),))
    allowed = dl.Chain(*processors)(text[None, :0].expand(len(logits), 0), logits).isfinite()
    places = zip(allowed, token_ids, strict=True)
    return next((i for i, (row, token_id) in enumerate(places) if not row[token_id]), NEW_TOKENS)


def _others(pair: Pair, prompt: torch.Tensor) -> dict[str, Callable[[], list[int]]]:
    others: dict[str, Callable[[], list[int]]] = {}
    if shutil.which("g++") or shutil.which("clang++"):
        others["transformers, compiled"] = _compiled(pair, prompt)
    if pair.ours.device.type == "cpu" and importlib.util.find_spec("llama_cpp"):
        for kind in ("F32", "F16"):
            others[f"llama.cpp, {kind}"] = _llama_cpp(pair, prompt, kind)
            others[f"llama.cpp, {kind}, chain"] = _llama_cpp(pair, prompt, kind, draws=True)
    return others


def _compiled(pair: Pair, prompt: torch.Tensor) -> Callable[[], list[int]]:
    on_cpu = pair.ours.device.type == "cpu"
    settings = CompileConfig(
        mode="default" if on_cpu else "reduce-overhead", fullgraph=True, dynamic=False
    )
    settings._compile_all_devices = True  # or transformers compiles on a GPU alone

    def run() -> list[int]:
        pair.theirs.generation_config = GenerationConfig(
            max_new_tokens=NEW_TOKENS,
            pad_token_id=0,
            do_sample=False,
            cache_implementation="static",
            compile_config=settings,
        )
        ids = prompt[None].to(pair.ours.device)
        with torch.inference_mode():
            output = pair.theirs.generate(ids, attention_mask=torch.ones_like(ids))
        return output[0, PROMPT:].tolist()

    return run


def _llama_cpp(
    pair: Pair, prompt: torch.Tensor, kind: str, draws: bool = False
) -> Callable[[], list[int]]:
    from llama_cpp import Llama
    from llama_cpp._internals import LlamaSampler

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        write_gguf(pair, path, kind)
        # Mapped into memory: the file may go once it is open.
        threads = pair.ours.num_threads or torch.get_num_threads()
        llama = Llama(str(path), n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads,
                      logits_all=False, verbose=False)  # fmt: skip

    sampler = LlamaSampler()
    if draws:
        sampler.add_temp(CHAIN["temperature"])
        sampler.add_top_k(CHAIN["top_k"])
        sampler.add_top_p(CHAIN["top_p"], 1)
        sampler.add_min_p(CHAIN["min_p"], 1)
        sampler.add_dist(0)
    else:
        sampler.add_greedy()

    def run() -> list[int]:
        llama.reset()
        llama.eval(prompt.tolist())
        ids: list[int] = []
        for _ in range(NEW_TOKENS):
            ids.append(int(sampler.sample(llama._ctx, -1)))
            if len(ids) < NEW_TOKENS:
                llama.eval(ids[-1:])
        return ids

    return run


def write_gguf(pair: Pair, path: Path, kind: str) -> None:
    """Write the model as llama.cpp reads GPT-2, its matrices in `kind`, without a vocabulary."""
    config = pair.theirs.config
    writer = gguf.GGUFWriter(str(path), "gpt2")
    writer.add_block_count(config.n_layer)
    writer.add_context_length(config.n_positions)
    writer.add_embedding_length(config.n_embd)
    writer.add_feed_forward_length(4 * config.n_embd)
    writer.add_head_count(config.n_head)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("none")
    names = {
        "ln_1": "attn_norm",
        "attn.c_attn": "attn_qkv",
        "attn.c_proj": "attn_output",
        "ln_2": "ffn_norm",
        "mlp.c_fc": "ffn_up",
        "mlp.c_proj": "ffn_down",
    }
    weights = {k.removeprefix("transformer."): v for k, v in pair.theirs.state_dict().items()}
    half = np.float16 if kind == "F16" else np.float32
    _add(writer, "token_embd.weight", weights["wte.weight"], half)
    _add(writer, "output.weight", weights["wte.weight"], half)
    _add(writer, "position_embd.weight", weights["wpe.weight"], np.float32)
    for part in ("weight", "bias"):
        _add(writer, f"output_norm.{part}", weights[f"ln_f.{part}"], np.float32)
    for layer in range(config.n_layer):
        for theirs, name in names.items():
            for part in ("weight", "bias"):
                tensor = weights[f"h.{layer}.{theirs}.{part}"]
                matrix = tensor.ndim == 2
                to = f"blk.{layer}.{name}.{part}"
                _add(writer, to, tensor.T if matrix else tensor, half if matrix else np.float32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add(writer: gguf.GGUFWriter, name: str, tensor: torch.Tensor, dtype: Any) -> None:
    writer.add_tensor(name, np.ascontiguousarray(tensor.numpy()).astype(dtype))
