"""GPT-2's sizes and weights: read from a checkpoint, checked, and laid out for computing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from decodelib.kernels.linear import Linear
from decodelib.kernels.steady import steady
from decodelib.models.base import ids_in
from decodelib.models.files import ModelFiles, check_ids

_LAYER = re.compile(r"(?:transformer\.)?h\.(\d+)\.")


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
    def from_dict(cls, config: Mapping[str, Any]) -> GPT2Config:
        """Read and check the sizes in a config.json; raises ValueError in one sentence."""
        ends = {"bos_token_id", "eos_token_ids"}
        known = {k: v for k, v in config.items() if k in cls.__dataclass_fields__.keys() - ends}
        for size in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head"):
            value = known.get(size)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"config.json must have {size}, an integer of at least 1, got {value!r}"
                )
        width, heads = known["n_embd"], known["n_head"]
        if width % heads:
            raise ValueError(
                f"config.json must have n_head that divides n_embd={width}, got {heads}"
            )
        epsilon = known.setdefault("layer_norm_epsilon", 1e-5)
        if isinstance(epsilon, bool) or not isinstance(epsilon, int | float) or not 0 < epsilon < 1:
            raise ValueError(f"config.json must have layer_norm_epsilon in (0, 1), got {epsilon!r}")
        known["layer_norm_epsilon"] = float(epsilon)
        return cls(**known)

    @classmethod
    def from_files(cls, files: ModelFiles) -> GPT2Config:
        """Read and check the configuration of a GPT-2 model.

        Raises ValueError for one that this forward pass does not compute, or that does not fit the
        weights, in one sentence.
        """
        if not is_plain_gpt2(files.config):
            raise ValueError(f"{files.folder} must hold GPT-2 as OpenAI made it, got a variant")
        sizes = cls.from_dict(files.config)
        held = {int(m[1]) for name in files.shapes if (m := _LAYER.match(name))}
        if sizes.n_layer != len(held):
            raise ValueError(
                f"config.json must have n_layer={len(held)}, the layers of the weights, "
                f"got {sizes.n_layer}"
            )
        check_ids("config.json", files.config, sizes.vocab_size)
        check_ids("generation_config.json", files.generation, sizes.vocab_size)
        # transformers, too, heeds the ends in config.json only where the other file names none.
        ends, begin = (
            ids_in(files.generation.get(key), sizes.vocab_size)
            or ids_in(files.config.get(key), sizes.vocab_size)
            for key in ("eos_token_id", "bos_token_id")
        )
        return replace(sizes, eos_token_ids=ends, bos_token_id=next(iter(begin), None))


def is_plain_gpt2(config: Mapping[str, object]) -> bool:
    """Return whether a config.json is of GPT-2 without the variations that transformers offers."""
    fixed = {
        "model_type": ("gpt2",),
        "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "tie_word_embeddings": (True,),
        "add_cross_attention": (False,),
    }
    width = config.get("n_embd")
    inner = (None, 4 * width if isinstance(width, int) else None)
    plain = all(config.get(key, allowed[0]) in allowed for key, allowed in fixed.items())
    return config.get("model_type") == "gpt2" and plain and config.get("n_inner") in inner


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
            qkv=steady(linear, *pair("attn.c_attn")),
            out=steady(linear, *pair("attn.c_proj")),
            ln_2=pair("ln_2"),
            up=steady(linear, *pair("mlp.c_fc")),
            down=steady(linear, *pair("mlp.c_proj")),
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
