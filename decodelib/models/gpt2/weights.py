"""GPT-2's sizes and weights: read from a checkpoint, checked, and laid out for computing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from decodelib.kernels.linear import Linear
from decodelib.models.base import ids_in


@dataclass(frozen=True)
class GPT2Config:
    """The sizes of a GPT-2 model, under the names of its config.json."""

    vocab_size: int
    n_positions: int
    n_embd: int
    n_layer: int
    n_head: int
    layer_norm_epsilon: float = 1e-5
    eos_token_ids: tuple[int, ...] = ()
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
        known: dict[str, Any] = {k: v for k, v in config.items() if k in cls.__dataclass_fields__}
        try:
            sizes = cls(**known)
        except TypeError as error:
            raise ValueError(f"config.json lacks what GPT-2 needs: {error}") from error
        ends = ids_in(config.get("eos_token_id"), sizes.vocab_size)
        begin = ids_in(config.get("bos_token_id"), sizes.vocab_size)
        return replace(sizes, eos_token_ids=ends, bos_token_id=next(iter(begin), None))


class Block(NamedTuple):
    """One transformer block's weights: norms as (weight, bias), and matrices."""

    ln_1: tuple[Tensor, Tensor]
    qkv: Linear
    out: Linear
    ln_2: tuple[Tensor, Tensor]
    up: Linear
    down: Linear

    @classmethod
    def of(cls, weights: Mapping[str, Tensor], layer: int, linear: type[Linear]) -> Block:
        """Return the block of a layer from the arranged tensors, with matrices of a kind."""

        def pair(name: str) -> tuple[Tensor, Tensor]:
            return weights[f"h.{layer}.{name}.weight"], weights[f"h.{layer}.{name}.bias"]

        return cls(
            ln_1=pair("ln_1"),
            qkv=linear(*pair("attn.c_attn")),
            out=linear(*pair("attn.c_proj")),
            ln_2=pair("ln_2"),
            up=linear(*pair("mlp.c_fc")),
            down=linear(*pair("mlp.c_proj")),
        )

    def tensors(self, layer: int) -> dict[str, Tensor]:
        """Return the arranged tensors that `of` made the block from, unpacked."""
        norms = {"ln_1": self.ln_1, "ln_2": self.ln_2}
        matrices = {
            "attn.c_attn": self.qkv,
            "attn.c_proj": self.out,
            "mlp.c_fc": self.up,
            "mlp.c_proj": self.down,
        }
        parts = norms | {name: (linear.weight, linear.bias) for name, linear in matrices.items()}
        named: dict[str, Tensor] = {}
        for name, (weight, bias) in parts.items():
            assert bias is not None  # GPT-2's matrices all have one
            named |= {f"h.{layer}.{name}.weight": weight, f"h.{layer}.{name}.bias": bias}
        return named

    @property
    def num_bytes(self) -> int:
        """The bytes that one token's step reads of the block."""
        matrices = (self.qkv, self.out, self.up, self.down)
        return sum(m.num_bytes for m in matrices) + sum(t.nbytes for t in self.ln_1 + self.ln_2)


def arranged(
    config: GPT2Config, weights: Mapping[str, Tensor], device: torch.device, dtype: torch.dtype
) -> dict[str, Tensor]:
    """Return the tensors by name, checked, with matrices laid out as (out, in) for F.linear."""
    given = {name.removeprefix("transformer."): tensor for name, tensor in weights.items()}
    arranged = {}
    for name, shape in tensor_shapes(config).items():
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


def tensor_shapes(config: GPT2Config) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of GPT2LMHeadModel, under its name there."""
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
