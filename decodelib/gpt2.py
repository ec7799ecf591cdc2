"""GPT-2's forward pass with a static key-value cache: any GPT-2 checkpoint in safetensors.

The architecture is that of Radford et al. 2019 (pre-norm transformer, learned positions, tied
embeddings), the weights' names and layout those of transformers' GPT2LMHeadModel, whose logits it
reproduces. Shape comments: B rows, S positions, C capacity, H heads, D width of a head, E = H * D.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from decodelib.types import LanguageModel

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]


@dataclass
class KVCache:
    """Keys and values of every row's tokens, in buffers allocated once.

    Row b's tokens fill positions 0 to lengths[b] - 1; what lies beyond is never attended to.
    """

    keys: Float[Tensor, "layers B H C D"]
    values: Float[Tensor, "layers B H C D"]
    lengths: list[int]
    hidden: Float[Tensor, "B S E"] | None = None

    def select(self, rows: Int[Tensor, " rows"]) -> KVCache:
        used = max(self.lengths, default=0)

        def taken(buffer: Tensor) -> Tensor:
            layers, _, heads, capacity, width = buffer.shape
            # Zeros, for the reason given in `_empty_cache`: short rows leave gaps below long ones.
            new = buffer.new_zeros(layers, len(rows), heads, capacity, width)
            new[:, :, :, :used] = buffer[:, rows, :, :used]
            return new

        lengths = [self.lengths[row] for row in rows.tolist()]
        return KVCache(taken(self.keys), taken(self.values), lengths)

    def rewind(self, count: int) -> None:
        self.lengths = [length - count for length in self.lengths]


@dataclass(frozen=True)
class GPT2Config:
    """The sizes of a GPT-2 model, under the names of its config.json."""

    vocab_size: int
    n_positions: int
    n_embd: int
    n_layer: int
    n_head: int
    layer_norm_epsilon: float = 1e-5
    eos_token_id: int | None = None
    bos_token_id: int | None = None

    @classmethod
    def from_dict(cls, config: Mapping[str, object]) -> GPT2Config:
        """Read a config.json, refusing the variants that this forward pass does not compute."""
        fixed = {
            "model_type": ("gpt2",),
            "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
            "scale_attn_weights": (True,),
            "scale_attn_by_inverse_layer_idx": (False,),
            "tie_word_embeddings": (True,),
            "add_cross_attention": (False,),
        }
        for key, allowed in fixed.items():
            if config.get(key, allowed[0]) not in allowed:
                raise ValueError(f"config.json must have {key}={allowed[0]!r}, got {config[key]!r}")
        try:
            return cls(**{k: v for k, v in config.items() if k in cls.__dataclass_fields__})  # type: ignore[arg-type]
        except TypeError as error:
            raise ValueError(f"config.json lacks what GPT-2 needs: {error}") from error


class GPT2(LanguageModel[KVCache]):
    """A GPT-2 model and its tokenizer.

    Args:
        config: The sizes.
        weights: GPT2LMHeadModel's tensors, with or without the "transformer." prefix.
        tokenizer: From the model's tokenizer.json.
        name: What to call it.
        device, dtype: Where and in what precision to compute.

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
        self.eos_token_id, self.bos_token_id = config.eos_token_id, config.bos_token_id
        self.weights = _arranged(config, weights, device, dtype)

    @classmethod
    def from_folder(cls, folder: Path, name: str, device: torch.device, dtype: torch.dtype) -> GPT2:
        """Load a folder with config.json, model.safetensors and tokenizer.json."""
        for file in ("config.json", "model.safetensors", "tokenizer.json"):
            if not (folder / file).is_file():
                raise ValueError(
                    f"model folder {folder} has no {file}: give a complete GPT-2 folder"
                )
        config = GPT2Config.from_dict(json.loads((folder / "config.json").read_text()))
        try:
            weights = load_file(folder / "model.safetensors")
        except SafetensorError as error:
            raise ValueError(
                f"weights file {folder / 'model.safetensors'} is damaged or incomplete ({error}): "
                "get it again"
            ) from error
        try:
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises nothing more specific
            raise ValueError(
                f"{folder / 'tokenizer.json'} is damaged ({error}): get it again"
            ) from error
        return cls(config, weights, tokenizer, name, device, dtype)

    def encode(self, text: str) -> Int[Tensor, " seq"]:
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return torch.tensor(ids, dtype=torch.long)

    def decode(self, ids: Sequence[int] | Int[Tensor, " seq"]) -> str:
        return self.tokenizer.decode([int(i) for i in ids], skip_special_tokens=False)

    @torch.no_grad()
    def logits(self, ids: Sequence[int] | Int[Tensor, " seq"]) -> Float[Tensor, "seq vocab"]:
        input_ids = self.prompt_ids(ids)[None]

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)

        positions = torch.arange(input_ids.shape[1], device=self.device)
        return self._unembed(self._hidden(input_ids, positions, attend)[0])

    @torch.no_grad()
    def prefill(
        self, prompts: Sequence[Int[Tensor, " _seq"]], capacity: int
    ) -> tuple[Float[Tensor, "rows vocab"], KVCache]:
        lengths = [len(ids) for ids in prompts]
        longest = max(lengths)
        # Padding stands on the right, where causal attention never looks, and the next tokens
        # overwrite it: so no row's positions depend on its neighbours.
        input_ids = torch.stack([F.pad(ids, (0, longest - len(ids))) for ids in prompts])
        cache = self._empty_cache(len(prompts), max(capacity, longest))

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            cache.keys[layer, :, :, :longest] = k
            cache.values[layer, :, :, :longest] = v
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)

        positions = torch.arange(longest, device=self.device)
        hidden = self._hidden(input_ids, positions, attend)
        cache.lengths, cache.hidden = lengths, hidden
        last = torch.tensor(lengths, device=self.device) - 1
        return self._unembed(hidden[torch.arange(len(prompts), device=self.device), last]), cache

    def step(self, next_ids: Int[Tensor, " rows"], cache: KVCache) -> Float[Tensor, "rows vocab"]:
        return self.extend(next_ids[:, None], cache)[:, 0]

    @torch.no_grad()
    def extend(
        self, ids: Int[Tensor, "rows new"], cache: KVCache
    ) -> Float[Tensor, "rows new vocab"]:
        shortest, longest = min(cache.lengths), max(cache.lengths)
        end, capacity = longest + ids.shape[1], cache.keys.shape[-2]
        if end > capacity:
            raise ValueError(f"cache is full: it has room for {capacity} positions a row")
        lengths = torch.tensor(cache.lengths, device=self.device)
        positions = lengths[:, None] + torch.arange(ids.shape[1], device=self.device)  # (B, S)
        rows = torch.arange(len(cache.lengths), device=self.device)[:, None]
        seen = None
        if end - shortest > 1:
            slots = torch.arange(end, device=self.device)
            seen = (slots <= positions[..., None])[:, None]  # (B, 1, S, C)

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            keys, values = cache.keys[layer], cache.values[layer]
            if shortest == longest:
                keys[:, :, longest:end], values[:, :, longest:end] = k, v
            else:
                keys[rows, :, positions] = k.transpose(1, 2)
                values[rows, :, positions] = v.transpose(1, 2)
            keys, values = keys[:, :, :end], values[:, :, :end]
            return F.scaled_dot_product_attention(q, keys, values, attn_mask=seen)

        cache.hidden = self._hidden(ids, positions, attend)
        cache.lengths = [length + ids.shape[1] for length in cache.lengths]
        return self._unembed(cache.hidden)

    def _empty_cache(self, rows: int, capacity: int) -> KVCache:
        config = self.config
        width = config.n_embd // config.n_head
        shape = (config.n_layer, rows, config.n_head, capacity, width)
        # Zeros, not whatever memory held: a masked NaN would still spoil a sum.
        keys, values = (torch.zeros(shape, dtype=self.dtype, device=self.device) for _ in range(2))
        return KVCache(keys, values, [0] * rows)

    def _hidden(self, ids: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """Run the blocks on ids of shape (B, S); return the final hidden states, (B, S, E)."""
        w, heads = self.weights, self.config.n_head
        shape, epsilon = (self.config.n_embd,), self.config.layer_norm_epsilon
        x = w["wte.weight"][ids] + w["wpe.weight"][positions]
        for layer in range(self.config.n_layer):
            p = f"h.{layer}."
            h = F.layer_norm(x, shape, w[p + "ln_1.weight"], w[p + "ln_1.bias"], epsilon)
            h = F.linear(h, w[p + "attn.c_attn.weight"], w[p + "attn.c_attn.bias"])
            q, k, v = h.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)  # each (B, H, S, D)
            h = attend(layer, q, k, v).transpose(1, 2).flatten(2)  # (B, S, E)
            x = x + F.linear(h, w[p + "attn.c_proj.weight"], w[p + "attn.c_proj.bias"])
            h = F.layer_norm(x, shape, w[p + "ln_2.weight"], w[p + "ln_2.bias"], epsilon)
            h = F.linear(h, w[p + "mlp.c_fc.weight"], w[p + "mlp.c_fc.bias"])
            h = F.gelu(h, approximate="tanh")
            x = x + F.linear(h, w[p + "mlp.c_proj.weight"], w[p + "mlp.c_proj.bias"])
        return F.layer_norm(x, shape, w["ln_f.weight"], w["ln_f.bias"], epsilon)

    def _unembed(self, hidden: Tensor) -> Tensor:
        logits = F.linear(hidden, self.weights["wte.weight"])
        return logits if logits.dtype == torch.float64 else logits.float()


