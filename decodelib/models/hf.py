"""Any causal language model of transformers, behind decodelib's `LanguageModel`.

The model computes with its own key-value cache. Prompts of different lengths are padded on the
left, so that all rows end together: a sliding window then covers the same tokens in every row as
it would without padding. An attention mask hides the padding, and position ids count from each
row's first token.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from decodelib.kernels.threads import sensible_threads
from decodelib.models.base import LanguageModel, ids_in, unaffected
from decodelib.models.files import ModelFiles, examine, first_line
from decodelib.models.hf_cache import HFCache
from decodelib.models.hf_inside import attentions, first_blocks, num_layers, without_hooks
from decodelib.models.hf_loading import load_model, load_tokenizer


class HFModel(LanguageModel[HFCache]):
    """A causal language model of transformers and its tokenizer.

    Args:
        model: Such as AutoModelForCausalLM gives, on its device and in its dtype.
        tokenizer: Such as AutoTokenizer gives.
        name: What to call it.

    Text prompts begin with BOS where the tokenizer puts one there; `encode` adds nothing. The ids
    that end a text are those of the model's generation config, else of its config, else of its
    tokenizer. A model without a limit on positions has `context_length == sys.maxsize`.

    Raises:
        ValueError: If the model has no key-value cache.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str) -> None:
        self._arguments = frozenset(inspect.signature(model.forward).parameters)
        if "past_key_values" not in self._arguments:
            raise ValueError(
                f"{name} must be a model with a key-value cache, got {type(model).__name__}"
            )
        self.tokenizer, self.name = tokenizer, name
        self._hold(model.eval())
        self.device, self.dtype = model.device, model.dtype
        config = model.config.get_text_config(decoder=True)
        self.vocab_size = model.get_output_embeddings().weight.shape[0]
        self.context_length = getattr(config, "max_position_embeddings", None) or sys.maxsize
        sources = (model.generation_config, config, tokenizer)
        self.eos_token_ids = _first_ids("eos_token_id", sources, self.vocab_size)
        self.bos_token_id = next(iter(_first_ids("bos_token_id", sources, self.vocab_size)), None)
        self.begins_with_bos = self.bos_token_id is not None and (
            tokenizer("a").input_ids[:1] == [self.bos_token_id]
        )
        self._anchor = tokenizer("a", add_special_tokens=False).input_ids
        self._anchor_length = len(self._text(self._anchor))

    def _hold(self, model: Any) -> None:
        self.model, self.num_layers = model, num_layers(model)
        weights = list(model.parameters())  # those that two layers share are given once
        self.num_parameters = sum(weight.numel() for weight in weights)
        self.num_bytes = sum(weight.nbytes for weight in weights)
        self.num_threads = sensible_threads(self.num_parameters, model.device)

    @classmethod
    def from_folder(
        cls, folder: Path, name: str, device: torch.device, dtype: torch.dtype
    ) -> HFModel:
        """Load a folder with config.json, safetensors weights and a tokenizer.

        Only transformers' own code runs, never what comes with the model.

        Raises:
            ValueError: For a model or tokenizer that would need its own code, a missing tokenizer,
                a configuration that does not fit the weights, and files that are damaged.
            OSError: For files that cannot be read.
            ImportError: If transformers is not installed.
        """
        return cls.from_files(examine(folder), name, device, dtype)

    @classmethod
    def from_files(
        cls, files: ModelFiles, name: str, device: torch.device, dtype: torch.dtype
    ) -> HFModel:
        """Load the files of a folder that has been examined; see `from_folder`."""
        if importlib.util.find_spec("transformers") is None:
            raise ImportError(
                f"{name} needs the transformers library: pip install 'decodelib[hub]'"
            )
        model = load_model(files, dtype, device)
        return cls(model, load_tokenizer(files.folder), name)

    def encode(self, text: str) -> Int[Tensor, " seq"]:
        ids = self.tokenizer(text, add_special_tokens=False).input_ids
        return torch.tensor(ids, dtype=torch.long, device="cpu")

    def decode(self, ids: Sequence[int] | Int[Tensor, " seq"]) -> str:
        # Some tokenizers drop the space that a text begins with. Behind an anchor it stays, so that
        # the texts of a prompt and of its continuation join up.
        return self._text([*self._anchor, *(int(i) for i in ids)])[self._anchor_length :]

    def _text(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(
            ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )

    def _chat(self, messages: list[dict[str, str]], answer: bool) -> Int[Tensor, " seq"]:
        if not self.tokenizer.chat_template:
            return super()._chat(messages, answer)
        try:
            text = self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=answer
            )
        except Exception as error:  # of jinja2: whatever a template raises
            raise ValueError(
                f"messages do not fit the chat template of {self.name} ({first_line(error)})"
            ) from error
        return self.encode(text)

    @unaffected
    def logits(self, ids: Sequence[int] | Int[Tensor, " seq"]) -> Float[Tensor, "seq vocab"]:
        output = self.model(input_ids=self.prompt_ids(ids)[None], use_cache=False)
        return _widened(output.logits[0])

    @unaffected
    def attention(
        self, ids: Int[Tensor, " seq"], hidden: Collection[int]
    ) -> tuple[Float[Tensor, "layers heads seq seq"], Float[Tensor, "seq vocab"]]:
        """Return the attention weights and the logits of checked ids; see `attention_maps`."""
        weights, logits = attentions(self.model, ids, hidden)
        return weights, _widened(logits)

    def first_layers(self, count: int) -> HFModel:
        """Return a model of the first `count` layers, weights shared; see `early_exit`."""
        shallow = object.__new__(HFModel)
        shallow.__dict__.update(self.__dict__)
        shallow._hold(first_blocks(self.model, count))
        return shallow

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"model": without_hooks(self.model)}

    @unaffected
    def prefill(
        self, prompts: Sequence[Int[Tensor, " _seq"]], capacity: int
    ) -> tuple[Float[Tensor, "rows vocab"], HFCache]:
        from transformers import DynamicCache

        longest = max(map(len, prompts))
        input_ids = torch.stack([F.pad(ids, (longest - len(ids), 0)) for ids in prompts])
        lengths = [len(ids) for ids in prompts]
        slots = torch.arange(longest, device=self.device)
        mask = (slots >= longest - torch.tensor(lengths, device=self.device)[:, None]).long()
        past = DynamicCache(config=self.model.config)
        # A sliding window would forget what leaves it, and a rewound cache needs that again.
        past.activate_past_recording()
        cache = HFCache(past, mask, lengths)
        return self._forward(input_ids, cache, 1)[:, -1], cache

    def step(self, next_ids: Int[Tensor, " rows"], cache: HFCache) -> Float[Tensor, "rows vocab"]:
        return self.extend(next_ids[:, None], cache)[:, 0]

    @unaffected
    def extend(
        self, ids: Int[Tensor, "rows new"], cache: HFCache
    ) -> Float[Tensor, "rows new vocab"]:
        count = ids.shape[1]
        if max(cache.lengths) + count > self.context_length:
            raise ValueError(f"cache is full: {self.name} has {self.context_length} positions")
        cache.mask = F.pad(cache.mask, (0, count), value=1)
        cache.lengths = [length + count for length in cache.lengths]
        return self._forward(ids, cache, count)

    def _forward(
        self, input_ids: Int[Tensor, "rows new"], cache: HFCache, keep: int
    ) -> Float[Tensor, "rows keep vocab"]:
        """Run the model on new tokens, which the cache's mask already counts.

        Returns the logits after the last `keep` of them; all their hidden states go to the cache.
        """
        positions = (cache.mask.cumsum(-1) - 1).clamp(min=0)[:, -input_ids.shape[1] :]
        # Models that derive positions from the mask (ALiBi) do not take them.
        optional = {"position_ids": positions, "logits_to_keep": keep}
        output = self.model(
            input_ids=input_ids,
            attention_mask=cache.mask,
            past_key_values=cache.past,
            use_cache=True,
            output_hidden_states=[-1],  # a number, not a flag: only the last layer's are kept
            **{key: value for key, value in optional.items() if key in self._arguments},
        )
        cache.hidden = output.hidden_states[-1] if output.hidden_states else None
        return _widened(output.logits[:, -keep:])


def _widened(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()


def _first_ids(key: str, sources: Sequence[object], vocab_size: int) -> tuple[int, ...]:
    """Return the token ids that the first source to have any gives under `key`."""
    found = (ids_in(getattr(source, key, None), vocab_size) for source in sources)
    return next(filter(None, found), ())
