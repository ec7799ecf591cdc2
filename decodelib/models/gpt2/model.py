"""GPT-2's forward pass with a static key-value cache: any GPT-2 checkpoint in safetensors.

The architecture is that of Radford et al. 2019 (pre-norm transformer, learned positions, tied
embeddings), the weights' names and layout those of transformers' GPT2LMHeadModel, whose logits it
reproduces. Shape comments: B rows, S positions, C capacity, H heads, D width of a head, E = H * D.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from decodelib.kernels.gpu import sent
from decodelib.kernels.linear import fastest_linear
from decodelib.kernels.steady import steady
from decodelib.kernels.threads import sensible_threads
from decodelib.models.base import LanguageModel, unaffected
from decodelib.models.files import ModelFiles, examine
from decodelib.models.gpt2.attend import (
    Attend,
    _attention,
    _attention_of_one,
    join_heads,
    split_heads,
)
from decodelib.models.gpt2.graphs import graph_for
from decodelib.models.gpt2.kv_cache import KVCache
from decodelib.models.gpt2.tokenizer import load_tokenizer
from decodelib.models.gpt2.weights import Block, GPT2Config, arranged, tensor_shapes


class GPT2(LanguageModel[KVCache]):
    """A GPT-2 model and its tokenizer.

    Args:
        config: The sizes.
        weights: GPT2LMHeadModel's tensors, with or without the "transformer." prefix.
        tokenizer: From the model's tokenizer.json.
        name: What to call it.
        device, dtype: Where and in what precision to compute. On the CPU, float16 is the precision
            of the weights alone, and everything is computed in float32.

    Raises:
        ValueError: If a tensor is missing or has another shape than the config says.
    """

    def __init__(
        self,
        config: GPT2Config,
        weights: Mapping[str, Tensor],
        tokenizer: Tokenizer,
        name: str,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.config, self.tokenizer, self.name = config, tokenizer, name
        self.device, self.dtype = device, dtype
        self.vocab_size, self.context_length = config.vocab_size, config.n_positions
        self.eos_token_ids, self.bos_token_id = config.eos_token_ids, config.bos_token_id
        tensors = arranged(config, weights, device, dtype)
        if dtype == torch.float16 and device.type == "cpu":
            # Processors are slow at sums in float16, and fast at reading weights of 16 bits.
            tensors = {name: tensor.float() for name, tensor in tensors.items()}
        self._lay_out(tensors)
        first = self.tokenizer.encode("a").ids[:1]
        self.begins_with_bos = self.bos_token_id is not None and first == [self.bos_token_id]

    def _lay_out(self, tensors: Mapping[str, Tensor]) -> None:
        """Pack the arranged tensors for the device's fastest kernels."""
        self._embedding, self._positions = tensors["wte.weight"], tensors["wpe.weight"]
        self._ln_f = tensors["ln_f.weight"], tensors["ln_f.bias"]
        matrices = (tensor for name, tensor in tensors.items() if _is_multiplied(name))
        linear = fastest_linear(matrices)
        self._blocks = [Block.of(tensors, layer, linear) for layer in range(self.config.n_layer)]
        self._unembedding, self._fitting = steady(linear, self._embedding), linear.fitting
        self._measure()

    def _measure(self) -> None:
        """Set what is said of the model's size, from its config and its weights."""
        self.num_layers = len(self._blocks)
        self.num_parameters = sum(map(math.prod, tensor_shapes(self.config).values()))
        rest = (self._positions, *self._ln_f)
        self.num_bytes = self._unembedding.num_bytes + sum(tensor.nbytes for tensor in rest)
        self.num_bytes += sum(block.num_bytes for block in self._blocks)
        self.num_threads = sensible_threads(self.num_parameters, self.device)

    def first_layers(self, count: int) -> GPT2:
        """Return a model of the first `count` layers, weights shared; see `early_exit`."""
        shallow = object.__new__(GPT2)
        shallow.__dict__.update(self.__dict__)
        shallow.config = replace(self.config, n_layer=count)
        shallow._blocks = self._blocks[:count]
        shallow._measure()
        return shallow

    def __getstate__(self) -> dict[str, Any]:
        # Packed weights can be neither copied nor pickled, and another machine packs otherwise.
        tensors = {"wte.weight": self._embedding, "wpe.weight": self._positions}
        tensors |= {"ln_f.weight": self._ln_f[0], "ln_f.bias": self._ln_f[1]}
        for layer, block in enumerate(self._blocks):
            tensors |= block.tensors(layer)
        packed = ("_blocks", "_unembedding", "_fitting")
        kept = {key: value for key, value in self.__dict__.items() if key not in packed}
        return kept | {"tensors": tensors}

    def __setstate__(self, state: dict[str, Any]) -> None:
        tensors = state.pop("tensors")
        self.__dict__.update(state)
        self._lay_out(tensors)

    @classmethod
    def from_folder(cls, folder: Path, name: str, device: torch.device, dtype: torch.dtype) -> GPT2:
        """Load a folder with config.json, safetensors weights and a tokenizer.

        Raises ValueError for files that are missing, damaged or of another kind of model.
        """
        return cls.from_files(examine(folder), name, device, dtype)

    @classmethod
    def from_files(
        cls, files: ModelFiles, name: str, device: torch.device, dtype: torch.dtype
    ) -> GPT2:
        """Load the files of a folder that has been examined; see `from_folder`."""
        config = GPT2Config.from_files(files)
        return cls(config, files.tensors(), load_tokenizer(files.folder), name, device, dtype)

    def encode(self, text: str) -> Int[Tensor, " seq"]:
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return torch.tensor(ids, dtype=torch.long, device="cpu")

    def decode(self, ids: Sequence[int] | Int[Tensor, " seq"]) -> str:
        return self.tokenizer.decode([int(i) for i in ids], skip_special_tokens=False)

    @unaffected
    def logits(self, ids: Sequence[int] | Int[Tensor, " seq"]) -> Float[Tensor, "seq vocab"]:
        input_ids = self.prompt_ids(ids)
        positions = torch.arange(len(input_ids), device=self.device)

        def attend(layer: int, qkv: Tensor) -> Tensor:
            q, k, v = split_heads(qkv, 1)
            return join_heads(F.scaled_dot_product_attention(q, k, v, is_causal=True))

        return self._unembed(self._hidden(input_ids, positions, attend))

    @unaffected
    def attention(
        self, ids: Int[Tensor, " seq"], hidden: Collection[int]
    ) -> tuple[Float[Tensor, "layers heads seq seq"], Float[Tensor, "seq vocab"]]:
        """Return the attention weights and the logits of checked ids; see `attention_maps`."""
        positions = torch.arange(len(ids), device=self.device)
        forbidden = positions > positions[:, None]
        for place in hidden:
            forbidden[place + 1 :, place] = True
        maps: list[Tensor] = []

        def attend(layer: int, qkv: Tensor) -> Tensor:
            q, k, v = qkv.permute(1, 2, 0, 3)
            scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
            maps.append(scores.masked_fill(forbidden, -torch.inf).softmax(-1))
            return (maps[-1] @ v).transpose(0, 1).flatten(1)

        logits = self._unembed(self._hidden(ids, positions, attend))
        return torch.stack(maps), logits

    @unaffected
    def prefill(
        self, prompts: Sequence[Int[Tensor, " _seq"]], capacity: int
    ) -> tuple[Float[Tensor, "rows vocab"], KVCache]:
        lengths = [len(ids) for ids in prompts]
        shape = (self.config.n_layer, self.config.n_head, self.config.n_embd // self.config.n_head)
        cache = KVCache(shape, lengths, max(capacity, *lengths), self._embedding.dtype, self.device)
        runs, used = list(cache.runs()), cache.used
        sizes = [(run.stop - run.start) * (used - start) for run, start in runs]

        def attend(layer: int, qkv: Tensor) -> Tensor:
            done = []
            for (run, start), part in zip(runs, qkv.split(sizes), strict=True):
                q, k, v = split_heads(part, run.stop - run.start)
                cache.buffer[0, layer, run, :, start:used] = k
                cache.buffer[1, layer, run, :, start:used] = v
                done.append(join_heads(F.scaled_dot_product_attention(q, k, v, is_causal=True)))
            return torch.cat(done)

        # All prompts' tokens one after the other, without padding: those of slot 0, slot 1, ...
        by_slot = sorted(prompts, key=len)
        positions = torch.cat([torch.arange(len(ids), device=self.device) for ids in by_slot])
        hidden = self._hidden(torch.cat(by_slot), positions, attend).split(sorted(lengths))
        cache.hidden = cache.to_rows(pad_sequence(hidden, batch_first=True))
        return self._unembed(cache.to_rows(torch.stack([h[-1] for h in hidden]))), cache

    def step(self, next_ids: Int[Tensor, " rows"], cache: KVCache) -> Float[Tensor, "rows vocab"]:
        return self.extend(next_ids[:, None], cache)[:, 0]

    @unaffected
    def extend(
        self, ids: Int[Tensor, "rows new"], cache: KVCache
    ) -> Float[Tensor, "rows new vocab"]:
        rows, new = ids.shape
        lengths = cache.lengths
        if max(lengths) + new > cache.capacity:
            raise ValueError(f"cache is full: it has room for {cache.capacity} positions a row")
        recorded = new == 1 and self.device.type == "cuda"
        graph = graph_for(self._hidden, self._unembed, cache) if recorded else None
        if graph is not None:
            hidden, logits = graph(cache.to_slots(ids)[:, 0], cache)
            cache.hidden = cache.to_rows(hidden[:, None])
            cache.used += 1
            return cache.to_rows(logits[:, None])
        places = [length + i for length in lengths for i in range(new)]
        positions = torch.tensor(places, device="cpu")
        if self.device.type != "cpu":
            positions = sent(positions, self.device)
        # PyTorch's own attention on the CPU adds up in another order for few rows than for many.
        attend = _attention_of_one if new == 1 and self.device.type == "cpu" else _attention
        hidden = self._hidden(cache.to_slots(ids).flatten(), positions, attend(cache, rows, new))
        cache.hidden = cache.to_rows(hidden.view(rows, new, -1))
        cache.used += new
        return self._unembed(cache.hidden.flatten(0, 1)).view(rows, new, -1)

    def _hidden(
        self, ids: Int[Tensor, " N"], positions: Int[Tensor, " N"], attend: Attend
    ) -> Float[Tensor, "N E"]:
        """Run the blocks on the tokens of all rows, one below the other.

        `attend` is given a layer's queries, keys and values, (N, 3, H, D), and returns (N, E).
        """
        shape, epsilon = (self.config.n_embd,), self.config.layer_norm_epsilon
        count, heads = ids.shape[0], self.config.n_head
        x = F.embedding(ids, self._embedding) + F.embedding(positions, self._positions)
        x = self._padded(x)
        for layer, block in enumerate(self._blocks):
            h = torch.layer_norm(x, shape, *block.ln_1, epsilon)
            h = attend(layer, block.qkv(h)[:count].view(count, 3, heads, -1))
            x = block.out.add(self._padded(h), to=x)
            h = torch.layer_norm(x, shape, *block.ln_2, epsilon)
            x = block.down.add(block.up.gelu(h), to=x)
        return torch.layer_norm(x[:count], shape, *self._ln_f, epsilon)

    def _unembed(self, hidden: Float[Tensor, "N E"]) -> Float[Tensor, "N vocab"]:
        logits = self._unembedding(self._padded(hidden))[: hidden.shape[0]]
        return logits if logits.dtype == torch.float64 else logits.float()

    def _padded(self, x: Float[Tensor, "N E"]) -> Float[Tensor, "padded E"]:
        count = x.shape[0]  # len(x) takes as long as a small product
        missing = self._fitting(count) - count
        return F.pad(x, (0, 0, 0, missing)) if missing else x


def _is_multiplied(name: str) -> bool:
    """Return whether a tensor of `arranged` is a matrix that hidden states are multiplied with."""
    return name == "wte.weight" or (".c_" in name and name.endswith("weight"))