def _arranged(
    config: GPT2Config, weights: Mapping[str, Tensor], device: torch.device, dtype: torch.dtype
) -> dict[str, Tensor]:
    """Return the tensors by name, checked, with matrices laid out as (out, in) for F.linear."""
    given = {name.removeprefix("transformer."): tensor for name, tensor in weights.items()}
    arranged = {}
    for name, shape in _shapes(config).items():
        if name not in given:
            raise ValueError(f"weights lack the tensor {name}: the file is not a whole GPT-2 model")
        tensor = given[name]
        if tuple(tensor.shape) != shape:
            raise ValueError(
                f"weights must have {name} of shape {shape} as config.json says, "
                f"got {tuple(tensor.shape)}"
            )
        # GPT-2 stores its matrices as (in, out), the layout of a 1x1 convolution.
        matrix = ".c_" in name and tensor.ndim == 2
        arranged[name] = (tensor.T if matrix else tensor).to(device, dtype).contiguous()
    return arranged


def _shapes(config: GPT2Config) -> dict[str, tuple[int, ...]]:
    width = config.n_embd
    shapes: dict[str, tuple[int, ...]] = {
        "wte.weight": (config.vocab_size, width),
        "wpe.weight": (config.n_positions, width),
        "ln_f.weight": (width,),
        "ln_f.bias": (width,),
    }
    matrices = {"attn.c_attn": 3 * width, "attn.c_proj": width, "mlp.c_fc": 4 * width}
    for layer in range(config.n_layer):
        for norm in ("ln_1", "ln_2"):
            shapes |= {f"h.{layer}.{norm}.{part}": (width,) for part in ("weight", "bias")}
        for matrix, out in matrices.items():
            shapes |= {
                f"h.{layer}.{matrix}.weight": (width, out),
                f"h.{layer}.{matrix}.bias": (out,),
            }
        shapes |= {
            f"h.{layer}.mlp.c_proj.weight": (4 * width, width),
            f"h.{layer}.mlp.c_proj.bias": (width,),
        }
    return shapes
